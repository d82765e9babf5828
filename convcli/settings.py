"""Which settings of one layer turn an input of one size into an output of another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import product as every

from convcli.errors import ConvcliError
from convcli.geometry import Extent, Pair, transposed_window, window
from convcli.records import Record

KERNEL_SIZES = (3, 5, 7, 1, 2, 4, 9, 11, 6, 8, 10)  # the most usual first, as everywhere here
STRIDES = (1, 2, 3, 4)
DILATIONS = (1, 2, 3)
WORDS = ("valid", "same", "same_lower", "full")
TRANSPOSED_WORDS = ("valid", "same", "same_lower")
CAUSAL = "causal"

PerAxis = tuple[int, ...]
Padding = str | tuple[Pair, ...]


class Setting(Record):
    """One answer, with a number for each axis; `padding` is a word, or cells before and after each axis.

    `output_padding` is that of a transposed layer, None where it is left to the word.
    """

    kernel_size: PerAxis
    strides: PerAxis
    padding: Padding
    dilation_rate: PerAxis
    output_padding: PerAxis | None
    output: PerAxis


class Question(Record):
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


def answers(question: Question) -> list[Setting]:
    """Every setting that does it, the most usual first: small dilation and stride, usual kernels, equal padding.

    What is not fixed is the same on all axes: kernels of 1 to 11 cells, strides of 1 to 4, dilations of 1 to 3, and
    padding of 0 to d·(F - 1) cells on either side. For each, explicit padding that is the same on both sides comes
    first, then words, then other pairs.
    """
    return [setting for setting in _candidates(question) if setting.output == question.output]


def closest(question: Question) -> Setting | None:
    """The setting whose output comes closest, over all axes; of several the most usual. None where nothing fits."""

    def distance(setting: Setting) -> int:
        return sum(abs(got - asked) for got, asked in zip(setting.output, question.output, strict=True))

    return min(_candidates(question), key=distance, default=None)


def _candidates(question: Question) -> Iterator[Setting]:
    for dilation, stride, size in every(
        _choices(question.dilation_rate, DILATIONS, question),
        _choices(question.strides, STRIDES, question),
        _choices(question.kernel_size, KERNEL_SIZES, question),
    ):
        for padding, extra in _paddings(question, size, stride, dilation):
            output = _output(question, size, stride, dilation, padding, extra)
            if output is not None:
                yield Setting(size, stride, padding, dilation, extra, output)


def _choices(fixed: PerAxis | None, usual: Sequence[int], question: Question) -> list[PerAxis]:
    return [fixed] if fixed is not None else [(each,) * question.rank for each in usual]


def _paddings(
    question: Question, size: PerAxis, stride: PerAxis, dilation: PerAxis
) -> Iterator[tuple[Padding, PerAxis | None]]:
    """Each padding with each output padding, the most usual first."""
    most = min(d * (f - 1) for d, f in zip(dilation, size, strict=True))
    extras: list[PerAxis | None] = [None]
    if question.transpose:
        below = min(max(pair) for pair in zip(stride, dilation, strict=True))
        extras = [question.output_padding] if question.output_padding else _all(range(below), question.rank)
    for padding in _forms(question, most):
        words = isinstance(padding, str) and question.transpose and question.output_padding is None
        for extra in [None, *extras] if words else extras:
            yield padding, extra


def _all(values: Sequence[int], rank: int) -> list[PerAxis | None]:
    return [(value,) * rank for value in values]


def _forms(question: Question, most: int) -> Iterator[Padding]:
    if question.padding is not None:
        yield question.padding
        return
    yield from (((cells, cells),) * question.rank for cells in range(most + 1))
    words = TRANSPOSED_WORDS if question.transpose else WORDS
    yield from (*words, CAUSAL) if question.rank == 1 and not question.transpose else words
    uneven = [(before, after) for before in range(most + 1) for after in range(most + 1) if before != after]
    uneven.sort(key=lambda pair: (abs(pair[1] - pair[0]), pair[0] > pair[1], sum(pair)))
    yield from ((pair,) * question.rank for pair in uneven)


def _output(
    question: Question, size: PerAxis, stride: PerAxis, dilation: PerAxis, padding: Padding, extra: PerAxis | None
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
        made = window(size, stride, dilation, cells, width)
    try:
        return made.positions(width)
    except ConvcliError:
        return None
