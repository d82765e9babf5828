"""What a layer is, how its arguments are read, and the register of all layers.

A layer is a record whose fields are its arguments, in Keras's order or with that order in `ORDER`, so that
the call form works by position; arguments beyond Keras's are keyword-only. Each field has a reader that turns every
spelling of the argument into one canonical form. A subclass registers itself under its class name and its `aliases`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from convcli.core.errors import ConvcliError, located, short_repr, suggestion
from convcli.core.records import MISSING, Field, Record
from convcli.core.shapes import DataFormat, Shape, axis_names, format_shape
from convcli.model.activations import ACTIVATIONS, works_along_axis
from convcli.model.steps import Activate, Step
from convcli.model.window import Padding, Pair

MOST = 2**31 - 1  # no count of cells or channels is larger
Reader = Callable[[Any, int], Any]

LAYERS: dict[str, type[Layer]] = {}


# Arguments of Keras's layers that matter in training alone.
TRAINING_ONLY = re.compile(r".*_(initializer|regularizer|constraint)|renorm.*|synchronized|seed|noise_shape|lora_.*")


def snake_case(name: str) -> str:
    """A class's name as Keras turns it into a layer's: `MaxPooling2D` -> `max_pooling2d`."""
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def canonical_name(name: str) -> str:
    """A type name with case and underscores set aside."""
    return name.replace("_", "").lower()


class Argument(Field):
    """A field that `reader(value, rank)` reads; a `derived` one is worked out from the weights that the model holds."""

    __slots__ = ("derived", "reader")

    def __init__(self, reader: Reader, default: Any, kw_only: bool, derived: bool) -> None:
        super().__init__(default, kw_only=kw_only or derived or None)  # None leaves it to the class
        self.reader = reader
        self.derived = derived


def argument(reader: Reader, default: Any = MISSING, *, kw_only: bool = False, derived: bool = False) -> Any:
    """An `Argument` as a type checker is to see it; without a default it is required."""
    return Argument(reader, default, kw_only, derived)


class Layer(Record):
    """The base of all layers. `rank` is the number of spatial axes a layer needs, None where any will do."""

    rank: ClassVar[int | None] = None
    ORDER: ClassVar[tuple[str, ...]] = ()  # Keras's order of arguments, where it is not that of the fields
    aliases: ClassVar[tuple[str, ...]] = ()
    input_count: ClassVar[tuple[int, int | None]] = (1, 1)  # the least and the most inputs
    keeps_rank: ClassVar[bool] = True  # whether the output has as many axes as the input

    __fields__: ClassVar[Mapping[str, Argument]]  # type: ignore[assignment]

    def __init_subclass__(cls, abstract: bool = False, kw_only: bool = False) -> None:
        super().__init_subclass__(kw_only=kw_only)
        if not abstract:
            for name in (cls.__name__, *cls.aliases):
                LAYERS[canonical_name(name)] = cls

    def __post_init__(self) -> None:
        for name, value in self.__dict__.items():
            self.__dict__[name] = self.read_argument(name, value)

    @classmethod
    def keras_name(cls) -> str:
        """The name that Keras gives a layer of this type."""
        return snake_case(cls.__name__)

    @classmethod
    def argument_names(cls) -> tuple[str, ...]:
        """The names of all arguments, those that may be given by position first and in order."""
        own = [name for name, item in cls.__fields__.items() if not item.derived]
        return (*cls.positional_arguments(), *(name for name in own if name not in cls.positional_arguments()))

    @classmethod
    def read_argument(cls, name: str, value: Any) -> Any:
        """The canonical form of one argument. Raises `ConvcliError`."""
        with located(name):
            return cls.__fields__[name].reader(value, cls.rank or 0)

    @classmethod
    def positional_arguments(cls) -> tuple[str, ...]:
        """The names of the arguments that may be given by position, in Keras's order."""
        return cls.ORDER or tuple(name for name, item in cls.__fields__.items() if not item.kw_only)

    @classmethod
    def required_arguments(cls) -> tuple[str, ...]:
        """The names of the arguments that have no default."""
        return tuple(name for name, item in cls.__fields__.items() if item.required)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        """The steps that the layer stands for on inputs of these shapes (channels last); none is the identity.

        The first step takes all of the layer's inputs, each further one what the step before it made.
        """
        raise NotImplementedError

    def training_steps(self, shape: Shape) -> tuple[Step, ...]:
        """The steps that training adds after the others, on an output of this shape; all hand on the shape."""
        return ()

    def check_inputs(self, shapes: Sequence[Shape], count: int) -> None:
        """Raise `ConvcliError` where the `count` inputs, numbers among them, or their rank are not what it takes."""
        least, most = self.input_count
        if count < least or (most is not None and count > most):
            takes = f"{least}" if least == most else f"at least {least}"
            remedy = "inputs: NAME" if most == 1 else "inputs: [NAME, NAME]"
            raise ConvcliError(f"takes {takes} input{'s' * (takes != '1')}, got {count}", remedy)
        if not shapes or (most == 1 and len(shapes) != 1):
            raise ConvcliError("takes the output of a layer, not numbers alone", "inputs: NAME")
        if self.rank is not None and len(shapes[0]) != self.rank + 1:
            wanted = ", ".join((*axis_names(self.rank), "channels"))
            raise ConvcliError(
                f"takes {self.rank + 1} axes ({wanted}) besides the batch, got {format_shape(shapes[0])}"
            )


# ---- readers: every spelling of an argument -> its canonical form ----


def whole(least: int = 1) -> Reader:
    """A whole number, at least `least`."""

    def read(value: Any, rank: int) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ConvcliError(short_repr(value), f"a whole number, at least {least}")
        if value > MOST:
            raise ConvcliError(short_repr(value), f"at most {MOST}")
        return value

    return read


def flag(value: Any, rank: int) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise ConvcliError(f"{value!r}", "true or false")
    return value


def number(value: Any, rank: int) -> float:
    """A real number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConvcliError(short_repr(value), "a number")
    try:
        float(value)
    except OverflowError:
        raise ConvcliError(short_repr(value), "a number that float64 holds") from None
    return value


def numbers(value: Any, rank: int) -> float | tuple[float, ...]:
    """A real number, or a list of them."""
    if isinstance(value, list | tuple):
        return tuple(number(each, rank) for each in value)
    return number(value, rank)


def choice(*allowed: str) -> Reader:
    """One of the given words."""

    def read(value: Any, rank: int) -> str:
        if value not in allowed or not isinstance(value, str):
            raise ConvcliError(f"{value!r}", f"one of {', '.join(allowed)}")
        return value

    return read


def optional(reader: Reader) -> Reader:
    """None, or what `reader` reads."""
    return lambda value, rank: None if value is None else reader(value, rank)


def per_axis(least: int = 1) -> Reader:
    """One whole number for every spatial axis, or one for each."""

    def read(value: Any, rank: int) -> tuple[int, ...]:
        each = list(value) if isinstance(value, list | tuple) else [value] * rank
        if len(each) != rank:
            raise ConvcliError(f"{value!r}", f"one whole number, or one for each of the {rank} spatial axes")
        return tuple(whole(least)(one, rank) for one in each)

    return read


def _pair(value: Any, rank: int) -> Pair:
    if isinstance(value, list | tuple) and len(value) == 2:
        return whole(0)(value[0], rank), whole(0)(value[1], rank)
    return whole(0)(value, rank), whole(0)(value, rank)


def pairs(value: Any, rank: int) -> tuple[Pair, ...]:
    """Cells before and after each axis: a number, one an axis (in 1-D a pair), or [[before, after], ...]."""
    if not isinstance(value, list | tuple):
        return (_pair(value, rank),) * rank
    flat = all(isinstance(each, int) for each in value)
    if rank == 1 and flat and len(value) == 2:
        return (_pair(value, rank),)
    if len(value) != rank:
        raise ConvcliError(
            f"{value!r}", f"a number, one for each of the {rank} spatial axes, or [[before, after], ...]"
        )
    return tuple(_pair(each, rank) for each in value)


def padding(*words: str) -> Reader:
    """One of the words, or cells before and after each axis."""

    def read(value: Any, rank: int) -> Padding:
        if isinstance(value, str):
            allowed = [word for word in words if word != "causal" or rank == 1]
            if value.lower() not in allowed:
                raise ConvcliError(f"{value!r}", f"{', '.join(allowed)}, or numbers of cells")
            return value.lower()
        return pairs(value, rank)

    return read


def axis_number(value: Any, rank: int) -> int:
    """Keras's number of an axis: 0 is the batch, negative from the end."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConvcliError(f"{value!r}", "an axis number")
    return value


def axes(value: Any, rank: int) -> tuple[int, ...]:
    """One axis number, or a list of them."""
    return tuple(axis_number(each, rank) for each in (value if isinstance(value, list | tuple) else [value]))


def activation_name(value: Any, rank: int) -> str | None:
    """The name of an activation, or None."""
    if value is None:
        return None
    name = str(value).lower()
    if name not in ACTIVATIONS:
        raise ConvcliError(f"{value!r} is not an activation", suggestion(name, ACTIVATIONS))
    return name


data_format_name = optional(choice(*(each.value for each in DataFormat)))


# ---- pieces that many layers share ----


def each_axis(
    sizes: Sequence[int], strides: Sequence[int], dilations: Sequence[int], padding: Padding
) -> list[tuple[int, int, int, str | Pair]]:
    """Size, stride, dilation and padding of the window along each spatial axis."""
    paddings = [padding] * len(sizes) if isinstance(padding, str) else padding
    return list(zip(sizes, strides, dilations, paddings, strict=True))


def activate(
    name: str | None, shape: Shape, data_format: DataFormat, axis: tuple[int, ...] | None = None
) -> tuple[Step, ...]:
    """The step of an activation given by name; where it works along an axis, along the channels unless `axis` says."""
    if name in (None, "linear"):
        return ()
    return activation_step(str(name), {}, shape, data_format, axis)


def activation_step(
    name: str,
    parameters: Mapping[str, Any],
    shape: Shape,
    data_format: DataFormat,
    axis: tuple[int, ...] | None = None,
) -> tuple[Step, ...]:
    """The step of an activation with its parameters; `axis` holds Keras's numbers, None is the channel axis."""
    places: tuple[int, ...] = ()
    if works_along_axis(name):
        places = channel_axes(axis, shape, data_format)
    return (Activate(name, tuple(parameters.items()), places),)


def channel_axis(axis: int | None, shape: Shape, data_format: DataFormat) -> int:
    """Where a layer's channel axis is among the sample's axes with channels last; None means the model's."""
    return len(shape) - 1 if axis is None else data_format.resolve_axis(axis, len(shape))


def channel_axes(axes: tuple[int, ...] | None, shape: Shape, data_format: DataFormat) -> tuple[int, ...]:
    """The same for several axes, each once, in the model's order: that of a weight which spans them."""
    places = [channel_axis(axis, shape, data_format) for axis in axes or (None,)]
    if len(set(places)) < len(places):
        raise ConvcliError(f"axis {list(axes or ())} names one axis twice", "each once")
    return tuple(sorted(places, key=data_format.axis_order(len(shape)).index))
