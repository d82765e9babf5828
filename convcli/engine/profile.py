"""Time a program operation by operation, and say which layer each operation computes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from statistics import median
from time import perf_counter

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.core.records import Record
from convcli.core.shapes import known
from convcli.engine.fusion import Operation
from convcli.engine.machine_limits import MachineLimits
from convcli.engine.program import Program
from convcli.model.plan import Plan
from convcli.model.steps import Correlate

LEAST_RUNS, MOST_RUNS, ENOUGH_SECONDS = 3, 50, 1.0


class LayerTime(Record):
    """The time that a layer takes in one run, and the work that it does.

    `seconds` is the median over the runs. `flops` counts two for each multiplication by a weight; `moved` is the bytes
    of all values that are read and written, and of the weights. `fused_into` names the layer that computes this one
    too, where this one has nothing of its own.
    """

    seconds: float
    flops: int
    moved: int
    fused_into: str | None = None


class Profile(Record):
    """The times of all layers by name, of a whole run, and the limits of the machine. `runs` were made."""

    layers: Mapping[str, LayerTime]
    seconds: float
    runs: int
    limits: MachineLimits


def profile(
    program: Program, inputs: Mapping[str, Array], limits: MachineLimits, seconds: float = ENOUGH_SECONDS
) -> Profile:
    """Run a program some times, after one run that does not count, and return the median times."""
    program(inputs)
    totals: list[float] = []
    rows: list[list[float]] = []
    while len(totals) < LEAST_RUNS or (len(totals) < MOST_RUNS and sum(totals) < seconds):
        start = perf_counter()
        _, times = program.timed(inputs)
        totals.append(perf_counter() - start)
        rows.append([time for _, time in times])
    medians = np.median(rows, axis=0)
    operations = [operation for operation, _ in times]
    samples = len(next(iter(inputs.values())))
    itemsize = next(iter(inputs.values())).itemsize
    layers = _by_layer(program.plan, operations, medians.tolist(), samples, itemsize)
    return Profile(layers, median(totals), len(totals), limits)


def _by_layer(
    plan: Plan, operations: Sequence[Operation], seconds: Sequence[float], samples: int, itemsize: int
) -> dict[str, LayerTime]:
    """Return the sums over the operations of each layer; layers that are part of another's operation name that."""
    sizes = {operation.output: prod(operation.output_shape) for operation in operations}
    sizes.update({name: prod(map(known, shape)) for name, shape in plan.input_shapes.items()})
    sums: dict[str, tuple[float, int, int]] = {}
    hosts: dict[str, str] = {}
    for operation, time in zip(operations, seconds, strict=True):
        numbers = sum(sizes[name] for name in operation.inputs) + sizes[operation.output]
        before = sums.get(operation.layer, (0.0, 0, 0))
        macs = 0 if operation.step is None else known(operation.step.macs(operation.input_shape) or 0)
        own = (time, 2 * macs * samples, numbers * samples * itemsize + _weight_bytes(operation))
        sums[operation.layer] = before[0] + own[0], before[1] + own[1], before[2] + own[2]
        hosts.update(dict.fromkeys(operation.fused, operation.layer))
    times: dict[str, LayerTime] = {}
    for layer in plan.layers:
        host = hosts.get(layer.name) if layer.name not in sums else None
        times[layer.name] = LayerTime(*sums.get(layer.name, (0.0, 0, 0)), fused_into=host)
    return times


def _weight_bytes(operation: Operation) -> int:
    """Return the bytes of the weights that the step of an operation reads."""
    step, weights = operation.step, operation.weights
    if isinstance(step, Correlate):
        return sum(weights[weight.name].nbytes for weight in (step.kernel, step.bias) if weight is not None)
    return 0 if step is None else sum(weight.nbytes for weight in weights.values())
