"""The table of hand-made filters, and how they are found by name.

Filters are written for correlation, which is how a layer applies them. Of a pair, `-x` answers positively where the
input rises from left to right, `-y` where it rises from top to bottom; a compass filter where it rises in its
direction. To add a filter, add a line to `FILTERS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from convcli.core.errors import ConvcliError, located, suggestion
from convcli.core.records import Record, field
from convcli.model.filter_bank import fixed_filters, formulas
from convcli.model.filter_bank.fixed_filters import DIRECTIONS, compass
from convcli.model.filter_bank.parameters import (
    MOST_CELLS,
    Parameter,
    angle,
    factor,
    format_numbers,
    length,
    odd_size,
    rank,
    read,
    size,
)
from convcli.model.filter_bank.values import Values, rotate_clockwise, shape_of

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
    """

    group: str
    does: str
    source: str
    make: Callable[..., Values]
    parameters: Mapping[str, Parameter] = field(factory=dict)


class Filter(Record):
    """A filter under its full name: its values, and the parameters that they were made from."""

    name: str
    recipe: Recipe
    arguments: Mapping[str, float]
    values: Values

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
        {"size": odd_size(9), "sigma": length(1.4)},
    ),
    "edge": _fixed(
        "curvature", "finds edges and spots: laplacian-8 with its sign turned", GONZALEZ, fixed_filters.EDGE
    ),
    "gaussian": Recipe(
        "smoothing",
        "takes the mean, weighted by a bell of standard deviation sigma",
        f"the normal density at whole cells, divided by its sum; {MARR}",
        formulas.gaussian,
        {"size": odd_size(5), "sigma": length(1), "rank": rank()},
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
        raise ConvcliError(f"{name!r} is not a filter of the bank", filter_suggestion(name))
    recipe = FILTERS[base]
    arguments = {key: parameter.default for key, parameter in recipe.parameters.items()}
    if "rank" in arguments and axes in (1, 2, 3):
        arguments["rank"] = axes
    with located(base):
        arguments |= read(text, recipe.parameters) if colon else {}
        cells = int(arguments.get("size", 1)) ** int(arguments.get("rank", 2))
        if cells > MOST_CELLS:
            raise ConvcliError(f"{cells:,} values", f"at most {MOST_CELLS:,}")
    return Filter(name, recipe, arguments, recipe.make(**arguments))


def filter_suggestion(name: str) -> str | None:
    """Return the remedy for a name that the bank does not have."""
    return suggestion(name.partition(":")[0], FILTERS, "convcli filters lists them")
