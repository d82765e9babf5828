"""Maps and filters as a PNG image: all of them on one labelled sheet, or one map with a pixel for each cell."""

from __future__ import annotations

from collections.abc import Sequence

from convcli.core.errors import ConvcliError
from convcli.core.lazy_imports import Array, np
from convcli.io import images
from convcli.io import png as png_file
from convcli.output.render import colormap, picture
from convcli.output.render.colormap import ColourScale
from convcli.output.render.formats import PLAIN, TextStyle
from convcli.output.render.map_sections import MapSection, map_sections, sheet_title
from convcli.output.render.map_sheet import MapSheet
from convcli.output.render.number_format import format_value
from convcli.output.report import Report
from convcli.output.report.apply import ApplyReport
from convcli.output.report.picture import PictureReport

MOST_PIXELS = 1 << 26


def render_png(report: Report, style: TextStyle = PLAIN) -> bytes:
    """Return the maps or filters as a PNG file, all on one scale of colours; or a picture as it is.

    Raises `ConvcliError` if there are none, if the image would be too large, or without Pillow.
    """
    if isinstance(report, PictureReport):
        return picture.render_png(report)
    sections = check_drawable(report)
    grids = _grids(sections)
    scale = colormap.scale_of(grids)
    if _is_one_map(report, grids):
        return _encoded(colormap.colours(grids[0], scale), scale)
    return _encoded(np.asarray(MapSheet(sheet_title(report), sections, scale).draw()), scale)


def check_drawable(report: Report) -> list[MapSection]:
    """Return the sections of a report.

    Raises `ConvcliError` where they cannot be drawn. Their shapes tell: the values may still be unknown.
    """
    images.import_pillow()  # a missing Pillow is reported before anything is drawn
    sections = map_sections(report)
    grids = _grids(sections)
    cells = sum(grid.size for grid in grids)
    if cells > MOST_PIXELS:  # before the sheet is laid out
        raise _too_large(f"at least {cells:,}")
    width, height = grids[0].shape[::-1]
    if not _is_one_map(report, grids):
        width, height = MapSheet(sheet_title(report), sections, ColourScale(0.0, 0.0)).size
    if width * height > MOST_PIXELS:
        raise _too_large(f"{width:,}×{height:,}")
    return sections


def _is_one_map(report: Report, grids: Sequence[Array]) -> bool:
    return isinstance(report, ApplyReport) and report.one_map and not report.shows_weights and len(grids) == 1


def _grids(sections: Sequence[MapSection]) -> list[Array]:
    return [titled.grid for section in sections for titled in section.maps()]


def _too_large(size: str) -> ConvcliError:
    return ConvcliError(
        f"a picture of {size} pixels", f"at most {MOST_PIXELS:,}; --map or --layer-output for less, or -f npy"
    )


def _encoded(pixels: Array, scale: ColourScale) -> bytes:
    """Return a PNG file whose metadata tell the scale."""
    texts = {"Software": "convcli", "Scale": f"{format_value(scale.low)} to {format_value(scale.high)}"}
    return png_file.encode(pixels, texts)
