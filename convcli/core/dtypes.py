"""The number types of arrays: which may be read, which are computed in, how large they are."""

from __future__ import annotations

REAL_KINDS = "biuf"  # the kinds of NumPy's types that hold real numbers
READABLE_DTYPES = (
    "bool",
    *(f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)),
    "float16",
    "float32",
    "float64",
)
COMPUTE_DTYPES = ("float32", "float64")
BYTES_PER_VALUE = {"float32": 4, "float64": 8, "float16": 2, "bfloat16": 2, "int8": 1}
MAX_EXACT_INTEGER = 2**53  # float64 holds every whole number up to here
MAX_INTEGER_BITS = 1024  # float64 holds no larger number, even rounded
