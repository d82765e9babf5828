"""The filters of the bank that are made from parameters."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import comb, cos, exp, fsum, hypot, radians, sin

from convcli.model.filter_bank.parameters import Number, per_axis
from convcli.model.filter_bank.values import Values, flatten, map_values

TRUNCATE = 4  # standard deviations on either side of the middle, as in SciPy's gaussian_filter


def radius_of(sigma: float) -> int:
    """Return how many cells on either side of the middle hold a bell: those of SciPy's gaussian_filter."""
    return int(TRUNCATE * sigma + 0.5)


def share_cut_off(size: int, sigma: float) -> float:
    """Return the share of the weight of a bell along one axis that a size leaves out: 0 where the size holds it."""
    radius = max(radius_of(sigma), size // 2)
    return 1 - fsum(_bell(size, sigma)) / fsum(_bell(2 * radius + 1, sigma))


def gaussian(size: Number, sigma: Number, rank: int) -> Values:
    """Return exp(-x²/2σ²) at whole cells, divided by its sum; with several axes the product of one along each."""
    settings = zip(per_axis(size, rank), per_axis(sigma, rank), strict=True)
    return _product([_divided_by_sum(_bell(int(extent), deviation)) for extent, deviation in settings])


def _bell(size: int, sigma: float) -> list[float]:
    return [exp(-((x / sigma) ** 2) / 2) for x in _cells(size)]


def box(size: int, rank: int) -> Values:
    """Return the mean of all cells."""
    return _filled(1 / size**rank, size, rank)


def gradient(smoothing: Sequence[int], axis: int, rank: int) -> Values:
    """Return the difference of the neighbours along an axis, smoothed along all others: Sobel's smoothing is 1 2 1.

    `axis` counts from the last one: -1 is x, -2 y, -3 z.
    """
    return _product([(-1, 0, 1) if index == axis + rank else smoothing for index in range(rank)])


def moving_average(size: int) -> Values:
    """Return the mean of all cells along one axis."""
    return box(size, 1)


def identity(size: int, rank: int) -> Values:
    """Return 1 in the middle and 0 elsewhere."""
    return _product([[int(x == 0) for x in _cells(size)]] * rank)


def laplacian_of_gaussian(size: Number, sigma: Number, rank: int) -> Values:
    """Return g·(x² + y² - 2σ²)/σ⁴ for a Gaussian g that sums to 1, less its mean: MATLAB's fspecial("log").

    With a sigma for each axis, g·((x² - σx²)/σx⁴ + (y² - σy²)/σy⁴). With other than two axes, the sum has a term for
    each.
    """
    sizes, sigmas = (per_axis(number, rank) for number in (size, sigma))
    along_axes = [_curvatures(int(extent), deviation) for extent, deviation in zip(sizes, sigmas, strict=True)]
    bell = gaussian(size, sigma, rank)
    curvatures = [sum(cell) for cell in product(*along_axes)]  # cell by cell, the last axis fastest
    weights = [weight * curvature for weight, curvature in zip(flatten(bell), curvatures, strict=True)]
    mean = fsum(weights) / len(weights)
    remaining = iter(weights)
    return map_values(lambda _: next(remaining) - mean, bell)


def _curvatures(size: int, sigma: float) -> list[float]:
    """Return (x² - σ²)/σ⁴ at the cells of an axis: the second derivative of a bell, divided by the bell."""
    return [((x / sigma) ** 2 - 1) / sigma**2 for x in _cells(size)]


def unsharp(size: int, sigma: float, amount: float) -> Values:
    """Return the input plus `amount` times the difference to its blur, which is binomial where sigma is 0."""
    binomial = [comb(size - 1, index) / 2 ** (size - 1) for index in range(size)]
    blur = gaussian(size, sigma, 2) if sigma else _product([binomial] * 2)
    middle = size // 2
    values = [[-amount * value for value in row] for row in blur]
    values[middle][middle] += 1 + amount
    return values


def motion_blur(size: int, theta: float) -> Values:
    """Return 1 less the distance from a line of `size` cells through the middle, at least 0, divided by the sum.

    The line runs `theta` degrees anticlockwise from the right.
    """
    cosine, sine = _direction(theta)
    half = size // 2

    def weight(x: int, y: int) -> float:
        along = min(half, max(-half, x * cosine + y * sine))  # the nearest point of the line
        distance = hypot(x - along * cosine, y - along * sine)
        return 1 - distance if distance < 1 - 1e-12 else 0.0  # rounding must not leave a weight at a distance of 1

    weights = [[weight(x, -y) for x in _cells(size)] for y in _cells(size)]  # rows count downwards, y upwards
    total = fsum(map(fsum, weights))
    return [[value / total for value in row] for row in weights]


def gabor(size: int, sigma: float, theta: float, wavelength: float, gamma: float, psi: float) -> Values:
    """Return exp(-(u² + γ²v²)/2σ²)·cos(2πu/λ + ψ) with u = x·cos θ + y·sin θ and v = y·cos θ - x·sin θ.

    As in OpenCV's getGaborKernel, x counts from right to left and y from bottom to top. Angles are in degrees.
    """
    cosine, sine = _direction(theta)
    cosine_psi, sine_psi = _direction(psi)

    def weight(x: int, y: int) -> float:
        along, across = x * cosine + y * sine, y * cosine - x * sine
        envelope = exp(-((along / sigma) ** 2 + (gamma * across / sigma) ** 2) / 2)
        even, odd = _direction(360 * along / wavelength)
        return envelope * (even * cosine_psi - odd * sine_psi)  # the cosine of the sum of the two angles

    return [[weight(-x, -y) for x in _cells(size)] for y in _cells(size)]


def _cells(size: int) -> range:
    """Return the cells of an odd size, counted from the middle."""
    return range(-(size // 2), size // 2 + 1)


def _divided_by_sum(weights: Sequence[float]) -> list[float]:
    total = fsum(weights)
    return [weight / total for weight in weights]


def _filled(value: float, size: int, rank: int) -> Values:
    return [value if rank == 1 else _filled(value, size, rank - 1) for _ in range(size)]


def _product(weights: Sequence[Sequence[float]]) -> Values:
    """Return the product of the weights along each axis."""
    first, *others = weights
    if not others:
        return list(first)
    inner = _product(others)
    return [_scaled(inner, weight) for weight in first]


def _scaled(values: Values, factor: float) -> Values:
    return map_values(lambda value: factor * value, values)


def _direction(degrees: float) -> tuple[float, float]:
    """Return cosine and sine, exact at quarter turns and symmetric about 0."""
    if degrees < 0:
        cosine, sine = _direction(-degrees)
        return cosine, -sine
    quarters, rest = divmod(degrees, 90)
    cosine, sine = cos(radians(rest)), sin(radians(rest))
    for _ in range(int(quarters) % 4):
        cosine, sine = -sine, cosine
    return cosine, sine
