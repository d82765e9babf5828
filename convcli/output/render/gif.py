"""A walk as an animated GIF, a frame for each position of the window."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import Any

from convcli.core.errors import ConvcliError
from convcli.core.lazy_imports import Array, np
from convcli.io import images
from convcli.output.render.formats import PLAIN, TextStyle
from convcli.output.render.walk_animation import WalkAnimation
from convcli.output.report import Report
from convcli.output.report.explain import ExplainReport

MOST_FRAMES = 400
SLOW, FAST, LAST = 700, 250, 2500  # milliseconds: each of a few frames, each of many, the last frame
FEW_FRAMES = 40
MOST_COLOURS = 256  # that a GIF can hold


def render_gif(report: Report, style: TextStyle = PLAIN) -> bytes:
    """Return the walk as an animated GIF.

    Raises `ConvcliError` if no window slides, if the frames are too many or too large, or without Pillow.
    """
    library = images.import_pillow()
    if not isinstance(report, ExplainReport):
        raise ConvcliError("no window slides in this answer", "explain --walk")
    count = report.positions
    check_length(count)
    animation = WalkAnimation(report, library)
    durations = [SLOW if count <= FEW_FRAMES else FAST] * (count - 1) + [LAST]
    frames = indexed_frames(animation.frames(), animation.last_frame(), library)
    stream = io.BytesIO()
    next(frames).save(stream, "GIF", save_all=True, append_images=frames, duration=durations, loop=0, disposal=1)
    return stream.getvalue()


def check_length(positions: int) -> None:
    """Raise `ConvcliError` where a walk has more positions than an animation has frames."""
    if positions > MOST_FRAMES:
        raise ConvcliError(f"{positions:,} positions", f"at most {MOST_FRAMES} in a GIF: --limit N")


def indexed_frames(frames: Iterable[Any], last: Any, library: Any) -> Iterator[Any]:
    """Yield each frame in the 256 colours that are the most frequent in the last one.

    A pixel of another colour takes the nearest of them. Pillow's own conversion is not used because it ignores the
    lower two bits of a colour.
    """
    colours, counts = np.unique(_packed(last), return_counts=True)
    palette = np.sort(colours[np.argsort(-counts, kind="stable")[:MOST_COLOURS]])
    channels = _unpacked(palette)
    for frame in frames:
        packed = _packed(frame)
        indices = np.minimum(np.searchsorted(palette, packed), len(palette) - 1)
        missing = palette[indices] != packed
        rare, where = np.unique(packed[missing], return_inverse=True)
        distances = np.abs(_unpacked(rare)[:, None] - channels).sum(-1)
        indices[missing] = distances.argmin(-1)[where]
        indexed = library.fromarray(indices.astype(np.uint8))
        indexed.putpalette(channels.astype(np.uint8).tobytes())
        yield indexed


def _packed(image: Any) -> Array:
    """Return the colour of each pixel as one number."""
    channels = np.asarray(image, np.int32)
    return channels[..., 0] << 16 | channels[..., 1] << 8 | channels[..., 2]


def _unpacked(colours: Array) -> Array:
    """Return packed colours as red, green and blue, along one more axis."""
    return np.stack([colours >> 16, colours >> 8 & 255, colours & 255], -1).astype(int)
