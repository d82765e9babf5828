"""The notes and errors about arrays that can be read in two ways."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from convcli.core.errors import ConvcliError, Note, located
from convcli.core.shapes import DataFormat, axis_names, format_shape

if TYPE_CHECKING:
    from convcli.engine.run import NamedArrays
    from convcli.model.graph import Model

MOST_COLOURS = 4  # channels of pictures: grey, grey with alpha, RGB, RGBA


def note_channels(model: Model, inputs: NamedArrays, options: Mapping[str, Any]) -> None:
    """Say how an array was read whose last axis is taken for channels, and need not be.

    That is an array of one axis more than the model's rank, with more channels than a picture has, where neither
    --axes, --data-format, --gray, weights nor the model say how many channels there are.
    """
    from convcli.io.axes import default_axes

    if options["gray"] or any(options[name] is not None for name in ("axes", "data_format", "weights")):
        return
    for name, array in inputs.arrays.items():
        rank = _rank(model, name)
        if not rank or len(array.shape) != rank + 1 or array.shape[-1] <= MOST_COLOURS or _states(model, name):
            continue
        axes = default_axes(rank)
        others = [f"b{axes[:-1]}", f"c{axes[:-1]}"]
        if rank == 2 and _take_any_rank(options.get("filters", ())):
            others.append("zyx")
        warnings.warn(
            f"{inputs.label(name)}: shape {format_shape(array.shape)} is read as "
            f"{', '.join((*axis_names(rank), 'channels'))}; --axes {', '.join(others[:-1])} or {others[-1]} reads "
            f"it otherwise, --axes {axes} says so",
            Note,
            stacklevel=2,
        )


def check_stacks(model: Model, inputs: NamedArrays) -> None:
    """Raise `ConvcliError` where a TIFF file of several pages, a volume, meets a model of two axes of space."""
    from convcli.io.files import suffix

    for name, array in inputs.arrays.items():
        label, is_volume = inputs.label(name), len(array.shape) == 5
        if is_volume and suffix(label) in (".tif", ".tiff") and inputs.axes is None and _rank(model, name) == 2:
            pages = array.shape[2 if inputs.data_format is DataFormat.CHANNELS_FIRST else 1]
            with located(label):
                raise ConvcliError(
                    f"{pages} pages are a volume, the model takes images",
                    f"--axes byx: a sample for each page, {label}:0: one page",
                )


def _rank(model: Model, name: str) -> int | None:
    """Return the number of spatial axes of an input; None where there is no such input, or any number will do."""
    return model.spatial_rank(name) if name in model.inputs else None


def _states(model: Model, name: str) -> bool:
    """Return whether a model says how many channels an input has: by its shape, or by filters of some depth."""
    if model.inputs[name] is not None or model.data_format is DataFormat.CHANNELS_FIRST:
        return True
    return any(getattr(node.layer, "depth", None) for node in model.nodes if name in node.inputs)


def _take_any_rank(filters: Sequence[str]) -> bool:
    """Return whether there are filters, all of which the bank has for several ranks."""
    from convcli.model import filter_bank

    return bool(filters) and all(filter_bank.is_known(name) and filter_bank.rank_of(name) is None for name in filters)
