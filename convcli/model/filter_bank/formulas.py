"""The filters of the bank that are made from parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import comb, cos, exp, fsum, hypot, radians, sin

from convcli.model.filter_bank.fixed_filters import Values


def gaussian(size: int, sigma: float, rank: int) -> Values:
    """exp(-x²/2σ²) at whole cells, divided by its sum; on several axes the product of one on each."""
    bell = [exp(-((x / sigma) ** 2) / 2) for x in _cells(size)]
    return _product(_divided(bell), rank)


def box(size: int, rank: int) -> Values:
    return _filled(1 / size**rank, size, rank)


def moving_average(size: int) -> Values:
    return box(size, 1)


def identity(size: int, rank: int) -> Values:
    return _product([int(x == 0) for x in _cells(size)], rank)


def laplacian_of_gaussian(size: int, sigma: float) -> Values:
    """g·(x² + y² - 2σ²)/σ⁴ for a Gaussian g that sums to 1, less its mean: MATLAB's fspecial("log")."""
    bell = gaussian(size, sigma, 2)
    squares = [[(x / sigma) ** 2 + (y / sigma) ** 2 for x in _cells(size)] for y in _cells(size)]
    curved = [
        [g * (square - 2) / sigma**2 for g, square in zip(*rows, strict=True)]
        for rows in zip(bell, squares, strict=True)
    ]
    mean = fsum(map(fsum, curved)) / size**2
    return [[value - mean for value in row] for row in curved]


def unsharp(size: int, sigma: float, amount: float) -> Values:
    """The input and `amount` times what a blur takes from it; the blur's weights are binomial where sigma is 0."""
    binomial = [comb(size - 1, place) / 2 ** (size - 1) for place in range(size)]
    blur = gaussian(size, sigma, 2) if sigma else _product(binomial, 2)
    middle = size // 2
    rows = [[-amount * value for value in row] for row in blur]
    rows[middle][middle] += 1 + amount
    return rows


def motion_blur(size: int, theta: float) -> Values:
    """1 - the distance from a line of `size` cells through the middle, where positive, divided by the sum."""
    cosine, sine = _direction(theta)
    half = size // 2

    def weight(x: int, y: int) -> float:
        along = min(half, max(-half, x * cosine + y * sine))  # the place on the line that is nearest
        distance = hypot(x - along * cosine, y - along * sine)
        return 1 - distance if distance < 1 - 1e-12 else 0.0  # at a distance of 1 nothing is left by rounding

    rows = [[weight(x, -y) for x in _cells(size)] for y in _cells(size)]  # rows run down, angles turn up
    total = fsum(map(fsum, rows))
    return [[value / total for value in row] for row in rows]


def gabor(size: int, sigma: float, theta: float, wavelength: float, gamma: float, psi: float) -> Values:
    """exp(-(u² + γ²v²)/2σ²)·cos(2πu/λ + ψ), u = x·cos θ + y·sin θ and v = y·cos θ - x·sin θ.

    As OpenCV's getGaborKernel has it, x counts from right to left and y from bottom to top.
    """
    cosine, sine = _direction(theta)
    shift, swing = _direction(psi)

    def weight(x: int, y: int) -> float:
        along, across = x * cosine + y * sine, y * cosine - x * sine
        envelope = exp(-((along / sigma) ** 2 + (gamma * across / sigma) ** 2) / 2)
        even, odd = _direction(360 * along / wavelength)
        return envelope * (even * shift - odd * swing)

    return [[weight(-x, -y) for x in _cells(size)] for y in _cells(size)]


def _cells(size: int) -> range:
    """Cells of an odd size, counted from the middle."""
    return range(-(size // 2), size // 2 + 1)


def _divided(weights: Sequence[float]) -> list[float]:
    total = fsum(weights)
    return [weight / total for weight in weights]


def _filled(value: float, size: int, rank: int) -> Values:
    return [value if rank == 1 else _filled(value, size, rank - 1) for _ in range(size)]


def _product(weights: Sequence[float], rank: int) -> Values:
    """The product of the same weights along each axis."""
    if rank == 1:
        return list(weights)
    inner = _product(weights, rank - 1)
    return [_times(weight, inner) for weight in weights]


def _times(factor: float, values: Values) -> Values:
    return mapped(lambda value: factor * value, values)


def mapped(function: Callable[[float], float], values: Values) -> Values:
    """A function of each number of a nested list."""
    return [mapped(function, each) if isinstance(each, list) else function(each) for each in values]


def flat(values: Values) -> list[float]:
    """The numbers of a nested list in order."""
    return [number for each in values for number in (flat(each) if isinstance(each, list) else [each])]


def _direction(degrees: float) -> tuple[float, float]:
    """Cosine and sine, exact at quarter turns and alike either side of 0."""
    if degrees < 0:
        cosine, sine = _direction(-degrees)
        return cosine, -sine
    quarters, rest = divmod(degrees, 90)
    cosine, sine = cos(radians(rest)), sin(radians(rest))
    for _ in range(int(quarters) % 4):
        cosine, sine = -sine, cosine
    return cosine, sine
