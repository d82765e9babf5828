"""The calls of a layer: Keras writes each as an inbound node, which says what tensors the call takes.

Keras 3 writes a node as `{"args": [...], "kwargs": {...}}`, Keras 2 as a list of `[layer, call, output, kwargs]`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from convcli.core.errors import ConvcliError, short_repr
from convcli.core.records import Record, field, replace
from convcli.readers.keras.json_values import config_of, sample_shape
from convcli.readers.reader import NotFollowedError

CONSTANT = "_CONSTANT_VALUE"  # what Keras 2 writes in place of a layer's name where a call takes a number
MOST_NESTED = 50  # lists or mappings around a tensor
OPERAND_NAMES = ("inputs", "x", "x1", "x2", "y")  # keyword arguments that hold tensors or numbers

TensorReference = tuple[str, int, int]  # the name of a layer, which of its calls, and which output of that call
Operand = TensorReference | float


class Call(Record):
    """One call of a layer or model: the operands that it takes, in order.

    Where the operands stand in a mapping, `input_names` are its keys: the inputs of the called model that take them.
    `shapes` are those of samples of the tensors, as far as the file tells them. `problem` says what of the call cannot
    be followed; the operands are then its tensors alone.
    """

    operands: tuple[Operand, ...]
    input_names: tuple[str, ...] = ()
    shapes: Mapping[TensorReference, Sequence[Any]] = field(factory=dict)
    problem: str | None = None


def read_call(node: Any) -> Call:
    """Read one inbound node of Keras 3 or Keras 2. Raises `ConvcliError`."""
    tensors = dict(_tensors_in(node, MOST_NESTED))
    told = {reference: shape for reference, shape in tensors.items() if shape is not None}
    try:
        return replace(_read_call(node), shapes=told)
    except NotFollowedError as error:
        return Call(tuple(tensors), shapes=told, problem=error.problem)


def _tensors_in(value: Any, depth: int) -> Iterator[tuple[TensorReference, Sequence[Any] | None]]:
    """Yield every tensor anywhere in a call, with the shape of a sample where Keras wrote it."""
    if _is_reference(value):
        yield _reference(value), None
        value = value[3:]  # the keyword arguments of Keras 2
    elif isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
        config = config_of(value)
        yield _reference(config.get("keras_history")), sample_shape(config.get("shape"))
        return
    if not depth:
        raise ConvcliError(f"a call nested more than {MOST_NESTED} deep", "tensors in lists or mappings")
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _tensors_in(item, depth - 1)


def _read_call(node: Any) -> Call:
    if not isinstance(node, dict):
        return Call(tuple(_operands_of_keras_2(node)))
    args = node.get("args")
    if not isinstance(args, list | None):
        raise ConvcliError(f"args: {short_repr(args)}", "a list")
    args = args or []
    _check_ranks(args)
    operands = [operand for value in args for operand in _operands(value)]
    operands += _keyword_operands(node.get("kwargs"))
    named = args[0] if len(args) == 1 and _is_plain_mapping(args[0]) else {}
    return Call(tuple(operands), tuple(sorted(named)))


def tensor_references(value: Any) -> Iterator[TensorReference]:
    """Yield the tensors in a nest of lists and mappings; a mapping is read in the order of its sorted keys."""
    if _is_reference(value) or not isinstance(value, list | dict):
        yield _reference(value)
        return
    for item in [value[key] for key in sorted(value)] if isinstance(value, dict) else value:
        yield from tensor_references(item)


def _operands_of_keras_2(node: Any) -> Iterator[Operand]:
    items = node if isinstance(node, list) else [node]
    for item in [items] if items and isinstance(items[0], str) else items:
        if not isinstance(item, list) or len(item) < 3:
            raise ConvcliError(f"inbound_nodes: {short_repr(item)}", "[layer, call, output]")
        yield _number(item[2]) if item[0] == CONSTANT else _reference(item)
        yield from _keyword_operands(item[3] if len(item) > 3 else None)


def _operands(value: Any) -> Iterator[Operand]:
    """Yield the operands of one argument of a call: a number, or tensors."""
    if isinstance(value, int | float):
        yield _number(value)
    else:
        yield from _tensors(value)


def _tensors(value: Any) -> Iterator[Operand]:
    """Yield the tensors in a nest of lists and mappings; a mapping is read in the order of its sorted keys."""
    if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
        yield _reference(config_of(value).get("keras_history"))
    elif _is_plain_mapping(value):
        for key in sorted(value):
            yield from _tensors(value[key])
    elif isinstance(value, list):
        for item in value:
            yield from _tensors(item)
    elif value is not None:
        raise NotFollowedError(f"is called with {short_repr(value)}, which is not a tensor or a number by itself")


def _is_plain_mapping(value: Any) -> bool:
    return isinstance(value, dict) and "class_name" not in value


def _check_ranks(args: Sequence[Any]) -> None:
    """Raise `NotFollowedError` where an operation takes tensors of different ranks.

    Keras broadcasts these together with their batch axes, which convcli does not do.
    """
    shapes = [config_of(value).get("shape") for value in args if isinstance(value, dict) and "config" in value]
    if len({len(shape) for shape in shapes if isinstance(shape, list)}) > 1:
        raise NotFollowedError("is called with tensors of different ranks, which broadcast with their batches")


def _keyword_operands(arguments: Any) -> Iterator[Operand]:
    """Yield the operands among the keyword arguments of a call. Raises `NotFollowedError` for any other argument."""
    if not isinstance(arguments, dict | None):
        raise ConvcliError(f"kwargs: {short_repr(arguments)}", "a mapping")
    for name, value in sorted((arguments or {}).items()):
        if _is_unset(value) or (name == "name" and isinstance(value, str)):
            continue
        if name not in OPERAND_NAMES:
            raise NotFollowedError(f"is called with {name}={short_repr(value)}")
        if _is_reference(value):
            yield _reference(value)
        else:
            yield from _operands(value)


def _is_unset(value: Any) -> bool:
    """Return whether an argument is None or False, or holds nothing else (such as one None for each tensor)."""
    items = list(value.values()) if isinstance(value, dict) else value
    return all(map(_is_unset, items)) if isinstance(items, list) and items else value is None or value is False


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConvcliError(f"called with {short_repr(value)}", "tensors or numbers")
    return value


def _is_reference(value: Any) -> bool:
    types = (str, int, int)
    return isinstance(value, list) and len(value) >= 3 and all(map(isinstance, value, types))


def _reference(value: Any) -> TensorReference:
    if not _is_reference(value):
        raise ConvcliError(f"{short_repr(value)} is not a tensor", "[layer, call, output]")
    return value[0], value[1], value[2]
