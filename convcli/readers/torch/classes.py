"""The table of PyTorch's classes (torch.nn 2.13): their arguments, in order and with defaults, and the layers they are.

What a class prints of itself differs from its arguments in a few places only: `hidden` names what is not printed.
"""

from __future__ import annotations

from typing import Any

from convcli.readers.dialect_class import REQUIRED, ClassArgument, DialectClass, Translation, as_it_is
from convcli.readers.torch import translations as t

Argument = ClassArgument


def own(name: str, default: Any = REQUIRED, layer_argument: str | None = None, how: Translation = as_it_is) -> Argument:
    """Return an argument whose value the layer has, under PyTorch's name unless it has another."""
    return ClassArgument(name, default, layer_argument or name, how)


def ignored(name: str, default: Any = None) -> Argument:
    """Return an argument that does not matter to what a layer computes."""
    return ClassArgument(name, default)


def expected(name: str, kind: str) -> Argument:
    """Return an argument that only says what the input is."""
    return ClassArgument(name, expectation=kind)


def only(name: str, value: Any, remedy: str) -> Argument:
    """Return an argument of which one value is known."""
    return ClassArgument(name, value, translation=t.only(value, remedy))


PLACE = (ignored("device"), ignored("dtype"))
INPLACE = ignored("inplace", False)
NO_INDICES = only("return_indices", False, "False: a layer has one output")
BIAS = own("bias", True, "use_bias")
DROPOUT = (own("p", 0.5, "rate"), INPLACE)


# ---- classes for each number of spatial axes ----


def _convolution(rank: int, lazy: bool = False) -> DialectClass:
    channels = () if lazy else (expected("in_channels", "channels"),)
    modes = t.choice_of("zeros", "reflect", "replicate", "circular")
    arguments = (
        *channels,
        own("out_channels", layer_argument="filters"),
        own("kernel_size", how=t.per_axis),
        own("stride", 1, "strides", t.per_axis),
        own("padding", 0, how=t.cells_or_word),
        own("dilation", 1, "dilation_rate", t.per_axis),
        own("groups", 1),
        BIAS,
        own("padding_mode", "zeros", how=modes),
        *PLACE,
    )
    return DialectClass(f"Conv{rank}D", arguments, adapt=t.check_same, rank=rank)


def _transposed(rank: int, lazy: bool = False) -> DialectClass:
    channels = () if lazy else (expected("in_channels", "channels"),)
    arguments = (
        *channels,
        own("out_channels", layer_argument="filters"),
        own("kernel_size", how=t.per_axis),
        own("stride", 1, "strides", t.per_axis),
        own("padding", 0, how=t.pairs),
        own("output_padding", 0, how=t.per_axis),
        own("groups", 1),
        BIAS,
        own("dilation", 1, "dilation_rate", t.per_axis),
        only("padding_mode", "zeros", "'zeros', as in PyTorch"),
        *PLACE,
    )
    return DialectClass(f"Conv{rank}DTranspose", arguments, rank=rank)


WINDOW = (
    own("kernel_size", layer_argument="pool_size", how=t.per_axis),
    own("stride", None, "strides", t.optional_per_axis),
    own("padding", 0, how=t.pairs),
)


def _max_pool(rank: int) -> DialectClass:
    dilation, ceil = own("dilation", 1, "dilation_rate", t.per_axis), own("ceil_mode", False)
    arguments = (*WINDOW, dilation, NO_INDICES, ceil)
    return DialectClass(f"MaxPooling{rank}D", arguments, adapt=t.check_pool_padding, rank=rank)


def _avg_pool(rank: int) -> DialectClass:
    divisor = (own("divisor_override", None),) if rank > 1 else ()
    options = (own("ceil_mode", False), own("count_include_pad", True), *divisor)
    hidden = tuple(option.name for option in options)
    return DialectClass(
        f"AveragePooling{rank}D", (*WINDOW, *options), adapt=t.check_pool_padding, rank=rank, hidden=hidden
    )


def _lp_pool(rank: int) -> DialectClass:
    arguments = (
        own("norm_type"),
        own("kernel_size", how=t.per_axis),
        own("stride", None, "strides", t.optional_per_axis),
        own("ceil_mode", False),
    )
    return DialectClass(f"LPPool{rank}D", arguments, rank=rank)


def _batch_norm(axes: tuple[int, ...], lazy: bool = False, process_group: bool = False) -> DialectClass:
    arguments = (
        *(() if lazy else (expected("num_features", "channels"),)),
        own("eps", 1e-5, "epsilon"),
        own("momentum", 0.1, how=t.momentum),
        ignored("affine", True),
        only("track_running_stats", True, "True: a sample does not depend on the rest of its batch"),
        *((ignored("process_group"),) if process_group else ()),
        *PLACE,
        ignored("bias", True),
    )
    return DialectClass("BatchNormalization", arguments, adapt=t.affine, axes=axes, extra_buffers=1)


def _instance_norm(rank: int, lazy: bool = False) -> DialectClass:
    arguments = (
        *(() if lazy else (expected("num_features", "channels"),)),
        own("eps", 1e-5, "epsilon"),
        ignored("momentum", 0.1),
        own("affine", lazy),
        only("track_running_stats", False, "False: each sample is normalised by itself"),
        *PLACE,
        ignored("bias", True),
    )
    return DialectClass(f"InstanceNorm{rank}D", arguments, adapt=t.instance_affine, rank=rank)


def _padding(layer: str, rank: int, *more: Argument, **fixed: Any) -> DialectClass:
    return DialectClass(f"{layer}{rank}D", (own("padding", how=t.flat_pairs), *more), fixed, rank=rank)


def _of_rank(rank: int) -> dict[str, DialectClass]:
    """Return the classes that there are for each number of spatial axes."""
    size = own("output_size", how=t.per_axis)
    axes = (1, 2) if rank == 1 else (rank + 1,)
    return {
        f"Conv{rank}d": _convolution(rank),
        f"LazyConv{rank}d": _convolution(rank, lazy=True),
        f"ConvTranspose{rank}d": _transposed(rank),
        f"LazyConvTranspose{rank}d": _transposed(rank, lazy=True),
        f"MaxPool{rank}d": _max_pool(rank),
        f"AvgPool{rank}d": _avg_pool(rank),
        f"LPPool{rank}d": _lp_pool(rank),
        f"AdaptiveMaxPool{rank}d": DialectClass(f"AdaptiveMaxPooling{rank}D", (size, NO_INDICES), rank=rank),
        f"AdaptiveAvgPool{rank}d": DialectClass(f"AdaptiveAveragePooling{rank}D", (size,), rank=rank),
        f"BatchNorm{rank}d": _batch_norm(axes),
        f"LazyBatchNorm{rank}d": _batch_norm(axes, lazy=True),
        f"InstanceNorm{rank}d": _instance_norm(rank),
        f"LazyInstanceNorm{rank}d": _instance_norm(rank, lazy=True),
        f"Dropout{rank}d": DialectClass(f"SpatialDropout{rank}D", DROPOUT, rank=rank),
        f"ZeroPad{rank}d": _padding("ConstantPad", rank, value=0.0),
        f"ConstantPad{rank}d": _padding("ConstantPad", rank, own("value")),
        f"ReflectionPad{rank}d": _padding("ReflectionPad", rank),
        f"ReplicationPad{rank}d": _padding("ReplicationPad", rank),
        f"CircularPad{rank}d": _padding("CircularPad", rank),
    }


# ---- activations ----

IMPLICIT_AXIS = ClassArgument("dim", None, "axis", expectation="implicit_axis")


def _activation(name: str, *arguments: Argument, inplace: bool = False) -> DialectClass:
    return DialectClass("Activation", (*arguments, *((INPLACE,) if inplace else ())), {"activation": name})


def _parameter(name: str, default: Any, parameter: str | None = None, how: Translation = as_it_is) -> Argument:
    return own(name, default, f"parameters.{parameter or name}", how)


ACTIVATIONS = {
    "ReLU": DialectClass("ReLU", (INPLACE,)),
    "ReLU6": _activation("relu6", inplace=True),
    "LeakyReLU": DialectClass("LeakyReLU", (own("negative_slope", 0.01), INPLACE)),
    "PReLU": DialectClass("PReLU", (own("num_parameters", 1), own("init", 0.25), *PLACE)),
    "RReLU": DialectClass("RReLU", (own("lower", 1 / 8), own("upper", 1 / 3), INPLACE)),
    "ELU": DialectClass("ELU", (own("alpha", 1.0), INPLACE)),
    "CELU": _activation("celu", _parameter("alpha", 1.0), inplace=True),
    "SELU": _activation("selu", inplace=True),
    "GELU": _activation("gelu", _parameter("approximate", "none", how=t.approximate)),
    "Sigmoid": _activation("sigmoid"),
    "LogSigmoid": _activation("log_sigmoid"),
    "Hardsigmoid": _activation("hard_sigmoid", inplace=True),
    "SiLU": _activation("silu", inplace=True),
    "Hardswish": _activation("hard_silu", inplace=True),
    "Mish": _activation("mish", inplace=True),
    "Tanh": _activation("tanh"),
    "Hardtanh": _activation(
        "hard_tanh", _parameter("min_val", -1.0, "min_value"), _parameter("max_val", 1.0, "max_value"), inplace=True
    ),
    "Tanhshrink": _activation("tanh_shrink"),
    "Softshrink": _activation("soft_shrink", _parameter("lambd", 0.5, "threshold")),
    "Hardshrink": _activation("hard_shrink", _parameter("lambd", 0.5, "threshold")),
    "Softplus": _activation("softplus", _parameter("beta", 1.0), _parameter("threshold", 20.0)),
    "Softsign": _activation("softsign"),
    "Threshold": _activation(
        "threshold", _parameter("threshold", REQUIRED), _parameter("value", REQUIRED, "default_value"), inplace=True
    ),
    "GLU": _activation("glu", own("dim", -1, "axis")),
    "Softmax": DialectClass("Softmax", (IMPLICIT_AXIS,)),
    "Softmin": DialectClass("Softmin", (IMPLICIT_AXIS,)),
    "LogSoftmax": _activation("log_softmax", IMPLICIT_AXIS),
    "Softmax2d": DialectClass("Softmax", axes=(3,)),
}


# ---- the table ----

AFFINE = ignored("elementwise_affine", True)
SCALED = (own("size", None, how=t.sizes), own("scale_factor", None, how=t.sizes))
UPSAMPLE = (*SCALED, own("mode", "nearest"), own("align_corners", None), own("recompute_scale_factor", None))

CLASSES: dict[str, DialectClass] = {
    **_of_rank(1),
    **_of_rank(2),
    **_of_rank(3),
    "Linear": DialectClass(
        "Dense",
        (expected("in_features", "last"), own("out_features", layer_argument="units"), BIAS, *PLACE),
        {"axis": -1},
    ),
    "LazyLinear": DialectClass("Dense", (own("out_features", layer_argument="units"), BIAS, *PLACE), {"axis": -1}),
    "SyncBatchNorm": _batch_norm((1, 2, 3, 4), process_group=True),
    "GroupNorm": DialectClass(
        "GroupNormalization",
        (
            own("num_groups", layer_argument="groups"),
            expected("num_channels", "channels"),
            own("eps", 1e-5, "epsilon"),
            ignored("affine", True),
            *PLACE,
            ignored("bias", True),
        ),
        adapt=t.affine,
    ),
    "LayerNorm": DialectClass(
        "LayerNormalization",
        (
            ClassArgument("normalized_shape", REQUIRED, "axis", t.normalized_axes, "axes"),
            own("eps", 1e-5, "epsilon"),
            AFFINE,
            ignored("bias", True),
            *PLACE,
        ),
        adapt=t.affine,
    ),
    "RMSNorm": DialectClass(
        "RMSNormalization",
        (
            ClassArgument("normalized_shape", REQUIRED, "axis", t.normalized_axes, "axes"),
            own("eps", None, "epsilon"),
            own("elementwise_affine", True, "learns_scale"),
            *PLACE,
        ),
    ),
    "LocalResponseNorm": DialectClass(
        "LocalResponseNorm", (own("size"), own("alpha", 1e-4), own("beta", 0.75), own("k", 1.0))
    ),
    "Dropout": DialectClass("Dropout", DROPOUT),
    "AlphaDropout": DialectClass("AlphaDropout", DROPOUT),
    "FeatureAlphaDropout": DialectClass("FeatureAlphaDropout", DROPOUT),
    "Identity": DialectClass("Identity", takes_anything=True),
    "Flatten": DialectClass("FlattenAxes", (own("start_dim", 1), own("end_dim", -1))),
    "Unflatten": DialectClass("Unflatten", (own("dim"), own("unflattened_size")), adapt=t.named_size),
    "Upsample": DialectClass("Upsample", UPSAMPLE, hidden=("align_corners", "recompute_scale_factor")),
    "UpsamplingNearest2d": DialectClass("Upsample", SCALED, {"mode": "nearest"}, axes=(3,)),
    "UpsamplingBilinear2d": DialectClass("Upsample", SCALED, {"mode": "bilinear", "align_corners": True}),
    "PixelShuffle": DialectClass("PixelShuffle", (own("upscale_factor"),)),
    "PixelUnshuffle": DialectClass("PixelUnshuffle", (own("downscale_factor"),)),
    "ChannelShuffle": DialectClass("ChannelShuffle", (own("groups"),)),
    **ACTIVATIONS,
}

# Classes of torch.nn that no layer of convcli computes.
LACKED = (
    *("Bilinear", "CosineSimilarity", "CrossMapLRN2d", "Embedding", "EmbeddingBag", "Fold", "Unfold"),
    *("FractionalMaxPool2d", "FractionalMaxPool3d", "GRU", "GRUCell", "LSTM", "LSTMCell", "RNN", "RNNCell"),
    *("MaxUnpool1d", "MaxUnpool2d", "MaxUnpool3d", "MultiheadAttention", "PairwiseDistance"),
    *("Transformer", "TransformerDecoder", "TransformerDecoderLayer", "TransformerEncoder"),
    *("TransformerEncoderLayer", "AdaptiveLogSoftmaxWithLoss"),
)
CONTAINERS = ("Sequential", "ModuleList", "ModuleDict", "DataParallel")
