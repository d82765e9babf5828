"""Weights as a model holds them: numbers, nested lists, files, filters from the bank.

Shapes are found without NumPy unless a file must be read; arrays are made when they are asked for.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from convcli.core.errors import ConvcliError, located
from convcli.core.lazy_imports import Array, np
from convcli.core.records import Record
from convcli.core.shapes import Shape, shape_text
from convcli.io import arrays, layout
from convcli.io.files import suffix


class WeightValue(Record):
    """A weight's value; along an extent of None, and where the shape is `()`, it is repeated."""

    shape: Shape
    array: Callable[[], Array]

    def fill(self, shape: tuple[int, ...]) -> Array:
        """The array in the shape that the layer needs."""
        return np.broadcast_to(self.array(), shape)


class FilterSet(Record):
    """Hand-made filters of one size: `size` along space, `depth` in channels (None: they have no channel axis)."""

    names: tuple[str, ...]
    size: tuple[int, ...]
    depth: int | None
    each: tuple[WeightValue, ...]

    def stack(self, letters: str, groups: int) -> WeightValue:
        """The kernel that they make, in Keras's layout with the axes `letters` after the spatial ones.

        Filters without channels are repeated along the kernel's channel axis.
        """
        rank, count = len(self.size), len(self.names)
        depth = self.depth

        def make() -> Array:
            kernel = np.stack([one.array() for one in self.each], axis=-1)  # (*k, [depth,] filters)
            kernel = kernel.reshape(*self.size, depth or 1, count)
            if letters == "IO":
                return kernel
            grouped = kernel.reshape(*self.size, depth or 1, groups, count // groups)
            turned = np.moveaxis(grouped, -1, rank)  # (*k, filters/groups, in/groups, groups)
            return np.swapaxes(turned, -1, -2).reshape(*self.size, count // groups, -1)

        if letters == "IO":
            return WeightValue((*self.size, depth, count), make)
        return WeightValue((*self.size, count // groups, (depth or 1) * groups), make)


def weight_value(value: Any, folder: str, rank: int | None = None) -> WeightValue:
    """A number, nested list, `{data: ...}`, array, file (relative to the folder) or filter of the bank.

    A filter that exists for several ranks is of `rank`, unless its name says another.
    """
    if isinstance(value, str) and value not in arrays.WORDS:
        return _named(value, folder, rank)
    if isinstance(value, Mapping):
        return _made(arrays.from_document(value))
    if hasattr(value, "ndim"):
        return _made(value)
    return WeightValue(arrays.nested_shape(value), lambda: layout.to_float(arrays.from_nested(value)))


def _made(array: Any) -> WeightValue:
    if isinstance(array, dict):
        raise ConvcliError(f"holds several arrays: {', '.join(array)}", "one of them, as file.npz:key")
    return WeightValue(array.shape, lambda: layout.to_float(array))


def _named(name: str, folder: str, rank: int | None) -> WeightValue:
    path, _, key = name.partition(":")
    if suffix(path) in arrays.SUFFIXES:
        return _made(arrays.load(os.path.join(folder, path) + (f":{key}" if key else "")))
    from convcli.model import filter_bank

    if not filter_bank.is_known(name):
        quotes = "in a list, quotes keep a name with commas whole" if "=" in name and ":" not in name else None
        raise ConvcliError(f"{name!r} is neither a file nor a filter of the bank", quotes or filter_bank.unknown(name))
    return weight_value(filter_bank.find(name, rank).values, folder)


def named_filters(names: Sequence[str], normalize: bool, otherwise: int = 2) -> dict[str, Array]:
    """The filters of these names as arrays of one shape: smaller ones padded with zeros, middle on middle.

    They have the rank of the first that is of one rank only; where all leave it open, `otherwise`.
    """
    from convcli.model import filter_bank

    ranks = (
        filter_bank.own_rank(name) if filter_bank.is_known(name) else len(weight_value(name, "").shape)
        for name in names
    )
    rank = next((own for own in ranks if own is not None), otherwise)
    made = {name: weight_value(name, "", rank).array() for name in names}
    _check_ranks({name: array.ndim for name, array in made.items()})
    if normalize:
        made = {name: _normalized(name, array) for name, array in made.items()}
    largest = np.max([array.shape for array in made.values()], axis=0)
    return {name: _padded(name, array, tuple(map(int, largest))) for name, array in made.items()}


def _normalized(name: str, array: Array) -> Array:
    from convcli.model.filter_bank import divisor

    with located(name):
        return array / divisor(array.tolist())


def _check_ranks(ranks: Mapping[str, int]) -> None:
    """Raise `ConvcliError` unless all are of one rank that filters have."""
    first, rank = next(iter(ranks.items()))
    for name, other in ranks.items():
        if other not in (1, 2, 3):
            raise ConvcliError(f"{name} has {other} axes", "1, 2 or 3")
        if other != rank:
            raise ConvcliError(f"{name} is {other}-D, {first} is {rank}-D", "filters of one rank")


def _padded(name: str, array: Array, shape: tuple[int, ...]) -> Array:
    if array.shape == shape:
        return array
    missing = [extent - own for extent, own in zip(shape, array.shape, strict=True)]
    sizes = tuple("×".join(map(str, each)) for each in (array.shape, shape))
    if any(cells % 2 for cells in missing):
        raise ConvcliError(
            f"{name} (size {sizes[0]}) cannot be centred in {sizes[1]}", "sizes that are all odd, or all even"
        )
    warnings.warn(f"{name} is padded with zeros from {sizes[0]} to {sizes[1]}", stacklevel=2)
    return np.pad(array, [(cells // 2, cells // 2) for cells in missing])


def read_filters(value: Any, rank: int, folder: str) -> FilterSet:
    """One filter (rank = spatial), or a list or NAME: FILTER mapping of filters of the spatial rank or one more."""
    if isinstance(value, Mapping):
        names = tuple(map(str, value))
        if len(set(names)) < len(names):
            raise ConvcliError(f"two filters of one name among {', '.join(names)}", "a name for each")
        return _several(names, tuple(value.values()), rank, folder)
    if isinstance(value, list | tuple) and not all(map(_is_nested, value)):
        names = tuple(each if isinstance(each, str) else str(place) for place, each in enumerate(value))
        return _several(_distinct(names), tuple(value), rank, folder)
    if _is_of_bank(value):
        return _several((value,), (value,), rank, folder)
    whole = weight_value(value, folder)
    if len(whole.shape) == rank:
        return _alike((value if isinstance(value, str) else "0",), (whole,), rank)
    if len(whole.shape) not in (rank + 1, rank + 2):
        raise _wrong_rank(whole.shape, rank)
    count, made = whole.shape[0] or 0, cache(whole.array)
    parts = tuple(WeightValue(whole.shape[1:], lambda place=place: made()[place]) for place in range(count))  # type: ignore[misc]
    return _alike(tuple(map(str, range(count))), parts, rank)


def _is_nested(value: Any) -> bool:
    """Whether a value is part of a nested list, not a name, a mapping or an array."""
    return isinstance(value, int | float | list | tuple) or (isinstance(value, str) and value in arrays.WORDS)


def _is_of_bank(value: Any) -> bool:
    """Whether a value names a filter of the bank, which is imported where there is a name at all."""
    if not isinstance(value, str):
        return False
    from convcli.model.filter_bank import is_known

    return is_known(value)


def _several(names: tuple[str, ...], values: tuple[Any, ...], rank: int, folder: str) -> FilterSet:
    each = []
    for name, value in zip(names, values, strict=True):
        with located(name):
            each.append(weight_value(value, folder, rank))
            if _is_of_bank(value) and len(each[-1].shape) != rank:
                raise _wrong_rank(each[-1].shape, rank)
    return _alike(names, each, rank)


def _distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    return names if len(set(names)) == len(names) else tuple(f"{name} {place}" for place, name in enumerate(names))


def _alike(names: Sequence[str], each: Sequence[WeightValue], rank: int) -> FilterSet:
    if not each:
        raise ConvcliError("no filters", "at least one")
    shape = each[0].shape
    for name, one in zip(names, each, strict=True):
        with located(name):
            if len(one.shape) not in (rank, rank + 1) or 0 in one.shape:
                raise _wrong_rank(one.shape, rank)
            if one.shape != shape:
                raise ConvcliError(
                    f"shape {shape_text(one.shape)}, filter {names[0]} has {shape_text(shape)}", "filters of one shape"
                )
            if not name.isprintable():
                raise ConvcliError(f"a filter's name {name!r}", "printable text")
    known = tuple(extent or 1 for extent in shape)
    return FilterSet(tuple(names), known[:rank], known[rank] if len(shape) > rank else None, tuple(each))


def _wrong_rank(shape: Shape, rank: int) -> ConvcliError:
    return ConvcliError(
        f"a filter of shape {shape_text(shape)}",
        f"rank {rank} for the {rank} spatial axes, or {rank + 1} with channels last",
    )


def to_keras_layout(given: WeightValue, layout: str, rank: int, letters: str) -> WeightValue:
    """A kernel in another layout, one letter an axis (`OIHW`), as Keras's: spatial axes, then `letters`."""
    spatial = [place for place, letter in enumerate(layout) if letter in "DHWK"]
    if "K" not in layout:
        spatial.sort(key=lambda place: "DHW".index(layout[place]))
    if (
        len(layout) != rank + 2
        or len(spatial) != rank
        or sorted(set(layout) - set("DHWK")) != ["I", "O"]
        or (set(layout) & set("DHW") and len(set(layout)) != len(layout))
    ):
        example = "OI" + "DHW"[3 - rank :]
        raise ConvcliError(
            f"{layout!r}", f"one letter an axis: I in, O out, and {rank} of D H W or K, such as {example}"
        )
    if len(given.shape) != len(layout):
        raise ConvcliError(f"{layout!r} for a kernel of shape {shape_text(given.shape)}", "one letter an axis")
    order = [*spatial, *(layout.index(letter) for letter in letters)]
    return WeightValue(tuple(given.shape[axis] for axis in order), lambda: np.transpose(given.array(), order))
