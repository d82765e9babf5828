"""Weight values in a model file: numbers, nested lists, arrays, files, and filters of the bank.

Shapes are known without NumPy unless a file must be read. Arrays are made only when a model is run.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from convcli.core.errors import ConvcliError, located, short_repr
from convcli.core.lazy_imports import Array, np
from convcli.core.records import Record
from convcli.core.shapes import Shape, format_shape
from convcli.io import arrays, nested_lists
from convcli.io.files import suffix
from convcli.io.layout import to_float


class WeightValue(Record):
    """The value of one weight: its shape, and the function that makes its array.

    An extent of None fits any extent: the values are repeated along it. Shape `()` is one number for a whole weight.
    """

    shape: Shape
    array: Callable[[], Array]

    def fill(self, shape: tuple[int, ...]) -> Array:
        """Return the array, repeated to the shape that the layer needs."""
        return np.broadcast_to(self.array(), shape)


class FilterSet(Record):
    """Hand-made filters of one size; `depth` is their number of channels, None where they have no channel axis."""

    names: tuple[str, ...]
    size: tuple[int, ...]  # along the spatial axes
    depth: int | None
    filters: tuple[WeightValue, ...]

    def stack(self, kernel_axes: str, groups: int) -> WeightValue:
        """Return the kernel that the filters make, in Keras's layout: spatial axes, then `kernel_axes`.

        `kernel_axes` is "IO" (in, out), or "OI" for transposed and depthwise layers. Filters without a channel axis
        are repeated along the kernel's channel axis.
        """
        count, channels = len(self.names), self.depth or 1

        def kernel() -> Array:
            stacked = np.stack([value.array() for value in self.filters], axis=-1)
            stacked = stacked.reshape(*self.size, channels, count)  # (*size, in/groups, filters)
            return stacked if kernel_axes == "IO" else _groups_along_input(stacked, groups)

        if kernel_axes == "IO":
            return WeightValue((*self.size, self.depth, count), kernel)
        return WeightValue((*self.size, count // groups, channels * groups), kernel)


def _groups_along_input(kernel: Array, groups: int) -> Array:
    """Return a kernel (*size, in/groups, filters) with the axes (*size, filters/groups, in)."""
    *size, channels, count = kernel.shape
    grouped = kernel.reshape(*size, channels, groups, count // groups)
    filters_first = np.moveaxis(grouped, -1, len(size))  # (*size, filters/groups, in/groups, groups)
    return np.swapaxes(filters_first, -1, -2).reshape(*size, count // groups, -1)


def weight_value(value: Any, folder: str, rank: int | None = None) -> WeightValue:
    """Read a weight value: a number, nested list, `{data: ...}`, array, file, or filter of the bank.

    Args:
        value: the value as the model file writes it.
        folder: names of files are relative to this folder.
        rank: the rank of a filter that the bank has for several ranks, unless its name says another.

    Raises:
        ConvcliError: the value is none of these, or the file cannot be read.
    """
    if isinstance(value, str) and value not in nested_lists.NONFINITE_WORDS:
        return _named_value(value, folder, rank)
    if isinstance(value, Mapping):
        return _array_value(nested_lists.from_document(value))
    if hasattr(value, "ndim"):
        return _array_value(value)
    return WeightValue(nested_lists.shape_of(value), lambda: to_float(nested_lists.to_array(value)))


def _array_value(array: Any) -> WeightValue:
    if isinstance(array, dict):
        raise ConvcliError(f"holds several arrays: {', '.join(array)}", "one of them, as file.npz:key")
    return WeightValue(array.shape, lambda: to_float(array))


def _named_value(name: str, folder: str, rank: int | None) -> WeightValue:
    path, _, key = name.partition(":")
    if suffix(path) in arrays.SUFFIXES:
        return _array_value(arrays.load(os.path.join(folder, path) + (f":{key}" if key else "")))
    from convcli.model import filter_bank

    if filter_bank.is_magnitude(name):
        raise filter_bank.not_linear(name)
    if not filter_bank.is_known(name):
        quotes = "in a list, quotes keep a name with commas whole" if "=" in name and ":" not in name else None
        raise ConvcliError(
            f"{short_repr(name)} is neither a file nor a filter of the bank",
            quotes or filter_bank.filter_suggestion(name),
        )
    bank_filter = filter_bank.find(name, rank)
    if bank_filter.warning is not None:
        warnings.warn(bank_filter.warning, stacklevel=2)
    return weight_value(bank_filter.values, folder)


# ---- the filters of a layer ----


def read_filters(value: Any, rank: int, folder: str) -> FilterSet:
    """Read the `filters` of a layer with `rank` spatial axes. Raises `ConvcliError`.

    The value is one filter (of that rank), or a list or a NAME: FILTER mapping of filters, each of that rank or one
    more: its channels last.
    """
    if isinstance(value, Mapping):
        names = tuple(map(str, value))
        if len(set(names)) < len(names):
            raise ConvcliError(f"two filters have one name among {', '.join(names)}", "a name for each")
        return _read_each(names, tuple(value.values()), rank, folder)
    if isinstance(value, list | tuple) and not all(map(_is_nested, value)):
        names = tuple(item if isinstance(item, str) else str(index) for index, item in enumerate(value))
        return _read_each(_distinct(names), tuple(value), rank, folder)
    if _is_in_bank(value):
        return _read_each((value,), (value,), rank, folder)
    return _read_whole(value, rank, folder)


def _read_whole(value: Any, rank: int, folder: str) -> FilterSet:
    """Read filters that are one array: a single filter, or one filter for each index of the first axis."""
    whole = weight_value(value, folder)
    if len(whole.shape) == rank:
        return _filter_set((value if isinstance(value, str) else "0",), (whole,), rank)
    if len(whole.shape) not in (rank + 1, rank + 2):
        raise _wrong_rank(whole.shape, rank)
    count, array = whole.shape[0] or 0, cache(whole.array)

    def filter_at(index: int) -> WeightValue:
        return WeightValue(whole.shape[1:], lambda: array()[index])

    return _filter_set(tuple(map(str, range(count))), tuple(map(filter_at, range(count))), rank)


def _read_each(names: tuple[str, ...], values: tuple[Any, ...], rank: int, folder: str) -> FilterSet:
    filters = []
    for name, value in zip(names, values, strict=True):
        with located(name):
            filters.append(weight_value(value, folder, rank))
            if _is_in_bank(value) and len(filters[-1].shape) != rank:
                raise _wrong_rank(filters[-1].shape, rank)
    return _filter_set(names, filters, rank)


def _filter_set(names: Sequence[str], filters: Sequence[WeightValue], rank: int) -> FilterSet:
    """Return filters as a set. Raises `ConvcliError` unless all have the same shape, which suits the rank."""
    if not filters:
        raise ConvcliError("no filters", "at least one")
    shape = filters[0].shape
    for name, value in zip(names, filters, strict=True):
        with located(name):
            if len(value.shape) not in (rank, rank + 1) or 0 in value.shape:
                raise _wrong_rank(value.shape, rank)
            if value.shape != shape:
                raise ConvcliError(
                    f"shape {format_shape(value.shape)}, but filter {names[0]} has {format_shape(shape)}",
                    "filters of one shape",
                )
            if not name.isprintable():
                raise ConvcliError(f"a filter is named {short_repr(name)}", "printable text")
    extents = tuple(extent or 1 for extent in shape)
    return FilterSet(tuple(names), extents[:rank], extents[rank] if len(shape) > rank else None, tuple(filters))


def _is_nested(value: Any) -> bool:
    """Return whether a value is part of a nested list of numbers: a list, a number, or a word such as NaN."""
    return isinstance(value, int | float | list | tuple) or (
        isinstance(value, str) and value in nested_lists.NONFINITE_WORDS
    )


def _is_in_bank(value: Any) -> bool:
    """Return whether a value is the name of a filter of the bank."""
    if not isinstance(value, str):
        return False
    from convcli.model.filter_bank import is_known  # imported only where there is a name

    return is_known(value)


def _distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    return names if len(set(names)) == len(names) else tuple(f"{name} {index}" for index, name in enumerate(names))


def _wrong_rank(shape: Shape, rank: int) -> ConvcliError:
    axes = "1 spatial axis" if rank == 1 else f"{rank} spatial axes"
    return ConvcliError(
        f"a filter of shape {format_shape(shape)}", f"rank {rank} for the {axes}, or {rank + 1} with channels last"
    )


# ---- kernels in other layouts ----


def to_keras_layout(kernel: WeightValue, layout: str, rank: int, kernel_axes: str) -> WeightValue:
    """Return a kernel in Keras's layout: the spatial axes, then `kernel_axes` ("IO" or "OI").

    `layout` has one letter for each axis of the given kernel: `I` in, `O` out, `D` `H` `W` or `K` for space (`OIHW`).
    Raises `ConvcliError`.
    """
    spatial = [axis for axis, letter in enumerate(layout) if letter in "DHWK"]
    if "K" not in layout:
        spatial.sort(key=lambda axis: "DHW".index(layout[axis]))
    if (
        len(layout) != rank + 2
        or len(spatial) != rank
        or sorted(set(layout) - set("DHWK")) != ["I", "O"]
        or (set(layout) & set("DHW") and len(set(layout)) != len(layout))
    ):
        example = "OI" + "DHW"[3 - rank :]
        raise ConvcliError(
            short_repr(layout),
            f"one letter for each axis: I in, O out, and {rank} of D H W or K, such as {example}",
        )
    if len(kernel.shape) != len(layout):
        raise ConvcliError(
            f"{short_repr(layout)} for a kernel of shape {format_shape(kernel.shape)}", "one letter for each axis"
        )
    order = [*spatial, *(layout.index(letter) for letter in kernel_axes)]
    return WeightValue(tuple(kernel.shape[axis] for axis in order), lambda: np.transpose(kernel.array(), order))
