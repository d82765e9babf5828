"""Slices of arrays with more than two axes, which grids and images show one by one."""

from __future__ import annotations

from collections.abc import Iterator

from convcli.core.lazy_imports import Array, np


def slices_2d(name: str, array: Array) -> Iterator[tuple[str, Array]]:
    """Yield an array with its name or, if it has more than two axes, its slices along all but the last two."""
    if array.ndim < 3:
        yield name, array
        return
    for index in np.ndindex(*array.shape[:-2]):
        yield f"{name}, depth {'·'.join(map(str, index))}", array[index]
