"""Write scipy.json and scipy.npz: the convolution of signal processing, which flips the kernel."""

import numpy as np
import scipy
from _store import Draw, Store
from scipy.signal import convolve

store = Store()


def case(name: str, space: tuple[int, ...], kernel_size: tuple[int, ...], padding: str) -> None:
    """One sample, one channel, one filter."""
    draw = Draw(name)
    x, kernel = draw.normal(space), draw.normal(kernel_size)
    output = convolve(x, kernel, padding, method="direct")
    args = {"filters": 1, "kernel_size": list(kernel_size), "padding": padding, "flip_kernel": True, "use_bias": False}
    store.add(
        name,
        {f"conv{len(space)}d": args},
        [x[None, ..., None]],
        {"kernel": kernel[..., None, None]},
        output[None, ..., None],
    )


for padding in ("full", "same", "valid"):  # where the kernel is even SciPy's `same` is another
    odd = padding == "same"
    case(f"conv1d-{padding}", (9,), (5,), padding)
    case(f"conv1d-{padding}-integer", (8,), (3 if odd else 4,), padding)
    case(f"conv2d-{padding}", (6, 7), (3, 5), padding)
    case(f"conv2d-{padding}-integer", (5, 6), (3, 3) if odd else (2, 4), padding)
    case(f"conv3d-{padding}", (4, 5, 3), (3, 1, 3) if odd else (3, 2, 1), padding)

store.write("scipy", {m.__name__: m.__version__ for m in (scipy, np)})
