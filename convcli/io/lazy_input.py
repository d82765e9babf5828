"""Inputs of a model that are read where and when they are needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

from convcli.core import memory
from convcli.core.lazy_imports import Array, np
from convcli.io import layout
from convcli.io.npy import MappedArray, as_array
from convcli.io.preprocessing import Preprocessing

ALL_SAMPLES = slice(None)


class LazyInput:
    """An input of a model, in memory or in a mapped file, read whole or by tiles.

    `arrange` turns the array into `(batch, *spatial, channels)` as a view; `preprocessing` is applied to what is read.
    `shape` is the preprocessed shape, `dtype` the float type that it is computed in by default.
    """

    def __init__(
        self, array: Array | MappedArray, arrange: Callable[[Array], Array], preprocessing: Preprocessing
    ) -> None:
        self._array, self._arrange, self._preprocessing = array, arrange, preprocessing
        view = self._view()
        self.dtype = layout.compute_dtype(view.dtype)
        one_cell = preprocessing(view[tuple(slice(0, 1) for _ in view.shape[:-1])])  # which tells the channels
        self.shape: tuple[int, ...] = (*view.shape[:-1], one_cell.shape[-1])

    def read(self, dtype: str | None = None, samples: slice = ALL_SAMPLES, space: Sequence[slice] = ()) -> Array:
        """Return some samples and cells, preprocessed, in the dtype. Raises `ConvcliError`."""
        return layout.to_float(self._preprocessing(self._view()[(samples, *space)]), dtype)

    def bytes_needed(self, dtype: str, samples: slice = ALL_SAMPLES, space: Sequence[slice] = ()) -> int:
        """Return the memory that `read` takes with these arguments, in bytes: 0 if it can return a view."""
        view = self._view()[(samples, *space)]
        is_mapped = isinstance(self._array, MappedArray)
        file_pages = memory.mapped_bytes(view.itemsize, view.strides, view.shape) if is_mapped else 0
        temporaries = self._preprocessing.bytes_needed(view.shape, self.dtype.itemsize)
        if view.dtype == dtype and view.flags.c_contiguous and not file_pages + temporaries:
            return 0
        return file_pages + temporaries + prod(view.shape[:-1]) * self.shape[-1] * np.dtype(dtype).itemsize

    def _view(self) -> Array:
        return self._arrange(as_array(self._array))
