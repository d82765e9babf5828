"""Colours for numbers, on one scale for all that is shown together.

Numbers that are all at least zero take the colours of viridis (Stéfan van der Walt and Nathaniel Smith, 2015), from
dark blue for the least to yellow for the greatest. If any number is negative, all take those of ColorBrewer's RdBu
(Cynthia Brewer): blue below zero, white at zero, red above.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from itertools import product
from math import cbrt, dist, inf, isnan, nan

from convcli.core.lazy_imports import Array, np
from convcli.core.records import Record

Colour = tuple[int, int, int]

# Evenly spaced colours of the two scales, as red, green and blue in hexadecimal. Those between are interpolated.
SEQUENTIAL = ("440154", "472d7b", "3b528b", "2c728e", "21918c", "28ae80", "5ec962", "addc30", "fde725")
DIVERGING = (
    *("053061", "2166ac", "4393c3", "92c5de", "d1e5f0"),
    "f7f7f7",
    *("fddbc7", "f4a582", "d6604d", "b2182b", "67001f"),
)
STEPS = 256  # even, so that zero falls on a step
BLOCK_VALUES = 1 << 16  # coloured together: as many as stay in a processor's cache
NAN, INFINITY, MINUS_INFINITY = (128, 128, 128), (255, 0, 255), (0, 255, 255)  # on neither scale
NON_FINITE = ((nan, NAN), (inf, INFINITY), (-inf, MINUS_INFINITY))


class ColourScale(Record):
    """The numbers at the two ends of the colours; on a `signed` scale zero is in the middle.

    `non_finite` are those of NaN, infinity and minus infinity that occur among the numbers.
    """

    low: float
    high: float
    signed: bool = False
    non_finite: tuple[float, ...] = ()


def scale_of(arrays: Iterable[Array]) -> ColourScale:
    """Return the scale on which every finite number of the arrays has a position.

    It reaches equally far to both sides of zero if any number is negative, else from the least number to the greatest.
    If no number is finite, it reaches from 0 to 0.
    """
    low, high = inf, -inf
    occurring: set[int] = set()  # indices in NON_FINITE, as NaN does not equal itself
    for array in arrays:
        finite = array[np.isfinite(array)]
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
        if finite.size < array.size:
            occurring |= {index for index, (value, _) in enumerate(NON_FINITE) if where_equal(array, value).any()}
    non_finite = tuple(NON_FINITE[index][0] for index in sorted(occurring))
    if low > high:
        return ColourScale(0.0, 0.0, non_finite=non_finite)
    if low < 0:
        farthest = max(-low, high)
        return ColourScale(-farthest, farthest, True, non_finite)
    return ColourScale(low, high, False, non_finite)


def where_equal(array: Array, value: float) -> Array:
    """Return a mask of the cells that hold a value, which may be NaN."""
    return np.isnan(array) if isnan(value) else array == value


def positions(values: Array, scale: ColourScale, steps: int = STEPS) -> Array:
    """Return the position of each value on a scale, in whole steps from 0 to `steps`; 0 for what is not finite."""
    result = np.empty(values.shape, np.int16)
    flat, flat_result = values.reshape(-1), result.reshape(-1)
    for start in range(0, flat.size, BLOCK_VALUES):
        block = slice(start, start + BLOCK_VALUES)
        flat_result[block] = _positions(flat[block], scale, steps)
    return result


def _positions(values: Array, scale: ColourScale, steps: int) -> Array:
    fractions = np.where(np.isfinite(values), values, scale.low).astype(np.float64)
    if scale.signed:
        fractions /= scale.high  # a difference of two numbers might overflow
        fractions /= 2
        fractions += 0.5
    elif scale.high > scale.low:
        fractions -= scale.low
        fractions /= scale.high - scale.low
    else:
        fractions[:] = 0
    np.clip(fractions, 0, 1, out=fractions)
    fractions *= steps
    return np.rint(fractions, out=fractions)


def colours(values: Array, scale: ColourScale) -> Array:
    """Return the colour of each value as 8-bit red, green and blue: `(*shape)` -> `(*shape, 3)`."""
    result = colour_table(scale.signed)[positions(values, scale)]
    if scale.non_finite:
        for value, colour in NON_FINITE:
            result[where_equal(values, value)] = colour
    return result


@cache
def colour_table(signed: bool) -> Array:
    """Return the colours of all positions on a scale, `(STEPS + 1, 3)`."""
    known = np.array([list(bytes.fromhex(colour)) for colour in (DIVERGING if signed else SEQUENTIAL)])
    at, known_at = np.linspace(0, 1, STEPS + 1), np.linspace(0, 1, len(known))
    channels = [np.interp(at, known_at, known[:, channel]) for channel in range(3)]
    return np.rint(np.stack(channels, axis=-1)).astype(np.uint8)


def ink_on(background: Colour) -> Colour:
    """Return black or white, whichever has the higher contrast on a background: at least 4.58:1."""
    black, white = (0, 0, 0), (255, 255, 255)
    return max(black, white, key=lambda ink: contrast(ink, background))


def contrast(a: Colour, b: Colour) -> float:
    """Return the contrast ratio of two colours, from 1 to 21 (W3C, Web Content Accessibility Guidelines 2.2)."""
    darker, lighter = sorted(map(_relative_luminance, (a, b)))
    return (lighter + 0.05) / (darker + 0.05)


def _relative_luminance(colour: Colour) -> float:
    """Return how much light a colour of sRGB gives, relative to white."""
    return sum(weight * share for weight, share in zip((0.2126, 0.7152, 0.0722), _linear(colour), strict=True))


def _linear(colour: Colour) -> list[float]:
    """Return the shares of light, from 0 to 1, of a colour of sRGB."""
    shares = (channel / 255 for channel in colour)
    return [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]


@cache
def nearest_of_256(colour: Colour) -> int:
    """Return the number of the terminal colour that looks nearest to a colour: the nearest in OKLab.

    Of the 256 colours of terminals, only 16 to 255 are the same everywhere: a cube of 6×6×6 colours and 24 greys.
    """
    lab = oklab(colour)
    return min(_oklab_of_256(), key=lambda item: dist(lab, item[1]))[0]


@cache
def _oklab_of_256() -> tuple[tuple[int, tuple[float, float, float]], ...]:
    """Return the numbers and the places in OKLab of the terminal colours 16 to 255."""
    cube = ((red, green, blue) for red, green, blue in product((0, 95, 135, 175, 215, 255), repeat=3))
    greys = ((level, level, level) for level in range(8, 239, 10))
    return tuple((number, oklab(colour)) for number, colour in enumerate((*cube, *greys), 16))


def oklab(colour: Colour) -> tuple[float, float, float]:
    """Return lightness from 0 to 1, green to red, and blue to yellow, in steps that look equal.

    Source: Björn Ottosson, "A perceptual color space for image processing", 2020.
    """
    red, green, blue = _linear(colour)
    long = cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue)
    medium = cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue)
    short = cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue)
    return (
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    )
