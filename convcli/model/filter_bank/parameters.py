"""The parameters of filters, and how a name sets them: `gaussian:size=5,sigma=1.2`."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, nan

from convcli.core.errors import ConvcliError
from convcli.core.records import Record

LARGEST = 1001  # cells along an axis
MOST_CELLS = LARGEST**2


class Parameter(Record):
    """A parameter of a filter: a number with its default and the range that is allowed."""

    default: float
    least: float = -inf
    most: float = inf
    whole: bool = False
    odd: bool = False

    @property
    def rule(self) -> str:
        """The range in words, for messages."""
        kind = "an odd whole number" if self.odd else "a whole number" if self.whole else "a number"
        return f"{kind} from {self.least:g} to {self.most:g}"

    def read(self, text: str) -> float:
        """Return the number in a text. Raises `ConvcliError`."""
        try:
            value = int(text) if self.whole else float(text)
        except ValueError:
            value = nan
        if not self.least <= value <= self.most or (self.odd and value % 2 == 0) or "_" in text or not text.isascii():
            raise ConvcliError(text, self.rule)
        return value


def size(default: int) -> Parameter:
    """Return a size: cells along each axis."""
    return Parameter(default, 1, LARGEST, whole=True)


def odd_size(default: int) -> Parameter:
    """Return the size of a filter that has a middle cell."""
    return Parameter(default, 1, LARGEST, whole=True, odd=True)


def length(default: float, least: float = 0.01) -> Parameter:
    """Return a length in cells, which need not be whole."""
    return Parameter(default, least, 10_000)


def factor(default: float) -> Parameter:
    """Return a factor, 0 or more."""
    return Parameter(default, 0, 1000)


def angle(default: float = 0) -> Parameter:
    """Return an angle in degrees."""
    return Parameter(default, -360, 360)


def rank() -> Parameter:
    """Return the number of axes, 2 by default."""
    return Parameter(2, 1, 3, whole=True)


def read(text: str, parameters: Mapping[str, Parameter]) -> dict[str, float]:
    """Return the numbers that a text such as `size=5,sigma=1.2` sets. Raises `ConvcliError`."""
    numbers: dict[str, float] = {}
    for setting in text.split(","):
        name, equals, value = (word.strip() for word in setting.partition("="))
        if name not in parameters:
            raise ConvcliError(f"no parameter {name!r}", f"it has {format_defaults(parameters) or 'none'}")
        if not equals:
            raise ConvcliError(f"{name} without a value", f"such as {name}={parameters[name].default:g}")
        if name in numbers:
            raise ConvcliError(f"{name} is given twice")
        try:
            numbers[name] = parameters[name].read(value)
        except ConvcliError as error:
            raise ConvcliError(f"{name}={error.problem}", error.remedy) from None
    return numbers


def format_defaults(parameters: Mapping[str, Parameter]) -> str:
    """Return each parameter with its default: `size=5, sigma=1.2`."""
    return format_numbers({name: parameter.default for name, parameter in parameters.items()})


def format_numbers(numbers: Mapping[str, float]) -> str:
    """Return numbers by name: `size=5, sigma=1.2`."""
    return ", ".join(f"{name}={number:.12g}" for name, number in numbers.items())
