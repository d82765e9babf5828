"""Networks, trainings and checkpoints that the tests of learning share."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

import numpy as np
import runs

from convcli.engine.bind_weights import WeightSource, bind
from convcli.learning import checkpoints
from convcli.learning.checkpoints import RECORD
from convcli.learning.flat_weights import flatten_weights
from convcli.learning.network import Network
from convcli.learning.options import Options
from convcli.learning.training import Training, TrainingResult
from convcli.model.plan import make_plan

Arrays = dict[str, Any]


def network(
    model: Any, shapes: Mapping[str, Sequence[int]], weights: Arrays | None = None, gradient_inputs: Sequence[str] = ()
) -> Network:
    """Return the network of a model in float64, for samples of these shapes by input; missing weights are drawn."""
    plan = make_plan(model, {name: tuple(shape) for name, shape in shapes.items()}).pruned_to(model.outputs)
    bound = bind(plan, WeightSource(weights, seed=1), "float64")
    flat = flatten_weights(plan, bound, "float64")
    return Network(plan, flat, model.outputs, gradient_inputs=gradient_inputs)


def training(model: Any, inputs: Any, targets: Any, options: Options, checkpoint: Arrays | None = None) -> Training:
    """Return a training of a model with one input and one output, resumed from the arrays of a checkpoint if given."""
    (name,), (output,) = model.inputs, model.outputs
    resumed = None if checkpoint is None else checkpoints.unpack(checkpoint)
    return runs.training(model, {name: inputs}, {output: targets}, options, checkpoint=resumed)


def run_until(run: Training, call: int | None = None) -> tuple[TrainingResult, Arrays]:
    """Run a training until it asks for the `call`-th time whether to stop; return its result and last checkpoint."""
    saved: Arrays = {}
    calls = count(1)
    with run:
        result = run.run(
            should_stop=lambda: next(calls) == call,
            save_checkpoint=lambda arrays: saved.update({key: np.array(array) for key, array in arrays.items()}),
        )
    return result, saved


def record_of(checkpoint: Arrays) -> Any:
    """Return the record of a checkpoint, which is JSON in an array of bytes."""
    return json.loads(bytes(checkpoint[RECORD]))


def with_record(checkpoint: Arrays, record: Any) -> Arrays:
    """Return the checkpoint with another record, or with this text in its place."""
    text = record if isinstance(record, str) else json.dumps(record)
    return {**checkpoint, RECORD: np.frombuffer(text.encode(), np.uint8)}
