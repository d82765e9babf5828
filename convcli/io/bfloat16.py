"""bfloat16, a number type of weights files that NumPy lacks: the upper half of a float32."""

from __future__ import annotations

from convcli.core.lazy_imports import Array, np

NAME = "bfloat16"
BITS_DTYPE = "<u2"


def widen(bits: Array) -> Array:
    """Return the numbers as float32; `bits` holds each as an unsigned 16-bit integer."""
    return (bits.astype(np.uint32) << 16).view(np.float32)
