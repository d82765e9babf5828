"""The parameters of filters, and how a name sets them: `gaussian:size=5,sigma=1.2`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import inf, isnan, nan

from convcli.core.errors import ConvcliError, short_repr
from convcli.core.records import Record

LARGEST = 1001  # cells along an axis
MOST_CELLS = LARGEST**2
Number = float | tuple[float, ...]  # one number, or one for each axis


class Parameter(Record):
    """A parameter of a filter: a number with its default and the range that is allowed.

    One `per_axis` is a single number or one for each axis.
    """

    default: float
    least: float = -inf
    most: float = inf
    whole: bool = False
    odd: bool = False
    per_axis: bool = False

    @property
    def rule(self) -> str:
        """The range in words, for messages."""
        kind = "an odd whole number" if self.odd else "a whole number" if self.whole else "a number"
        return f"{kind} from {self.least:g} to {self.most:g}"

    def read(self, text: str) -> Number:
        """Return the number in a text, or the numbers that commas separate. Raises `ConvcliError`."""
        first, *others = (self._read_one(number.strip()) for number in text.split(","))
        numbers = (first, *others)
        if others and not self.per_axis:
            raise ConvcliError(text, self.rule)
        if isnan(sum(numbers)):
            raise ConvcliError(text, f"{self.rule}, or one for each axis" if others else self.rule)
        return numbers if others else first

    def _read_one(self, text: str) -> float:
        """Return the number in a text, NaN where it is not a number that is allowed."""
        try:
            value = int(text) if self.whole else float(text)
        except ValueError:
            value = nan
        if not self.least <= value <= self.most or (self.odd and value % 2 == 0) or "_" in text or not text.isascii():
            return nan
        return value


def size(default: int) -> Parameter:
    """Return a size: cells along each axis."""
    return Parameter(default, 1, LARGEST, whole=True)


def odd_size(default: int, per_axis: bool = False) -> Parameter:
    """Return the size of a filter that has a middle cell."""
    return Parameter(default, 1, LARGEST, whole=True, odd=True, per_axis=per_axis)


def length(default: float, least: float = 0.01, per_axis: bool = False) -> Parameter:
    """Return a length in cells, which need not be whole."""
    return Parameter(default, least, 10_000, per_axis=per_axis)


def factor(default: float) -> Parameter:
    """Return a factor, 0 or more."""
    return Parameter(default, 0, 1000)


def angle(default: float = 0) -> Parameter:
    """Return an angle in degrees."""
    return Parameter(default, -360, 360)


def rank(least: int = 1) -> Parameter:
    """Return the number of axes, from `least` to 3, and 2 by default."""
    return Parameter(2, least, 3, whole=True)


def read(text: str, parameters: Mapping[str, Parameter]) -> dict[str, Number]:
    """Return the numbers that a text such as `size=5,sigma=1.2` or `sigma=1,2,2` sets. Raises `ConvcliError`."""
    numbers: dict[str, Number] = {}
    for setting in _settings(text, parameters):
        name, equals, value = (word.strip() for word in setting.partition("="))
        if name not in parameters:
            raise ConvcliError(f"no parameter {short_repr(name)}", f"it has {format_defaults(parameters) or 'none'}")
        if not equals:
            raise ConvcliError(f"{name} without a value", f"such as {name}={parameters[name].default:g}")
        if name in numbers:
            raise ConvcliError(f"{name} is given twice")
        try:
            numbers[name] = parameters[name].read(value)
        except ConvcliError as error:
            raise ConvcliError(f"{name}={error.problem}", error.remedy) from None
    return numbers


def _settings(text: str, parameters: Mapping[str, Parameter]) -> Iterator[str]:
    """Yield each setting, `NAME=NUMBER` or `NAME=NUMBER,NUMBER,...`, up to the comma before the next name."""
    setting, *words = text.split(",")
    for word in words:
        if "=" in word or word.strip() in parameters:
            yield setting
            setting = word
        else:
            setting = f"{setting},{word}"
    yield setting


def format_defaults(parameters: Mapping[str, Parameter]) -> str:
    """Return each parameter with its default: `size=5, sigma=1.2`."""
    return format_numbers({name: parameter.default for name, parameter in parameters.items()})


def format_numbers(numbers: Mapping[str, Number]) -> str:
    """Return numbers by name: `size=5, sigma=1.2`, or `sigma=1,2,2` with one for each axis."""
    return ", ".join(f"{name}={format_number(number)}" for name, number in numbers.items())


def format_number(number: Number) -> str:
    """Return one number, or those of all axes: `1,2,2`."""
    return ",".join(f"{one:.12g}" for one in per_axis(number, 1))


def per_axis(number: Number, rank: int) -> tuple[float, ...]:
    """Return the number for each of `rank` axes."""
    return number if isinstance(number, tuple) else (number,) * rank
