"""Where windows land: sizes, padding, dilation and upsampling, in whole numbers only.

Everything here speaks of one axis at a time. An unknown extent is `None`, and what follows from it is `None` too.
"""

from __future__ import annotations

from convcli.core.errors import ConvcliError
from convcli.core.records import Record, replace
from convcli.core.shapes import Extent, known

Pair = tuple[int, int]
Padding = str | tuple[Pair, ...]


class Window(Record):
    """A window that slides along one axis, and how the axis is laid out under it.

    The axis is first stretched (`upsample - 1` empty cells between neighbours), then padded with `before` and `after`
    empty cells (a negative number removes cells). The window covers `size` cells, `dilation` apart, and moves by
    `stride`. With `ceil`, a last window that hangs over the end counts if it starts inside the input or its leading
    padding. A transposed convolution of stride s is a window with `upsample=s`. A window that is not `placed` has
    padding that follows from an unknown width: how much of it lies before is left open.
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
        """First to last cell of the window, the holes of dilation included: D = d·(F - 1) + 1."""
        return self.dilation * (self.size - 1) + 1

    def stretched_extent(self, width: int) -> int:
        """How many cells `width` input cells take up once stretched."""
        return (width - 1) * self.upsample + 1

    def output_extent(self, width: Extent) -> Extent:
        """How many places the window has over `width` cells: floor((W - D + P_before + P_after) / S) + 1.

        Raises `ConvcliError` where there is none.
        """
        if width is None:
            return None
        slack = self.stride - 1 if self.ceil else 0
        room = self.stretched_extent(width) + self.before + self.after - self.extent + slack
        if width < 1 or room < 0:
            raise ConvcliError(self._misfit(width), f"at least {self.smallest_input()} would do")
        places = room // self.stride + 1
        starts_outside = (places - 1) * self.stride >= self.stretched_extent(width) + self.before
        return places - 1 if self.ceil and starts_outside else places

    def smallest_input(self) -> int:
        """The least width over which the window has a place."""
        cells = self.extent - self.before - self.after - (self.stride - 1 if self.ceil else 0)
        return max(1, -(-(cells - 1) // self.upsample) + 1)

    def _misfit(self, width: int) -> str:
        cells = f"{self.size} cells" if self.dilation == 1 else f"{self.size} cells dilated to {self.extent}"
        places = f"({self.stretched_extent(width)} - {self.extent} + {self.before} + {self.after}) / {self.stride} + 1"
        return f"a window of {cells} does not fit in {width}: {places} is below 1"


def adjoint_window(window: Window, width: int) -> Window:
    """The window by which a gradient goes back from the window's positions over `width` cells to these cells.

    Output o and cell j of the window meet stretched cell s·o - before + d·j, which is u·i for input cell i. Read from
    i, with the cells of the window counted from its end, that is s·o = u·i - (D - 1 - before) + d·j: stride and
    stretching trade places.
    """
    before = window.extent - 1 - window.before
    spread = (known(window.output_extent(width)) - 1) * window.stride + 1
    after = (width - 1) * window.upsample + window.extent - before - spread
    return Window(window.size, window.upsample, window.dilation, before, after, upsample=window.stride)


def sliding_window(size: int, stride: int, dilation: int, padding: str | Pair, width: Extent) -> Window:
    """The window of an ordinary convolution or pooling, its padding worked out.

    `same` and `same_lower` keep ceil(W / S) positions: their padding is max((ceil(W/S) - 1)·S + D - W, 0) cells, the
    odd one after or before. Where the width is unknown it is taken as a multiple of the stride, and the window is not
    placed unless its padding is the same for every width.
    """
    plain = Window(size, stride, dilation)
    margin = plain.extent - 1
    if isinstance(padding, tuple):
        before, after = padding
    elif padding == "valid":
        before, after = 0, 0
    elif padding == "full":
        before, after = margin, margin
    elif padding == "causal":
        before, after = margin, 0
    else:
        known = stride if width is None else width
        total = max((-(-known // stride) - 1) * stride + plain.extent - known, 0)
        less, more = total // 2, total - total // 2
        before, after = (more, less) if padding == "same_lower" else (less, more)
        placed = width is not None or stride == 1 or margin == 0
        return replace(plain, before=before, after=after, placed=placed)
    return replace(plain, before=before, after=after)


def transposed_window(size: int, stride: int, dilation: int, padding: str | Pair, output_padding: int | None) -> Window:
    """The window of a transposed convolution: the input is stretched by the stride, the window moves by one.

    The uncropped output has (W - 1)·S + D cells. Explicit padding crops it and `output_padding` adds to its end. For
    `valid` and `same` the size is TensorFlow's: W·S + max(D - S, 0) and W·S, or with output_padding (W - 1)·S + D + it
    and (W - 1)·S + D - 2·floor(D / 2) + it; half of the excess is cropped before, the odd cell after (`same_lower`: the
    odd one before), and missing cells come after.
    """
    extent = dilation * (size - 1) + 1
    if isinstance(padding, tuple):
        before, after = padding[0], padding[1] - (output_padding or 0)
    else:
        # The excess does not depend on the width: every size named above has (W - 1)·S in common.
        if output_padding is None:
            excess = min(extent - stride, 0) if padding == "valid" else extent - stride
        else:
            excess = (0 if padding == "valid" else 2 * (extent // 2)) - output_padding
        less, more = (excess // 2, excess - excess // 2) if excess > 0 else (0, excess)
        before, after = (more, less) if padding == "same_lower" and excess > 0 else (less, more)
    return Window(size, 1, dilation, extent - 1 - before, extent - 1 - after, upsample=stride)
