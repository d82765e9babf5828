"""Maps as grey values or as red, green and blue: PNG, TIFF and JPEG files that other programs measure in."""

from __future__ import annotations

import io
import warnings
from math import inf
from typing import cast

from convcli.core.errors import ConvcliError
from convcli.core.lazy_imports import Array, np
from convcli.io import images, png, tiff
from convcli.output.render.formats import PLAIN, TextStyle
from convcli.output.render.number_format import format_value
from convcli.output.report import Report
from convcli.output.report.picture import FLOAT_BITS, PictureReport, Range

JPEG_QUALITY = 95
MAX_JPEG_SIDE = (1 << 16) - 1
BLOCK_VALUES = 1 << 18  # converted together


def render_png(report: PictureReport) -> bytes:
    """Return a picture of one page as a PNG file, whose metadata tell the range."""
    (page,) = _integers(report)
    return png.encode(page, {"Software": "convcli", "Scale": _interval(report.range)})


def render_tif(report: Report, style: TextStyle = PLAIN) -> bytes:
    """Return a picture as a TIFF file, whose description tells the range."""
    picture = cast("PictureReport", report)
    pages = picture.pages.astype(np.float32) if picture.bits == FLOAT_BITS else _integers(picture)
    return tiff.encode(pages, f"convcli, {_interval(picture.range)}")


def render_jpg(report: Report, style: TextStyle = PLAIN) -> bytes:
    """Return a picture of one page as a JPEG file. Raises `ConvcliError` if it is too large, or without Pillow."""
    pillow = images.import_pillow()
    (page,) = _integers(cast("PictureReport", report))
    if max(page.shape[:2]) > MAX_JPEG_SIDE:
        raise ConvcliError(f"a picture of {page.shape[1]:,}×{page.shape[0]:,} pixels", "a .png or .tif")
    stream = io.BytesIO()
    pillow.fromarray(page).save(stream, "JPEG", quality=JPEG_QUALITY)
    return stream.getvalue()


def _interval(ends: Range) -> str:
    return " to ".join(map(format_value, ends))


def _integers(report: PictureReport) -> Array:
    """Return the pages as integers from 0 for the lower end of the range to the greatest for its upper end.

    Values outside are clipped, NaN is black; warnings count both.
    """
    pages = report.pages
    result = np.empty(pages.shape, f"uint{report.bits}")
    clipped = undefined = 0
    step = max(BLOCK_VALUES // pages[0, 0].size, 1)
    for page, converted in zip(pages, result, strict=True):
        for start in range(0, len(page), step):
            rows = slice(start, start + step)
            outside, nan = _convert(page[rows], report.range, converted[rows])
            clipped, undefined = clipped + outside, undefined + nan
    counts = {f"outside {_interval(report.range)} and clipped": clipped, "NaN and black": undefined}
    for what, count in counts.items():
        if count:
            warnings.warn(f"{report.name}: {count:,} of {pages.size:,} values are {what}", stacklevel=2)
    return result


def _convert(values: Array, ends: Range, result: Array) -> tuple[int, int]:
    """Write values into an array of integers. Return how many are clipped, and how many are NaN."""
    low, high = ends
    steps = np.iinfo(result.dtype).max
    with np.errstate(all="ignore"):
        extent = (high * 0.5 - low * 0.5) or inf  # halved, since the difference of two numbers might overflow
        fractions = (values * 0.5 - low * 0.5) / extent
        np.clip(fractions, 0, 1, out=fractions)
        np.nan_to_num(fractions, copy=False)
        result[:] = np.rint(fractions * steps)
    return int(np.count_nonzero((values < low) | (values > high))), int(np.count_nonzero(np.isnan(values)))
