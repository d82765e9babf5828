"""A bare kernel as a model: rank 1 or 2 is one hand-made filter, rank 3 to 5 a whole Keras kernel."""

from __future__ import annotations

from typing import Any

from convcli.core.errors import ConvcliError
from convcli.core.shapes import shape_text
from convcli.io.arrays import nested_shape, several


def mapping(kernel: Any, name: str) -> dict[str, Any]:
    """The mapping of a one-layer model with this kernel, an array or a nested list; `name` is a single filter's."""
    if isinstance(kernel, dict):
        raise several(kernel, "FILE.npz")
    shape = nested_shape(kernel) if isinstance(kernel, list) else kernel.shape
    rank = len(shape)
    if not 1 <= rank <= 5:
        raise ConvcliError(
            f"a kernel of shape {shape_text(shape)}",
            "rank 1 or 2: one filter; rank 3, 4, 5: a Keras kernel of conv1d, 2d, 3d",
        )
    if rank <= 2:
        return {"layers": [{f"conv{rank}d": {"filters": {name: kernel}}}]}
    return {"layers": [{f"conv{rank - 2}d": {"kernel": kernel}}]}
