"""Picture files -> arrays of the file's own values, with Pillow (extra `images`).

Grey is (height, width), colour (height, width, channels). Whole numbers stay whole, in as many bits as the file has.
"""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from convcli.core.errors import ConvcliError
from convcli.core.lazy_imports import Array, np

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".gif")
TIFF = (b"II*\0", b"MM\0*")
MAGIC = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", *TIFF)
FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "GIF")
AS_THEY_ARE = ("1", "L", "LA", "RGB", "RGBA", "I;16", "I;16L", "I;16B", "I;16N", "I", "F")
TURNED = {"CMYK": "RGB", "YCbCr": "RGB", "RGBX": "RGB", "La": "LA", "RGBa": "RGBA", "PA": "RGBA"}
MOST_GROWTH = 1100  # deflated, one colour shrinks to a thousandth
FREE = 1 << 26  # values that a picture may have however small its file is
SAMPLE_FORMAT, BITS, UNSIGNED = 339, 258, 1  # tags of TIFF


def is_image(content: bytes) -> bool:
    """Whether the bytes begin as a picture does that we read."""
    return content.startswith(MAGIC) or (content.startswith(b"RIFF") and content[8:12] == b"WEBP")


def import_pillow() -> Any:
    """Pillow's `Image`. Raises `ConvcliError` where it is not installed."""
    try:
        from PIL import Image
    except ImportError:
        raise ConvcliError("needs Pillow", "pip install 'convcli[images]'") from None
    return Image


def decode(content: bytes, name: str = "the file") -> Array:
    """The picture, turned as its EXIF data ask; of several the first, with a warning that names the file.

    Raises `ConvcliError`.
    """
    library = import_pillow()
    try:
        with warnings.catch_warnings(), _silent(content.startswith(TIFF)):
            warnings.simplefilter("ignore")  # Pillow's own, of what it makes good or of a size that we allow
            values, count = _values(library, content)
    except library.DecompressionBombError:
        most = 2 * library.MAX_IMAGE_PIXELS
        raise ConvcliError("the picture says it is too large", f"at most {most:,} pixels") from None
    except library.UnidentifiedImageError:
        raise ConvcliError("a picture that Pillow cannot read", "an .npy file of its values") from None
    except (ConvcliError, MemoryError):
        raise
    except Exception as error:  # Pillow's readers let through whatever damaged bytes lead to
        raise ConvcliError(f"broken picture: {' '.join(str(error).split()) or type(error).__name__}") from None
    if count > 1:
        warnings.warn(f"{name}: {count} pictures, of which the first is taken", stacklevel=2)
    return values


@contextmanager
def _silent(wanted: bool) -> Iterator[None]:
    """Standard error closed while libtiff works, which writes its complaints there by itself."""
    kept = None
    if wanted:
        with suppress(OSError):  # there is none
            kept = os.dup(2)
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 2)
            os.close(nowhere)
    try:
        yield
    finally:
        if kept is not None:
            os.dup2(kept, 2)
            os.close(kept)


def _values(library: Any, content: bytes) -> tuple[Array, int]:
    """The values of the first picture, and how many pictures there are."""
    opened = library.open(io.BytesIO(content), formats=FORMATS)
    if opened.format == "PNG":  # whose checksums Pillow only compares when asked, and then reads no further
        opened.verify()
        opened = library.open(io.BytesIO(content), formats=FORMATS)
    _check_growth(opened, len(content))
    count = getattr(opened, "n_frames", 1)
    opened.seek(0)
    wide = _wide_mode(opened)
    if wide is not None:
        return _sixteen_bits(library, content, wide), count
    mode, tags = _mode(opened), getattr(opened, "tag_v2", {})
    upright = _upright(opened)
    values = np.asarray(upright if upright.mode == mode else upright.convert(mode))
    if mode == "I" and tags.get(BITS) == (32,) and tags.get(SAMPLE_FORMAT, (UNSIGNED,)) == (UNSIGNED,):
        values = values.view(np.uint32)  # which Pillow takes for signed
    return values.astype(values.dtype.newbyteorder("=")), count


def _check_growth(opened: Any, size: int) -> None:
    """Raise `ConvcliError` for a picture that says it has more values than so many bytes can hold."""
    width, height = opened.size
    values, most = width * height * len(opened.getbands()), max(FREE, MOST_GROWTH * size)
    if values > most:
        raise ConvcliError(f"the picture says it has {values:,} values, in {size:,} bytes", f"at most {most:,}")


def _mode(opened: Any) -> str:
    """The mode of Pillow that keeps all of a picture's values."""
    mode: str = opened.mode
    if mode == "P":
        return "RGBA" if "transparency" in opened.info else "RGB"
    if mode not in AS_THEY_ARE and mode not in TURNED:
        raise ConvcliError(f"a picture of mode {mode}", "grey or RGB")
    return TURNED.get(mode, mode)


def _upright(opened: Any) -> Any:
    from PIL import ImageOps

    return ImageOps.exif_transpose(opened)


# ---- colour of 16 bits ----
# Pillow keeps the upper 8 bits of each value. Read in the other byte order, it keeps the lower 8 instead.


def _wide_mode(opened: Any) -> str | None:
    """How the bytes of a picture are read that has more bits than Pillow would keep; None for all others."""
    if len(opened.getbands()) == 1:
        return None
    raw = {str(tile[3] if isinstance(tile[3], str) else (tile[3] or "?")[0]) for tile in opened.tile}
    deep = max(getattr(opened, "tag_v2", {}).get(BITS, (8,))) > 8
    return ", ".join(sorted(raw)) if deep or any(";16" in each for each in raw) else None


def _sixteen_bits(library: Any, content: bytes, wide: str) -> Array:
    if wide == "LA;16B":  # four bytes a pixel, as RGBA has
        values = _read_as(library, content, "RGBA")
        return values.view(">u2").astype(np.uint16)  # (height, width, 2)
    kind, _, order = wide.partition(";16")
    if kind not in ("RGB", "RGBA") or order not in ("L", "B", "N"):
        raise ConvcliError(
            f"colour of more than 8 bits stored as {wide}, of which 8 would be kept", "16-bit grey, RGB or RGBA"
        )
    lower, upper = (_read_as(library, content, f"{kind};16{each}") for each in _low_and_high(order))
    return upper.astype(np.uint16) << 8 | lower


def _low_and_high(order: str) -> str:
    """The byte orders that keep the lower and the upper byte of values in this one."""
    import sys

    big = order == "B" or (order == "N" and sys.byteorder == "big")
    return "LB" if big else "BL"


def _read_as(library: Any, content: bytes, raw_mode: str) -> Array:
    opened = library.open(io.BytesIO(content), formats=FORMATS)
    for place, (codec, extents, offset, given) in enumerate(opened.tile):
        changed = raw_mode if isinstance(given, str) else (raw_mode, *given[1:])
        make = getattr(opened.tile[place], "_make", tuple)  # a plain tuple before Pillow 11
        opened.tile[place] = make((codec, extents, offset, changed))
    return np.asarray(_upright(opened))
