"""The filters of the bank that are made from parameters."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb, cos, exp, fsum, hypot, radians, sin

from convcli.model.filter_bank.parameters import Number, per_axis
from convcli.model.filter_bank.values import Values, map_values

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


def moving_average(size: int) -> Values:
    """Return the mean of all cells along one axis."""
    return box(size, 1)


def identity(size: int, rank: int) -> Values:
    """Return 1 in the middle and 0 elsewhere."""
    return _product([[int(x == 0) for x in _cells(size)]] * rank)


def laplacian_of_gaussian(size: Number, sigma: Number) -> Values:
    """Return g·(x² + y² - 2σ²)/σ⁴ for a Gaussian g that sums to 1, less its mean: MATLAB's fspecial("log").

    With a sigma for each axis, g·((x² - σx²)/σx⁴ + (y² - σy²)/σy⁴).
    """
    rows, columns = (int(extent) for extent in per_axis(size, 2))
    down, across = per_axis(sigma, 2)
    bell = gaussian(size, sigma, 2)
    curvature = [
        [
            g * ((((y / down) ** 2 - 1) / down**2) + ((x / across) ** 2 - 1) / across**2)
            for g, x in zip(row, _cells(columns), strict=True)
        ]
        for row, y in zip(bell, _cells(rows), strict=True)
    ]
    mean = fsum(map(fsum, curvature)) / (rows * columns)
    return [[value - mean for value in row] for row in curvature]


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
