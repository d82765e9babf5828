"""Which settings of one layer turn an input of one size into an output of another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import count
from itertools import product as every
from operator import lt

from convcli.core.errors import ConvcliError
from convcli.core.records import Record
from convcli.core.shapes import Extent
from convcli.model.window import Padding, Pair, sliding_window, transposed_window

# What is searched, each with how unusual it is.
KERNEL_SIZES = {3: 0, 5: 2, 7: 3, 1: 2, 2: 3, 4: 4, 9: 6, 11: 6, 6: 9, 8: 9, 10: 9}
TRANSPOSED_SIZES = {**KERNEL_SIZES, 2: 0, 4: 1, 3: 1}
STRIDES = {1: 0, 2: 1, 3: 5, 4: 5}
TRANSPOSED_STRIDES = {2: 0, 1: 3, 4: 4, 3: 5}
DILATIONS = {1: 0, 2: 20, 3: 30}
MOST_TRIED = 1 << 18
UNUSUAL = 10  # of sizes, strides and dilations that are only tried where they are asked for
WORDS = ("valid", "same", "same_lower", "full")
TRANSPOSED_WORDS = ("valid", "same", "same_lower")
CAUSAL = "causal"

PerAxis = tuple[int, ...]


class LayerSetting(Record):
    """One answer, with a number for each axis; `padding` is a word, or cells before and after each axis.

    `output_padding` is that of a transposed layer, None where it is left to the word.
    """

    kernel_size: PerAxis
    strides: PerAxis
    padding: Padding
    dilation_rate: PerAxis
    output_padding: PerAxis | None
    output: PerAxis


class SearchRequest(Record):
    """What is asked: the extents of input and output along each axis, and what is fixed; None is searched."""

    input: PerAxis
    output: PerAxis
    kernel_size: PerAxis | None = None
    strides: PerAxis | None = None
    padding: Padding | None = None
    dilation_rate: PerAxis | None = None
    transpose: bool = False
    output_padding: PerAxis | None = None

    @property
    def rank(self) -> int:
        """How many axes there are."""
        return len(self.input)


def find_settings(question: SearchRequest) -> list[LayerSetting]:
    """Every setting that does it, the most usual first, and those with as much padding before as after before others.

    What is not fixed is the same on all axes: kernels of 1 to 11 cells, strides of 1 to 4, dilations of 1 to 3, and
    padding of 0 to d·(F - 1) cells on either side, also by each of the words.
    """
    found = list(_candidates(question, lambda output: output == question.output))
    return sorted(found, key=_unusual(question))


def closest_setting(question: SearchRequest) -> LayerSetting | None:
    """The setting whose output comes closest, over all axes; of several the most usual. None where nothing fits."""
    best: list[LayerSetting] = []
    least: int | None = None

    def closer(output: PerAxis) -> bool:
        nonlocal least
        distance = sum(abs(got - asked) for got, asked in zip(output, question.output, strict=True))
        if least is None or distance < least:
            best.clear()
            least = distance
        return distance == least

    for setting in _candidates(question, closer):
        best.append(setting)
    return min(best, key=_unusual(question), default=None)


def searched_ranges(question: SearchRequest) -> str:
    """What was tried of what is not fixed, in words."""
    ranges = (
        ("kernel sizes", question.kernel_size, KERNEL_SIZES),
        ("strides", question.strides, STRIDES),
        ("dilation rates", question.dilation_rate, DILATIONS),
    )
    tried = [f"{name} {min(usual)} to {max(usual)}" for name, fixed, usual in ranges if fixed is None]
    return ", ".join(tried)


def _unusual(question: SearchRequest) -> Callable[[LayerSetting], tuple[bool, int]]:
    """How unusual a setting is: by its kernel, stride and dilation, and by padding that is neither none nor half."""
    sizes = TRANSPOSED_SIZES if question.transpose else KERNEL_SIZES
    strides = TRANSPOSED_STRIDES if question.transpose else STRIDES

    def score(setting: LayerSetting) -> tuple[bool, int]:
        total = 0
        for axis in range(question.rank):
            size, stride, dilation = setting.kernel_size[axis], setting.strides[axis], setting.dilation_rate[axis]
            total += sizes.get(size, UNUSUAL) + strides.get(stride, UNUSUAL) + DILATIONS.get(dilation, 2 * UNUSUAL)
            extent = dilation * (size - 1) + 1
            if not isinstance(setting.padding, str):
                before, after = setting.padding[axis]
                middle = (extent - stride) // 2 if question.transpose else (extent - 1) // 2
                total += (
                    4 * (before != after) + 6 * (before not in (0, middle)) + abs(after - before) + (before > after)
                )
                total += before == 0 != middle
            total += setting.output_padding[axis] if setting.output_padding else 0
        return not isinstance(setting.padding, str) and any(a != b for a, b in setting.padding), total

    return score


def _candidates(question: SearchRequest, wanted: Callable[[PerAxis], bool]) -> Iterator[LayerSetting]:
    """The settings whose output is wanted; for each, explicit padding before words before pairs of unequal numbers.

    Raises `ConvcliError` where there are too many to try.
    """
    tried = count(1)
    for dilation, stride, size in every(
        _choices(question.dilation_rate, DILATIONS, question),
        _choices(question.strides, TRANSPOSED_STRIDES if question.transpose else STRIDES, question),
        _choices(question.kernel_size, KERNEL_SIZES, question),
    ):
        for padding, extra in _paddings(question, size, stride, dilation):
            _check_few(next(tried))
            output = _output(question, size, stride, dilation, padding, extra)
            if output is None or not wanted(output):
                continue
            yield LayerSetting(size, stride, padding, dilation, extra, output)
            if question.padding is None and not isinstance(padding, str):
                # As many cells in all, of which more are on one side: the output is the same.
                most = min(d * (f - 1) for d, f in zip(dilation, size, strict=True))
                for pair in _uneven(sum(padding[0]), most):
                    _check_few(next(tried))
                    if pair != padding[0]:
                        yield LayerSetting(size, stride, (pair,) * question.rank, dilation, extra, output)


def _check_few(tried: int) -> None:
    if tried > MOST_TRIED:
        raise ConvcliError(f"more than {MOST_TRIED:,} settings to try", "more of them fixed, such as --padding")


def _uneven(cells: int, most: int) -> Iterator[Pair]:
    return (
        (before, cells - before)
        for before in range(max(0, cells - most), min(cells, most) + 1)
        if before != cells - before
    )


def _choices(fixed: PerAxis | None, usual: Iterable[int], question: SearchRequest) -> list[PerAxis]:
    return [fixed] if fixed is not None else [(each,) * question.rank for each in usual]


def _paddings(
    question: SearchRequest, size: PerAxis, stride: PerAxis, dilation: PerAxis
) -> Iterator[tuple[Padding, PerAxis | None]]:
    """Each padding with each output padding; of those with as many cells in all, the most even one."""
    most = min(d * (f - 1) for d, f in zip(dilation, size, strict=True))
    for padding in _forms(question, most):
        if isinstance(padding, str) and question.transpose and question.output_padding is None:
            yield padding, None
        for extra in _extras(question, stride, dilation):
            yield padding, extra


def _extras(question: SearchRequest, stride: PerAxis, dilation: PerAxis) -> Iterator[PerAxis | None]:
    """Each output padding; None for a layer that has none."""
    limits = [max(pair) for pair in zip(stride, dilation, strict=True)]
    if not question.transpose:
        yield None
    elif question.output_padding is None:
        yield from ((cells,) * question.rank for cells in range(min(limits)))
    elif all(map(lt, question.output_padding, limits)):
        yield question.output_padding


def _forms(question: SearchRequest, most: int) -> Iterator[Padding]:
    if question.padding is not None:
        yield question.padding
        return
    yield from (((cells // 2, cells - cells // 2),) * question.rank for cells in range(2 * most + 1))
    words = TRANSPOSED_WORDS if question.transpose else WORDS
    yield from (*words, CAUSAL) if question.rank == 1 and not question.transpose else words


def _output(
    question: SearchRequest, size: PerAxis, stride: PerAxis, dilation: PerAxis, padding: Padding, extra: PerAxis | None
) -> PerAxis | None:
    """The extents that come out, None where the window does not fit."""
    output = []
    for axis, width in enumerate(question.input):
        # How many places there are does not depend on the side that the cells are on.
        cells = padding if isinstance(padding, str) else (0, sum(padding[axis]))
        places = _places(
            question.transpose, size[axis], stride[axis], dilation[axis], cells, extra and extra[axis], width
        )
        if places is None:
            return None
        output.append(places)
    return tuple(output)


@lru_cache(maxsize=1 << 14)
def _places(
    transpose: bool, size: int, stride: int, dilation: int, cells: str | Pair, extra: int | None, width: int
) -> Extent:
    if transpose:
        made = transposed_window(size, stride, dilation, cells, extra)
    else:
        made = sliding_window(size, stride, dilation, cells, width)
    try:
        return made.output_extent(width)
    except ConvcliError:
        return None
