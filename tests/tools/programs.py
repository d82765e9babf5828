"""Programs of the engine for tests: from layers to something that runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import convcli
from convcli.engine.bind_weights import WeightSource, bind
from convcli.engine.execution import Execution
from convcli.engine.program import Program, build_program
from convcli.model.plan import make_plan


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
