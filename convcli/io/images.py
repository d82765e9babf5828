"""Image files -> arrays, with Pillow (extra `images`).

A grey image is `(height, width)`, a colour image `(height, width, channels)`, a stack of pages has one axis more, the
first. Values are those of the file: whole numbers stay whole, in as many bits as the file has.
"""

from __future__ import annotations

import io
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from math import prod
from typing import Any

from convcli.core import memory
from convcli.core.errors import ConvcliError
from convcli.core.extras import import_extra
from convcli.core.lazy_imports import Array, np
from convcli.core.records import Record

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".gif")
TIFF = (b"II*\0", b"MM\0*")
MAGIC = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", *TIFF)
TIFF_FORMAT = "TIFF"
FORMATS = ("PNG", "JPEG", "WEBP", TIFF_FORMAT, "GIF")
# Modes of Pillow: those whose values are taken as they are, and those that are converted, without loss, to such a one.
PLAIN_MODES = ("1", "L", "LA", "RGB", "RGBA", "I;16", "I;16L", "I;16B", "I;16N", "I", "F")
CONVERTED_MODES = {"CMYK": "RGB", "YCbCr": "RGB", "RGBX": "RGB", "La": "LA", "RGBa": "RGBA", "PA": "RGBA"}
MAX_GROWTH = 1100  # values a byte: deflate shrinks a single colour to a thousandth
ALWAYS_ALLOWED_VALUES = 1 << 26
# The bytes that decoding takes for each pixel by Pillow's mode, as measured: its image, an upright copy, the values.
BYTES_PER_PIXEL = {"1": 5, "L": 5, "I;16": 11, "I;16L": 11, "I;16B": 11, "I;16N": 11}
BYTES_PER_PIXEL_OF_OTHERS = 19
BYTES_PER_VALUE = {"1": 1, "L": 1, "I": 4, "F": 4}  # of the array; other modes have one or two bytes
MOST_BYTES_PER_VALUE = 2
MORE_BYTES_PER_PIXEL = 8  # for WebP's decoder, and where a deep image is read twice
SAMPLE_FORMAT, BITS, UNSIGNED = 339, 258, 1  # two tags of TIFF, and a value of the first


def is_image(content: bytes) -> bool:
    """Return True if the bytes begin as an image does that we read."""
    return content.startswith(MAGIC) or (content.startswith(b"RIFF") and content[8:12] == b"WEBP")


def import_pillow() -> Any:
    """Return Pillow's module `Image`. Raises `ConvcliError` if it is not installed."""
    import_extra("PIL", "images", "Pillow")
    from PIL import Image

    return Image


class Picture(Record):
    """The values of an image or of one page, `(height, width)`, or of a stack, `(pages, height, width)`.

    Colour has one axis more, the last: `channels`.
    """

    values: Array
    is_stack: bool = False

    def sample(self) -> Array:
        """Return it as a sample with its channels: `(height, width, channels)`, of a stack `(pages, height, ...)`."""
        return self.values if self.values.ndim == 3 + self.is_stack else self.values[..., None]


def decode(content: bytes, name: str = "the file", page: int | None = None) -> Picture:
    """Return an image, turned upright as its EXIF data say. Raises `ConvcliError`.

    A TIFF file of several pages is a stack. Of any other file of several images the first is returned, with a warning
    that calls the file `name`. `page` selects one of either, from 0.
    """
    pillow = import_pillow()
    try:
        with warnings.catch_warnings(), _silent_stderr(content.startswith(TIFF)):
            warnings.simplefilter("ignore")  # Pillow warns of mistakes that it corrects and of sizes that we allow
            picture, count = _read(_Pages(pillow, content), page)
    except pillow.DecompressionBombError:
        max_pixels = 2 * pillow.MAX_IMAGE_PIXELS
        raise ConvcliError("the image says it is too large", f"at most {max_pixels:,} pixels") from None
    except pillow.UnidentifiedImageError:
        raise ConvcliError("an image that Pillow cannot read", "an .npy file of its values") from None
    except (ConvcliError, MemoryError):
        raise
    except Exception as error:  # Pillow raises many kinds on damaged bytes
        raise ConvcliError(f"broken image: {' '.join(str(error).split()) or type(error).__name__}") from None
    if count > 1 and page is None and not picture.is_stack:
        warnings.warn(f"{name}: {count} images, of which the first is taken", stacklevel=2)
    return picture


@contextmanager
def _silent_stderr(is_silent: bool) -> Iterator[None]:
    """Close standard error within the `with` block: libtiff writes there by itself."""
    saved = None
    if is_silent:
        with suppress(OSError):  # standard error is closed already
            saved = os.dup(2)
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 2)
            os.close(null)
    try:
        yield
    finally:
        if saved is not None:
            os.dup2(saved, 2)
            os.close(saved)


def _read(pages: _Pages, page: int | None) -> tuple[Picture, int]:
    """Return the requested page, the stack or the first image of a file, and how many images there are."""
    first, count = pages.open(), pages.count
    if page is not None and page >= count:
        raise ConvcliError(f"no page {page}", f"it has {count}, counted from 0" if count > 1 else "it has only page 0")
    is_stack = page is None and count > 1 and first.format == TIFF_FORMAT
    numbers = range(count) if is_stack else [page or 0]
    pages.check(numbers)
    if first.format == "PNG":  # Pillow checks the checksums only here, and the image is used up then
        first.verify()
        pages.close()
    if not is_stack:
        return Picture(pages.values(numbers[0])), count
    first_page = pages.values(0)
    stack = np.empty((count, *first_page.shape), first_page.dtype)
    stack[0] = first_page
    for number in numbers[1:]:
        values = pages.values(number)
        if (values.shape, values.dtype) != (first_page.shape, first_page.dtype):
            raise _unequal_pages(number)
        stack[number] = values
    return Picture(stack, is_stack=True), count


def _unequal_pages(number: int) -> ConvcliError:
    return ConvcliError(f"page {number} has another size or type than page 0", "equal pages; or one of them, FILE:0")


class _Pages:
    """The images of a file, decoded one by one. Images stay open, so that their headers are followed only once."""

    def __init__(self, pillow: Any, content: bytes) -> None:
        self._pillow, self._content = pillow, content
        self._open: dict[str, Any] = {}
        self.count: int = getattr(self.open(), "n_frames", 1)

    def open(self, role: str = "") -> Any:
        """Return the image of the file, a separate one for each role."""
        if role not in self._open:
            self._open[role] = self._pillow.open(io.BytesIO(self._content), formats=FORMATS)
        return self._open[role]

    def close(self) -> None:
        """Let the images be opened anew."""
        self._open.clear()

    def check(self, numbers: Sequence[int]) -> None:
        """Raise `ConvcliError` where these pages claim more values than the file can hold or the memory has room for.

        Their headers tell: nothing is decoded yet.
        """
        image = self.open()
        if image.format == TIFF_FORMAT:  # frames of others have one size, and seeking would decode them
            forms = [self._form(number) for number in numbers]
            unequal = next((number for number, form in zip(numbers, forms, strict=True) if form != forms[0]), None)
            if unequal is not None:
                raise _unequal_pages(unequal)
        values = len(numbers) * prod(image.size) * len(image.getbands())
        _check_growth(values, len(self._content))
        stack = values * BYTES_PER_VALUE.get(image.mode, MOST_BYTES_PER_VALUE) if len(numbers) > 1 else 0
        memory.require(_bytes_needed(image) + stack, "a smaller image" if len(numbers) == 1 else "a page, FILE:0")

    def _form(self, number: int) -> tuple[Any, str]:
        """Return the size and mode of a page."""
        image = self.open()
        image.seek(number)
        return image.size, image.mode

    def values(self, number: int) -> Array:
        """Return the values of one image: `(height, width)` or `(height, width, channels)`."""
        image = self.open()
        image.seek(number)
        raw_mode = _deep_raw_mode(image)
        if raw_mode is not None:
            return self._deep_values(number, raw_mode)
        mode, tags = _lossless_mode(image), getattr(image, "tag_v2", {})
        upright = _turn_upright(image)
        values = np.asarray(upright if upright.mode == mode else upright.convert(mode))
        if mode == "I" and tags.get(BITS) == (32,) and tags.get(SAMPLE_FORMAT, (UNSIGNED,)) == (UNSIGNED,):
            values = values.view(np.uint32)  # Pillow takes all 32-bit integers as signed
        return values.astype(values.dtype.newbyteorder("="))

    # ---- colour of 16 bits ----
    # Pillow has no mode for it and keeps only the upper 8 bits of each value. Told the wrong byte order, it keeps the
    # lower 8 bits. So such an image is read twice.

    def _deep_values(self, number: int, raw_mode: str) -> Array:
        """Return the values of a colour image of 16 bits: `(height, width, channels)`, uint16."""
        if raw_mode == "LA;16B":  # grey and alpha: as many bytes a pixel as RGBA has
            values = self._read_as("RGBA", number)
            return values.view(">u2").astype(np.uint16)
        mode, _, order = raw_mode.partition(";16")
        if mode not in ("RGB", "RGBA") or order not in ("L", "B", "N"):
            raise ConvcliError(
                f"colour of more than 8 bits stored as {raw_mode}, of which 8 would be kept", "16-bit grey, RGB or RGBA"
            )
        is_big = order == "B" or (order == "N" and sys.byteorder == "big")
        lower, upper = (self._read_as(f"{mode};16{order}", number) for order in ("LB" if is_big else "BL"))
        return upper.astype(np.uint16) << 8 | lower

    def _read_as(self, raw_mode: str, number: int) -> Array:
        """Return the values that Pillow reads if it takes them to be stored as `raw_mode`."""
        image = self.open(raw_mode)
        image.seek(number)
        for index, (codec, extents, offset, arguments) in enumerate(image.tile):
            changed = raw_mode if isinstance(arguments, str) else (raw_mode, *arguments[1:])
            make_tile = getattr(image.tile[index], "_make", tuple)  # a plain tuple before Pillow 11
            image.tile[index] = make_tile((codec, extents, offset, changed))
        return np.asarray(_turn_upright(image))


def _check_growth(values: int, size: int) -> None:
    """Raise `ConvcliError` if images claim more values than a file of `size` bytes can hold."""
    max_values = max(ALWAYS_ALLOWED_VALUES, MAX_GROWTH * size)
    if values > max_values:
        raise ConvcliError(f"the image says it has {values:,} values, in {size:,} bytes", f"at most {max_values:,}")


def _bytes_needed(image: Any) -> int:
    """Return the memory that decoding an image takes at most, in bytes. Its header tells: nothing is decoded yet."""
    width, height = image.size
    more = MORE_BYTES_PER_PIXEL if image.format == "WEBP" or _deep_raw_mode(image) else 0
    return width * height * (BYTES_PER_PIXEL.get(image.mode, BYTES_PER_PIXEL_OF_OTHERS) + more)


def _lossless_mode(image: Any) -> str:
    """Return the mode of Pillow that keeps all values of an image."""
    mode: str = image.mode
    if mode == "P":  # a palette
        return "RGBA" if "transparency" in image.info else "RGB"
    if mode not in PLAIN_MODES and mode not in CONVERTED_MODES:
        raise ConvcliError(f"an image of mode {mode}", "grey or RGB")
    return CONVERTED_MODES.get(mode, mode)


def _turn_upright(image: Any) -> Any:
    from PIL import ImageOps

    return ImageOps.exif_transpose(image)


def _deep_raw_mode(image: Any) -> str | None:
    """Return how a colour image of more than 8 bits stores its values, in Pillow's words; None for any other image."""
    if len(image.getbands()) == 1:
        return None
    raw_modes = {str(tile[3] if isinstance(tile[3], str) else (tile[3] or "?")[0]) for tile in image.tile}
    is_deep = max(getattr(image, "tag_v2", {}).get(BITS, (8,))) > 8 or any(";16" in mode for mode in raw_modes)
    return ", ".join(sorted(raw_modes)) if is_deep else None
