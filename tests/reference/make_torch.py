"""Write torch.json and torch.npz: what torch.nn.functional computes, in float64."""

import numpy as np
import torch
import torch.nn.functional as F
from _store import BATCH, Draw, Store

store = Store()
POINTWISE = {
    "gelu": F.gelu,
    "selu": F.selu,
    "celu": F.celu,
    "mish": F.mish,
    "silu": F.silu,
    "softplus": F.softplus,
    "log_sigmoid": F.logsigmoid,
    "hard_sigmoid": F.hardsigmoid,
    "hard_silu": F.hardswish,
    "hard_shrink": F.hardshrink,
    "soft_shrink": F.softshrink,
    "leaky_relu": lambda x: F.leaky_relu(x, 0.2),
    "softmax": lambda x: F.softmax(x, 1),
    "log_softmax": lambda x: F.log_softmax(x, 1),
    "glu": lambda x: F.glu(x, 1),
}


def first(x: np.ndarray) -> torch.Tensor:
    """Channels last to channels first."""
    return torch.from_numpy(np.moveaxis(x, -1, 1).copy())


def last(x: torch.Tensor) -> np.ndarray:
    return np.moveaxis(x.numpy(), 1, -1)


def kernel(k: np.ndarray) -> torch.Tensor:
    """`(*k, a, b)` to `(b, a, *k)`, which is torch's order for both kinds of convolution."""
    return torch.from_numpy(np.moveaxis(k, (-1, -2), (0, 1)).copy())


def tuples(args: dict) -> dict:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in args.items()}


def convolve(
    name: str,
    shape: tuple[int, ...],
    filters: int,
    kernel_size: list[int],
    strides=1,
    padding="valid",
    padding_mode="zeros",
    dilation_rate=1,
    groups=1,
) -> None:
    """An ordinary convolution; `shape` is without batch, and its length tells the rank."""
    given = arguments(locals(), strides=1, padding="valid", padding_mode="zeros", dilation_rate=1, groups=1)
    rank, draw = len(shape) - 1, Draw(name)
    x = draw.normal((BATCH, *shape))
    weights = {"kernel": draw.normal((*kernel_size, shape[-1] // groups, filters)), "bias": draw.normal((filters,))}
    padded, padding = first(x), list(padding) if isinstance(padding, list) else padding
    if padding_mode != "zeros":
        each = padding if isinstance(padding, list) else [padding] * rank
        padded = F.pad(padded, [p for p in reversed(each) for _ in "ab"], padding_mode)
        padding = 0
    output = getattr(F, f"conv{rank}d")(
        padded,
        kernel(weights["kernel"]),
        torch.from_numpy(weights["bias"]),
        **tuples({"stride": strides, "padding": padding, "dilation": dilation_rate}),
        groups=groups,
    )
    store.add(name, {f"conv{rank}d": given}, [x], weights, last(output))


def transpose(
    name: str,
    shape: tuple[int, ...],
    filters: int,
    kernel_size: list[int],
    strides=1,
    padding=0,
    output_padding=0,
    dilation_rate=1,
    groups=1,
) -> None:
    """A transposed convolution; its explicit padding crops."""
    given = arguments(locals(), strides=1, dilation_rate=1, groups=1)
    rank, draw = len(shape) - 1, Draw(name)
    x = draw.normal((BATCH, *shape))
    weights = {"kernel": draw.normal((*kernel_size, filters // groups, shape[-1])), "bias": draw.normal((filters,))}
    output = getattr(F, f"conv_transpose{rank}d")(
        first(x),
        kernel(weights["kernel"]),
        torch.from_numpy(weights["bias"]),
        **tuples({"stride": strides, "padding": padding, "output_padding": output_padding, "dilation": dilation_rate}),
        groups=groups,
    )
    store.add(name, {f"conv{rank}d_transpose": given}, [x], weights, last(output))


def pool(name: str, shape: tuple[int, ...], pool_size: list[int], strides=1, padding=0, **more) -> None:
    """Maximum or average, by the name's first word."""
    kind, rank = name.split("-")[0], len(shape) - 1
    x = Draw(name).normal((BATCH, *shape))
    renamed = {"dilation" if k == "dilation_rate" else k: v for k, v in more.items()}
    if kind == "average":
        renamed.setdefault("count_include_pad", False)
    output = getattr(F, f"{'avg' if kind == 'average' else 'max'}_pool{rank}d")(
        first(x), **tuples({"kernel_size": pool_size, "stride": strides, "padding": padding, **renamed})
    )
    given = {"pool_size": pool_size, "strides": strides, "padding": padding, **more}
    store.add(name, {f"{kind}_pooling{rank}d": given}, [x], {}, last(output))


def arguments(scope: dict, **defaults) -> dict:
    """What the caller was given beyond name, shape and defaults: the mapping's arguments."""
    return {k: v for k, v in scope.items() if k not in ("name", "shape") and (k not in defaults or v != defaults[k])}


# ---------------------------------------------------------------- borders
convolve("conv1d-reflect", (7, 2), 3, [5], padding=2, padding_mode="reflect")
convolve("conv1d-reflect-wide", (4, 2), 2, [3], padding=3, padding_mode="reflect")
convolve("conv1d-replicate-strides", (8, 2), 3, [3], 2, 2, "replicate")
convolve("conv1d-replicate-wide-dilated", (4, 2), 2, [3], 1, 5, "replicate", 3)
convolve("conv1d-circular-dilated-groups", (7, 4), 4, [3], 1, 2, "circular", 2, 2)
convolve("conv1d-circular-whole-integer", (4, 2), 2, [3], 1, 4, "circular")
convolve("conv2d-reflect", (6, 5, 2), 3, [3, 5], padding=[1, 2], padding_mode="reflect")
convolve("conv2d-reflect-strides-dilated-groups", (7, 6, 4), 2, [3, 2], [2, 3], [2, 1], "reflect", [2, 1], 2)
convolve("conv2d-replicate-integer", (5, 6, 2), 2, [3, 3], 1, 2, "replicate")
convolve("conv2d-replicate-strides-dilated", (6, 7, 2), 2, [2, 3], [3, 2], [1, 3], "replicate", 2)
convolve("conv2d-circular", (5, 6, 2), 3, [3, 3], padding=1, padding_mode="circular")
convolve("conv2d-circular-strides-groups", (6, 5, 4), 4, [2, 4], 2, [3, 2], "circular", 1, 4)
convolve("conv3d-reflect", (3, 4, 3, 1), 2, [2, 3, 2], padding=[1, 2, 1], padding_mode="reflect")
convolve("conv3d-replicate-strides", (3, 4, 3, 2), 2, [2, 3, 2], [1, 2, 2], [0, 1, 2], "replicate")
convolve("conv3d-circular-integer", (3, 2, 4, 1), 2, [3, 2, 3], 1, [1, 2, 1], "circular")

# ---------------------------------------------------------------- explicit padding and groups
convolve("conv1d-padding", (7, 3), 2, [4], 3, 2)
convolve("conv1d-padding-strides-dilated-groups", (9, 6), 4, [3], 2, 3, "zeros", 3, 2)
convolve("conv1d-padding-past-kernel-integer", (5, 2), 3, [2], 1, 4)
convolve("conv1d-groups-each-doubled", (8, 3), 6, [3], 2, 1, "zeros", 2, 3)
convolve("conv2d-padding", (6, 5, 2), 3, [3, 3], 2, 1)
convolve("conv2d-padding-by-axis-dilated", (6, 7, 2), 2, [2, 3], [2, 1], [3, 0], "zeros", [1, 3])
convolve("conv2d-strides-dilated-integer", (7, 8, 2), 2, [2, 3], 2, "valid", "zeros", [3, 2])
convolve("conv2d-groups-strides-dilated", (7, 6, 6), 9, [3, 2], [1, 2], [2, 1], "zeros", 2, 3)
convolve("conv2d-groups-each-integer", (6, 5, 4), 8, [3, 3], 2, 1, "zeros", 1, 4)
convolve("conv3d-padding-groups", (4, 3, 5, 4), 2, [2, 3, 2], [2, 1, 2], 1, "zeros", [1, 1, 2], 2)
convolve("conv3d-groups-each-strides-dilated", (4, 5, 4, 2), 4, [2, 2, 2], [1, 2, 1], [1, 0, 2], "zeros", [1, 2, 3], 2)
convolve("conv1d-same-even", (6, 2), 2, [4], padding="same")
convolve("conv2d-same-dilated", (5, 6, 2), 2, [2, 3], padding="same", dilation_rate=[3, 2])
convolve("conv3d-same-even-integer", (3, 2, 4, 1), 2, [2, 3, 4], padding="same")

# ---------------------------------------------------------------- transposed
transpose("conv1d-transpose-padding", (5, 2), 3, [4], 2, 1)
transpose("conv1d-transpose-strides-past-kernel", (4, 2), 2, [2], 3, 0, 2)
transpose("conv1d-transpose-crops-past-kernel", (6, 2), 2, [3], 2, 3)
transpose("conv1d-transpose-dilated-groups", (5, 4), 6, [3], 3, 2, 1, 2, 2)
transpose("conv1d-transpose-everything-integer", (5, 4), 4, [3], 2, 2, 1, 3, 4)
transpose("conv2d-transpose-padding", (4, 3, 2), 3, [4, 4], 2, 1)
transpose("conv2d-transpose-padding-by-axis", (3, 4, 2), 2, [3, 5], [2, 3], [1, 2], [1, 0])
transpose("conv2d-transpose-strides-past-kernel", (3, 4, 2), 2, [1, 2], [3, 4], 0, [2, 3])
transpose("conv2d-transpose-groups-integer", (3, 4, 6), 4, [3, 2], 2, [1, 0], 1, 1, 2)
transpose("conv2d-transpose-dilated", (3, 4, 2), 2, [3, 2], 1, [1, 0], [1, 0], [2, 3])
transpose("conv2d-transpose-strides-dilated-groups", (3, 4, 4), 4, [2, 3], [3, 2], [1, 3], [2, 1], [2, 3], 4)
transpose("conv3d-transpose-padding", (2, 3, 2, 2), 2, [3, 2, 4], [2, 1, 2], 1, [1, 0, 0])
transpose("conv3d-transpose-dilated-groups", (3, 2, 2, 4), 2, [2, 2, 3], [1, 3, 2], [0, 1, 2], [0, 2, 1], [2, 1, 2], 2)

# ---------------------------------------------------------------- pooling
pool("max-pooling1d-padding", (7, 2), [3], 2, 1)
pool("max-pooling1d-dilated", (9, 2), [3], 2, 1, dilation_rate=3)
pool("max-pooling1d-ceil", (8, 2), [3], 2, 0, ceil_mode=True)
pool("max-pooling1d-ceil-dropped", (5, 2), [2], 2, 1, ceil_mode=True)
pool("max-pooling1d-ceil-dropped-past-pool", (7, 2), [3], 4, 1, ceil_mode=True)
pool("max-pooling1d-ceil-dilated", (9, 2), [2], 3, 1, dilation_rate=3, ceil_mode=True)
pool("max-pooling2d-ceil-integer", (6, 5, 2), [3, 2], 2, [1, 1], ceil_mode=True)
pool("max-pooling2d-ceil-dilated", (7, 8, 2), [2, 3], [2, 3], [1, 0], dilation_rate=[3, 2], ceil_mode=True)
pool("max-pooling2d-dilated-integer", (7, 6, 2), [2, 3], [1, 2], [0, 1], dilation_rate=2)
pool("max-pooling3d-ceil-dropped", (5, 4, 3, 1), [2, 3, 2], [2, 2, 3], 1, ceil_mode=True)
pool("max-pooling3d-dilated", (4, 5, 4, 1), [2, 2, 3], 1, [1, 0, 1], dilation_rate=[1, 3, 2])
for counted in (False, True):
    word = "-counted" * counted
    pool(f"average-pooling1d{word}", (7, 2), [3], 2, 1, count_include_pad=counted)
    pool(f"average-pooling1d-ceil{word}", (8, 2), [4], 3, 2, ceil_mode=True, count_include_pad=counted)
    pool(f"average-pooling1d-ceil-dropped{word}", (5, 2), [2], 2, 1, ceil_mode=True, count_include_pad=counted)
    pool(f"average-pooling2d-ceil{word}", (6, 5, 2), [3, 4], [2, 3], [1, 2], ceil_mode=True, count_include_pad=counted)
    pool(
        f"average-pooling3d-ceil{word}",
        (3, 4, 5, 1),
        [2, 3, 2],
        2,
        [0, 1, 1],
        ceil_mode=True,
        count_include_pad=counted,
    )

# ---------------------------------------------------------------- pointwise and normalisation
SPREAD = np.random.default_rng(0).permutation(np.linspace(-8, 8, 66)).reshape(1, 11, 6)
SPREAD[0, 0] = [0.0, -0.5, 0.5, 3.0, -3.0, 1.0]
for activation, function in POINTWISE.items():
    store.add(
        f"activation-{activation.replace('_', '-')}",
        {"activation": {"activation": activation}},
        [SPREAD],
        {},
        last(function(first(SPREAD))),
    )


def normalise(name: str, shape: tuple[int, ...], groups: int, epsilon: float) -> None:
    draw = Draw(name)
    x = draw.normal((BATCH, *shape))
    weights = {"gamma": draw.normal(shape[-1:]), "beta": draw.normal(shape[-1:])}
    output = F.group_norm(first(x), groups, *map(torch.from_numpy, weights.values()), eps=epsilon)
    store.add(name, {"group_normalization": {"groups": groups, "epsilon": epsilon}}, [x], weights, last(output))


normalise("group-normalization", (4, 3, 6), 3, 1e-5)
normalise("group-normalization-1d", (5, 4), 2, 1e-3)

store.write("torch", {"torch": torch.__version__, "numpy": np.__version__})
