"""The colours of numbers: one scale for all that is shown together.

From least to greatest the colours are nine of viridis (Stéfan van der Walt and Nathaniel Smith, 2015), evenly spaced;
where there are negative numbers, eleven of ColorBrewer's RdBu (Cynthia Brewer), blue below zero and red above.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from convcli.core.lazy_imports import Array, np
from convcli.core.records import Record

Colour = tuple[int, int, int]

SEQUENTIAL = ("440154", "472d7b", "3b528b", "2c728e", "21918c", "28ae80", "5ec962", "addc30", "fde725")
DIVERGING = (
    *("053061", "2166ac", "4393c3", "92c5de", "d1e5f0"),
    "f7f7f7",
    *("fddbc7", "f4a582", "d6604d", "b2182b", "67001f"),
)
STEPS = 256  # even, so that a step falls on zero
NAN, INFINITY, MINUS_INFINITY = (128, 128, 128), (255, 0, 255), (0, 255, 255)  # in neither scale


class ColourScale(Record):
    """What the ends of the colours stand for. A signed one has zero in the middle."""

    low: float
    high: float
    signed: bool = False
    odd: tuple[float, ...] = ()  # which of NaN and the infinities occur


def scale_of(arrays: Iterable[Array]) -> ColourScale:
    """The scale on which every number of the arrays has its place: to the same distance either side of zero if any is
    negative, else from the least to the greatest. 0 to 0 where no number is finite.
    """
    low, high, odd = float("inf"), float("-inf"), [False, False, False]
    for array in arrays:
        finite = array[np.isfinite(array)]
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
        if finite.size < array.size:
            found = (np.isnan(array).any(), np.isposinf(array).any(), np.isneginf(array).any())
            odd = [before or bool(here) for before, here in zip(odd, found, strict=True)]
    found_odd = tuple(
        each for each, there in zip((float("nan"), float("inf"), float("-inf")), odd, strict=True) if there
    )
    if low > high:
        return ColourScale(0.0, 0.0, odd=found_odd)
    most = max(-low, high)
    return ColourScale(-most, most, True, found_odd) if low < 0 else ColourScale(low, high, odd=found_odd)


def positions(values: Array, scale: ColourScale, steps: int = STEPS) -> Array:
    """The place of each value on a scale of so many steps, 0 to `steps`; of what is not finite, 0."""
    known = np.where(np.isfinite(values), values, scale.low).astype(np.float64)
    if scale.signed:
        shares = known / scale.high / 2 + 0.5  # no difference of two numbers, which might overflow
    elif scale.high > scale.low:
        shares = (known - scale.low) / (scale.high - scale.low)
    else:
        shares = np.zeros(known.shape)
    return np.rint(np.clip(shares, 0, 1) * steps).astype(np.intp)


def colours(values: Array, scale: ColourScale) -> Array:
    """The colour of each value as 8-bit red, green and blue, along one more axis."""
    painted = table(scale.signed)[positions(values, scale)]
    if scale.odd:
        painted[np.isnan(values)] = NAN
        painted[np.isposinf(values)] = INFINITY
        painted[np.isneginf(values)] = MINUS_INFINITY
    return painted


def ink(colour: Colour) -> Colour:
    """Black or white, whichever can be read on a colour: by its luma."""
    red, green, blue = colour
    return (0, 0, 0) if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else (255, 255, 255)


@cache
def table(signed: bool) -> Array:
    """The colours of all places on a scale, (STEPS + 1, 3)."""
    points = np.array([list(bytes.fromhex(each)) for each in (DIVERGING if signed else SEQUENTIAL)])
    wanted, given = np.linspace(0, 1, STEPS + 1), np.linspace(0, 1, len(points))
    channels = [np.interp(wanted, given, points[:, channel]) for channel in range(3)]
    return np.rint(np.stack(channels, axis=-1)).astype(np.uint8)


@cache
def nearest_of_256(colour: Colour) -> int:
    """The number of the nearest of the colours 16 to 255 that all terminals of 256 share: a cube and a row of greys."""
    levels = (0, 95, 135, 175, 215, 255)
    cube = [min(range(6), key=lambda place: abs(levels[place] - part)) for part in colour]
    grey = min(max(round((sum(colour) / 3 - 8) / 10), 0), 23)
    candidates = {
        16 + 36 * cube[0] + 6 * cube[1] + cube[2]: tuple(levels[place] for place in cube),
        232 + grey: (8 + 10 * grey,) * 3,
    }
    return min(
        candidates, key=lambda number: sum((a - b) ** 2 for a, b in zip(colour, candidates[number], strict=True))
    )
