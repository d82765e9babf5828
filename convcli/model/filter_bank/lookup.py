"""Filters of the bank by name: `sobel-x`, `gaussian:size=5,sigma=1.2`."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from convcli.core.errors import ConvcliError, located, short_repr, suggestion
from convcli.core.option_names import spoken
from convcli.core.records import Record
from convcli.model.filter_bank import formulas
from convcli.model.filter_bank.bank import FILTERS, GRADIENTS, Recipe
from convcli.model.filter_bank.parameters import (
    LARGEST,
    MOST_CELLS,
    Number,
    format_number,
    format_numbers,
    per_axis,
    read,
)
from convcli.model.filter_bank.values import Values, shape_of

MOST_CUT_OFF = 0.05  # of the weight along an axis: more changes what a filter does


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


def names() -> list[str]:
    """Return the names of all filters by group, 1-D and 3-D ones last; one of several ranks has a name for each.

    Each name can be given to `find`.
    """
    every_name = [*FILTERS]
    for axes in (1, 3):
        every_name += [f"{name}:rank={axes}" for name, recipe in FILTERS.items() if recipe.takes_rank(axes)]
    groups = {name: find(name).group for name in every_name}
    order = sorted(dict.fromkeys(groups.values()), key=lambda group: group if group.endswith("-D") else "")
    return sorted(every_name, key=lambda name: order.index(groups[name]))


def is_known(name: str) -> bool:
    """Return whether the bank has a filter of this name, whatever its parameters."""
    return name.partition(":")[0] in FILTERS


def is_magnitude(name: str) -> bool:
    """Return whether a name stands for the magnitude of a gradient, √(x² + y²), whatever its parameters."""
    return name.partition(":")[0] in GRADIENTS


def magnitude_parts(name: str, axes: int | None) -> tuple[str, ...]:
    """Return the names of the filters along the axes that make the gradient of this name; `axes` is as for `find`."""
    base, colon, text = name.partition(":")
    parts = f"{base}-x{colon}{text}", f"{base}-y{colon}{text}"
    return parts if len(find(parts[0], axes).shape) == 2 else (*parts, f"{base}-z")


def not_linear(name: str) -> ConvcliError:
    """Return the error for a gradient magnitude where a filter is needed."""
    *others, last = magnitude_parts(name, None)
    layers = "a layer for each of these filters, and hypot of the layers"
    return ConvcliError(
        f"{short_repr(name)} is not linear: it is the root of the sum of squares of {', '.join(others)} and {last}",
        spoken(f"--filter {name}; in a model, {layers}", f"a model with {layers}"),
    )


def rank_of(name: str) -> int | None:
    """Return the number of axes that a name asks for; None where the filter takes that of the layer it is used in."""
    base, colon, text = name.partition(":")
    recipe = FILTERS[base]
    with located(base):
        stated = read(text, recipe.parameters) if colon else {}
    settles = "rank" in stated or bool(_rank_of_numbers(stated))
    if not settles and sum(recipe.takes_rank(axes) for axes in (1, 2, 3)) > 1:
        return None  # told without its values, of which a rank that nobody needs may have too many
    return len(find(name).shape)


def find(name: str, axes: int | None = None) -> Filter:
    """Return the filter of a name, which may set parameters: `gaussian:size=5,sigma=1.2`.

    `axes` is the number of spatial axes of the layer that it is for, which a filter of any rank takes. Raises
    `ConvcliError`.
    """
    base, colon, text = name.partition(":")
    if is_magnitude(name):
        raise not_linear(name)
    if base not in FILTERS:
        raise ConvcliError(f"{short_repr(name)} is not a filter of the bank", filter_suggestion(name))
    recipe = FILTERS[base]
    arguments: dict[str, Number] = {key: parameter.default for key, parameter in recipe.parameters.items()}
    if axes is not None and recipe.takes_rank(axes):
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
    return suggestion(name.partition(":")[0], (*FILTERS, *GRADIENTS), "convcli filters lists them")
