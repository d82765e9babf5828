"""The weights of a network that learns, in one flat array, so that an optimizer updates them all at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from math import prod

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.core.records import Record
from convcli.model.plan import Plan
from convcli.model.steps import Weight

Weights = Mapping[str, Mapping[str, Array]]  # by layer and variable


class FlatWeights(Record):
    """The weights of a plan by layer and variable, those that may change as views of one flat array.

    `values` is that array: first the weights that are trained, then moving statistics. `gradient` holds the gradient by
    the former; `gradients` are views of it by layer and variable. Layers in `frozen` are not in the flat arrays.
    """

    by_layer: Weights
    values: Array
    gradient: Array
    gradients: Mapping[tuple[str, str], Array]
    frozen: frozenset[str]

    @property
    def trained(self) -> Array:
        """The part of `values` that is trained, as a view."""
        return self.values[: self.gradient.size]

    def is_trained(self, layer: str, variables: Collection[Weight]) -> bool:
        """Tell whether training changes any of a layer's variables by its gradient."""
        return layer not in self.frozen and any(variable.trainable for variable in variables)


def flatten_weights(plan: Plan, weights: Weights, dtype: str, frozen: Collection[str] = ()) -> FlatWeights:
    """Return copies of the weights in flat arrays of this type.

    Layers in `frozen`, and those that the model says are not trainable, keep their weights as they are.
    """
    fixed = frozenset(frozen) | {layer.node.owner for layer in plan.layers if not layer.node.trainable}
    variables = [(layer, variable) for layer, variable in _read_variables(plan) if layer not in fixed]
    trained = [item for item in variables if item[1].trainable]
    statistics = [item for item in variables if not item[1].trainable]
    sizes = [prod(variable.extents) for _, variable in (*trained, *statistics)]
    values = np.zeros(sum(sizes), dtype)
    gradient = np.zeros(sum(sizes[: len(trained)]), dtype)
    by_layer = {layer: dict(own) for layer, own in weights.items()}
    gradients: dict[tuple[str, str], Array] = {}
    start = 0
    for (layer, variable), size in zip((*trained, *statistics), sizes, strict=True):
        view = values[start : start + size].reshape(variable.extents)
        view[...] = by_layer[layer][variable.name]
        by_layer[layer][variable.name] = view
        if variable.trainable:
            gradients[layer, variable.name] = gradient[start : start + size].reshape(variable.extents)
        start += size
    return FlatWeights(by_layer, values, gradient, gradients, fixed)


def _read_variables(plan: Plan) -> Iterator[tuple[str, Weight]]:
    """Yield each variable that a step reads with the layer that owns it, each once, in the order of the plan."""
    variables = (
        (layer.node.owner, variable)
        for layer in plan.layers
        for step in layer.steps
        for variable in step.weights
        if variable.required
    )
    yield from dict.fromkeys(variables)
