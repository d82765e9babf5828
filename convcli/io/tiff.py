"""Arrays -> TIFF files of one or several pages, uncompressed: 8 and 16 bits, grey or RGB, and grey in float32."""

from __future__ import annotations

import struct

from convcli.core.errors import ConvcliError
from convcli.core.lazy_imports import Array, np

HEADER_BYTES, ENTRY_BYTES = 8, 12
MAX_BYTES = (1 << 32) - 1  # offsets have 32 bits
SHORT, LONG, ASCII = 3, 4, 2  # types of values
TYPES = {SHORT: "<{}H", LONG: "<{}I"}
UNSIGNED, FLOAT = 1, 3  # sample formats
BLACK_IS_ZERO, RGB = 1, 2  # photometric interpretations


def encode(pages: Array, description: str = "") -> bytes:
    """Return a TIFF file of uint8, uint16 or float32 pages, `(pages, height, width)` or `(pages, height, width, 3)`.

    Raises `ConvcliError` for more bytes than the format holds.
    """
    directory = _directory(pages[:, :1], description, 0, 0)
    if HEADER_BYTES + pages.nbytes + len(pages) * len(directory) > MAX_BYTES:
        raise ConvcliError(f"{pages.nbytes:,} bytes of pixels in a TIFF file", "at most 4 GiB; -f npy")
    pages = np.ascontiguousarray(pages, pages.dtype.newbyteorder("<"))
    pixels_start = HEADER_BYTES + len(pages) * len(directory)
    directories = []
    for number in range(len(pages)):
        start = HEADER_BYTES + number * len(directory)
        strip = pixels_start + number * pages[0].nbytes
        directories.append(_directory(pages, description, start, strip, is_last=number == len(pages) - 1))
    header = struct.pack("<2sHI", b"II", 42, HEADER_BYTES)
    return b"".join((header, *directories, pages.data.cast("B")))


def _directory(pages: Array, description: str, start: int, strip: int, is_last: bool = True) -> bytes:
    """Return the directory of a page at the offset `start`, with its longer values; its pixels are at `strip`."""
    height, width = pages.shape[1:3]
    samples = pages.shape[3] if pages.ndim == 4 else 1
    sample_format = FLOAT if pages.dtype.kind == "f" else UNSIGNED
    text = description.encode("ascii", "replace") + b"\0"
    fields: list[tuple[int, int, list[int] | bytes]] = [
        (256, LONG, [width]),
        (257, LONG, [height]),
        (258, SHORT, [8 * pages.dtype.itemsize] * samples),
        (259, SHORT, [1]),  # not compressed
        (262, SHORT, [RGB if samples == 3 else BLACK_IS_ZERO]),
        (270, ASCII, text),
        (273, LONG, [strip]),
        (277, SHORT, [samples]),
        (278, LONG, [height]),  # all rows in one strip
        (279, LONG, [pages[0].nbytes]),
        (339, SHORT, [sample_format] * samples),
    ]
    values_start = start + 2 + ENTRY_BYTES * len(fields) + 4
    entries, values = b"", b""
    for tag, type_, items in fields:
        data = items if isinstance(items, bytes) else struct.pack(TYPES[type_].format(len(items)), *items)
        entries += struct.pack("<HHI", tag, type_, len(items))
        if len(data) <= 4:
            entries += data.ljust(4, b"\0")
        else:
            entries += struct.pack("<I", values_start + len(values))
            values += data + b"\0" * (len(data) % 2)  # offsets are even
    following = 0 if is_last else values_start + len(values)
    return struct.pack("<H", len(fields)) + entries + struct.pack("<I", following) + values
