"""A bare kernel as a model of one convolution."""

from __future__ import annotations

from typing import Any

from convcli.core.errors import ConvcliError, shortened
from convcli.core.option_names import option
from convcli.core.shapes import format_shape
from convcli.io import arrays, nested_lists
from convcli.readers.reader import ModelFile, Reader


def mapping(kernel: Any, name: str) -> dict[str, Any]:
    """Return the mapping of a model of one convolution with this kernel, an array or a nested list.

    A kernel of rank 1 or 2 is one filter, which is called `name`; one of rank 3, 4 or 5 is a whole kernel in Keras's
    layout `(*kernel_size, input channels, filters)`. Raises `ConvcliError` for any other rank.
    """
    if isinstance(kernel, dict) and any("/" in name or "." in name for name in kernel):
        raise ConvcliError(
            f"holds weights by name, such as {shortened(next(iter(kernel)))}, and no layers",
            f"the layers in a YAML file; {option('weights')} takes this file",
        )
    if isinstance(kernel, dict):
        raise arrays.array_choice_error(kernel, "FILE.npz")
    shape = nested_lists.shape_of(kernel) if isinstance(kernel, list) else kernel.shape
    rank = len(shape)
    if not 1 <= rank <= 5:
        raise ConvcliError(
            f"a kernel of shape {format_shape(shape)}",
            "rank 1 or 2: one filter; rank 3, 4, 5: a Keras kernel of conv1d, 2d, 3d",
        )
    if rank <= 2:
        return {"layers": [{f"conv{rank}d": {"filters": {name: kernel}}}]}
    return {"layers": [{f"conv{rank - 2}d": {"kernel": kernel}}]}


def _read(file: ModelFile) -> dict[str, Any]:
    result = arrays.decode(file.content, file.suffix, file.source)
    if isinstance(result, dict) and len(result) == 1:  # an NPZ file with a single array
        (result,) = result.values()
    return mapping(result, file.title)


ARRAY = Reader("kernel in an array file", lambda file: arrays.is_binary(file.content), _read)
