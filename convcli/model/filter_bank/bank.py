"""The table of hand-made filters, and how they are found by name.

Filters are written for correlation, which is how a layer applies them. Of a pair, `-x` answers positively where the
input rises from left to right, `-y` where it rises from top to bottom; a compass filter where it rises in its
direction. To add a filter, add a line to `FILTERS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod

from convcli.core.errors import ConvcliError, located, short_repr, suggestion
from convcli.core.records import Record, field
from convcli.model.filter_bank import fixed_filters, formulas
from convcli.model.filter_bank.fixed_filters import DIRECTIONS, compass
from convcli.model.filter_bank.parameters import (
    LARGEST,
    MOST_CELLS,
    Number,
    Parameter,
    angle,
    factor,
    format_number,
    format_numbers,
    length,
    odd_size,
    per_axis,
    rank,
    read,
    size,
)
from convcli.model.filter_bank.values import Values, rotate_clockwise, shape_of

MOST_CUT_OFF = 0.05  # of the weight along an axis: more changes what a filter does
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


class Filter(Record):
    """A filter under its full name: its values, and the parameters that they were made from.

    `size_from_sigma` says that the name gives sigma alone, from which the size follows. `warning` is a sentence about a
    size that is too small for its sigma.
    """

    name: str
    recipe: Recipe
    arguments: Mapping[str, Number]
    values: Values
    size_from_sigma: bool = False
    warning: str | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """The extent along each axis."""
        return shape_of(self.values)

    @property
    def group(self) -> str:
        """The group that lists show it in: that of its recipe, or `1-D` or `3-D` for other than two axes."""
        return self.recipe.group if len(self.shape) == 2 else f"{len(self.shape)}-D"

    @property
    def parameters(self) -> str:
        """The parameters that it was made from: `size=5, sigma=1.2`."""
        return format_numbers(self.arguments)


def _fixed(group: str, does: str, source: str, values: Values) -> Recipe:
    """Return the recipe of a filter that is fixed numbers."""
    return Recipe(group, does, source, lambda: values)


def _pair(name: str, source: str, values: Values, does: str) -> dict[str, Recipe]:
    """Return the filter for a rise from left to right, and the one for a rise from top to bottom."""
    return {
        f"{name}-x": _fixed("edges", f"finds rises from left to right{does}", source, values),
        f"{name}-y": _fixed("edges", f"finds rises from top to bottom{does}", source, rotate_clockwise(values)),
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
    **_pair("prewitt", PREWITT, fixed_filters.PREWITT, ", the mean of three lines"),
    **_pair("sobel", SOBEL, fixed_filters.SOBEL, ", smoothed along the edge"),
    **_pair("scharr", SCHARR, fixed_filters.SCHARR, ", alike in all directions"),
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
        {"size": odd_size(9, per_axis=True), "sigma": length(1.4, per_axis=True)},
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


def names() -> list[str]:
    """Return the names of all filters, sorted by group; a filter of any rank has a name for each rank.

    Each name can be given to `find`.
    """
    every_name = [*FILTERS]
    for axes in (1, 3):
        every_name += [f"{name}:rank={axes}" for name, recipe in FILTERS.items() if "rank" in recipe.parameters]
    groups = {name: find(name).group for name in every_name}
    order = list(dict.fromkeys(groups.values()))
    return sorted(every_name, key=lambda name: order.index(groups[name]))


def is_known(name: str) -> bool:
    """Return whether the bank has a filter of this name, whatever its parameters."""
    return name.partition(":")[0] in FILTERS


def rank_of(name: str) -> int | None:
    """Return the number of axes that a name asks for; None where the filter takes that of the layer it is used in."""
    ranks = {len(find(name, axes).shape) for axes in (1, 2)}
    return None if len(ranks) > 1 else ranks.pop()


def find(name: str, axes: int | None = None) -> Filter:
    """Return the filter of a name, which may set parameters: `gaussian:size=5,sigma=1.2`.

    `axes` is the number of spatial axes of the layer that it is for, which a filter of any rank takes. Raises
    `ConvcliError`.
    """
    base, colon, text = name.partition(":")
    if base not in FILTERS:
        raise ConvcliError(f"{short_repr(name)} is not a filter of the bank", filter_suggestion(name))
    recipe = FILTERS[base]
    arguments: dict[str, Number] = {key: parameter.default for key, parameter in recipe.parameters.items()}
    if "rank" in arguments and axes in (1, 2, 3):
        arguments["rank"] = axes
    with located(base):
        stated = read(text, recipe.parameters) if colon else {}
        arguments |= _rank_of_numbers(stated) if "rank" in arguments else {}
        arguments |= stated
        _check_axes(arguments)
        size_from_sigma = recipe.deviation is not None and bool(stated.get("sigma")) and "size" not in stated
        if size_from_sigma:
            arguments["size"] = _size(recipe, arguments)
        cells = int(prod(per_axis(arguments.get("size", 1), _axes(arguments))))
        if cells > MOST_CELLS:
            raise ConvcliError(f"{cells:,} values", f"at most {MOST_CELLS:,}")
    warning = _warning(name, recipe, arguments) if {"size", "sigma"} <= stated.keys() else None
    return Filter(name, recipe, arguments, recipe.make(**arguments), size_from_sigma, warning)


def _axes(arguments: Mapping[str, Number]) -> int:
    """Return the number of axes of a filter with a size."""
    axes = arguments.get("rank", 2)
    assert not isinstance(axes, tuple)
    return int(axes)


def _rank_of_numbers(stated: Mapping[str, Number]) -> dict[str, Number]:
    """Return the rank that a parameter with a number for each axis implies."""
    ranks = [len(number) for number in stated.values() if isinstance(number, tuple)]
    return {"rank": min(max(ranks), 3)} if ranks else {}


def _check_axes(arguments: Mapping[str, Number]) -> None:
    """Raise `ConvcliError` where a parameter has numbers for another number of axes than the filter's."""
    axes = _axes(arguments)
    for name, number in arguments.items():
        if isinstance(number, tuple) and len(number) != axes:
            remedy = f"one number, or one for each of the {axes} axes" if axes != 1 else "one number for the one axis"
            raise ConvcliError(f"{name}={format_number(number)}: {len(number)} numbers", remedy)


def _size(recipe: Recipe, arguments: Mapping[str, Number]) -> Number:
    """Return the size that holds sigma, as SciPy chooses it. Raises `ConvcliError` where it is too large."""
    assert recipe.deviation is not None
    deviation = recipe.deviation(**arguments)
    sizes = tuple(2 * formulas.radius_of(sigma) + 1 for sigma in per_axis(deviation, 1))
    if max(sizes) > LARGEST:
        raise ConvcliError(
            f"sigma={format_number(arguments['sigma'])} needs {max(sizes):,} cells along an axis",
            f"at most {LARGEST:,}; or a size, which cuts it off",
        )
    return sizes if len(set(sizes)) > 1 else sizes[0]


def _warning(name: str, recipe: Recipe, arguments: Mapping[str, Number]) -> str | None:
    """Return a sentence about the weight that the size cuts off along an axis, None where it is small."""
    if recipe.deviation is None or not recipe.needs_sigma or not arguments["sigma"]:
        return None
    axes = range(_axes(arguments))
    sizes, sigmas = (per_axis(arguments[key], len(axes)) for key in ("size", "sigma"))
    shares = [formulas.share_cut_off(int(sizes[axis]), sigmas[axis]) for axis in axes]
    axis = shares.index(max(shares))
    if shares[axis] <= MOST_CUT_OFF:
        return None
    holds = 2 * formulas.radius_of(sigmas[axis]) + 1
    return (
        f"{name}: {sizes[axis]:g} cells cut off {shares[axis]:.0%} of the weight along an axis: sigma "
        f"{sigmas[axis]:g} needs {holds:,}"
    )


def filter_suggestion(name: str) -> str | None:
    """Return the remedy for a name that the bank does not have."""
    return suggestion(name.partition(":")[0], FILTERS, "convcli filters lists them")
