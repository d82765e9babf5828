"""The order in which a program runs its operations: those of the native core in stretches, others one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from convcli.core.records import replace
from convcli.engine.algorithms.native import NativeCorrelation
from convcli.engine.cellwise_operations import as_native
from convcli.engine.linearize import ValueName
from convcli.engine.native.core import native_core
from convcli.engine.native.epilogue import native_epilogue
from convcli.engine.native_operations import NativeCorrelationOperation, NativeOperation, Stretch
from convcli.engine.prepared_operations import PreparedMerge, PreparedOperation, PreparedStep

Shapes = Mapping[ValueName, tuple[int, ...]]
Unit = PreparedOperation | Stretch


def schedule(prepared: Sequence[PreparedOperation], uses: Counter[ValueName], shapes: Shapes, dtype: str) -> list[Unit]:
    """Return the operations as units to be run one after the other.

    `uses` says how often each value is used, in all and as a result. `shapes` are those of one sample of each value.
    """
    core = native_core()
    if core is None:
        return list(prepared)
    joined = [as_native(item, core, shapes, dtype) for item in _join_residuals(prepared, uses, shapes)]
    units: list[Unit] = []
    for run in _runs(joined):
        for part in _without_views_that_leave(run, uses):
            if not isinstance(part[0], NativeOperation):
                units += part
                continue
            natives = [item for item in part if isinstance(item, NativeOperation)]
            units.append(Stretch(core, natives, _used_outside(natives, uses), shapes, dtype))
    return units


def _runs(prepared: Sequence[PreparedOperation]) -> Iterator[list[PreparedOperation]]:
    """Yield runs of operations that are all native or all not."""
    run: list[PreparedOperation] = []
    for item in prepared:
        if run and isinstance(item, NativeOperation) != isinstance(run[0], NativeOperation):
            yield run
            run = []
        run.append(item)
    if run:
        yield run


def _used_outside(operations: Sequence[NativeOperation], uses: Counter[ValueName]) -> set[ValueName]:
    """Return the values made by operations that something else uses too."""
    inside = Counter(name for item in operations for name in item.operation.inputs)
    outputs = [item.operation.output for item in operations]
    return {name for name in outputs if uses[name] > inside[name]}


def _without_views_that_leave(
    run: list[PreparedOperation], uses: Counter[ValueName]
) -> Iterator[list[PreparedOperation]]:
    """Yield the run, cut where a view is used outside of it, or enters it: those are made by NumPy."""
    natives = [item for item in run if isinstance(item, NativeOperation)]
    if not natives:
        if run:
            yield run
        return
    outside = _used_outside(natives, uses)
    outputs = {item.operation.output for item in natives}
    part: list[PreparedOperation] = []
    for index, item in enumerate(natives):
        view = not len(item.records)
        if view and (item.operation.output in outside or item.operation.inputs[0] not in outputs or not part):
            if part:
                yield part
            yield [PreparedStep(item.operation)]
            yield from _without_views_that_leave(list(natives[index + 1 :]), uses)
            return
        part.append(item)
    if part:
        yield part


def _join_residuals(
    prepared: Sequence[PreparedOperation], uses: Counter[ValueName], shapes: Shapes
) -> list[PreparedOperation]:
    """Return the operations with sums of two values joined to the correlation that makes the later of them."""
    result: list[PreparedOperation | None] = []
    makers: dict[ValueName, int] = {}
    for item in prepared:
        operation = item.operation
        joined = None
        if isinstance(item, PreparedMerge) and len(operation.inputs) == 2:
            later = max(operation.inputs, key=lambda name: makers.get(name, -1))
            other = next((name for name in operation.inputs if name != later), None)
            maker = makers.get(later, -1)
            convolution = result[maker] if maker >= 0 else None
            if other is not None and uses[later] == 1 and shapes[later] == shapes[other] == operation.output_shape:
                joined = _joined(convolution, item, other)
            if joined is not None:
                result[maker] = None
        makers[operation.output] = len(result)
        result.append(joined or item)
    return [item for item in result if item is not None]


def _joined(
    convolution: PreparedOperation | None, merge: PreparedMerge, other: ValueName
) -> NativeCorrelationOperation | None:
    """Return a correlation that adds another value to its sums, as a merge does; None where the core cannot."""
    if not isinstance(convolution, NativeCorrelationOperation) or merge.kind != "sum":
        return None
    correlation: NativeCorrelation = convolution.correlation
    filters, dtype = correlation.problem.filters, correlation.problem.dtype
    after = native_epilogue(merge.operation.epilogue, filters, dtype)
    own = correlation.epilogue
    if not own.is_affine or after.rest or after.scale is not None or after.bias is not None:
        return None
    if len(convolution.operation.inputs) > 1 or not correlation.takes_residual:
        return None
    correlation.set_epilogue(after._replace(scale=own.scale, bias=own.bias))
    operation = replace(
        convolution.operation,
        inputs=(*convolution.operation.inputs, other),
        output=merge.operation.output,
        fused=(*convolution.operation.fused, merge.operation.layer, *merge.operation.fused),
    )
    return NativeCorrelationOperation(operation, convolution.algorithm, correlation)


def value_shapes(prepared: Sequence[PreparedOperation], inputs: Mapping[str, tuple[int, ...]]) -> Shapes:
    """Return the shape of one sample of each value: the inputs of the program and what its operations make."""
    shapes: dict[ValueName, tuple[int, ...]] = dict(inputs.items())
    shapes.update((item.operation.output, item.operation.output_shape) for item in prepared)
    return shapes
