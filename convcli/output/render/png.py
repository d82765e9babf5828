"""Feature maps as a PNG image: all of them on one labelled sheet, or one map alone with a pixel for each cell."""

from __future__ import annotations

import io
from typing import Any

from convcli.core.errors import ConvcliError
from convcli.io import images
from convcli.output.render import colormap
from convcli.output.render.colormap import ColourScale
from convcli.output.render.formats import PLAIN, TextStyle
from convcli.output.render.map_sections import map_sections
from convcli.output.render.map_sheet import MapSheet
from convcli.output.render.number_format import format_value
from convcli.output.report import Report
from convcli.output.report.apply import ApplyReport

MOST_PIXELS = 1 << 26


def render_png(report: Report, style: TextStyle = PLAIN) -> bytes:
    """Return the maps as a PNG file, all on one scale of colours.

    Raises `ConvcliError` if there are no maps, if the image would be too large, or without Pillow.
    """
    images.import_pillow()  # a missing Pillow is reported before anything is drawn
    sections = map_sections(report)
    grids = [titled.grid for section in sections for titled in section.maps()]
    scale = colormap.scale_of(grids)
    if isinstance(report, ApplyReport) and report.one_map and len(grids) == 1:
        _check_size(grids[0].shape[1], grids[0].shape[0])
        return _encoded(images.import_pillow().fromarray(colormap.colours(grids[0], scale)), scale)
    sheet = MapSheet(report.summary["name"] if isinstance(report, ApplyReport) else "", sections, scale)
    _check_size(*sheet.size)
    return _encoded(sheet.draw(), scale)


def _check_size(width: int, height: int) -> None:
    if width * height > MOST_PIXELS:
        raise ConvcliError(
            f"a picture of {width:,}×{height:,} pixels",
            f"at most {MOST_PIXELS:,}; --map or --layer-output for less, or -f npy",
        )


def _encoded(image: Any, scale: ColourScale) -> bytes:
    """Return a Pillow image as a PNG file whose metadata tell the scale."""
    images.import_pillow()
    from PIL.PngImagePlugin import PngInfo

    metadata = PngInfo()
    metadata.add_text("Software", "convcli")
    metadata.add_text("Scale", f"{format_value(scale.low)} to {format_value(scale.high)}")
    stream = io.BytesIO()
    image.save(stream, "PNG", pnginfo=metadata)
    return stream.getvalue()
