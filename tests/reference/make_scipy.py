"""Write scipy.json and scipy.npz: the convolution of signal processing, which flips the kernel, and padding modes."""

import numpy as np
import scipy
from _store import Draw, Store
from scipy.ndimage import correlate
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


def padded(name: str, space: tuple[int, ...], kernel_size: tuple[int, ...], padding_mode: str, scipy_mode: str) -> None:
    """Correlate one sample of one channel with one filter, padded as scipy.ndimage pads it."""
    draw = Draw(name)
    x, kernel = draw.normal(space), draw.normal(kernel_size)
    args = {"filters": 1, "kernel_size": list(kernel_size), "padding": "same", "padding_mode": padding_mode}
    store.add(
        name,
        {f"conv{len(space)}d": {**args, "use_bias": False}},
        [x[None, ..., None]],
        {"kernel": kernel[..., None, None]},
        correlate(x, kernel, mode=scipy_mode)[None, ..., None],
    )


padded("conv1d-symmetric", (9,), (5,), "symmetric", "reflect")
padded("conv1d-symmetric-mirrored-twice-integer", (3,), (15,), "symmetric", "reflect")
padded("conv2d-symmetric-integer", (6, 7), (3, 5), "symmetric", "reflect")
padded("conv3d-symmetric", (4, 5, 3), (3, 1, 5), "symmetric", "reflect")
padded("conv2d-reflect", (6, 7), (5, 3), "reflect", "mirror")
padded("conv2d-replicate", (6, 7), (5, 3), "replicate", "nearest")
padded("conv2d-circular-integer", (6, 7), (5, 3), "circular", "grid-wrap")


def hypot(name: str, *shapes: tuple[int, ...]) -> None:
    """NumPy's hypot of values that broadcast."""
    draw = Draw(name)
    values = [draw.normal((2, *shape)) for shape in shapes]
    store.add(name, {"hypot": {}}, values, {}, np.hypot(*values))


hypot("hypot", (3, 4, 2), (3, 4, 2))
hypot("hypot-broadcast", (3, 4, 2), (3, 1, 2))

store.write("scipy", {m.__name__: m.__version__ for m in (scipy, np)})
