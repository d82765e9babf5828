"""The numbers that some filters are made from, and how a name gives them: `gaussian:size=5,sigma=1.2`."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, nan

from convcli.core.errors import ConvcliError
from convcli.core.records import Record

LARGEST = 1001  # cells along an axis
MOST_CELLS = LARGEST**2


class Parameter(Record):
    """A number that a filter is made from: what it is unless the name says otherwise, and what it may be."""

    default: float
    least: float = -inf
    most: float = inf
    whole: bool = False
    odd: bool = False

    @property
    def rule(self) -> str:
        """What the number may be, in words."""
        kind = "an odd whole number" if self.odd else "a whole number" if self.whole else "a number"
        return f"{kind} from {self.least:g} to {self.most:g}"

    def read(self, text: str) -> float:
        """The number in a text. Raises `ConvcliError`."""
        try:
            value = int(text) if self.whole else float(text)
        except ValueError:
            value = nan
        if not self.least <= value <= self.most or (self.odd and value % 2 == 0) or "_" in text or not text.isascii():
            raise ConvcliError(text, self.rule)
        return value


def size(default: int) -> Parameter:
    """Cells along each axis."""
    return Parameter(default, 1, LARGEST, whole=True)


def odd_size(default: int) -> Parameter:
    """Cells along each axis of a filter that has a middle one."""
    return Parameter(default, 1, LARGEST, whole=True, odd=True)


def length(default: float, least: float = 0.01) -> Parameter:
    """A length in cells, which need not be whole."""
    return Parameter(default, least, 10_000)


def factor(default: float) -> Parameter:
    return Parameter(default, 0, 1000)


def angle(default: float = 0) -> Parameter:
    """Degrees."""
    return Parameter(default, -360, 360)


def rank() -> Parameter:
    """How many axes."""
    return Parameter(2, 1, 3, whole=True)


def read(text: str, parameters: Mapping[str, Parameter]) -> dict[str, float]:
    """The numbers that `size=5,sigma=1.2` gives. Raises `ConvcliError`."""
    given: dict[str, float] = {}
    for part in text.split(","):
        name, equals, value = (each.strip() for each in part.partition("="))
        if name not in parameters:
            raise ConvcliError(f"no parameter {name!r}", f"it has {listed(parameters) or 'none'}")
        if not equals:
            raise ConvcliError(f"{name} without a value", f"such as {name}={parameters[name].default:g}")
        if name in given:
            raise ConvcliError(f"{name} is given twice")
        try:
            given[name] = parameters[name].read(value)
        except ConvcliError as error:
            raise ConvcliError(f"{name}={error.problem}", error.remedy) from None
    return given


def listed(parameters: Mapping[str, Parameter]) -> str:
    """Each parameter with its default, as a name gives them."""
    return spelt({name: each.default for name, each in parameters.items()})


def spelt(numbers: Mapping[str, float]) -> str:
    """Numbers by name, `size=5, sigma=1.2`."""
    return ", ".join(f"{name}={number:.12g}" for name, number in numbers.items())
