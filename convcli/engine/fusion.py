"""Fuse the steps of a plan into operations, where no other step needs the value between them.

A step that works cell by cell joins the epilogue of the operation before it, which applies it to each block in place.
Padding with zeros becomes part of the convolution after it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from convcli.core.lazy_imports import Array
from convcli.core.records import Record, replace
from convcli.engine.epilogue import Epilogue, EpilogueFunction, epilogue_function
from convcli.engine.linearize import StepCall, ValueName, count_uses, linearize
from convcli.model import steps
from convcli.model.plan import Plan

Weights = Mapping[str, Array]


class Operation(Record):
    """One step, or none, and the epilogue that is applied to its result in place. Without a step the input is copied.

    `inputs` and `output` are the names of the values that it reads and makes. Shapes are those of one sample,
    `(*spatial, channels)`: `input_shape` of the first input, `output_shape` of the output. `layer` is the name of the
    layer that the step belongs to, and `where` what messages call that layer. `fused` names the layers of other steps
    that became part of the operation.
    """

    layer: str
    where: str
    step: steps.Step | None
    weights: Weights
    inputs: tuple[ValueName, ...]
    output: ValueName
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    epilogue: Epilogue = ()
    fused: tuple[str, ...] = ()


def fuse(
    plan: Plan, weights: Mapping[str, Weights], keep: Sequence[str], dtype: str
) -> tuple[list[Operation], dict[str, ValueName]]:
    """Return the operations of a plan in order, and for each name in `keep` the name of the value that it stands for.

    `keep` names the layers or model inputs whose values are the results. `weights` holds the arrays of each layer.
    """
    linear = linearize(plan)
    results = {name: linear.outputs.get(name, name) for name in keep}
    uses = count_uses(linear.calls, results.values())
    operations: list[Operation | None] = []
    makers: dict[ValueName, int] = {}  # for each value the index of the operation that makes it
    for call in linear.calls:
        operation = _unfused(call, weights)
        is_only_use = len(call.inputs) == 1 and uses[call.inputs[0]] == 1
        index = makers.get(call.inputs[0]) if is_only_use else None
        previous = None if index is None else operations[index]
        extended = None if previous is None else _with_epilogue(previous, operation, dtype)
        padded = None if previous is None else _with_padding(previous, operation)
        if index is not None and extended:
            operations[index] = extended
        else:
            if index is not None and padded:
                operations[index] = None  # its work is done by the convolution
            index = len(operations)
            operations.append(padded or _as_epilogue(operation, dtype))
        makers[call.output] = index
    return [operation for operation in operations if operation is not None], results


def _unfused(call: StepCall, weights: Mapping[str, Weights]) -> Operation:
    """Return a single step as an operation."""
    return Operation(
        layer=call.layer.name,
        where=call.layer.where,
        step=call.step,
        weights=weights.get(call.layer.node.owner, {}),
        inputs=call.inputs,
        output=call.output,
        input_shape=call.input_shapes[0],
        output_shape=call.output_shape,
    )


def _as_epilogue(operation: Operation, dtype: str) -> Operation:
    """Return the operation with its step turned into an epilogue where that is possible, else as it is."""
    function = _epilogue_function(operation, dtype)
    return operation if function is None else replace(operation, step=None, epilogue=(function,))


def _with_epilogue(previous: Operation, operation: Operation, dtype: str) -> Operation | None:
    """Return the previous operation with the operation's step added to its epilogue; None where that cannot be.

    A value whose shape or axes were changed may be a view of its input, which must not be written to.
    """
    if previous.step is not None and previous.step.is_view:
        return None
    function = _epilogue_function(operation, dtype)
    if function is None:
        return None
    fused = (*previous.fused, operation.layer)
    return replace(previous, output=operation.output, epilogue=(*previous.epilogue, function), fused=fused)


def _with_padding(previous: Operation, operation: Operation) -> Operation | None:
    """Return the convolution with windows that pad its input, where the previous operation pads it; else None.

    Cropping stays apart, because a window would read the cells that are cut off. So does padding before a transposed
    convolution, which pads its input only after stretching it.
    """
    pad, convolution = previous.step, operation.step
    if not isinstance(pad, steps.Pad) or not isinstance(convolution, steps.Correlate) or previous.epilogue:
        return None
    cropped = any(amount < 0 for pair in pad.amounts for amount in pair)
    adds_zeros = pad.mode == "zeros" and pad.value == 0
    if not adds_zeros or cropped or any(window.upsample > 1 for window in convolution.windows):
        return None
    windows = tuple(
        replace(window, before=window.before + before, after=window.after + after)
        for window, (before, after) in zip(convolution.windows, pad.amounts, strict=True)
    )
    step = replace(convolution, windows=windows)
    fused = (previous.layer, *previous.fused)
    return replace(operation, step=step, inputs=previous.inputs, input_shape=previous.input_shape, fused=fused)


def _epilogue_function(operation: Operation, dtype: str) -> EpilogueFunction | None:
    """Return the operation's step as a function for an epilogue, or None where it cannot be one."""
    if operation.step is None:
        return None
    return epilogue_function(operation.step, operation.weights, len(operation.output_shape), dtype)
