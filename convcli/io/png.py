"""Arrays -> PNG files of 8 or 16 bits, grey or RGB: Pillow has no colour of 16 bits."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping

from convcli.core.errors import ConvcliError
from convcli.core.lazy_imports import Array, np

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, RGB = 0, 2  # colour types
MAX_SIDE = (1 << 31) - 1
ROWS_BYTES = 1 << 20  # filtered together
LEVEL = 6  # of compression: zlib's own choice


def encode(pixels: Array, texts: Mapping[str, str]) -> bytes:
    """Return a PNG file of uint8 or uint16 pixels, `(height, width)` or `(height, width, 3)`.

    `texts` are its metadata by keyword. Raises `ConvcliError` for more pixels along a side than the format allows.
    """
    height, width = pixels.shape[:2]
    if max(height, width) > MAX_SIDE:
        raise ConvcliError(f"a picture of {width:,}×{height:,} pixels", f"at most {MAX_SIDE:,} along a side")
    bits, colour_type = 8 * pixels.dtype.itemsize, RGB if pixels.ndim == 3 else GREY
    parts = [SIGNATURE, _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0))]
    parts += [_chunk(b"tEXt", f"{keyword}\0{text}".encode("latin-1", "replace")) for keyword, text in texts.items()]
    compressor = zlib.compressobj(LEVEL)
    for rows in _filtered(pixels):
        parts.append(_chunk(b"IDAT", compressor.compress(rows.data)))
    parts += [_chunk(b"IDAT", compressor.flush()), _chunk(b"IEND", b"")]
    return b"".join(parts)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(name)))


def _filtered(pixels: Array) -> Iterator[Array]:
    """Yield blocks of rows of bytes, each row after the number of its filter.

    The filters are None, Sub (the difference from the pixel to the left) and Up (from the pixel above). Of these a row
    takes the one whose bytes, taken as signed, have the smallest sum of magnitudes, as the PNG specification advises.
    """
    height, step = pixels.shape[0], pixels.dtype.itemsize * (pixels.shape[2] if pixels.ndim == 3 else 1)
    length = pixels.shape[1] * step
    block = max(ROWS_BYTES // length, 1)
    above = np.zeros((1, length), np.uint8)
    for start in range(0, height, block):
        part = np.ascontiguousarray(pixels[start : start + block], pixels.dtype.newbyteorder(">"))
        rows = part.view(np.uint8).reshape(len(part), length)
        left = rows.copy()
        left[:, step:] -= rows[:, :-step]
        up = rows - np.concatenate((above, rows[:-1]))
        above = rows[-1:]
        choices = np.stack((rows, left, up))
        best = np.abs(choices.view(np.int8).astype(np.int16)).sum(2, dtype=np.int64).argmin(0)
        filtered = np.empty((len(rows), 1 + length), np.uint8)
        filtered[:, 0] = best
        filtered[:, 1:] = choices[best, np.arange(len(rows))]
        yield filtered
