"""A layer as a model file writes it: a mapping with its type as the one key, or the call form `Conv2D(40, 3)`."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from convcli.core.dtypes import MAX_INTEGER_BITS
from convcli.core.errors import ConvcliError, short_repr, suggestion
from convcli.core.records import Record, field
from convcli.model.activations import ACTIVATIONS
from convcli.model.layers import LAYERS, TRAINING_ONLY, UNKNOWN, Layer, UnknownLayer, canonical_name
from convcli.model.spelling import Spelling

MOST_CHARACTERS = 100_000  # of a call: Python's parser needs a thousand times as many bytes
INPUT_TYPES = ("input", "inputlayer")  # the types, without case and underscores, that state the shape of the input
SHARED = "shared"  # the type that calls an earlier layer again; its arguments are `layer` and `inputs`
# What may stand between two numbers: `Rescaling(1/255)`, `nn.Linear(16 * 5 * 5, 120)`.
ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mult: operator.mul,
    ast.Add: operator.add,
    ast.Sub: operator.sub,
}
SEQUENTIAL = "Sequential"  # the class of models that are lists of layers, in Keras and in PyTorch
EXAMPLE = "such as Conv2D(40, 3)"
QUOTED = f"{EXAMPLE}, in quotes inside a list"


class LayerConfig(Record):
    """A layer that is not checked yet: its type as the file spells it, and its arguments by name.

    `spelling` is how the model's framework writes it, where that is not Keras.
    """

    type: str
    arguments: Mapping[str, Any] = field(factory=dict)
    spelling: Spelling | None = None


class LayerCall(Record):
    """A layer as a text or a mapping writes it: `prefix.type(*positional, **named)`.

    The prefix is the part of the name before the last dot: `torch.nn` of `torch.nn.Conv2d`.
    """

    type: str
    positional: tuple[Any, ...] = ()
    named: Mapping[str, Any] = field(factory=dict)
    prefix: str = ""

    @property
    def written(self) -> str:
        """The name as it is written."""
        return f"{self.prefix}.{self.type}" if self.prefix else self.type


def parse_layer(value: Any) -> LayerConfig:
    """Parse a layer in Keras's words: text in the call form, or a mapping `TYPE: ARGUMENTS`. Raises `ConvcliError`.

    >>> parse_layer({"conv2d": {"filters": 40, "kernel_size": 3}})
    LayerConfig(type='conv2d', arguments={'filters': 40, 'kernel_size': 3}, spelling=None)
    >>> parse_layer({"dense": 10}).arguments
    {'units': 10}
    """
    return keras_config(read_call(value))


def keras_config(call: LayerCall) -> LayerConfig:
    """Return the layer that a call means in Keras's words. Raises `ConvcliError`."""
    arguments = _by_position(call.type, call.positional) if call.positional else {}
    for name, value in call.named.items():
        if name in arguments:
            raise ConvcliError(f"{name} is given twice in {call.type}(…)")
        arguments[name] = value
    return LayerConfig(call.type, arguments)


def read_call(value: Any) -> LayerCall:
    """Return a layer as it is written: a `LayerCall` itself, text in the call form, or a mapping `TYPE: ARGUMENTS`.

    Raises `ConvcliError`.
    """
    if isinstance(value, LayerCall):
        return value
    if isinstance(value, str):
        return parse_call(value)
    if not isinstance(value, Mapping) or len(value) != 1:
        raise ConvcliError(
            f"{short_repr(value)} is not a layer",
            "one key, its type, with its arguments indented under it; or text such as Conv2D(40, 3)",
        )
    ((layer_type, arguments),) = value.items()
    prefix, _, name = str(layer_type).rpartition(".")
    if isinstance(arguments, Mapping):
        return LayerCall(name, (), {str(key): argument for key, argument in arguments.items()}, prefix)
    if arguments is None:
        return LayerCall(name, prefix=prefix)
    if isinstance(arguments, int | float | str):
        return LayerCall(name, (arguments,), prefix=prefix)
    raise ConvcliError(f"{layer_type}: {short_repr(arguments)} is not a mapping", "arguments by name")


def parse_call(text: str) -> LayerCall:
    """Parse a layer in the call form. Raises `ConvcliError`.

    >>> parse_call("keras.layers.Conv2D(40, 3, activation='relu')")
    LayerCall(type='Conv2D', positional=(40, 3), named={'activation': 'relu'}, prefix='keras.layers')
    """
    if text.strip().isidentifier():
        return LayerCall(text.strip())
    return call_of(parse_python(text, "layer", QUOTED), text)


def parse_python(text: str, what: str, remedy: str) -> ast.expr:
    """Parse a Python expression, which is never run. Raises `ConvcliError`: `text` is not a `what`."""
    if len(text) > MOST_CHARACTERS:
        problem = f"{short_repr(text)} is not a {what}: {len(text):,} characters"
        raise ConvcliError(problem, "arrays in files, or in a mapping")
    with _python_errors(text, what, remedy):
        return _added(ast.parse(text.strip(), mode="eval").body)


@contextmanager
def _python_errors(text: str, what: str, remedy: str) -> Iterator[None]:
    """Turn the errors of Python's parser, and of numbers in its tree, into a `ConvcliError`."""
    try:
        yield
    except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError) as error:
        too_deep = isinstance(error, RecursionError | MemoryError)
        reason = "too deep" if too_deep else getattr(error, "msg", str(error))
        raise ConvcliError(f"{short_repr(text)} is not a {what}: {reason}", remedy) from None


def call_of(tree: ast.expr, text: str, names_are_text: bool = False) -> LayerCall:
    """Return the call that an expression is, a name alone being one without arguments. Raises `ConvcliError`.

    `text` is the expression's in messages. With `names_are_text`, a bare name among the arguments is a text.
    """
    function = tree.func if isinstance(tree, ast.Call) else tree
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", None)
    if name is None:
        raise ConvcliError(f"{short_repr(text)} is not a layer", EXAMPLE)
    if name == SEQUENTIAL:
        raise ConvcliError("Sequential is a model, not a layer", "its layers one by one, or the model in place of them")
    prefix = ast.unparse(function.value) if isinstance(function, ast.Attribute) else ""
    if not isinstance(tree, ast.Call):
        return LayerCall(name, prefix=prefix)
    with _python_errors(text, "layer", QUOTED):
        return LayerCall(name, *_arguments(tree, text, names_are_text), prefix)


def _added(tree: ast.expr) -> ast.expr:
    """Return the layer in `model.add(LAYER)`; any other expression as it is."""
    is_add = isinstance(tree, ast.Call) and isinstance(tree.func, ast.Attribute) and tree.func.attr == "add"
    layer = tree.args[0] if is_add and len(tree.args) == 1 and not tree.keywords else tree  # type: ignore[attr-defined]
    return layer if isinstance(layer, ast.Call | ast.Name | ast.Attribute) else tree


def _arguments(tree: ast.Call, text: str, names_are_text: bool) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the positional and the keyword arguments of a call. Raises `ConvcliError` where one is not a literal."""
    named: dict[str, Any] = {}
    for keyword in tree.keywords:
        if keyword.arg is None:
            raise ConvcliError(f"** in {short_repr(text)}", "arguments by name")
        if keyword.arg in named:
            raise ConvcliError(f"{keyword.arg} is given twice in {short_repr(text)}")
        named[keyword.arg] = _argument(keyword.arg, keyword.value, names_are_text)
    words = map(_word, tree.args)
    positional = (
        word if word in ACTIVATIONS else literal(argument, names_are_text)
        for word, argument in zip(words, tree.args, strict=True)
    )
    return tuple(positional), named


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


def _argument(name: str, node: ast.expr, names_are_text: bool) -> Any:
    """Return the value of an argument by name; of one that matters only in training (`l2(0.01)`) any text will do."""
    try:
        return _literal_or_word(node, names_are_text)
    except ConvcliError:
        if TRAINING_ONLY.fullmatch(name):
            return ast.unparse(node)
        raise


def _literal_or_word(node: ast.expr, names_are_text: bool) -> Any:
    """Return the value of an argument by name, whose words need no quotes: `activation=relu`, `padding=same`."""
    word = _word(node)
    return literal(node, names_are_text) if word is None else word


def _word(node: ast.expr) -> str | None:
    """Return the word that a name is, or the last of a dotted one (`keras.activations.relu`); None for the rest."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else None


def literal(node: Any, names_are_text: bool = False) -> Any:
    """Return the value of a Python literal, or of arithmetic of numbers; a tuple becomes a list.

    With `names_are_text` a bare name stands for a text. Raises `ConvcliError`.
    """
    if names_are_text and isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float | str | None):
        return _constant(node.value)
    if isinstance(node, ast.List | ast.Tuple):
        return [literal(item, names_are_text) for item in node.elts]
    if isinstance(node, ast.Dict) and not any(
        isinstance(key, ast.List | ast.Tuple | ast.Dict | None) for key in node.keys
    ):
        return {literal(key): literal(value) for key, value in zip(node.keys, node.values, strict=True)}
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        value = literal(node.operand)
        if isinstance(value, int | float):
            return -value if isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC:
        left, right = literal(node.left), literal(node.right)
        divides = isinstance(node.op, ast.Div | ast.FloorDiv)
        if isinstance(left, int | float) and isinstance(right, int | float) and (right or not divides):
            return _constant(ARITHMETIC[type(node.op)](left, right))
    remedy = "a number, text in quotes, list, True, False, None, or arithmetic of numbers"
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
