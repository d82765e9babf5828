"""The axes of an input as `--axes` states them: a letter for each, in the order of the array."""

from __future__ import annotations

from convcli.core.errors import ConvcliError
from convcli.core.lazy_imports import Array, np
from convcli.core.option_names import option
from convcli.core.shapes import DataFormat, Shape, format_shape, known

MEANINGS = {"b": "batch", "c": "channels", "z": "depth", "y": "height", "x": "width", "t": "time"}
SPACE = "tzyx"  # in the order of a model's axes


def parse_axes(text: str) -> str:
    """Return the letters of the axes. Raises `ConvcliError` where one is unknown or given twice."""
    unknown = [letter for letter in text if letter not in MEANINGS]
    if unknown or not text:
        known = ", ".join(f"{letter} {meaning}" for letter, meaning in MEANINGS.items())
        raise ConvcliError(f"{text!r}", f"a letter for each axis: {known}")
    if len(set(text)) < len(text):
        raise ConvcliError(f"{text!r}", "each letter once")
    return text


def space_axes(axes: str, rank: int | None) -> str:
    """Return the letters of the axes of space, in the model's order: depth, height, width.

    `t` is one of them, the first, where the model then has `rank` axes of space, or where no other letter is space.
    With rank None, any number of axes is a model's.
    """
    space = "".join(letter for letter in SPACE if letter in axes and letter != "t")
    if "t" in axes and (len(space) + 1 == rank or (rank is None and not space)):
        return f"t{space}"
    return space


def filter_rank(ndim: int | None, axes: str | None) -> int:
    """Return the rank of filters that take any, on an array of `ndim` axes, None where there is no array."""
    if axes is not None:
        return len(space_axes(axes, None)) or 2
    return {1: 1, 5: 3}.get(ndim or 0, 2)  # a batch of volumes, such as a stack of pages, has five axes


def volume_channels(shape: Shape, axes: str | None, data_format: DataFormat) -> int:
    """Return the number of channels of a volume, or of a batch of volumes, of this shape."""
    if axes is not None:
        return known(shape[axes.index("c")]) if "c" in axes and len(shape) == len(axes) else 1
    if len(shape) not in (4, 5):
        return 1
    return known(shape[-4 if data_format is DataFormat.CHANNELS_FIRST else -1])


def from_axes(array: Array, axes: str, rank: int | None) -> Array:
    """Return an array with these axes as `(batch, *spatial, channels)`, a view; axes that it lacks have one cell.

    `rank` is the model's number of spatial axes, None where any will do. Raises `ConvcliError` where the letters do not
    suit the array or the model.
    """
    if array.ndim != len(axes):
        raise ConvcliError(f"{option('axes', axes)} for shape {format_shape(array.shape)}", "a letter for each axis")
    space = space_axes(axes, rank)
    if rank is not None and len(space) != rank:
        count = f"{len(space) or 'no'} {'axis' if len(space) == 1 else 'axes'} of space"
        raise ConvcliError(f"{option('axes', axes)}: {count}, the model takes {rank}", "b for samples, c for channels")
    batch = [letter for letter in "bt" if letter in axes and letter not in space]
    if len(batch) > 1:
        raise ConvcliError(f"{option('axes', axes)}: b and t are both a batch here", "one of them")
    order = [*batch, *space, *("c" if "c" in axes else "")]
    result = np.transpose(array, [axes.index(letter) for letter in order])
    if not batch:
        result = result[None]
    return result if "c" in axes else result[..., None]


def default_axes(rank: int) -> str:
    """Return the letters of a sample with channels, as an array of one axis more than the model's rank is read."""
    return f"{SPACE[-rank:]}c"
