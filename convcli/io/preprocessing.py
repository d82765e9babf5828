"""The preprocessing of an input, before the model takes it: `--gray` and `--scale`."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite, prod

from convcli.core.errors import ConvcliError
from convcli.core.lazy_imports import Array, np
from convcli.core.records import Record
from convcli.io import layout

LUMA_WEIGHTS = (0.299, 0.587, 0.114)  # of red, green and blue: ITU-R BT.601
LUMA_TEMPORARIES = 3  # arrays of one channel that exist while the weighted colours are added
SCALE_TEMPORARIES = 3  # the values as float, multiplied, and divided


class ScaleFactor(Record):
    """A factor as it was written: `1/255` divides by 255, which is more exact than multiplying by the nearest float."""

    numerator: float
    denominator: float = 1.0


def parse_scale_factor(text: str) -> ScaleFactor:
    """Return the factor that a text such as `0.5` or `1/255` names. Raises `ConvcliError`."""
    numerator, slash, denominator = text.partition("/")
    try:
        if "_" in text:  # Python accepts 1_000
            raise ValueError
        factor = ScaleFactor(float(numerator), float(denominator) if slash else 1.0)
    except ValueError:
        factor = ScaleFactor(float("nan"))
    if not isfinite(factor.numerator) or not isfinite(factor.denominator) or factor.denominator == 0:
        raise ConvcliError(f"{text!r} is not a factor", "a number or quotient, such as 1/255")
    return factor


def scale(array: Array, factor: ScaleFactor) -> Array:
    """Return the array times the factor, as the float type that it is computed in."""
    return layout.to_float(array) * factor.numerator / factor.denominator


def to_gray(batch: Array) -> Array:
    """Return the luma of RGB or RGBA colours, not rounded: `(batch, *spatial, 3 or 4)` -> `(batch, *spatial, 1)`.

    Alpha is ignored. A batch of one or two channels (grey, grey and alpha) keeps its first. Raises `ConvcliError`.
    """
    channels = batch.shape[-1]
    if channels <= 2:
        return batch[..., :1]
    if channels > 4:
        raise ConvcliError(f"--gray: {channels} channels", "3 or 4: red, green, blue, alpha")
    colours = layout.to_float(batch)
    red, green, blue = np.asarray(LUMA_WEIGHTS, colours.dtype)
    return (colours[..., 0] * red + colours[..., 1] * green + colours[..., 2] * blue)[..., None]


class Preprocessing(Record):
    """The preprocessing of every input before the model takes it; by default none."""

    gray: bool = False
    scale: ScaleFactor | None = None

    def __call__(self, batch: Array) -> Array:
        """Return `(batch, *spatial, channels)`, or a tile of it, preprocessed. Raises `ConvcliError`."""
        batch = to_gray(batch) if self.gray else batch
        return batch if self.scale is None else scale(batch, self.scale)

    def bytes_needed(self, shape: Sequence[int], itemsize: int) -> int:
        """Return the memory for temporary arrays, in bytes, for a batch of this shape and `itemsize` bytes a value."""
        cells, channels = prod(shape[:-1]), shape[-1]
        luma = channels + LUMA_TEMPORARIES if self.gray and channels > 2 else 0
        product = 0 if self.scale is None else SCALE_TEMPORARIES * (1 if self.gray else channels)
        return cells * itemsize * max(luma, product)
