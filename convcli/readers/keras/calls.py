"""What each call of a Keras layer takes, from Keras 3's nodes and Keras 2's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from convcli.errors import ConvcliError, short
from convcli.readers.keras.values import config_of

CONSTANT = "_CONSTANT_VALUE"
OPERANDS = ("inputs", "x", "x1", "x2", "y")  # what the arguments are called that tensors are given by

Reference = tuple[str, int, int]  # of a tensor: the layer, which of its calls, which of its outputs
Operand = Reference | float


def operands(node: Any) -> Iterator[Operand]:
    """What a call takes: tensors and numbers, in order."""
    if isinstance(node, dict):
        yield from _tensors(node.get("args"))
        yield from _named(node.get("kwargs"))
        return
    items = node if isinstance(node, list) else [node]
    for item in [items] if items and isinstance(items[0], str) else items:
        if not isinstance(item, list) or len(item) < 3:
            raise ConvcliError(f"inbound_nodes: {short(item)}", "[layer, call, output]")
        yield _number(item[2]) if item[0] == CONSTANT else _reference(item)
        yield from _named(item[3] if len(item) > 3 else None)


def _tensors(value: Any) -> Iterator[Operand]:
    if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
        yield _reference(config_of(value).get("keras_history"))
    elif isinstance(value, list):
        for each in value:
            yield from _tensors(each)
    elif value is not None:
        yield _number(value)


def _named(arguments: Any) -> Iterator[Operand]:
    """The operands among the arguments of a call that are given by name."""
    if not isinstance(arguments, dict | None):
        raise ConvcliError(f"kwargs: {short(arguments)}", "a mapping")
    for name, value in sorted((arguments or {}).items()):
        if _is_nothing(value) or (name == "name" and isinstance(value, str)):
            continue
        if name not in OPERANDS:
            raise ConvcliError(f"called with {name}={short(value)}", "a call for inference, on tensors or numbers")
        yield from [_reference(value)] if _is_reference(value) else _tensors(value)


def _is_nothing(value: Any) -> bool:
    """Whether an argument is not given: None or False, also for each of several tensors."""
    return all(map(_is_nothing, value)) if isinstance(value, list) and value else value is None or value is False


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
    """The tensors in a nest of lists and mappings."""
    if isinstance(value, dict):
        value = list(value.values())
    if _is_reference(value) or not isinstance(value, list):
        yield _reference(value)
        return
    for each in value:
        yield from references(each)
