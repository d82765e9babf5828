"""A layer as it is written, in a mapping or in the call form -> its type and its arguments by name."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from convcli.core.errors import ConvcliError, nearest, short
from convcli.core.records import Record, field
from convcli.io.yaml_json import MOST_BITS
from convcli.model.activations import ACTIVATIONS
from convcli.model.layers import LAYERS, Layer, normalised

MOST_LETTERS = 100_000  # of a call: Python's parser takes a thousand times its size
SHARED = "shared"  # the type of an entry that calls an earlier layer again: its arguments are layer and inputs


class LayerConfig(Record):
    """One layer as the model file has it: its type, and its arguments by name."""

    type: str
    arguments: Mapping[str, Any] = field(factory=dict)


def parse_layer(value: Any) -> LayerConfig:
    """A layer in the call form (`"Conv2D(40, 3)"`), or a mapping with its type as the one key."""
    if isinstance(value, str):
        return parse_call(value)
    if not isinstance(value, Mapping) or len(value) != 1:
        raise ConvcliError(
            f"{short(value)} is not a layer",
            "one key, its type, with its arguments indented under it; or text such as Conv2D(40, 3)",
        )
    ((name, arguments),) = value.items()
    if arguments is None:
        arguments = {}
    if isinstance(arguments, int | float | str):
        arguments = _by_position(str(name), [arguments])
    if not isinstance(arguments, Mapping):
        raise ConvcliError(f"{name}: {short(arguments)} where arguments belong", "a mapping of them")
    return LayerConfig(str(name), {str(key): each for key, each in arguments.items()})


def parse_call(text: str) -> LayerConfig:
    """The call form: `Conv2D(40, 3, activation="relu")`, `keras.layers.Rescaling(1/255)`, `flatten`."""
    if text.strip().isidentifier():
        return LayerConfig(text.strip())
    if len(text) > MOST_LETTERS:
        raise ConvcliError(f"{short(text)} is not a layer: {len(text):,} letters", "arrays in files, or in a mapping")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
        function = tree.func if isinstance(tree, ast.Call) else tree
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", None)
        if name is None:
            raise ConvcliError(f"{short(text)} is not a layer", "such as Conv2D(40, 3)")
        _check_prefix(function)
        if not isinstance(tree, ast.Call):
            return LayerConfig(name)
        positional = [_literal(each) for each in tree.args]
        named = [(each.arg, _literal(each.value)) for each in tree.keywords]
    except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError) as error:
        deep = isinstance(error, RecursionError | MemoryError)
        reason = "too deep" if deep else getattr(error, "msg", str(error))
        raise ConvcliError(
            f"{short(text)} is not a layer: {reason}", "such as Conv2D(40, 3), in quotes inside a list"
        ) from None
    arguments = _by_position(name, positional)
    for key, value in named:
        if key is None:
            raise ConvcliError(f"** in {short(text)}", "arguments by name")
        if key in arguments:
            raise ConvcliError(f"{key} is given twice in {short(text)}")
        arguments[key] = value
    return LayerConfig(name, arguments)


def _check_prefix(function: ast.expr) -> None:
    """Refuse what is PyTorch's: its arguments stand in another order."""
    prefix = ast.unparse(function.value) if isinstance(function, ast.Attribute) else ""
    if {"nn", "torch"} & set(prefix.split(".")):
        raise ConvcliError(f"{ast.unparse(function)} is PyTorch's", "as in Keras: Conv2D(filters, kernel_size)")


def _by_position(kind: str, values: Sequence[Any]) -> dict[str, Any]:
    layer = None if kind == SHARED else layer_class(kind)
    title, names = (layer.__name__, layer.positional()) if layer else (SHARED, ("layer",))
    if len(values) > len(names):
        raise ConvcliError(
            f"{title} takes {len(names)} arguments by position, got {len(values)}",
            f"in order: {', '.join(names)}",
        )
    return dict(zip(names, values, strict=False))


def _literal(node: Any) -> Any:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float | str | None):
        if isinstance(node.value, int) and node.value.bit_length() > MOST_BITS:
            raise ConvcliError(f"a whole number of {node.value.bit_length()} bits", "a smaller one")
        return node.value
    if isinstance(node, ast.List | ast.Tuple):
        return [_literal(each) for each in node.elts]
    if isinstance(node, ast.Dict) and not any(
        isinstance(key, ast.List | ast.Tuple | ast.Dict | None) for key in node.keys
    ):
        return {_literal(key): _literal(value) for key, value in zip(node.keys, node.values, strict=True)}
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        value = _literal(node.operand)
        if isinstance(value, int | float):
            return -value if isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        above, below = _literal(node.left), _literal(node.right)
        if isinstance(above, int | float) and isinstance(below, int | float) and below:
            return above / below
    raise ConvcliError(f"{ast.unparse(node)!r} is not a literal", "a number, text, list, True, False, None, or a/b")


def layer_class(name: str) -> type[Layer]:
    """The class of a layer type, whatever its case and underscores; an activation's name is an `Activation`."""
    found = LAYERS.get(normalised(name))
    if found is not None:
        return found
    if find_activation(name):
        return LAYERS["activation"]
    known = {each.keras_name() for each in LAYERS.values()} | set(ACTIVATIONS)
    raise ConvcliError(f"unknown layer type {name!r}", nearest(name, known, "convcli help layer-types lists them"))


def find_activation(name: str) -> str | None:
    """The activation of that name, whatever its case and underscores, or None."""
    return next((each for each in ACTIVATIONS if normalised(each) == normalised(name)), None)
