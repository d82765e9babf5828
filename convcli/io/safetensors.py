"""Safetensors files -> arrays by name, with the `safetensors` package (extra `safetensors`)."""

from __future__ import annotations

from collections.abc import Iterator

from convcli.core.errors import ConvcliError, located
from convcli.core.extras import import_extra
from convcli.core.lazy_imports import Array, np
from convcli.core.shapes import product
from convcli.io import bfloat16

DTYPES = {
    **{f"F{bits}": f"<f{bits // 8}" for bits in (16, 32, 64)},
    **{f"{kind}{bits}": f"<{kind.lower()}{bits // 8}" for kind in "IU" for bits in (8, 16, 32, 64)},
    "BOOL": "?",
    "BF16": bfloat16.BITS_DTYPE,
}


def decode(content: bytes) -> Iterator[tuple[str, Array]]:
    """Yield each name and its array. Raises `ConvcliError`."""
    library = import_extra("safetensors", "safetensors")
    try:
        tensors = library.deserialize(content)
    except Exception as error:
        raise ConvcliError(f"broken safetensors file: {error}") from None
    for name, tensor in tensors:
        with located(name):
            dtype, shape = tensor["dtype"], tensor["shape"]
            if dtype not in DTYPES:
                raise ConvcliError(f"{dtype} values", f"one of {', '.join(DTYPES)}")
            flat = np.frombuffer(bytes(tensor["data"]), DTYPES[dtype])
            if product(shape) != flat.size:
                raise ConvcliError(f"{flat.size} values for shape {shape}")
            yield name, (bfloat16.widen(flat) if dtype == "BF16" else flat).reshape(shape)
