"""The table of hand-made filters.

Filters are written for correlation, which is how a layer applies them. Of a pair, `-x` answers positively where the
input rises from left to right, `-y` where it rises from top to bottom; a compass filter where it rises in its
direction, and in a volume `-z` where it rises from front to back. To add a filter, add a line to `FILTERS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from convcli.core.records import Record, field
from convcli.model.filter_bank import fixed_filters, formulas
from convcli.model.filter_bank.fixed_filters import DIRECTIONS, compass
from convcli.model.filter_bank.parameters import (
    Number,
    Parameter,
    angle,
    factor,
    length,
    odd_size,
    rank,
    size,
)
from convcli.model.filter_bank.values import Values, rotate_clockwise

# The filters whose parts along the axes make a gradient. The names alone stand for its magnitude, not for a filter.
GRADIENTS = ("prewitt", "sobel", "scharr")
PATTERN = "the pattern itself: a template that answers most where the input is like it"
DIFFERENCE = "difference of neighbours"
ROBERTS = 'Roberts, "Machine Perception of Three-Dimensional Solids", 1963, turned for correlation'
PREWITT = 'Prewitt, "Object Enhancement and Extraction", 1970'
SOBEL = 'Sobel and Feldman, "A 3x3 Isotropic Gradient Operator", 1968'
SCHARR = 'Scharr, "Optimale Operatoren in der Digitalen Bildverarbeitung", 2000'
KIRSCH = 'Kirsch, "Computer Determination of the Constituent Structure of Biological Images", 1971'
ROBINSON = 'Robinson, "Edge Detection by Compass Gradient Masks", 1977'
GONZALEZ = 'Gonzalez and Woods, "Digital Image Processing", section 3.6'
MARR = 'Marr and Hildreth, "Theory of Edge Detection", 1980'
DAUGMAN = 'Daugman, "Uncertainty Relation for Resolution in Space, Spatial Frequency, and Orientation", 1985'
BURT = 'Burt and Adelson, "The Laplacian Pyramid as a Compact Image Code", 1983'


class Recipe(Record):
    """The recipe by which the bank makes a filter.

    Args:
        group: the group that lists show it in.
        does: what it does to an input, as a predicate.
        source: where it was published.
        make: returns the values for the parameters.
        parameters: the parameters by name.
        deviation: returns the standard deviation that the size must hold, from the parameters; None for a filter that
            is not made from a Gaussian.
        needs_sigma: whether a size that is too small for sigma changes what the filter does, and is warned of.
    """

    group: str
    does: str
    source: str
    make: Callable[..., Values]
    parameters: Mapping[str, Parameter] = field(factory=dict)
    deviation: Callable[..., Number] | None = None
    needs_sigma: bool = True

    def takes_rank(self, axes: int | None) -> bool:
        """Return whether a filter of so many axes can be made by setting its rank."""
        return axes is not None and "rank" in self.parameters and self.parameters["rank"].least <= axes <= 3


def _fixed(group: str, does: str, source: str, values: Values) -> Recipe:
    """Return the recipe of a filter that is fixed numbers."""
    return Recipe(group, does, source, lambda: values)


def _gradient(name: str, source: str, smoothing: tuple[int, ...], does: str) -> dict[str, Recipe]:
    """Return a filter for rises along each axis, which are smoothed along the others; the one along z is 3-D."""

    def along(axis: int) -> Callable[..., Values]:
        return lambda rank: formulas.gradient(smoothing, axis, rank)

    return {
        f"{name}-x": Recipe("edges", f"finds rises from left to right{does}", source, along(-1), {"rank": rank(2)}),
        f"{name}-y": Recipe("edges", f"finds rises from top to bottom{does}", source, along(-2), {"rank": rank(2)}),
        f"{name}-z": _fixed("edges", f"finds rises from front to back{does}", source, along(-3)(rank=3)),
    }


def _compass(name: str, source: str, outer: tuple[int, ...], does: str) -> dict[str, Recipe]:
    """Return a filter for each of the eight directions."""
    return {
        f"{name}-{direction}": _fixed(
            "compass", f"finds rises towards {direction.upper()}{does}", source, compass(outer, direction)
        )
        for direction in DIRECTIONS
    }


def _sigma(sigma: Number, **_: Number) -> Number:
    """Return sigma, the standard deviation of a Gaussian along each axis."""
    return sigma


def _longest_sigma(sigma: float, gamma: float, **_: float) -> float:
    """Return the longer of the two standard deviations of a Gabor filter: sigma along the waves, sigma/gamma across."""
    return max(sigma, sigma / gamma) if gamma else sigma


FILTERS: dict[str, Recipe] = {
    "line-vertical": _fixed("lines", "finds vertical lines", PATTERN, fixed_filters.LINE_VERTICAL),
    "line-horizontal": _fixed("lines", "finds horizontal lines", PATTERN, fixed_filters.LINE_HORIZONTAL),
    "line-diagonal": _fixed("lines", "finds lines down to the right", PATTERN, fixed_filters.LINE_DIAGONAL),
    "line-antidiagonal": _fixed("lines", "finds lines down to the left", PATTERN, fixed_filters.LINE_ANTIDIAGONAL),
    **_gradient("prewitt", PREWITT, (1, 1, 1), ", the mean of three lines"),
    **_gradient("sobel", SOBEL, (1, 2, 1), ", smoothed along the edge"),
    **_gradient("scharr", SCHARR, (3, 10, 3), ", alike in all directions"),
    "roberts-x": _fixed("edges", "finds rises towards the lower right", ROBERTS, fixed_filters.ROBERTS),
    "roberts-y": _fixed(
        "edges", "finds rises towards the lower left", ROBERTS, rotate_clockwise(fixed_filters.ROBERTS)
    ),
    **_compass("kirsch", KIRSCH, fixed_filters.KIRSCH, ", with weights 5 and -3"),
    **_compass("robinson", ROBINSON, fixed_filters.ROBINSON, ", with Sobel's weights"),
    "laplacian-4": _fixed(
        "curvature", "adds the second derivatives, from 4 neighbours", GONZALEZ, fixed_filters.LAPLACIAN_4
    ),
    "laplacian-8": _fixed(
        "curvature", "adds the second derivatives, from 8 neighbours", GONZALEZ, fixed_filters.LAPLACIAN_8
    ),
    "laplacian-of-gaussian": Recipe(
        "curvature",
        "adds the second derivatives of the smoothed input",
        f'{MARR}; MATLAB\'s fspecial("log")',
        formulas.laplacian_of_gaussian,
        {"size": odd_size(9, per_axis=True), "sigma": length(1.4, per_axis=True), "rank": rank()},
        _sigma,
    ),
    "edge": _fixed(
        "curvature", "finds edges and spots: laplacian-8 with its sign turned", GONZALEZ, fixed_filters.EDGE
    ),
    "gaussian": Recipe(
        "smoothing",
        "takes the mean, weighted by a bell of standard deviation sigma",
        f"the normal density at whole cells, divided by its sum; {MARR}",
        formulas.gaussian,
        {"size": odd_size(5, per_axis=True), "sigma": length(1, per_axis=True), "rank": rank()},
        _sigma,
    ),
    "box": Recipe(
        "smoothing",
        "takes the mean",
        'McDonnell, "Box-Filtering Techniques", 1981',
        formulas.box,
        {"size": size(3), "rank": rank()},
    ),
    "motion-blur": Recipe(
        "smoothing",
        "takes the mean along a line, theta degrees anticlockwise from the right",
        'MATLAB\'s fspecial("motion"), on size×size cells',
        formulas.motion_blur,
        {"size": odd_size(5), "theta": angle()},
    ),
    "sharpen": _fixed("sharpening", "subtracts laplacian-4 from the input", GONZALEZ, fixed_filters.SHARPEN),
    "unsharp": Recipe(
        "sharpening",
        "adds amount times what a blur takes away; sigma=0: binomial weights",
        f"{GONZALEZ}; the binomial 1 4 6 4 1 as in {BURT}",
        formulas.unsharp,
        {"size": odd_size(5), "sigma": length(0, least=0), "amount": factor(1)},
        _sigma,
    ),
    "emboss": _fixed(
        "other", "makes a relief, lit from the upper left", "the GIMP manual, Convolution Matrix", fixed_filters.EMBOSS
    ),
    "gabor": Recipe(
        "other",
        "finds waves that run theta degrees clockwise from the right",
        f"{DAUGMAN}; OpenCV's getGaborKernel, angles in degrees",
        formulas.gabor,
        {
            "size": odd_size(9),
            "sigma": length(2),
            "theta": angle(),
            "wavelength": length(4),
            "gamma": factor(0.5),
            "psi": angle(),
        },
        _longest_sigma,
        needs_sigma=False,
    ),
    "identity": Recipe(
        "other", "changes nothing", "the unit impulse", formulas.identity, {"size": odd_size(3), "rank": rank()}
    ),
    "bump": _fixed("1-D", "finds single cells", PATTERN, fixed_filters.BUMP),
    "step": _fixed("1-D", "finds rises from one cell to the next", DIFFERENCE, fixed_filters.STEP),
    "derivative": _fixed(
        "1-D", "measures the slope at the middle cell", f"central {DIFFERENCE}", fixed_filters.DERIVATIVE
    ),
    "moving-average": Recipe("1-D", "takes the mean", "box, on one axis", formulas.moving_average, {"size": size(3)}),
}
