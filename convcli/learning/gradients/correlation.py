"""Correlation and its gradients, which are correlations too, so that the engine's algorithms compute them.

The gradient by the input is the output's gradient, correlated with the flipped kernel under the adjoint windows (stride
and upsampling exchange their roles). The gradient by the kernel is, for each cell of the kernel, the inputs that it met
times the gradients of the outputs, summed over all positions. Dumoulin and Visin, 2016, "A guide to convolution
arithmetic for deep learning", chapter 4, shows both.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate, pairwise
from math import prod

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.core.shapes import known
from convcli.engine.algorithms.blocks import cut_into_regions, region_shape
from convcli.engine.algorithms.im2col import im2col
from convcli.engine.algorithms.kernel_layout import adjoint_kernel, correlation_kernel, stored_kernel
from convcli.engine.algorithms.prepare import prepare_correlation
from convcli.engine.algorithms.problem import Problem
from convcli.learning.gradients.context import Backward, Gradients, PassContext, Weights
from convcli.model.steps import Correlate
from convcli.model.window import Window, adjoint_window

MOST_KEPT = 1 << 25  # bytes of patches that a step may keep from its forward pass for its backward pass
WORTH_A_THREAD = 1 << 23  # products from which a second thread pays


def correlate(
    step: Correlate, inputs: Sequence[Array], weights: Weights, context: PassContext
) -> tuple[Array, Backward]:
    """Return the correlation of `(batch, *spatial, in)`, `(batch, *positions, filters)`, and its backward function."""
    (x,) = inputs
    kernel = correlation_kernel(step, weights[step.kernel.name])  # (*k, in/groups, filters)
    bias = None if step.bias is None else weights[step.bias.name]
    groups = known(step.groups)
    y, patches = _correlate(x, kernel, step.windows, groups, bias, context)

    def backward(dy: Array, by_inputs: bool, by_weights: bool) -> Gradients:
        gradients: dict[str, Array] = {}
        if by_weights:
            by_kernel = _kernel_gradient(patches, x, dy, step.windows, groups, context)
            gradients[step.kernel.name] = stored_kernel(step, by_kernel.reshape(kernel.shape))
            if step.bias is not None:
                gradients[step.bias.name] = np.sum(dy.reshape(-1, dy.shape[-1]), axis=0)
        if not by_inputs:
            return (None,), gradients
        windows = _adjoint_windows(step.windows, x.shape[1:-1])
        dx, _ = _correlate(dy, adjoint_kernel(kernel, groups), windows, groups, None, context)
        return (dx,), gradients

    return y, backward


def _correlate(
    x: Array, kernel: Array, windows: tuple[Window, ...], groups: int, bias: Array | None, context: PassContext
) -> tuple[Array, PatchMatrix | None]:
    """Return the correlation plus a bias, and the patches that it multiplied if these are few enough to be kept."""
    filters = kernel.shape[-1]
    if groups == 1 and _without_upsampling(windows):
        patches = PatchMatrix(x, windows, filters, context)
        if patches.layout.few:
            return patches.times_kernel(kernel.reshape(-1, filters), bias), patches
    problem = Problem(windows, groups, kernel.shape[-2], filters // groups, x.shape[1:-1], x.dtype.name, samples=len(x))
    _, correlation = prepare_correlation(np.ascontiguousarray(kernel), problem)
    y = np.empty((len(x), *problem.positions, filters), x.dtype)

    def add_bias(block: Array, channels: slice) -> None:
        if bias is not None:
            np.add(block, bias[channels], out=block)

    workers = context.product_workers if correlation.uses_blas else context.workers
    correlation.run(np.ascontiguousarray(x), y, workers, add_bias)
    return y, None


def _kernel_gradient(
    patches: PatchMatrix | None,
    x: Array,
    dy: Array,
    windows: tuple[Window, ...],
    groups: int,
    context: PassContext,
) -> Array:
    """Return the gradient by the kernel as it meets the input, its spatial axes as one: (taps, in/groups, filters)."""
    if _without_upsampling(windows):
        return (patches or PatchMatrix(x, windows, dy.shape[-1], context)).times_gradients(dy, groups)
    # With upsampling, the input and the output exchange their roles: each input cell meets, under the adjoint windows,
    # the outputs that it contributed to.
    patches = PatchMatrix(dy, _adjoint_windows(windows, x.shape[1:-1]), x.shape[-1], context)
    products = patches.times_gradients(x, groups)
    return adjoint_kernel(products, groups)  # from (taps, filters/groups, in)


@lru_cache(maxsize=256)
def _adjoint_windows(windows: tuple[Window, ...], space: tuple[int, ...]) -> tuple[Window, ...]:
    return tuple(adjoint_window(window, extent) for window, extent in zip(windows, space, strict=True))


def _without_upsampling(windows: Sequence[Window]) -> bool:
    return all(window.upsample == 1 for window in windows)


class PatchLayout:
    """The size of a patch matrix, and the blocks in which it is computed.

    Blocks depend on the work alone, so that results do not depend on the number of threads. `bare` means that the
    patches are the cells of the input as they lie in memory; `few` that there is memory to keep them.
    """

    def __init__(self, windows: tuple[Window, ...], shape: tuple[int, ...], filters: int, itemsize: int) -> None:
        batch, *space, channels = shape
        positions = (known(window.output_extent(extent)) for window, extent in zip(windows, space, strict=True))
        self.counts = (batch, *positions)
        self.rows = prod(self.counts)
        self.taps = prod(window.size for window in windows)
        self.columns = self.taps * channels
        products = self.rows * self.columns * filters
        least = 2 if products > WORTH_A_THREAD else 1
        self.blocks = cut_into_regions(self.counts, max(self.columns, filters) * itemsize, least)
        ends = accumulate((prod(region_shape(block)) for block in self.blocks), initial=0)
        self.block_rows = [slice(start, stop) for start, stop in pairwise(ends)]
        self.bare = all((each.size, each.stride, each.before, each.after) == (1, 1, 0, 0) for each in windows)
        self.few = self.rows * self.columns * itemsize <= MOST_KEPT


patch_layout = lru_cache(maxsize=256)(PatchLayout)  # every batch has the same


class PatchMatrix:
    """The cells under the windows at each position, as rows `(batch·positions, taps·in)`, computed block by block.

    The windows must not upsample. The matrix is stored only where `times_kernel` has kept it.
    """

    def __init__(self, x: Array, windows: tuple[Window, ...], filters: int, context: PassContext) -> None:
        self.x, self.windows, self.context = np.ascontiguousarray(x), windows, context
        self.layout = patch_layout(windows, x.shape, filters, x.itemsize)
        self._matrix: Array | None = None

    def times_kernel(self, kernel: Array, bias: Array | None) -> Array:
        """Return the product with a kernel `(taps·in, filters)`, plus a bias, and keep the patches for later."""
        layout = self.layout
        y = np.empty((layout.rows, kernel.shape[1]), self.x.dtype)
        matrix = None if layout.bare else np.empty((layout.rows, layout.columns), self.x.dtype)

        def multiply(number: int) -> None:
            rows = layout.block_rows[number]
            patches = self._block(number, None if matrix is None else matrix[rows])
            products = np.matmul(patches, kernel, out=y[rows])
            if bias is not None:
                np.add(products, bias, out=products)

        self.context.product_workers.run(multiply, range(len(layout.blocks)))
        self._matrix = matrix
        return y.reshape(*layout.counts, -1)

    def times_gradients(self, dy: Array, groups: int) -> Array:
        """Return the sum over all positions of each patch cell times the gradients: (taps, in/groups, filters)."""
        layout = self.layout
        gradients = dy.reshape(layout.rows, -1)
        sums: list[Array] = [gradients] * len(layout.blocks)

        def multiply(number: int) -> None:
            rows = layout.block_rows[number]
            patches = self._block(number, None) if self._matrix is None else self._matrix[rows]
            sums[number] = _sum_of_products(patches, gradients[rows], layout.taps, groups)

        self.context.product_workers.run(multiply, range(len(layout.blocks)))
        total = sums[0]
        for block_sum in sums[1:]:
            total = total + block_sum
        return total.reshape(layout.taps, -1, gradients.shape[1])

    def _block(self, number: int, out: Array | None) -> Array:
        """Return the patches of one block, in `out` or else in memory of this thread, valid until its next call."""
        layout = self.layout
        if layout.bare:
            return self.x.reshape(layout.rows, layout.columns)[layout.block_rows[number]]
        return im2col(self.x, self.windows, layout.blocks[number], self.context.workers, out)


def _sum_of_products(patches: Array, gradients: Array, taps: int, groups: int) -> Array:
    """Return (taps, in/groups, filters) in any factoring; patches are (rows, taps·in), gradients (rows, filters)."""
    if groups == 1:
        return patches.T @ gradients
    rows, channels, filters = len(patches), patches.shape[1] // (taps * groups), gradients.shape[1] // groups
    patches = patches.reshape(rows, taps, groups, channels)
    gradients = gradients.reshape(rows, groups, filters)
    if channels == 1:
        return np.einsum("rtg,rgf->tgf", patches[..., 0], gradients)
    columns = patches.transpose(2, 1, 3, 0).reshape(groups, taps * channels, rows)
    products = np.matmul(columns, gradients.transpose(1, 0, 2))  # (groups, taps·channels, filters)
    return np.moveaxis(products.reshape(groups, taps, channels, filters), 0, 2)  # (taps, channels, groups, filters)
