"""The search for settings of one layer that turn an input of one size into an output of another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import count, product
from operator import lt

from convcli.core.errors import ConvcliError
from convcli.core.option_names import option
from convcli.core.records import Record
from convcli.core.shapes import Extent
from convcli.model.window import Padding, Pair, sliding_window, transposed_window

# The values that are searched, each with a penalty: the higher, the more unusual.
KERNEL_SIZES = {3: 0, 5: 2, 7: 3, 1: 2, 2: 3, 4: 4, 9: 6, 11: 6, 6: 9, 8: 9, 10: 9}
TRANSPOSED_SIZES = {**KERNEL_SIZES, 2: 0, 4: 1, 3: 1}
STRIDES = {1: 0, 2: 1, 3: 5, 4: 5}
TRANSPOSED_STRIDES = {2: 0, 1: 3, 4: 4, 3: 5}
DILATIONS = {1: 0, 2: 20, 3: 30}
UNUSUAL = 10  # the penalty of a requested size or stride that is not in the tables
WORDS = ("valid", "same", "same_lower", "full")
TRANSPOSED_WORDS = ("valid", "same", "same_lower")
CAUSAL = "causal"
MOST_TRIED = 1 << 18  # settings

PerAxis = tuple[int, ...]


class SearchRequest(Record):
    """The extents of input and output along each axis, and the settings that are fixed; None is searched."""

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
        """The number of axes."""
        return len(self.input)


class LayerSetting(Record):
    """One answer, with a number for each axis.

    `padding` is a word, or the cells before and after each axis. `output_padding` is None for a layer that is not
    transposed, and for a transposed one whose output size the word of its padding decides.
    """

    kernel_size: PerAxis
    strides: PerAxis
    padding: Padding
    dilation_rate: PerAxis
    output_padding: PerAxis | None
    output: PerAxis


class _Kernel(Record):
    """The part of a setting that is chosen first: along each axis the kernel's size, stride and dilation."""

    size: PerAxis
    strides: PerAxis
    dilation_rate: PerAxis

    @property
    def most_padding(self) -> int:
        """The most cells of padding on one side: d·(F − 1) along the axis where that is least."""
        return min(dilation * (size - 1) for dilation, size in zip(self.dilation_rate, self.size, strict=True))


def find_settings(request: SearchRequest) -> list[LayerSetting]:
    """Return every setting that gives the requested output, the most usual first.

    What is not fixed is the same on all axes: kernels of 1 to 11 cells, strides 1 to 4, dilations 1 to 3, and padding
    of 0 to d·(F − 1) cells on either side, or by a word. Settings with as much padding before as after come before the
    others. Raises `ConvcliError` where there are too many settings to try.
    """
    settings = _candidates(request, lambda output: output == request.output)
    return sorted(settings, key=_unusualness(request))


def closest_setting(request: SearchRequest) -> LayerSetting | None:
    """Return the setting whose output is closest to the requested one, or None where no window fits.

    The distance is the sum over all axes. Of several settings at the same distance, the most usual is returned.
    """
    closest: list[LayerSetting] = []
    least: int | None = None

    def is_near(output: PerAxis) -> bool:
        return least is None or _distance(output, request.output) <= least

    for setting in _candidates(request, is_near):
        distance = _distance(setting.output, request.output)
        if distance != least:
            closest, least = [], distance
        closest.append(setting)
    return min(closest, key=_unusualness(request), default=None)


def searched_ranges(request: SearchRequest) -> str:
    """Return in words which values were tried of the settings that are not fixed."""
    ranges = (
        ("kernel sizes", request.kernel_size, KERNEL_SIZES),
        ("strides", request.strides, STRIDES),
        ("dilation rates", request.dilation_rate, DILATIONS),
    )
    return ", ".join(f"{name} {min(values)} to {max(values)}" for name, fixed, values in ranges if fixed is None)


def _distance(output: PerAxis, requested: PerAxis) -> int:
    return sum(abs(extent - other) for extent, other in zip(output, requested, strict=True))


# ---- how usual a setting is ----


def _unusualness(request: SearchRequest) -> Callable[[LayerSetting], tuple[bool, int]]:
    """Return the key by which settings are sorted: uneven padding last, then the penalty over all axes."""

    def key(setting: LayerSetting) -> tuple[bool, int]:
        is_uneven = not isinstance(setting.padding, str) and any(before != after for before, after in setting.padding)
        return is_uneven, sum(_penalty(setting, axis, request.transpose) for axis in range(request.rank))

    return key


def _penalty(setting: LayerSetting, axis: int, transpose: bool) -> int:
    """Return how unusual a setting is along one axis."""
    size, stride, dilation = setting.kernel_size[axis], setting.strides[axis], setting.dilation_rate[axis]
    penalty = (TRANSPOSED_SIZES if transpose else KERNEL_SIZES).get(size, UNUSUAL)
    penalty += (TRANSPOSED_STRIDES if transpose else STRIDES).get(stride, UNUSUAL)
    penalty += DILATIONS.get(dilation, 2 * UNUSUAL)
    if not isinstance(setting.padding, str):
        before, after = setting.padding[axis]
        extent = dilation * (size - 1) + 1
        half = (extent - stride) // 2 if transpose else (extent - 1) // 2  # keeps the size, or multiplies it
        penalty += 4 * (before != after) + abs(after - before) + (before > after)
        penalty += 6 * (before not in (0, half)) + (before == 0 != half)
    return penalty + (setting.output_padding[axis] if setting.output_padding else 0)


# ---- the settings that are tried ----


def _candidates(request: SearchRequest, accepts: Callable[[PerAxis], bool]) -> Iterator[LayerSetting]:
    """Yield the settings whose output is accepted.

    For each kernel, explicit padding comes before words. After each explicit padding come those with as many cells in
    all, of which more lie on one side: they give the same output. Raises `ConvcliError` for too many settings.
    """
    tried = count(1)
    for kernel in _kernels(request):
        for padding, output_padding in _paddings(request, kernel):
            _check_count(next(tried))
            output = _output(request, kernel, padding, output_padding)
            if output is None or not accepts(output):
                continue
            yield LayerSetting(kernel.size, kernel.strides, padding, kernel.dilation_rate, output_padding, output)
            if request.padding is not None or isinstance(padding, str):
                continue
            for pair in _splits(sum(padding[0]), kernel.most_padding):
                _check_count(next(tried))
                if pair != padding[0]:
                    pairs = (pair,) * request.rank
                    yield LayerSetting(kernel.size, kernel.strides, pairs, kernel.dilation_rate, output_padding, output)


def _check_count(tried: int) -> None:
    if tried > MOST_TRIED:
        remedy = f"more of them fixed, such as {option('padding')}"
        raise ConvcliError(f"more than {MOST_TRIED:,} settings to try", remedy)


def _kernels(request: SearchRequest) -> Iterator[_Kernel]:
    dilations = _choices(request.dilation_rate, DILATIONS, request.rank)
    strides = _choices(request.strides, TRANSPOSED_STRIDES if request.transpose else STRIDES, request.rank)
    sizes = _choices(request.kernel_size, KERNEL_SIZES, request.rank)
    for dilation_rate, stride, size in product(dilations, strides, sizes):
        yield _Kernel(size, stride, dilation_rate)


def _choices(fixed: PerAxis | None, searched: Iterable[int], rank: int) -> list[PerAxis]:
    return [fixed] if fixed is not None else [(value,) * rank for value in searched]


def _splits(cells: int, most: int) -> Iterator[Pair]:
    """Yield every uneven way to lay cells of padding before and after, with at most `most` on one side."""
    for before in range(max(0, cells - most), min(cells, most) + 1):
        if before != cells - before:
            yield before, cells - before


def _paddings(request: SearchRequest, kernel: _Kernel) -> Iterator[tuple[Padding, PerAxis | None]]:
    """Yield each padding with each output padding; of paddings with as many cells in all, only the most even one."""
    for padding in _cells_and_words(request, kernel.most_padding):
        if isinstance(padding, str) and request.transpose and request.output_padding is None:
            yield padding, None
        for output_padding in _output_paddings(request, kernel):
            yield padding, output_padding


def _cells_and_words(request: SearchRequest, most: int) -> Iterator[Padding]:
    if request.padding is not None:
        yield request.padding
        return
    yield from (((cells // 2, cells - cells // 2),) * request.rank for cells in range(2 * most + 1))
    yield from TRANSPOSED_WORDS if request.transpose else WORDS
    if request.rank == 1 and not request.transpose:
        yield CAUSAL


def _output_paddings(request: SearchRequest, kernel: _Kernel) -> Iterator[PerAxis | None]:
    """Yield each output padding, which must be less than the stride or the dilation; None for an ordinary layer."""
    limits = [max(pair) for pair in zip(kernel.strides, kernel.dilation_rate, strict=True)]
    if not request.transpose:
        yield None
    elif request.output_padding is None:
        yield from ((cells,) * request.rank for cells in range(min(limits)))
    elif all(map(lt, request.output_padding, limits)):
        yield request.output_padding


def _output(
    request: SearchRequest, kernel: _Kernel, padding: Padding, output_padding: PerAxis | None
) -> PerAxis | None:
    """Return the extents of the output, or None where the window does not fit."""
    output = []
    for axis, width in enumerate(request.input):
        # The output does not depend on the side that the padding is on: one pair stands for all, in the cache too.
        cells = padding if isinstance(padding, str) else (0, sum(padding[axis]))
        window = (kernel.size[axis], kernel.strides[axis], kernel.dilation_rate[axis], cells)
        extent = _output_extent(request.transpose, window, output_padding and output_padding[axis], width)
        if extent is None:
            return None
        output.append(extent)
    return tuple(output)


@lru_cache(maxsize=1 << 14)
def _output_extent(
    transpose: bool, arguments: tuple[int, int, int, str | Pair], output_padding: int | None, width: int
) -> Extent:
    window = transposed_window(*arguments, output_padding) if transpose else sliding_window(*arguments, width)
    try:
        return window.output_extent(width)
    except ConvcliError:
        return None
