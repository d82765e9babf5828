"""What a plan costs: multiplications, counted as the project and as others do, and memory."""

from __future__ import annotations

from convcli.core.option_words import BYTES
from convcli.core.shapes import Extent, product, total
from convcli.model.plan import Plan, PlannedLayer
from convcli.model.steps import Correlate


def flops(macs: Extent) -> Extent:
    """FLOPs: a multiply-accumulate is a multiplication and an addition."""
    return product((2, macs))


def macs_with_bias(layer: PlannedLayer) -> Extent:
    """Multiply-accumulates, and one more for each value to which a bias is added."""
    biases = (
        product(step.output_shape(*shapes))
        for step, shapes in layer.steps_with_shapes
        if isinstance(step, Correlate) and step.bias is not None
    )
    return total((layer.macs, *biases))


def macs_over_output(layer: PlannedLayer) -> Extent:
    """Multiply-accumulates as if a transposed convolution met its kernel at every output cell, not every input cell."""
    return total(
        product((*step.output_shape(*shapes)[:-1], step.kernel.size))
        for step, shapes in layer.steps_with_shapes
        if isinstance(step, Correlate)
    )


def weight_bytes(layer: PlannedLayer, dtype: str) -> Extent:
    """Bytes of all its variables."""
    return product((layer.params, BYTES[dtype]))


def output_bytes(layer: PlannedLayer, dtype: str, batch: int) -> Extent:
    """Bytes of what it yields for so many samples."""
    return product((batch, *layer.output_shape, BYTES[dtype]))


def peak_activations(plan: Plan, dtype: str, batch: int) -> tuple[Extent, str | None]:
    """The most bytes of values that are alive at once, and the layer during which they are.

    Each input and each layer's output is a buffer of its own, alive until the last layer that takes it is done; the
    model's outputs stay. What a layer needs besides while it works does not count.
    """
    last_use = {name: place for place, layer in enumerate(plan.layers) for name in layer.input_names}
    last_use |= dict.fromkeys(plan.model.outputs, len(plan.layers))
    sizes = {name: product((batch, *shape, BYTES[dtype])) for name, shape in plan.shapes.items()}
    alive = {name: sizes[name] for name in plan.input_shapes}
    most, during = 0, None
    for place, layer in enumerate(plan.layers):
        alive[layer.name] = sizes[layer.name]
        now = total(alive.values())
        if now is None:
            return None, None
        if now > most:
            most, during = now, layer.name
        alive = {name: size for name, size in alive.items() if last_use.get(name, -1) > place}
    return most, during
