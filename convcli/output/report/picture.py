"""The answer of `apply --as picture`: maps as grey values or as red, green and blue, for other programs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from shlex import quote
from typing import Any

from convcli.core.errors import ConvcliError
from convcli.core.lazy_imports import Array, np
from convcli.core.records import Record
from convcli.io.preprocessing import Preprocessing
from convcli.output.report import Report
from convcli.output.report.apply import Maps

RGB_MAPS = 3
FLOAT_BITS = 32
BITS = {"png": (8, 16), "tif": (8, 16, FLOAT_BITS), "jpg": (8,)}  # the formats of pictures, with their bits a value
PAGED = ("tif",)  # those that hold several pages
MAX_TYPED_BYTES = 2  # of integers whose type tells which values are black and white

Range = tuple[float, float]


class PictureStyle(Record):
    """A requested picture: the bits of a value, and the values that are black and white; None leaves these open."""

    bits: int = 8
    range: Range | None = None


class PictureReport(Report):
    """A picture: pages of `(height, width)` values, or of `(height, width, 3)`, and how they become grey or coloured.

    Values from the lower to the upper end of `range` go from black to white, in integers of 8 or 16 bits; in 32 bits
    they are floats, and stay as they are. `name` is what warnings call the picture.
    """

    kind = "picture"

    pages: Array
    bits: int
    range: Range
    name: str


def check_picture(maps: tuple[str, Sequence[str]], shape: Sequence[int], form: str, bits: int) -> None:
    """Raise `ConvcliError` where maps are not a picture in this format.

    Args:
        maps: The name of their layer, and their own.
        shape: That of their array, `(batch, *space, maps)`.
        form: The format, a key of `BITS`.
        bits: The bits of a value.
    """
    (layer, names), (batch, *space, count) = maps, shape
    if not space:
        raise ConvcliError(f"{layer}: values without space are not a picture", "-f npy or csv")
    if count not in (1, RGB_MAPS) or (bits == FLOAT_BITS and count > 1):
        known = f"in {FLOAT_BITS} bits one map" if bits == FLOAT_BITS else "one map is grey, three are RGB"
        raise ConvcliError(f"{layer}: {count} maps are not a picture", f"{known}; --map {quote(names[0])} selects one")
    slices = space[0] if len(space) > 2 else 1
    if batch > 1 and slices > 1:
        raise ConvcliError(f"{layer}: {batch} samples of {slices} slices are not a picture", "one sample, or -f npy")
    if batch * slices > 1 and form not in PAGED:
        pages = f"{batch} samples" if batch > 1 else f"{slices} slices"
        raise ConvcliError(f"{layer}: {pages}, and {form} holds one picture", "a .tif holds several")


def range_of(dtypes: Iterable[np.dtype[Any]], preparation: Preprocessing) -> Range | None:
    """Return the least and the greatest value that the type of the inputs holds, as --scale makes them.

    None where the inputs are not of one type, or of one that does not tell: floats, and integers of 32 and 64 bits, as
    which numbers in text are read.
    """
    types = set(dtypes)
    dtype = types.pop()
    if types or dtype.kind not in "biu" or dtype.itemsize > MAX_TYPED_BYTES:
        return None
    limits = np.array([0, 1] if dtype.kind == "b" else [np.iinfo(dtype).min, np.iinfo(dtype).max])
    low, high = sorted(map(float, preparation(limits[:, None]).ravel()))
    return low, high


def picture_report(maps: Maps, style: PictureStyle, input_range: Range | None, name: str) -> PictureReport:
    """Return maps as a picture, a page for each sample or slice.

    The range is the requested one, else that of the input, else from the least to the greatest value of the maps.
    """
    array = maps.array
    if array.ndim == 3:  # one axis of space: a single row
        array = array[:, None]
    pages = array.reshape(-1, *array.shape[-3:])
    if pages.shape[-1] == 1:
        pages = pages[..., 0]
    picked = _extremes(pages) if style.bits == FLOAT_BITS else style.range or input_range or _extremes(pages)
    return PictureReport(pages, style.bits, picked, name)


def _extremes(pages: Array) -> Range:
    """Return the least and the greatest finite value; 0 and 0 if there is none."""
    finite = pages[np.isfinite(pages)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
