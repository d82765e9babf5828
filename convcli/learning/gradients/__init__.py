"""The gradient of every step: a function for each that runs it forward and returns how its gradient goes back.

Arrays are `(batch, *spatial, channels)` and of one float type. A function takes a step, its inputs, its layer's weights
by name and the context of the pass; it returns the output and a `Backward`. Where training does nothing that the engine
does not, the output comes from the engine's own code.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from convcli.core.lazy_imports import Array
from convcli.learning.gradients import (
    activations,
    correlation,
    merging,
    normalization,
    pooling,
    regularization,
    reshaping,
)
from convcli.learning.gradients.context import Backward, PassContext, Weights
from convcli.model import steps

# Each takes its own class of step as its first argument.
DIFFERENTIABLE: dict[type[steps.Step], Callable[..., tuple[Array, Backward]]] = {
    steps.Correlate: correlation.correlate,
    steps.Pool: pooling.pool,
    steps.AdaptivePool: pooling.adaptive_pool,
    steps.GlobalPool: pooling.global_pool,
    steps.Pad: reshaping.pad,
    steps.Resize: reshaping.resize,
    steps.ChangeShape: reshaping.change_shape,
    steps.MoveBlocks: reshaping.move_blocks,
    steps.MoveAxes: reshaping.move_axes,
    steps.Activate: activations.activate,
    steps.Scale: normalization.scale,
    steps.Normalize: normalization.normalize,
    steps.NormalizeLocally: normalization.normalize_locally,
    steps.Merge: merging.merge,
    steps.Noise: regularization.add_noise,
    steps.Penalty: regularization.penalize,
}


def forward(
    step: steps.Step, inputs: Sequence[Array], weights: Weights, context: PassContext
) -> tuple[Array, Backward]:
    """Return the output of a step, and the function that takes the gradient by it back to the inputs and weights."""
    run: Any = DIFFERENTIABLE[type(step)]
    output, backward = run(step, inputs, weights, context)
    return output, backward
