"""The step that multiplies by a kernel."""

from __future__ import annotations

from convcli.core.shapes import Extent, Shape, product, quotient
from convcli.model.receptive_field import ReceptiveField, mix_axes
from convcli.model.steps.base import Step, Weight, output_space, trace_windows
from convcli.model.window import Window


class Correlate(Step):
    """Slide a kernel over the spatial axes; each output cell is a dot product of filters and cells, plus a bias.

    Without windows along any axis it is a dense layer on a vector.

    Args:
        windows: the window along each spatial axis.
        kernel: `(*k, in/groups, filters)` in Keras's layout, in any factoring of the last two extents. With
            `transposed` it is `(*k, filters/groups, in)`, and it meets the stretched input in reverse along each axis.
        filters: the number of output channels.
        bias: `(filters,)`, added to each output cell.
        groups: how many parts the input channels are cut into; each meets its own share of the filters.
        transposed: whether the kernel is that of a transposed convolution.
        flip: whether the kernel is reversed once more along each axis: the convolution of signal processing.
    """

    windows: tuple[Window, ...]
    kernel: Weight
    filters: Extent
    bias: Weight | None = None
    groups: Extent = 1
    transposed: bool = False
    flip: bool = False

    @property
    def weights(self) -> tuple[Weight, ...]:
        return (self.kernel,) if self.bias is None else (self.kernel, self.bias)

    @property
    def kernels_2d(self) -> Extent:
        """The number of single-channel kernels: in·filters/groups."""
        return quotient(self.kernel.size, product(window.size for window in self.windows))

    def output_shape(self, *shapes: Shape) -> Shape:
        return (*output_space(self.windows, shapes[0][:-1]), self.filters)

    def macs(self, shape: Shape) -> Extent:
        # Each weight meets each output cell once; in a transposed convolution, each input cell.
        cells = shape[:-1] if self.transposed else self.output_shape(shape)[:-1]
        return product((*cells, self.kernel.size))

    def is_isotropic(self, *shapes: Shape) -> bool:
        return len(set(self.windows)) <= 1

    def trace_single(self, field: ReceptiveField, shape: Shape) -> ReceptiveField:
        channels = len(self.windows)
        return mix_axes([channels], trace_windows(self.windows, field))
