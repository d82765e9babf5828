"""The bank of hand-made filters, by name. They are written for correlation, the way a layer applies them.

In each pair x is positive where the input rises from left to right, y where it rises from top to bottom; a compass
filter where it rises in its direction. A name may give parameters: `gaussian:size=5,sigma=1.2`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import fsum, isfinite

from convcli.core.errors import ConvcliError, located, suggestion
from convcli.core.records import Record, field
from convcli.model.filter_bank import fixed_filters, formulas
from convcli.model.filter_bank.fixed_filters import DIRECTIONS, Values, compass, turned
from convcli.model.filter_bank.formulas import flat, mapped
from convcli.model.filter_bank.parameters import (
    MOST_CELLS,
    Parameter,
    angle,
    factor,
    length,
    odd_size,
    rank,
    read,
    size,
    spelt,
)

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
    """How the bank makes a filter: from nothing, or from parameters."""

    group: str
    does: str
    source: str
    make: Callable[..., Values]
    parameters: Mapping[str, Parameter] = field(factory=dict)


class Filter(Record):
    """A filter as a name asks for it: its values, and the parameters that they were made from."""

    name: str
    recipe: Recipe
    arguments: Mapping[str, float]
    values: Values

    @property
    def shape(self) -> tuple[int, ...]:
        return _shape(self.values)

    @property
    def group(self) -> str:
        """The group that lists show it in; all but those of two axes are among their like."""
        return self.recipe.group if len(self.shape) == 2 else f"{len(self.shape)}-D"

    @property
    def parameters(self) -> str:
        """What it was made from, `size=5, sigma=1.2`."""
        return spelt(self.arguments)


def _shape(value: Values | float) -> tuple[int, ...]:
    return (len(value), *_shape(value[0])) if isinstance(value, list) else ()


def _fixed(group: str, does: str, source: str, rows: Values) -> Recipe:
    return Recipe(group, does, source, lambda: rows)


def _pair(name: str, source: str, rows: Values, does: str) -> dict[str, Recipe]:
    """The filter for a rise from left to right, and that for one from top to bottom."""
    return {
        f"{name}-x": _fixed("edges", f"finds rises from left to right{does}", source, rows),
        f"{name}-y": _fixed("edges", f"finds rises from top to bottom{does}", source, turned(rows)),
    }


def _compass(name: str, source: str, ring: tuple[int, ...], does: str) -> dict[str, Recipe]:
    return {
        f"{name}-{each}": _fixed("compass", f"finds rises towards {each.upper()}{does}", source, compass(ring, each))
        for each in DIRECTIONS
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
    "roberts-y": _fixed("edges", "finds rises towards the lower left", ROBERTS, turned(fixed_filters.ROBERTS)),
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
    """Each filter of the bank by a name that gives it back, those of several ranks by one for each; by groups."""
    every = [*FILTERS]
    for other in (1, 3):
        every += [f"{name}:rank={other}" for name, recipe in FILTERS.items() if "rank" in recipe.parameters]
    groups = [find(name).group for name in every]
    order = list(dict.fromkeys(groups))
    return [name for name, _ in sorted(zip(every, groups, strict=True), key=lambda each: order.index(each[1]))]


def is_known(name: str) -> bool:
    """Whether the bank has such a filter, whatever its parameters."""
    return name.partition(":")[0] in FILTERS


def rank_of(name: str) -> int | None:
    """How many axes the filter of this name has by itself; None where that is left to its place."""
    ranks = {len(find(name, axes).shape) for axes in (1, 2)}
    return None if len(ranks) > 1 else ranks.pop()


def find(name: str, axes: int | None = None) -> Filter:
    """The filter of this name, for a place of so many axes. Raises `ConvcliError`."""
    base, colon, text = name.partition(":")
    if base not in FILTERS:
        raise ConvcliError(f"{name!r} is no filter of the bank", filter_suggestion(name))
    recipe = FILTERS[base]
    arguments = {key: each.default for key, each in recipe.parameters.items()}
    if "rank" in arguments and axes in (1, 2, 3):
        arguments["rank"] = axes
    with located(base):
        arguments |= read(text, recipe.parameters) if colon else {}
        cells = int(arguments.get("size", 1)) ** int(arguments.get("rank", 2))
        if cells > MOST_CELLS:
            raise ConvcliError(f"{cells:,} values", f"at most {MOST_CELLS:,}")
    return Filter(name, recipe, arguments, recipe.make(**arguments))


def filter_suggestion(name: str) -> str | None:
    """What to say of a name that the bank has not."""
    return suggestion(name.partition(":")[0], FILTERS, "convcli filters lists them")


def value_sum(rows: Values) -> float:
    """The sum of a filter's values; what is left by rounding counts as 0."""
    numbers = flat(rows)
    exact = fsum(numbers)
    return exact if abs(exact) > 1e-12 * fsum(map(abs, numbers)) else 0


def normalizer(rows: Values) -> float:
    """What divides the values of a normalized filter: their sum, or where that is 0 the sum of the positive ones.

    Raises `ConvcliError` where they have no sum.
    """
    if not isfinite(sum(map(abs, flat(rows)))):
        raise ConvcliError("values without a finite sum cannot be normalized")
    return value_sum(rows) or fsum(number for number in flat(rows) if number > 0) or 1


def normalize(rows: Values) -> Values:
    """A filter divided by its `normalizer`."""
    by = normalizer(rows)
    return mapped(lambda value: value / by, rows)
