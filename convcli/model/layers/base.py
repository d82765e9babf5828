"""The base of all layers, and their register.

A layer is a record. Its fields are its arguments, in Keras's order or with that order in `ORDER`; arguments beyond
Keras's are keyword-only. A subclass registers itself under its class name and its `aliases`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from convcli.core.errors import ConvcliError, located
from convcli.core.records import MISSING, Record
from convcli.core.shapes import DataFormat, Shape, axis_names, format_shape
from convcli.model.layers.arguments import Argument
from convcli.model.steps import Step

if TYPE_CHECKING:
    from inspect import Signature

LAYERS: dict[str, type[Layer]] = {}  # every layer by the canonical form of its names

# Arguments of Keras's layers that matter in training alone.
TRAINING_ONLY = re.compile(r".*_(initializer|regularizer|constraint)|renorm.*|synchronized|seed|noise_shape|lora_.*")


def snake_case(name: str) -> str:
    """Return a class's name as Keras turns it into a layer's name: `MaxPooling2D` -> `max_pooling2d`."""
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def canonical_name(name: str) -> str:
    """Return the name of a layer type without case and underscores, under which it is registered."""
    return name.replace("_", "").lower()


class _LazySignature:
    """The `__signature__` of a layer class, made when `inspect` or `help` asks: importing `inspect` takes long."""

    def __get__(self, layer: Layer | None, layer_type: type[Layer]) -> Signature:
        from inspect import Parameter, Signature

        positional = layer_type.positional_arguments()
        parameters = []
        for name in layer_type.argument_names():
            kind = Parameter.POSITIONAL_OR_KEYWORD if name in positional else Parameter.KEYWORD_ONLY
            default = layer_type.__fields__[name].default
            parameters.append(Parameter(name, kind, default=Parameter.empty if default is MISSING else default))
        return Signature(parameters)


class Layer(Record):
    """A layer: arguments, and the steps that it stands for.

    Class attributes:
        rank: the number of spatial axes that the layer needs, None where any will do.
        ORDER: the arguments that can be given by position, where that is not the order of the fields.
        aliases: further names.
        input_count: the least and the most inputs; None as the most is without end.
        keeps_rank: whether the output has as many axes as the input.
        weight_names: the names of the weights that the layer's steps read.
        acts_in_training_only: whether the layer is the identity except in training.
    """

    rank: ClassVar[int | None] = None
    ORDER: ClassVar[tuple[str, ...]] = ()
    aliases: ClassVar[tuple[str, ...]] = ()
    input_count: ClassVar[tuple[int, int | None]] = (1, 1)
    keeps_rank: ClassVar[bool] = True
    weight_names: ClassVar[tuple[str, ...]] = ()
    acts_in_training_only: ClassVar[bool] = False

    __fields__: ClassVar[Mapping[str, Argument]]  # type: ignore[assignment]
    __signature__: ClassVar[_LazySignature] = _LazySignature()

    def __init_subclass__(cls, abstract: bool = False, kw_only: bool = False) -> None:
        super().__init_subclass__(kw_only=kw_only)
        cls.__positional__ = cls.positional_arguments()
        if not abstract:
            for name in (cls.__name__, *cls.aliases):
                LAYERS[canonical_name(name)] = cls

    def __post_init__(self) -> None:
        for name, value in self.__dict__.items():
            self.__dict__[name] = self.read_argument(name, value)

    @classmethod
    def keras_name(cls) -> str:
        """Return the name that Keras gives a layer of this type."""
        return snake_case(cls.__name__)

    @property
    def type_name(self) -> str:
        """The class of the layer, as tables and JSON call it."""
        return type(self).__name__

    @classmethod
    def argument_names(cls) -> tuple[str, ...]:
        """Return the names of all arguments, first those that can be given by position, in order."""
        positional = cls.positional_arguments()
        own = [name for name, field in cls.__fields__.items() if not field.derived]
        return (*positional, *(name for name in own if name not in positional))

    @classmethod
    def positional_arguments(cls) -> tuple[str, ...]:
        """Return the names of the arguments that can be given by position, in Keras's order."""
        return cls.ORDER or tuple(name for name, field in cls.__fields__.items() if not field.kw_only)

    @classmethod
    def required_arguments(cls) -> tuple[str, ...]:
        """Return the names of the arguments that have no default."""
        return tuple(name for name, field in cls.__fields__.items() if field.required)

    @classmethod
    def read_argument(cls, name: str, value: Any) -> Any:
        """Return the canonical form of an argument. Raises `ConvcliError`, which names it."""
        with located(name):
            return cls.__fields__[name].reader(value, cls.rank or 0)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        """Return the steps of the layer on inputs of these shapes (channels last); none for the identity.

        The first step takes all inputs of the layer, each further one the output of the step before it. Raises
        `ConvcliError` where the inputs do not fit.
        """
        raise NotImplementedError

    def training_steps(self, shape: Shape) -> tuple[Step, ...]:
        """Return the steps that training adds after the others, on an output of this shape; none changes the shape."""
        return ()

    def check_inputs(self, shapes: Sequence[Shape], count: int) -> None:
        """Raise `ConvcliError` where the layer does not take `count` inputs, or inputs of this rank.

        `shapes` are those of the inputs that are values; the rest are numbers.
        """
        least, most = self.input_count
        if count < least or (most is not None and count > most):
            takes = f"{least}" if least == most else f"at least {least}"
            remedy = "inputs: NAME" if most == 1 else "inputs: [NAME, NAME]"
            raise ConvcliError(f"takes {takes} input{'s' * (takes != '1')}, got {count}", remedy)
        if not shapes or (most == 1 and len(shapes) != 1):
            raise ConvcliError("takes the output of a layer, not numbers alone", "inputs: NAME")
        if self.rank is not None and len(shapes[0]) != self.rank + 1:
            axes = ", ".join((*axis_names(self.rank), "channels"))
            raise ConvcliError(f"takes {self.rank + 1} axes ({axes}) besides the batch, got {format_shape(shapes[0])}")
