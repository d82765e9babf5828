"""The padding modes: which cell of an axis each cell of its padding repeats.

The cells 1 2 3 with two cells of padding on either side:

    zeros      0 0 | 1 2 3 | 0 0
    reflect    3 2 | 1 2 3 | 2 1    the mirror stands in the last cell: SciPy's `mirror`
    symmetric  2 1 | 1 2 3 | 3 2    the mirror stands behind the last cell: SciPy's `reflect`
    replicate  1 1 | 1 2 3 | 3 3    SciPy's `nearest`
    circular   2 3 | 1 2 3 | 1 2    SciPy's `grid-wrap`
"""

from __future__ import annotations

from typing import Literal, get_args

PaddingMode = Literal["zeros", "reflect", "symmetric", "replicate", "circular"]
PADDING_MODES: tuple[str, ...] = get_args(PaddingMode)

# The first cell that padding with a mirror repeats, counted from the border.
MIRRORED_FROM = {"reflect": 1, "symmetric": 0}


def most_padding(mode: PaddingMode, extent: int) -> int | None:
    """Return how many cells a mode can add on one side of `extent` cells, None for any number.

    The limits are PyTorch's. PyTorch has no `symmetric`, which mirrors as often as it takes, as SciPy's does.
    """
    return {"reflect": extent - 1, "circular": extent}.get(mode)
