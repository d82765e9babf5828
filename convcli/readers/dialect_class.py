"""The records of which the table of a framework's classes is made, and how a call in its words becomes a layer.

A table maps each class to its arguments, in the framework's order and with its names and defaults, and to the layer of
convcli that computes the same. An argument names the layer's argument and, where values are written differently, how
to translate them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from convcli.core.errors import ConvcliError, located, short_repr, suggestion
from convcli.core.records import Record, field
from convcli.model.spelling import Expectation

REQUIRED: Any = object()  # the default of an argument that has none


# Turns a value as the framework writes it, and the class's number of axes, into convcli's form. Raises `ConvcliError`.
Translation: TypeAlias = Callable[[Any, int], Any]


def as_it_is(value: Any, rank: int) -> Any:
    """Return the value: both write it alike."""
    return value


class ClassArgument(Record):
    """An argument of a class.

    Args:
        name: the framework's name.
        default: its default there; `REQUIRED` if it has none.
        layer_argument: the layer's argument that has its value; None where none does. `parameters.NAME` is a parameter
            of an activation.
        translation: how its values become the layer's.
        expectation: what its value says about the layer's input, by the name of an `Expectation`.
    """

    name: str
    default: Any = REQUIRED
    layer_argument: str | None = None
    translation: Translation = as_it_is
    expectation: str | None = None


class DialectClass(Record):
    """A class of a framework.

    Args:
        layer: the type of the layer that computes the same.
        arguments: its arguments, in the framework's order.
        fixed: arguments of the layer that are the same for every object of the class.
        adapt: changes the layer's arguments where they follow from several of the class's; it takes both.
        rank: its number of spatial axes, 0 where any number will do.
        axes: how many axes an input may have, without the batch; empty where `rank` or the layer says it.
        takes_anything: whether any further argument is accepted and ignored.
        hidden: the arguments that the framework does not print.
        extra_buffers: numbers that the framework holds beside the layer's weights, which nothing reads.
    """

    layer: str
    arguments: tuple[ClassArgument, ...] = ()
    fixed: Mapping[str, Any] = field(factory=dict)
    adapt: Callable[[dict[str, Any], Mapping[str, Any]], None] | None = None
    rank: int = 0
    axes: tuple[int, ...] = ()
    takes_anything: bool = False
    hidden: tuple[str, ...] = ()
    extra_buffers: int = 0

    @property
    def input_axes(self) -> tuple[int, ...]:
        """The numbers of axes that an input may have, without the batch; empty where the class does not settle them."""
        return self.axes or ((self.rank + 1,) if self.rank else ())

    def bind(self, class_name: str, positional: Sequence[Any], named: Mapping[str, Any]) -> dict[str, Any]:
        """Return every argument by the framework's name, defaults included. Raises `ConvcliError`."""
        names = [argument.name for argument in self.arguments]
        if self.takes_anything:
            positional, named = (), {}
        if len(positional) > len(names):
            problem = f"{class_name} takes {len(names)} argument{'s' * (len(names) != 1)}, got {len(positional)}"
            raise ConvcliError(problem, f"in order: {', '.join(names)}" if names else f"{class_name}()")
        bound = dict(zip(names, positional, strict=False))
        for name, value in named.items():
            if name not in names:
                known = f"known: {', '.join(names) or 'none'}"
                raise ConvcliError(f"{class_name} has no argument {short_repr(name)}", suggestion(name, names, known))
            if name in bound:
                raise ConvcliError(f"{class_name}: {name} is given twice")
            bound[name] = value
        for argument in self.arguments:
            if argument.default is REQUIRED and argument.name not in bound:
                raise ConvcliError(f"{class_name}: {argument.name} is missing", f"in order: {', '.join(names)}")
        return {argument.name: bound.get(argument.name, argument.default) for argument in self.arguments}

    def layer_arguments(self, class_name: str, bound: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments of the layer that bound arguments of the class mean. Raises `ConvcliError`."""
        result: dict[str, Any] = dict(self.fixed)
        for argument in self.arguments:
            with located(f"{class_name}: {argument.name}"):
                value = argument.translation(bound[argument.name], self.rank)
            if argument.layer_argument is not None:
                _set(result, argument.layer_argument, value)
        if self.adapt is not None:
            with located(class_name):
                self.adapt(result, bound)
        return result

    def expectations(self, bound: Mapping[str, Any]) -> tuple[Expectation, ...]:
        """Return what bound arguments of the class say about its input."""
        return tuple(
            Expectation(argument.expectation, argument.name, bound[argument.name])
            for argument in self.arguments
            if argument.expectation is not None
        )


def _set(arguments: dict[str, Any], name: str, value: Any) -> None:
    outer, dot, inner = name.partition(".")
    if dot:
        arguments[outer] = {**arguments.get(outer, {}), inner: value}
    else:
        arguments[name] = value
