"""Programs of the engine for tests: from layers to something that runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import convcli
from convcli.engine.bind_weights import WeightSource, bind
from convcli.engine.execution import Execution
from convcli.engine.program import Program, build_program
from convcli.model.plan import make_plan

# A network with branches, in which a tile of the output needs overlapping tiles of every value.
UNET = {
    "input": [32, 48, 2],
    "layers": [
        {"conv2d": {"name": "a", "filters": 4, "kernel_size": 3, "padding": "same", "activation": "relu"}},
        {"max_pooling2d": {"name": "b", "pool_size": 2}},
        {"conv2d": {"name": "c", "filters": 4, "kernel_size": 3, "padding": "same", "padding_mode": "reflect"}},
        {"batch_normalization": {"name": "n"}},
        {"conv2d_transpose": {"name": "d", "filters": 4, "kernel_size": 3, "strides": 2, "padding": "same"}},
        {"add": {"name": "e", "inputs": ["d", "a"]}},
        {"up_sampling2d": {"name": "f", "size": 2, "interpolation": "bilinear", "inputs": "b"}},
        {"concatenate": {"name": "g", "inputs": ["e", "f", "input"]}},
        {"depthwise_conv2d": {"name": "h", "kernel_size": 5, "dilation_rate": 2, "padding": "same"}},
        {"average_pooling2d": {"name": "i", "pool_size": 3, "strides": 2, "padding": "same"}},
    ],
}


def program_of(
    layers: Any,
    shape: Sequence[int],
    keep: Sequence[str] | None = None,
    dtype: str = "float64",
    samples: int = 1,
    tolerance: float = 0.0,
    **options: Any,
) -> Program:
    """Return a program of the layers, or of the model, on inputs of one shape, with weights drawn from seed 0.

    `keep` names the layers whose values it returns, by default the outputs. The other options are those of `Execution`.
    """
    model = convcli.load(layers) if isinstance(layers, dict | list) else layers
    plan = make_plan(model, {"input": tuple(shape)})
    weights = bind(plan, WeightSource(seed=0), dtype)
    execution = Execution(dtype=dtype, tolerance=tolerance, **options)
    return build_program(plan, weights, model.outputs if keep is None else keep, execution, samples=samples)
