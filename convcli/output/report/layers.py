"""The answer of `layers`: every layer with its arguments, or one of them."""

from __future__ import annotations

from typing import Any

from convcli.core.records import Record
from convcli.model.layers import Layer
from convcli.output.report import Report


class LayerArgument(Record):
    """An argument of a layer; one without a default is required, one not by position is given by name only."""

    name: str
    required: bool
    default: Any
    by_position: bool

    @property
    def default_text(self) -> str:
        """The default as Python writes it, with words in double quotes; empty for a required argument."""
        if self.required:
            return ""
        return f'"{self.default}"' if isinstance(self.default, str) else repr(self.default)

    def mapping(self) -> dict[str, Any]:
        """Return what JSON shows of it."""
        default = {} if self.required else {"default": self.default}
        return {"name": self.name, "required": self.required, **default, "by_position": self.by_position}


class LayersReport(Report):
    """Layers with their arguments: a list of all of them, or the requested one."""

    kind = "layers"

    layers: tuple[type[Layer], ...]
    listed: bool

    def mapping(self) -> Any:
        entries = [
            {**_facts(layer), "arguments": [item.mapping() for item in arguments_of(layer)]} for layer in self.layers
        ]
        return entries if self.listed else entries[0]

    def rows(self) -> list[dict[str, Any]]:
        return [{**_facts(layer), "arguments": signature(layer)} for layer in self.layers]


def _facts(layer: type[Layer]) -> dict[str, Any]:
    return {
        "name": layer.__name__,
        "key": layer.keras_name(),
        "kind": kind_of(layer),
        "aliases": list(layer.aliases),
        "weights": list(layer.weight_names),
        "does": documentation(layer),
    }


def kind_of(layer: type[Layer]) -> str:
    """Return the kind of a layer: the module that it stands in."""
    return layer.__module__.rpartition(".")[2]


def documentation(layer: type[Layer]) -> str:
    """Return what a layer does, in one paragraph: its own documentation, or that of the layers like it."""
    text = next((base.__doc__ for base in layer.__mro__ if base.__doc__), "")
    return " ".join(text.split())


def arguments_of(layer: type[Layer]) -> tuple[LayerArgument, ...]:
    """Return a layer's arguments, first those that can be given by position, in order."""
    fields, positional = layer.__fields__, layer.positional_arguments()
    return tuple(
        LayerArgument(
            name, fields[name].required, None if fields[name].required else fields[name].default, name in positional
        )
        for name in layer.argument_names()
    )


def signature(layer: type[Layer]) -> str:
    """Return a layer's arguments as a Python signature: `(pool_size=2, *, ceil_mode=False)`."""
    arguments = arguments_of(layer)
    texts = [item.name if item.required else f"{item.name}={item.default_text}" for item in arguments]
    count = sum(item.by_position for item in arguments)
    return f"({', '.join([*texts[:count], *['*'] * (count < len(texts)), *texts[count:]])})"
