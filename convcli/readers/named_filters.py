"""The filters that `--filter` names, as arrays of one shape."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

from convcli.core.errors import ConvcliError, located
from convcli.core.lazy_imports import Array, np
from convcli.core.shapes import format_extents
from convcli.readers.weight_values import weight_value


def named_filters(names: Sequence[str], normalize: bool, default_rank: int = 2) -> dict[str, Array]:
    """Return the named filters, each a filter of the bank or a file, as arrays of one shape.

    Smaller filters are padded with zeros, so that all have the same centre. A filter that the bank has for several
    ranks takes the rank of the first filter that has only one, or `default_rank` where there is none. `normalize`
    divides each filter as `filters --normalize` does. Raises `ConvcliError`.
    """
    from convcli.model import filter_bank

    ranks = (
        filter_bank.rank_of(name) if filter_bank.is_known(name) else len(weight_value(name, "").shape) for name in names
    )
    rank = next((own for own in ranks if own is not None), default_rank)
    filters = {name: weight_value(name, "", rank).array() for name in names}
    _check_ranks({name: array.ndim for name, array in filters.items()})
    if normalize:
        filters = {name: _normalized(name, array) for name, array in filters.items()}
    largest = tuple(map(int, np.max([array.shape for array in filters.values()], axis=0)))
    return {name: _padded(name, array, largest) for name, array in filters.items()}


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


def _padded(name: str, array: Array, shape: tuple[int, ...]) -> Array:
    """Return a filter with zeros around it, so that it has the shape and keeps its centre."""
    if array.shape == shape:
        return array
    missing = [extent - own for extent, own in zip(shape, array.shape, strict=True)]
    own_size, size = map(format_extents, (array.shape, shape))
    if any(cells % 2 for cells in missing):
        raise ConvcliError(
            f"{name} (size {own_size}) cannot be centred in {size}", "sizes that are all odd, or all even"
        )
    warnings.warn(f"{name} is padded with zeros from {own_size} to {size}", stacklevel=2)
    return np.pad(array, [(cells // 2, cells // 2) for cells in missing])
