"""Arrays as a model has them: as batches, one channel made of their colours, their values scaled, whole or in parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isfinite, prod

from convcli.core import memory
from convcli.core.errors import ConvcliError
from convcli.core.lazy_imports import Array, np
from convcli.core.records import Record
from convcli.io import layout
from convcli.io.arrays import Mapped, held

EVERY = slice(None)
LUMA = (0.299, 0.587, 0.114)  # of red, green and blue: ITU-R BT.601
TERMS = 3  # arrays of one channel, while these are added up


class Quotient(Record):
    """A factor as it is written: `1/255` divides by 255, which its nearest float would do less exactly."""

    above: float
    below: float = 1.0


def quotient(text: str) -> Quotient:
    """`0.5` or `1/255`. Raises `ConvcliError` for anything else."""
    above, slash, below = text.partition("/")
    try:
        if "_" in text:  # which Python allows in numbers
            raise ValueError
        found = Quotient(float(above), float(below) if slash else 1.0)
    except ValueError:
        found = Quotient(float("nan"))
    if not isfinite(found.above) or not isfinite(found.below) or found.below == 0:
        raise ConvcliError(f"{text!r} is not a factor", "a number or quotient, such as 1/255")
    return found


def scaled(array: Array, factor: Quotient) -> Array:
    """The array times a factor, in the type that it is computed in."""
    return layout.to_float(array) * factor.above / factor.below


def gray(batch: Array) -> Array:
    """The luma of the colours in `(batch, *spatial, channels)`, not rounded, as the one channel; alpha is left out."""
    channels = batch.shape[-1]
    if channels == 1:
        return batch
    if channels == 2:  # grey and alpha
        return batch[..., :1]
    if channels not in (3, 4):
        raise ConvcliError(f"--gray: {channels} channels", "3 or 4: red, green, blue, alpha")
    colours = layout.to_float(batch)
    weights = np.asarray(LUMA, colours.dtype)
    return (colours[..., 0] * weights[0] + colours[..., 1] * weights[1] + colours[..., 2] * weights[2])[..., None]


class Preparation(Record):
    """What is done to every input before the model has it."""

    gray: bool = False
    scale: Quotient | None = None

    def __call__(self, batch: Array) -> Array:
        """`(batch, *spatial, channels)`, or a part of it, prepared. Raises `ConvcliError`."""
        batch = gray(batch) if self.gray else batch
        return batch if self.scale is None else scaled(batch, self.scale)

    def footprint(self, shape: Sequence[int], size: int) -> int:
        """Bytes that it takes beside the result, for a batch of this shape in numbers of so many bytes."""
        cells, channels = prod(shape[:-1]), shape[-1]
        luma = channels + TERMS if self.gray and channels > 2 else 0
        product = 0 if self.scale is None else 3 * (1 if self.gray else channels)  # what is scaled, times, divided by
        return cells * size * max(luma, product)


class Source:
    """An input of a model, of which the whole or a part can be had: from memory, or from a file as it is asked for.

    `shape` is `(batch, *spatial, channels)`, `dtype` the type that it is computed in unless another is asked for.
    """

    def __init__(self, given: Array | Mapped, arrange: Callable[[Array], Array], preparation: Preparation) -> None:
        self._given, self._arrange, self._preparation = given, arrange, preparation
        view = self._view()
        self.dtype = layout.float_type(view.dtype)
        few = preparation(view[tuple(slice(0, 1) for _ in view.shape[:-1])])  # as many channels as there will be
        self.shape: tuple[int, ...] = (*view.shape[:-1], few.shape[-1])

    def part(self, dtype: str | None = None, samples: slice = EVERY, space: Sequence[slice] = ()) -> Array:
        """Some samples, and of these some cells, as they are computed with. Raises `ConvcliError`."""
        return layout.to_float(self._preparation(self._view()[(samples, *space)]), dtype)

    def footprint(self, dtype: str, samples: slice = EVERY, space: Sequence[slice] = ()) -> int:
        """Bytes that it takes to have such a part: none where it is there as it is computed with."""
        there = self._view()[(samples, *space)]
        file = memory.mapped(there.itemsize, there.strides, there.shape) if isinstance(self._given, Mapped) else 0
        prepared = self._preparation.footprint(there.shape, self.dtype.itemsize)
        if there.dtype == dtype and there.flags.c_contiguous and not file + prepared:
            return 0
        return file + prepared + prod(there.shape[:-1]) * self.shape[-1] * np.dtype(dtype).itemsize

    def _view(self) -> Array:
        return self._arrange(held(self._given))
