"""Write torch.json and torch.npz: what torch.nn.functional computes, in float64."""

import numpy as np
import torch
import torch.nn.functional as F
from _store import BATCH, Draw, Store
from torch import nn

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


# ---------------------------------------------------------------- layers that Keras lacks, or got from PyTorch
def module(name: str, layer: str, own: dict, made: nn.Module, shape: tuple[int, ...], **weights: str) -> None:
    """A module on an input of this shape; `weights` says what PyTorch calls each of its weights."""
    draw = Draw(name)
    x = draw.normal((BATCH, *shape))
    parameters = dict(made.double().named_parameters())
    values = {ours: draw.normal(parameters[theirs].shape) for ours, theirs in weights.items()}
    made.load_state_dict({theirs: torch.from_numpy(values[ours]) for ours, theirs in weights.items()})
    with torch.no_grad():
        store.add(name, {layer: own}, [x], values, last(made.eval()(first(x))))


for kind, theirs in (("max", "Max"), ("average", "Avg")):
    for rank, shape, size in ((1, (11, 2), [4]), (2, (7, 5, 2), [3, 8]), (3, (4, 5, 3, 1), [3, 2, 2])):
        made = getattr(nn, f"Adaptive{theirs}Pool{rank}d")(size)
        module(f"adaptive-{kind}-pooling{rank}d", f"adaptive_{kind}_pooling{rank}d", {"output_size": size}, made, shape)
for rank, shape in ((1, (9, 2)), (2, (6, 7, 2)), (3, (4, 5, 4, 1))):
    pairs = [[1, 2], [0, 3], [2, 1]][:rank]
    flat = [amount for pair in reversed(pairs) for amount in pair]  # PyTorch's order: the last axis first
    for ours, theirs in (("reflection", "Reflection"), ("replication", "Replication"), ("circular", "Circular")):
        made = getattr(nn, f"{theirs}Pad{rank}d")(flat)
        module(f"{ours}-pad{rank}d", f"{ours}_pad{rank}d", {"padding": pairs}, made, shape)
    made = getattr(nn, f"ConstantPad{rank}d")([*flat[:-2], -1, 2], 2.5)
    own = {"padding": [[-1, 2], *pairs[1:]], "value": 2.5}
    module(f"constant-pad{rank}d", f"constant_pad{rank}d", own, made, shape)
    made = getattr(nn, f"InstanceNorm{rank}d")(shape[-1], affine=rank > 1)
    affine = {"gamma": "weight", "beta": "bias"} if rank > 1 else {}
    module(f"instance-norm{rank}d", f"instance_norm{rank}d", {"affine": rank > 1}, made, shape, **affine)
    lp = {"norm_type": 2, "kernel_size": [2] * rank, "strides": [3] * rank, "ceil_mode": True}
    made = getattr(nn, f"LPPool{rank}d")(2, 2 if rank == 1 else [2] * rank, [3] * rank, True)
    module(f"lp-pool{rank}d", f"lp_pool{rank}d", lp, made, shape)
for size in (3, 4):
    lrn = {"size": size, "alpha": 0.5, "beta": 0.6, "k": 2.0}
    module(f"local-response-norm-{size}", "local_response_norm", lrn, nn.LocalResponseNorm(*lrn.values()), (4, 3, 6))
module("pixel-shuffle", "pixel_shuffle", {"upscale_factor": 2}, nn.PixelShuffle(2), (3, 4, 8))
module("pixel-unshuffle", "pixel_unshuffle", {"downscale_factor": 3}, nn.PixelUnshuffle(3), (6, 9, 2))
module("channel-shuffle", "channel_shuffle", {"groups": 3}, nn.ChannelShuffle(3), (2, 3, 6))
module("r-re-lu", "r_re_lu", {"lower": 0.25, "upper": 0.5}, nn.RReLU(0.25, 0.5), (4, 3, 2))
module("softmin", "softmin", {"axis": -1}, nn.Softmin(1), (4, 3, 5))
module("p-re-lu-one-slope", "p_re_lu", {"num_parameters": 1}, nn.PReLU(1), (4, 3, 5), alpha="weight")
module("p-re-lu-channels", "p_re_lu", {"num_parameters": 5}, nn.PReLU(5), (4, 3, 5), alpha="weight")
for name, own, made in (
    ("hard-tanh", {"min_value": -2.0, "max_value": 0.5}, nn.Hardtanh(-2.0, 0.5)),
    ("softplus", {"beta": 2.0, "threshold": 3.0}, nn.Softplus(2.0, 3.0)),
    ("threshold", {"threshold": 0.25, "default_value": -2.0}, nn.Threshold(0.25, -2.0)),
    ("celu", {"alpha": 0.5}, nn.CELU(0.5)),
):
    module(f"activation-{name}-parameters", name.replace("-", "_"), own, made, (5, 3, 2))
UPSAMPLED = (
    ((5, 2), {"scale_factor": 2.5}),
    ((5, 2), {"size": 7, "mode": "linear"}),
    ((5, 4, 2), {"size": [3, 11]}),
    ((5, 4, 2), {"scale_factor": [1.5, 3.0], "mode": "nearest-exact"}),
    ((5, 4, 2), {"scale_factor": [1.5, 2.0], "mode": "bilinear"}),
    ((5, 4, 2), {"scale_factor": 1.7, "mode": "bilinear", "recompute_scale_factor": True}),
    ((5, 4, 2), {"size": [9, 3], "mode": "bilinear", "align_corners": True}),
    ((5, 4, 2), {"scale_factor": 2.0, "mode": "bicubic"}),
    ((5, 4, 2), {"size": [7, 9], "mode": "bicubic", "align_corners": True}),
    ((3, 2, 4, 1), {"size": [4, 5, 6], "mode": "trilinear"}),
    ((3, 2, 4, 1), {"scale_factor": 2.0, "mode": "trilinear", "align_corners": True}),
)
for number, (shape, own) in enumerate(UPSAMPLED):
    module(f"upsample-{number}", "upsample", own, nn.Upsample(**tuples(own)), shape)
# In a channels_last model the axes are those of the array, so these get it as it is.
x = Draw("axes").normal((BATCH, 4, 3, 6))
flattened = nn.Flatten(1, 2)(torch.from_numpy(x)).numpy()
store.add("flatten-axes", {"flatten_axes": {"start_dim": 1, "end_dim": 2}}, [x], {}, flattened)
cut = nn.Unflatten(3, (2, 3))(torch.from_numpy(x)).numpy()
store.add("unflatten", {"unflatten": {"dim": 3, "unflattened_size": [2, -1]}}, [x], {}, cut)
for number, (shape, axes) in enumerate((((4,), [-1]), ((3, 4), [1, 2]))):
    draw, made = Draw(f"rms-{number}"), nn.RMSNorm(shape, eps=None if number else 1e-3).double()
    x, scale = draw.normal((BATCH, 3, 4)), draw.normal(shape)
    made.load_state_dict({"weight": torch.from_numpy(scale)})
    own = {"axis": axes, "epsilon": None if number else 1e-3}
    tolerance = 1e-6 if number else None  # without an epsilon it is that of the number type
    output = made(torch.from_numpy(x)).detach().numpy()
    store.add(f"rms-normalization-{number}", {"rms_normalization": own}, [x], {"scale": scale}, output, tolerance)

store.write("torch", {"torch": torch.__version__, "numpy": np.__version__})
