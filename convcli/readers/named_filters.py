"""The layers that `--filter` stands for: filters by name, applied to each channel by itself."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from convcli.core.errors import ConvcliError, located
from convcli.core.lazy_imports import Array, np
from convcli.core.option_names import option
from convcli.core.records import Record
from convcli.core.shapes import format_extents, format_shape
from convcli.readers.input_shapes import INPUT
from convcli.readers.weight_values import weight_value

KEEP_SIZE = ("same", "same_lower", "causal")  # paddings with which filters of any size make maps of one size


class NamedFilters(Record):
    """The requested names, and the filters that they stand for, as arrays of one rank.

    `parts` has an entry for each gradient magnitude among the names: the names of its filters along the axes. Every
    other name is itself that of a filter.
    """

    names: tuple[str, ...]
    filters: Mapping[str, Array]
    parts: Mapping[str, tuple[str, ...]]

    @property
    def rank(self) -> int:
        """The number of axes of all filters."""
        return next(iter(self.filters.values())).ndim


def named_filters(names: Sequence[str], normalize: bool, default_rank: int = 2) -> NamedFilters:
    """Return the named filters, each a filter or a gradient magnitude of the bank or a file.

    A filter that the bank has for several ranks takes the rank of the first that has only one, or `default_rank` where
    there is none. `normalize` divides each filter as `filters --normalize` does. Raises `ConvcliError`.
    """
    from convcli.model.filter_bank import is_magnitude, magnitude_parts

    rank = next((own for own in map(_own_rank, names) if own is not None), default_rank)
    parts = {name: magnitude_parts(name, rank) for name in names if is_magnitude(name)}
    linear = dict.fromkeys(filter_ for name in names for filter_ in parts.get(name, (name,)))
    filters = {name: weight_value(name, "", rank).array() for name in linear}
    _check_ranks({name: array.ndim for name, array in filters.items()})
    if normalize:
        filters = {name: _normalized(name, array) for name, array in filters.items()}
    return NamedFilters(tuple(dict.fromkeys(names)), filters, parts)


def _own_rank(name: str) -> int | None:
    """Return the rank that a name settles, None where the filter exists in several."""
    from convcli.model.filter_bank import is_known, is_magnitude, magnitude_parts, rank_of

    if is_magnitude(name):
        name = magnitude_parts(name, None)[0]
    return rank_of(name) if is_known(name) else len(weight_value(name, "").shape)


def _normalized(name: str, array: Array) -> Array:
    from convcli.model.filter_bank import normalizer

    with located(name):
        return array / normalizer(array.tolist())


def _check_ranks(ranks: Mapping[str, int]) -> None:
    """Raise `ConvcliError` unless all filters have the same rank, from 1 to 3."""
    first, rank = next(iter(ranks.items()))
    for name, other in ranks.items():
        if other not in (1, 2, 3):
            raise ConvcliError(f"{name} has {other} axes", "1, 2 or 3")
        if other != rank:
            raise ConvcliError(f"{name} is {other}-D, but {first} is {rank}-D", "filters of one rank")


# ---- their layers ----


def filter_layers(named: NamedFilters, arguments: Mapping[str, Any], channels: int) -> list[dict[str, Any]]:
    """Return the layers that apply the filters; their maps come channel by channel.

    Filters are one layer where they can be. Where the padding keeps the size of the maps, each size of filters is
    padded for itself; else smaller filters are enlarged with zeros to the size of the largest, around the same centre.
    In 3-D, where no layer is depthwise, each of the input's `channels` is a group of its own. `arguments` are those of
    the layer. Raises `ConvcliError`.
    """
    filters = named.filters
    if arguments.get("padding") not in KEEP_SIZE:
        filters = _in_one_size(filters)
    groups = channels if named.rank == 3 else 1
    layer_type = "conv3d" if named.rank == 3 else f"depthwise_conv{named.rank}d"
    if groups > 1:
        arguments = {"groups": groups, **arguments}
    if not named.parts and len({array.shape for array in filters.values()}) == 1:
        return [{layer_type: {**arguments, "filters": _in_groups(filters, groups)}}]
    own, activation = {**arguments, "inputs": INPUT}, arguments.get("activation")
    own.pop("activation", None)
    biases = _biases(named, own.pop("bias", None))
    layers: list[dict[str, Any]] = [
        {layer_type: {**own, **biases[name], "name": name, "filters": _in_groups({name: array}, groups)}}
        for name, array in filters.items()
    ]
    layers += [{"hypot": {"name": name, "inputs": list(parts)}} for name, parts in named.parts.items()]
    if len(named.names) > 1:
        layers.append({"interleave": {"inputs": list(named.names)}})
    if activation is not None:
        layers.append({"activation": {"activation": activation}})
    return layers


def _in_groups(filters: Mapping[str, Array], groups: int) -> dict[str, Array]:
    """Return the filters of all groups, each group with all of the filters."""
    if groups == 1:
        return dict(filters)
    return {f"{name}, channel {group}": array for group in range(groups) for name, array in filters.items()}


def _biases(named: NamedFilters, bias: Any) -> dict[str, dict[str, Any]]:
    """Return the `bias` argument of each filter's layer, if it has one, from that of all."""
    if bias is None or isinstance(bias, bool):
        return {name: {} if bias is None else {"bias": bias} for name in named.filters}
    with located("bias"):
        if named.parts:
            raise ConvcliError(f"{next(iter(named.parts))} is not linear and has no bias", "a model with add")
        values = weight_value(bias, "").array()
        if values.shape not in ((), (1,), (len(named.names),)):
            remedy = f"one number, or one for each of the {len(named.names)} filters"
            raise ConvcliError(f"shape {format_shape(values.shape)}", remedy)
        numbers = np.broadcast_to(values, len(named.names)).tolist()
        return {name: {"bias": number} for name, number in zip(named.names, numbers, strict=True)}


def _in_one_size(filters: Mapping[str, Array]) -> dict[str, Array]:
    """Return filters with zeros around the smaller ones: all have the size of the largest, and the same centre."""
    largest = tuple(map(int, np.max([array.shape for array in filters.values()], axis=0)))
    return {name: _padded(name, array, largest) for name, array in filters.items()}


def _padded(name: str, array: Array, shape: tuple[int, ...]) -> Array:
    """Return a filter with zeros around it, so that it has the shape and keeps its centre."""
    if array.shape == shape:
        return array
    missing = [extent - own for extent, own in zip(shape, array.shape, strict=True)]
    own_size, size = map(format_extents, (array.shape, shape))
    if any(cells % 2 for cells in missing):
        raise ConvcliError(
            f"{name} (size {own_size}) cannot be centred in {size}",
            f"sizes that are all odd, or all even; or {option('padding', 'same')}",
        )
    warnings.warn(f"{name} is padded with zeros from {own_size} to {size}", stacklevel=2)
    return np.pad(array, [(cells // 2, cells // 2) for cells in missing])
