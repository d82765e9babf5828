"""The output size of a convolution or pooling: where windows land along one axis, in whole numbers only.

A window of F cells with dilation d covers D = d·(F - 1) + 1 cells. With stride S over W cells and their padding it has

    floor((W - D + P_before + P_after) / S) + 1

positions, which is the extent of the output (`Window.output_extent`): Dumoulin and Visin, "A guide to convolution
arithmetic for deep learning", 2016. The meaning of the padding words is that of Keras and TensorFlow. An unknown extent
is `None`, and what follows from it is `None` too.
"""

from __future__ import annotations

from collections.abc import Sequence

from convcli.core.errors import ConvcliError
from convcli.core.records import Record, replace
from convcli.core.shapes import Extent, Shape, known

Pair = tuple[int, int]  # cells before and after an axis
Padding = str | tuple[Pair, ...]  # a word for all axes, or cells for each


class Window(Record):
    """A window that slides along one axis, and how the axis is laid out under it.

    The axis is stretched first, then padded. A transposed convolution of stride s is a window with `upsample=s`.

    Args:
        size: cells of the window, F.
        stride: cells from one position of the window to the next, S.
        dilation: cells from one cell of the window to the next, d.
        before: empty cells added before the stretched axis; a negative number removes cells.
        after: the same after it.
        upsample: the axis is stretched by `upsample - 1` empty cells between neighbours.
        ceil: whether a last window that hangs over the end counts; it must start in the input or the padding before it.
        placed: False where the padding follows from an unknown extent, so that its share before is left open.
    """

    size: int
    stride: int = 1
    dilation: int = 1
    before: int = 0
    after: int = 0
    upsample: int = 1
    ceil: bool = False
    placed: bool = True

    @property
    def extent(self) -> int:
        """The cells from the first to the last of the window, holes of dilation included: D = d·(F - 1) + 1."""
        return self.dilation * (self.size - 1) + 1

    def stretched_extent(self, extent: int) -> int:
        """Return how many cells an axis of `extent` cells takes up once stretched."""
        return (extent - 1) * self.upsample + 1

    def output_extent(self, extent: Extent) -> Extent:
        """Return how many positions the window has over `extent` cells: floor((W - D + P_before + P_after) / S) + 1.

        W is the stretched extent. With `ceil` the quotient is rounded up. Raises `ConvcliError` where there is no
        position.
        """
        if extent is None:
            return None
        overhang = self.stride - 1 if self.ceil else 0
        room = self.stretched_extent(extent) - self.extent + self.before + self.after + overhang
        if extent < 1 or room < 0:
            raise ConvcliError(self._misfit(extent), f"at least {self.smallest_input()} would do")
        positions = room // self.stride + 1
        last_start = (positions - 1) * self.stride
        if self.ceil and last_start >= self.before + self.stretched_extent(extent):
            return positions - 1
        return positions

    def smallest_input(self) -> int:
        """Return the least extent over which the window has a position."""
        cells = self.extent - self.before - self.after - (self.stride - 1 if self.ceil else 0)
        return max(1, -(-(cells - 1) // self.upsample) + 1)

    def _misfit(self, extent: int) -> str:
        cells = f"{self.size} cells" if self.dilation == 1 else f"{self.size} cells dilated to {self.extent}"
        room = f"{self.stretched_extent(extent)} - {self.extent} + {self.before} + {self.after}"
        return f"a window of {cells} does not fit in {extent}: ({room}) / {self.stride} + 1 is below 1"


def sliding_window(size: int, stride: int, dilation: int, padding: str | Pair, extent: Extent) -> Window:
    """Return the window of a convolution or pooling over `extent` cells, with its padding in cells.

    `valid` adds nothing; `full` adds D - 1 cells on both sides, `causal` before only. `same` keeps ceil(W / S)
    positions: it adds max((ceil(W / S) - 1)·S + D - W, 0) cells, half of them on each side, and the odd one after;
    `same_lower` adds the odd one before. An unknown extent is taken as a multiple of the stride; the window is `placed`
    only if the padding is the same for every extent.
    """
    window = Window(size, stride, dilation)
    margin = window.extent - 1
    if isinstance(padding, tuple):
        return replace(window, before=padding[0], after=padding[1])
    if padding == "valid":
        return window
    if padding == "full":
        return replace(window, before=margin, after=margin)
    if padding == "causal":
        return replace(window, before=margin)
    cells = stride if extent is None else extent
    total = max((-(-cells // stride) - 1) * stride + window.extent - cells, 0)
    before, after = _halves(total, padding)
    placed = extent is not None or stride == 1 or margin == 0
    return replace(window, before=before, after=after, placed=placed)


def sliding_windows(
    sizes: Sequence[int], strides: Sequence[int], dilations: Sequence[int], padding: Padding, space: Shape
) -> tuple[Window, ...]:
    """Return the window of a convolution or pooling along each spatial axis."""
    paddings = paddings_per_axis(padding, len(sizes))
    return tuple(map(sliding_window, sizes, strides, dilations, paddings, space))


def paddings_per_axis(padding: Padding, rank: int) -> Sequence[str | Pair]:
    """Return the padding of each of `rank` axes."""
    return [padding] * rank if isinstance(padding, str) else padding


def transposed_window(size: int, stride: int, dilation: int, padding: str | Pair, output_padding: int | None) -> Window:
    """Return the window of a transposed convolution: the input is stretched by the stride, the window moves by one.

    The whole output has (W - 1)·S + D cells. Padding in cells crops it, and `output_padding` adds cells after it. For a
    word the output has as many cells as in TensorFlow, with P = `output_padding`:

        padding | without output_padding | with it
        valid   | W·S + max(D - S, 0)    | (W - 1)·S + D + P
        same    | W·S                    | (W - 1)·S + D - 2·floor(D / 2) + P

    Half of the cells too many are cropped on each side, the odd one after (with `same_lower`, before); missing cells
    are added after.
    """
    extent = dilation * (size - 1) + 1
    if isinstance(padding, tuple):
        before, after = padding[0], padding[1] - (output_padding or 0)
    else:
        # How much the whole output is too long does not depend on W: all lengths above have (W - 1)·S in common.
        if output_padding is None:
            excess = min(extent - stride, 0) if padding == "valid" else extent - stride
        else:
            excess = (0 if padding == "valid" else 2 * (extent // 2)) - output_padding
        before, after = _halves(excess, padding) if excess > 0 else (0, excess)
    return Window(size, 1, dilation, extent - 1 - before, extent - 1 - after, upsample=stride)


def _halves(total: int, padding: str) -> Pair:
    """Return cells shared out before and after an axis, the odd one after, or with `same_lower` before."""
    less, more = total // 2, total - total // 2
    return (more, less) if padding == "same_lower" else (less, more)


def adjoint_window(window: Window, extent: int) -> Window:
    """Return the window by which a gradient goes back from the output over `extent` cells to these cells.

    Output o and tap j of the window meet the stretched cell s·o - before + d·j, which is u·i for input cell i. For
    input i, with the taps counted from the end of the window, that is s·o = u·i - (D - 1 - before) + d·j: stride and
    stretching change places.
    """
    before = window.extent - 1 - window.before
    stretched_output = (known(window.output_extent(extent)) - 1) * window.stride + 1
    after = (extent - 1) * window.upsample + window.extent - before - stretched_output
    return Window(window.size, window.upsample, window.dilation, before, after, upsample=window.stride)
