"""The vocabularies of layers: which one a model is written in, and what its calls mean.

Names that several have follow the rest of the model, else they are Keras's, whose words are convcli's own. To add a
dialect, write a module with the table of its classes and enter it in `DIALECTS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

from convcli.core.errors import ConvcliError, short_repr
from convcli.core.option_choices import DIALECT_NAMES, KERAS
from convcli.core.option_names import option
from convcli.core.records import Record
from convcli.core.shapes import DataFormat
from convcli.model.layers import LAYERS, UNKNOWN, canonical_name
from convcli.model.spelling import Spelling
from convcli.readers.call_form import SHARED, LayerCall, LayerConfig, find_activation, is_input, keras_config

if TYPE_CHECKING:
    from convcli.readers.dialect_class import DialectClass

KERAS_PREFIXES = {"keras", "layers", "tf"}
GRAPH_KEYS = ("name", "inputs", "trainable")  # about a layer in the graph, in every dialect


class Dialect(Record):
    """A vocabulary besides Keras's.

    Args:
        title: the framework's name.
        prefixes: parts of the names of the modules that hold its classes.
        classes: the table of its classes.
        lacked: the names of further classes, which convcli has no layer for.
        own_names: names of classes that are the framework's alone, although an activation is called alike.
        data_format: its order of axes.
    """

    title: str
    prefixes: tuple[str, ...]
    classes: Mapping[str, DialectClass]
    lacked: tuple[str, ...]
    own_names: tuple[str, ...]
    data_format: DataFormat

    def has(self, call: LayerCall) -> bool:
        """Return whether a call is surely in this vocabulary: by its prefix, or by a name that Keras has not."""
        if call.prefix:
            return bool(set(self.prefixes).intersection(call.prefix.split(".")))
        known = call.type in self.classes or call.type in self.lacked
        return known and (call.type in self.own_names or not _is_keras_name(call.type))

    def config(self, call: LayerCall, name: str) -> LayerConfig:
        """Return the layer that a call means in this vocabulary; `name` is its name unless it has one of its own.

        Raises `ConvcliError`.
        """
        if _is_neutral(call):
            config = keras_config(call)
            named = {} if call.type == SHARED or "name" in call.named else {"name": name}
            return LayerConfig(config.type, {**config.arguments, **named})
        about = {"name": name, **{key: value for key, value in call.named.items() if key in GRAPH_KEYS}}
        named = {key: value for key, value in call.named.items() if key not in GRAPH_KEYS}
        class_name = self._class_name(call)
        row = self.classes.get(class_name)
        if row is None:
            return LayerConfig(UNKNOWN, {"class_name": class_name, **about}, Spelling(class_name))
        bound = row.bind(class_name, call.positional, named)
        spelling = Spelling(class_name, bound, row.expectations(bound), row.input_axes, row.extra_buffers)
        return LayerConfig(row.layer, {**row.layer_arguments(class_name, bound), **about}, spelling)

    def _class_name(self, call: LayerCall) -> str:
        """Return the class that a call is of; case and underscores do not count. Raises `ConvcliError`."""
        names = {canonical_name(name): name for name in (*self.classes, *self.lacked)}
        if call.type in names.values():
            return call.type
        name = names.get(canonical_name(call.type))
        if name is not None and (call.type.islower() or not call.prefix):
            return name
        remedy = f"did you mean {name}?" if name else _nearest(canonical_name(call.type), names)
        raise ConvcliError(f"{short_repr(call.written)} is not a layer of {self.title}", remedy)


def _nearest(canonical: str, names: Mapping[str, str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(canonical, names, n=1, cutoff=0.6)
    return f"did you mean {names[close[0]]}?" if close else "convcli help pytorch lists them"


def _torch() -> Dialect:
    from convcli.readers.torch import classes

    lacked = (*classes.LACKED, *classes.CONTAINERS)
    return Dialect("PyTorch", ("nn", "torch"), classes.CLASSES, lacked, ("Linear",), DataFormat.CHANNELS_FIRST)


DIALECTS: dict[str, Callable[[], Dialect]] = {"torch": cache(_torch)}
assert (KERAS, *DIALECTS) == DIALECT_NAMES


def dialect_of(calls: Sequence[LayerCall], requested: str | None = None) -> str:
    """Return the name of the vocabulary that a model's layers are written in, `keras` unless they say another.

    `requested` is the one that the model or the user names. Raises `ConvcliError` where layers are of different ones.
    """
    if requested not in (None, *DIALECT_NAMES):
        raise ConvcliError(f"dialect: {short_repr(requested)}", " or ".join(DIALECT_NAMES))
    if requested is None and all(map(_is_plainly_keras, calls)):
        return KERAS  # without importing the tables of the others
    firsts: dict[str, tuple[int, str]] = {}  # the first layer of each vocabulary, by its name
    for index, call in enumerate(calls):
        name = _vocabulary(call, requested)
        if name is not None:
            firsts.setdefault(name, (index, call.written))
    wrong = [(name, *first) for name, first in firsts.items() if requested not in (None, name)]
    if wrong:
        name, index, written = wrong[0]
        raise ConvcliError(
            f"layers[{index}]: {written} is {_title(name)}'s, but the dialect is {requested}",
            f"{option('dialect', name)}, or a layer of {_title(requested)}",
        )
    if len(firsts) > 1:
        (name, (index, written)), (other, (other_index, other_written)) = firsts.items()
        raise ConvcliError(
            f"layers[{index}] is {_title(name)}'s {written}, layers[{other_index}] {_title(other)}'s {other_written}",
            "all in the words of one of them",
        )
    return requested or next(iter(firsts), KERAS)


def _title(name: str | None) -> str:
    return DIALECTS[name]().title if name in DIALECTS else "Keras"


def _vocabulary(call: LayerCall, requested: str | None) -> str | None:
    """Return the vocabulary that a call is surely written in; None where several have its name.

    A requested vocabulary has the names of its classes whatever their case.
    """
    for name, dialect in DIALECTS.items():
        if dialect().has(call):
            settled = requested == KERAS and not call.prefix and canonical_name(call.type) in LAYERS
            return None if settled else name
    if is_input(call.type) or KERAS_PREFIXES.intersection(call.prefix.split(".")):
        return KERAS
    if _is_neutral(call):
        return None
    if any(call.type in dialect().classes for dialect in DIALECTS.values()):
        return None
    is_exact = getattr(LAYERS.get(canonical_name(call.type)), "__name__", None) == call.type
    if requested in DIALECTS and not is_exact:
        own = {canonical_name(name) for name in DIALECTS[requested]().classes}
        return None if canonical_name(call.type) in own or canonical_name(call.type) not in LAYERS else KERAS
    return KERAS if _is_keras_name(call.type) or canonical_name(call.type) in LAYERS else None


def _is_plainly_keras(call: LayerCall) -> bool:
    """Return whether a call is Keras's, or has a name that Keras has too, as far as no other table is needed."""
    if call.prefix:
        return bool(KERAS_PREFIXES.intersection(call.prefix.split(".")))
    if is_input(call.type):
        return True
    return (call.type.islower() and call.type.isidentifier()) or (call.type != "Linear" and _is_keras_name(call.type))


def _is_keras_name(name: str) -> bool:
    """Return whether a name is exactly that of a class of Keras, or that of an activation in any spelling."""
    layer = LAYERS.get(canonical_name(name))
    if layer is not None and name in (layer.__name__, *layer.aliases, layer.keras_name()):
        return True
    return layer is None and find_activation(name) is not None


def _is_neutral(call: LayerCall) -> bool:
    """Return whether a call belongs to no vocabulary: another call of a layer, or a merge in lower case."""
    layer = LAYERS.get(canonical_name(call.type))
    return call.type == SHARED or (call.type.islower() and layer is not None and layer.input_count != (1, 1))
