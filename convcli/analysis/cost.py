"""The cost of a plan: multiplications, by each convention in use, and the memory of weights and values."""

from __future__ import annotations

from convcli.core.dtypes import BYTES_PER_VALUE
from convcli.core.shapes import UNKNOWN_SHAPE, Extent, Shape, product, total
from convcli.model.plan import Plan
from convcli.model.planned_layer import PlannedLayer
from convcli.model.steps import Correlate


def flops(macs: Extent) -> Extent:
    """Return floating-point operations: two for each multiply-accumulate, a multiplication and an addition."""
    return product((2, macs))


def macs_with_bias(layer: PlannedLayer) -> Extent:
    """Return the layer's multiply-accumulates, plus one for each output value that a bias is added to."""
    biases = (
        product(step.output_shape(*shapes))
        for step, shapes in layer.steps_with_shapes
        if isinstance(step, Correlate) and step.bias is not None
    )
    return total((layer.macs, *biases))


def macs_over_output(layer: PlannedLayer) -> Extent:
    """Return multiply-accumulates counted over output cells: output cells times kernel values.

    This differs from `layer.macs` for transposed convolutions only, which convcli counts over their input cells.
    """
    if layer.is_opaque:
        return layer.macs
    return total(
        product((*step.output_shape(*shapes)[:-1], step.kernel.size))
        for step, shapes in layer.steps_with_shapes
        if isinstance(step, Correlate)
    )


def weight_bytes(layer: PlannedLayer, dtype: str) -> Extent:
    """Return the bytes of the layer's weights in a number type."""
    return product((layer.params, BYTES_PER_VALUE[dtype]))


def output_bytes(layer: PlannedLayer, dtype: str, batch: int) -> Extent:
    """Return the bytes of the layer's output for a batch of samples in a number type."""
    return _bytes(layer.output_shape, dtype, batch)


def _bytes(shape: Shape, dtype: str, batch: int) -> Extent:
    return None if shape == UNKNOWN_SHAPE else product((batch, *shape, BYTES_PER_VALUE[dtype]))


def peak_activations(plan: Plan, dtype: str, batch: int) -> tuple[Extent, str | None]:
    """Return the most bytes of inputs and outputs that are alive at once, and the layer that runs at that time.

    Each input and each layer's output has a buffer of its own, from the layer that makes it to the last layer that
    takes it; the model's outputs stay. Memory that a layer needs only while it runs does not count. Both results are
    None where an extent is unknown.
    """
    last_use = {name: index for index, layer in enumerate(plan.layers) for name in layer.input_names}
    last_use |= dict.fromkeys(plan.model.outputs, len(plan.layers))
    sizes = {name: _bytes(shape, dtype, batch) for name, shape in plan.shapes.items()}
    alive = {name: sizes[name] for name in plan.input_shapes}
    peak, peak_layer = 0, None
    for index, layer in enumerate(plan.layers):
        alive[layer.name] = sizes[layer.name]
        size = total(alive.values())
        if size is None:
            return None, None
        if size > peak:
            peak, peak_layer = size, layer.name
        alive = {name: size for name, size in alive.items() if last_use.get(name, -1) > index}
    return peak, peak_layer
