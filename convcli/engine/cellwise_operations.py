"""Pooling, merges and activations as operations of the native core, where it has a kernel for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.core.shapes import known
from convcli.engine.algorithms.native_cellwise import (
    JOINS,
    join_record,
    pool_factors,
    pooling_record,
    suits_pooling,
)
from convcli.engine.epilogue import Epilogue
from convcli.engine.fusion import Operation
from convcli.engine.linearize import ValueName
from convcli.engine.native.core import NativeCore
from convcli.engine.native.epilogue import native_epilogue
from convcli.engine.native.records import AXES, address, dense_steps, new_records
from convcli.engine.native_operations import NativeOperation, Reference
from convcli.engine.prepared_operations import PreparedEpilogue, PreparedMerge, PreparedOperation, PreparedPool
from convcli.model.steps import ChangeShape, GlobalPool, Pool
from convcli.model.window import Window

Shapes = Mapping[ValueName, tuple[int, ...]]
WHOLE_VECTORS = 64  # numbers: scales and biases are read in whole vectors, of up to four at a time


def as_native(item: PreparedOperation, core: NativeCore, shapes: Shapes, dtype: str) -> PreparedOperation:
    """Return the operation as one of the core, or as it is where the core has no kernel for it.

    `shapes` are those of one sample of each value.
    """
    operation = item.operation
    if isinstance(item, NativeOperation):
        return item
    if isinstance(operation.step, ChangeShape) and not operation.epilogue:
        return NativeOperation(operation, new_records(core, [], dtype), [], None)
    if any(not 1 <= len(shapes[name]) <= AXES + 1 for name in operation.inputs):
        return item
    if isinstance(item, PreparedPool) and isinstance(operation.step, Pool):
        return _pooling(operation, operation.step, core, dtype) or item
    if isinstance(operation.step, GlobalPool):
        windows = tuple(Window(extent, stride=extent) for extent in operation.input_shape[:-1])
        return _pooling(operation, Pool(operation.step.kind, windows), core, dtype) or item
    if isinstance(item, PreparedMerge):
        equal = all(shapes[name] == operation.output_shape for name in operation.inputs)
        suits = len(operation.inputs) == 2 and equal and item.kind in JOINS
        return (_join(operation, item.kind, core, dtype) if suits else None) or item
    if isinstance(item, PreparedEpilogue):
        return _join(operation, "nothing", core, dtype) or item
    return item


def _pooling(operation: Operation, step: Pool, core: NativeCore, dtype: str) -> NativeOperation | None:
    """Return pooling by the core; None where its kernel is slow, or has not the epilogue."""
    *space, channels = operation.input_shape
    if not step.windows or not suits_pooling(step.windows):
        return None
    factors = pool_factors(step, space, dtype)
    record = pooling_record(core, step, space, channels, dtype, factors)
    positions = [known(window.output_extent(width)) for window, width in zip(step.windows, space, strict=True)]
    record["x_step"], record["y_step"] = dense_steps((*space, channels)), dense_steps((*positions, channels))
    return _operation(operation, core, record, factors, ["x"])


def _join(operation: Operation, how: str, core: NativeCore, dtype: str) -> NativeOperation | None:
    """Return what becomes of one value or two by the core; None where it has not the epilogue."""
    *space, channels = operation.output_shape
    record = join_record(core, how, space, channels, dtype)
    for field in ("x_step", "y_step", "z_step"):
        record[field] = dense_steps((*space, channels))
    return _operation(operation, core, record, None, ["x", "z"])


def _operation(
    operation: Operation, core: NativeCore, record: Array, owner: Any, fields: list[str]
) -> NativeOperation | None:
    """Return the operation with its epilogue in the record, which reads its inputs by these fields."""
    epilogue: Epilogue = operation.epilogue
    channels, dtype = operation.output_shape[-1], "float64" if record["is_double"][0] else "float32"
    native = native_epilogue(epilogue, channels, dtype)
    if native.rest:
        return None
    native.enter(core, record)
    owned = [owner]
    for field, numbers in (("scale", native.scale), ("bias", native.bias)):
        if numbers is not None:
            padded = np.zeros(-(-channels // WHOLE_VECTORS) * WHOLE_VECTORS, dtype)
            padded[:channels] = numbers
            owned.append(padded)
            record[field] = address(padded)
    references = [Reference(0, field, name) for field, name in zip(fields, operation.inputs, strict=False)]
    return NativeOperation(operation, record, [*references, Reference(0, "y", operation.output)], owned)
