"""A layer as a model file writes it: a mapping with its type as the one key, or the call form `Conv2D(40, 3)`."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from convcli.core.dtypes import MAX_INTEGER_BITS
from convcli.core.errors import ConvcliError, short_repr, suggestion
from convcli.core.records import Record, field
from convcli.model.activations import ACTIVATIONS
from convcli.model.layers import LAYERS, UNKNOWN, Layer, UnknownLayer, canonical_name

MOST_CHARACTERS = 100_000  # of a call: Python's parser needs a thousand times as many bytes
INPUT_TYPES = ("input", "inputlayer")  # the types, without case and underscores, that state the shape of the input
SHARED = "shared"  # the type that calls an earlier layer again; its arguments are `layer` and `inputs`
EXAMPLE = "such as Conv2D(40, 3)"


class LayerConfig(Record):
    """A layer that is not checked yet: its type as the file spells it, and its arguments by name."""

    type: str
    arguments: Mapping[str, Any] = field(factory=dict)


def parse_layer(value: Any) -> LayerConfig:
    """Parse a layer: text in the call form, or a mapping `TYPE: ARGUMENTS`. Raises `ConvcliError`.

    >>> parse_layer({"conv2d": {"filters": 40, "kernel_size": 3}})
    LayerConfig(type='conv2d', arguments={'filters': 40, 'kernel_size': 3})
    >>> parse_layer({"dense": 10})
    LayerConfig(type='dense', arguments={'units': 10})
    """
    if isinstance(value, str):
        return parse_call(value)
    if not isinstance(value, Mapping) or len(value) != 1:
        raise ConvcliError(
            f"{short_repr(value)} is not a layer",
            "one key, its type, with its arguments indented under it; or text such as Conv2D(40, 3)",
        )
    ((layer_type, arguments),) = value.items()
    _refuse_pytorch(str(layer_type), *_mapping_arguments(arguments))
    if arguments is None:
        arguments = {}
    if isinstance(arguments, int | float | str):
        arguments = _by_position(str(layer_type), [arguments])
    if not isinstance(arguments, Mapping):
        raise ConvcliError(f"{layer_type}: {short_repr(arguments)} is not a mapping", "arguments by name")
    return LayerConfig(str(layer_type), {str(name): argument for name, argument in arguments.items()})


def parse_call(text: str) -> LayerConfig:
    """Parse a layer in the call form. Raises `ConvcliError`.

    >>> parse_call("keras.layers.Conv2D(40, 3, activation='relu')")
    LayerConfig(type='Conv2D', arguments={'filters': 40, 'kernel_size': 3, 'activation': 'relu'})
    """
    if text.strip().isidentifier():
        _refuse_pytorch(text.strip())
        return LayerConfig(text.strip())
    if len(text) > MOST_CHARACTERS:
        raise ConvcliError(
            f"{short_repr(text)} is not a layer: {len(text):,} characters", "arrays in files, or in a mapping"
        )
    try:
        layer_type, positional, named = _parse_python(text)
    except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError) as error:
        too_deep = isinstance(error, RecursionError | MemoryError)
        reason = "too deep" if too_deep else getattr(error, "msg", str(error))
        raise ConvcliError(
            f"{short_repr(text)} is not a layer: {reason}", f"{EXAMPLE}, in quotes inside a list"
        ) from None
    arguments = _by_position(layer_type, positional)
    for name, value in named:
        if name is None:
            raise ConvcliError(f"** in {short_repr(text)}", "arguments by name")
        if name in arguments:
            raise ConvcliError(f"{name} is given twice in {short_repr(text)}")
        arguments[name] = value
    return LayerConfig(layer_type, arguments)


def _parse_python(text: str) -> tuple[str, list[Any], list[tuple[str | None, Any]]]:
    """Return a call's function, its positional and its keyword arguments. Raises what `ast.parse` raises too."""
    tree = _added(ast.parse(text.strip(), mode="eval").body)
    function = tree.func if isinstance(tree, ast.Call) else tree
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", None)
    if name is None:
        raise ConvcliError(f"{short_repr(text)} is not a layer", EXAMPLE)
    positional, named = _literal_arguments(tree, ast.unparse(function)) if isinstance(tree, ast.Call) else ([], [])
    _refuse_pytorch(ast.unparse(function), positional, {key: value for key, value in named if key is not None})
    return name, positional, named


def _added(tree: ast.expr) -> ast.expr:
    """Return the layer in `model.add(LAYER)`; any other expression as it is."""
    is_add = isinstance(tree, ast.Call) and isinstance(tree.func, ast.Attribute) and tree.func.attr == "add"
    layer = tree.args[0] if is_add and len(tree.args) == 1 and not tree.keywords else tree  # type: ignore[attr-defined]
    return layer if isinstance(layer, ast.Call | ast.Name | ast.Attribute) else tree


def _literal_arguments(call: ast.Call, name: str) -> tuple[list[Any], list[tuple[str | None, Any]]]:
    """Return a call's positional and keyword arguments. Raises `ConvcliError` where one is not a literal."""
    try:
        positional = [
            _word(argument) if _word(argument) in ACTIVATIONS else _literal(argument) for argument in call.args
        ]
        return positional, [(keyword.arg, _literal_or_word(keyword.value)) for keyword in call.keywords]
    except ConvcliError:
        _refuse_pytorch(name)  # nn.Sequential(nn.Conv2d(…)): whose it is matters more than what is in it
        raise


def _refuse_pytorch(name: str, positional: Sequence[Any] = (), named: Mapping[str, Any] | None = None) -> None:
    """Raise `ConvcliError` for a layer of PyTorch, whose arguments stand in another order."""
    layer = LAYERS.get(canonical_name(name))
    if (name.isidentifier() and name.islower()) or (layer is not None and layer.__name__ == name):
        return  # Keras's own spelling: the table of PyTorch's is not needed
    from convcli.readers import pytorch_spelling

    error = pytorch_spelling.refusal(name, positional, named)
    if error is not None:
        raise error


def _mapping_arguments(arguments: Any) -> tuple[Sequence[Any], Mapping[str, Any]]:
    """Return the positional and the keyword arguments that stand under a layer's type in a mapping."""
    if isinstance(arguments, Mapping):
        return (), {str(name): value for name, value in arguments.items() if name not in ("name", "inputs")}
    return ((), {}) if arguments is None else ((arguments,), {})


def _by_position(layer_type: str, values: Sequence[Any]) -> dict[str, Any]:
    """Return positional arguments by their names."""
    names: tuple[str, ...]
    if layer_type == SHARED or is_input(layer_type):
        title, names = layer_type, ("layer",) if layer_type == SHARED else ("shape",)
    else:
        layer = layer_class(layer_type)
        title, names = layer.__name__, layer.positional_arguments()
    if len(values) > len(names):
        raise ConvcliError(
            f"{title} takes {len(names)} argument{'s' * (len(names) != 1)} by position, got {len(values)}",
            f"in order: {', '.join(names)}",
        )
    return dict(zip(names, values, strict=False))


def is_input(layer_type: str) -> bool:
    """Return whether a layer of this type only states the shape of the input: `Input(shape=(8, 1))`."""
    return canonical_name(layer_type) in INPUT_TYPES


def _literal_or_word(node: ast.expr) -> Any:
    """Return the value of an argument by name, whose words need no quotes: `activation=relu`, `padding=same`."""
    word = _word(node)
    return _literal(node) if word is None else word


def _word(node: ast.expr) -> str | None:
    """Return the word that a name is, or the last of a dotted one (`keras.activations.relu`); None for the rest."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else None


def _literal(node: Any) -> Any:
    """Return the value of a Python literal, or of a quotient of two numbers; a tuple becomes a list."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float | str | None):
        return _constant(node.value)
    if isinstance(node, ast.List | ast.Tuple):
        return [_literal(item) for item in node.elts]
    if isinstance(node, ast.Dict) and not any(
        isinstance(key, ast.List | ast.Tuple | ast.Dict | None) for key in node.keys
    ):
        return {_literal(key): _literal(value) for key, value in zip(node.keys, node.values, strict=True)}
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        value = _literal(node.operand)
        if isinstance(value, int | float):
            return -value if isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        dividend, divisor = _literal(node.left), _literal(node.right)
        if isinstance(dividend, int | float) and isinstance(divisor, int | float) and divisor:
            return dividend / divisor
    remedy = "a number, text in quotes, list, True, False, None, or a/b"
    raise ConvcliError(f"{short_repr(ast.unparse(node))} is not a literal", remedy)


def _constant(value: float | str | None) -> float | str | None:
    if isinstance(value, int) and value.bit_length() > MAX_INTEGER_BITS:
        raise ConvcliError(f"a whole number of {value.bit_length()} bits", "a smaller one")
    return value


def layer_class(name: str) -> type[Layer]:
    """Return the class of a layer type; case and underscores do not count. The name of an activation is `Activation`.

    Raises `ConvcliError` for an unknown type.
    """
    result = UnknownLayer if name == UNKNOWN else LAYERS.get(canonical_name(name))
    if result is not None:
        return result
    if find_activation(name):
        return LAYERS["activation"]
    known = {layer.keras_name() for layer in LAYERS.values()} | set(ACTIVATIONS)
    raise ConvcliError(
        f"unknown layer type {short_repr(name)}", suggestion(name, known, "convcli help layer-types lists them")
    )


def find_activation(name: str) -> str | None:
    """Return the activation of that name, or None; case and underscores do not count."""
    return next((activation for activation in ACTIVATIONS if canonical_name(activation) == canonical_name(name)), None)
