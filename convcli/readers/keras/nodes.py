"""What each call of a Keras layer takes, from Keras 3's nodes and Keras 2's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from convcli.core.errors import ConvcliError, short
from convcli.core.records import Record
from convcli.readers.keras.json_values import config_of

CONSTANT = "_CONSTANT_VALUE"
OPERANDS = ("inputs", "x", "x1", "x2", "y")  # what the arguments are called that tensors are given by

Reference = tuple[str, int, int]  # of a tensor: the layer, which of its calls, which of its outputs
Operand = Reference | float


class Call(Record):
    """What a call of a layer takes, in order; `names` are the inputs that a mapping gives them to."""

    operands: tuple[Operand, ...]
    names: tuple[str, ...] = ()


def call(node: Any) -> Call:
    """A call as Keras writes it: a mapping in Keras 3, a list in Keras 2. Raises `ConvcliError`."""
    args = node.get("args") if isinstance(node, dict) else None
    named = args[0] if isinstance(args, list) and len(args) == 1 and _is_mapping(args[0]) else {}
    return Call(tuple(_operands(node)), tuple(sorted(named)))


def _operands(node: Any) -> Iterator[Operand]:
    if isinstance(node, dict):
        args = node.get("args")
        if not isinstance(args, list | None):
            raise ConvcliError(f"args: {short(args)}", "a list")
        _check_ranks(args or [])
        for each in args or []:
            yield from [_number(each)] if isinstance(each, int | float) else _tensors(each)
        yield from _named(node.get("kwargs"))
        return
    items = node if isinstance(node, list) else [node]
    for item in [items] if items and isinstance(items[0], str) else items:
        if not isinstance(item, list) or len(item) < 3:
            raise ConvcliError(f"inbound_nodes: {short(item)}", "[layer, call, output]")
        yield _number(item[2]) if item[0] == CONSTANT else _reference(item)
        yield from _named(item[3] if len(item) > 3 else None)


def _tensors(value: Any) -> Iterator[Operand]:
    """The tensors in a nest of lists and mappings, those of a mapping in the order of its keys, as Keras has them."""
    if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
        yield _reference(config_of(value).get("keras_history"))
    elif _is_mapping(value):
        for key in sorted(value):
            yield from _tensors(value[key])
    elif isinstance(value, list):
        for each in value:
            yield from _tensors(each)
    elif value is not None:
        raise ConvcliError(f"called with {short(value)}", "tensors, or numbers by themselves")


def _is_mapping(value: Any) -> bool:
    return isinstance(value, dict) and "class_name" not in value


def _check_ranks(args: list[Any]) -> None:
    """Raise `ConvcliError` where an operation broadcasts tensors of different ranks, their batches too."""
    shapes = [config_of(each).get("shape") for each in args if isinstance(each, dict) and "config" in each]
    if len({len(shape) for shape in shapes if isinstance(shape, list)}) > 1:
        raise ConvcliError(
            "called with tensors of different ranks", "of one rank; a layer such as Add broadcasts samples"
        )


def _named(arguments: Any) -> Iterator[Operand]:
    """The operands among the arguments of a call that are given by name."""
    if not isinstance(arguments, dict | None):
        raise ConvcliError(f"kwargs: {short(arguments)}", "a mapping")
    for name, value in sorted((arguments or {}).items()):
        if _is_nothing(value) or (name == "name" and isinstance(value, str)):
            continue
        if name not in OPERANDS:
            raise ConvcliError(f"called with {name}={short(value)}", "a call for inference, on tensors or numbers")
        if _is_reference(value):
            yield _reference(value)
        else:
            yield from [_number(value)] if isinstance(value, int | float) else _tensors(value)


def _is_nothing(value: Any) -> bool:
    """Whether an argument is not given: None or False, also for each of several tensors."""
    parts = list(value.values()) if isinstance(value, dict) else value
    return all(map(_is_nothing, parts)) if isinstance(parts, list) and parts else value is None or value is False


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConvcliError(f"called with {short(value)}", "tensors or numbers")
    return value


def _is_reference(value: Any) -> bool:
    kinds = (str, int, int)
    return isinstance(value, list) and len(value) >= 3 and all(map(isinstance, value, kinds))


def _reference(value: Any) -> Reference:
    if not _is_reference(value):
        raise ConvcliError(f"{short(value)} is no tensor", "[layer, call, output]")
    return value[0], value[1], value[2]


def references(value: Any) -> Iterator[Reference]:
    """The tensors in a nest of lists and mappings, those of a mapping in the order of its keys, as Keras has them."""
    if _is_reference(value) or not isinstance(value, list | dict):
        yield _reference(value)
        return
    for each in [value[key] for key in sorted(value)] if isinstance(value, dict) else value:
        yield from references(each)
