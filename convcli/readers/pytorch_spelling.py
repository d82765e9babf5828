"""Layers spelled as PyTorch spells them, which are refused, and how Keras spells the same layer.

The names of PyTorch's classes differ from Keras's only by case (`Conv2d`), but their arguments stand in another order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from convcli.core.errors import ConvcliError
from convcli.core.records import Record, field
from convcli.model.layers import LAYERS, canonical_name

Arguments = dict[str, Any]

# PyTorch's arguments that say nothing about what a layer computes, or that Keras reads from the input.
WITHOUT_PLACE = (
    *("in_channels", "in_features", "num_features", "num_channels", "num_parameters"),
    *("inplace", "return_indices", "track_running_stats", "device", "dtype"),
)


class Spelling(Record):
    """The spelling in Keras of a layer of PyTorch.

    Args:
        keras: Keras's class.
        arguments: PyTorch's arguments in order, as `NAME` or as `NAME>KERAS`, where Keras calls it otherwise.
        by_position: the arguments that Keras's users give by position, in Keras's words.
        implied: Keras's arguments that say what PyTorch means by default, where Keras means something else.
        adapt: changes the arguments, still by PyTorch's names, where more than names differ; returns None where Keras
            has no such layer.
        is_shared: whether Keras has a layer of this very name, so that the name alone does not tell PyTorch's.
    """

    keras: str
    arguments: str = ""
    by_position: tuple[str, ...] = ()
    implied: Mapping[str, Any] = field(factory=dict)
    adapt: Callable[[Arguments], Arguments | None] = dict
    is_shared: bool = False

    def call(self, positional: Sequence[Any], named: Mapping[str, Any]) -> str | None:
        """Return the call in Keras that these arguments mean; None where it has none, or they are not PyTorch's."""
        places = {item.partition(">")[0]: item.rpartition(">")[2] for item in self.arguments.split()}
        if len(positional) > len(places):
            return None
        arguments = self.adapt(dict(zip(places, positional, strict=False)) | dict(named))
        if arguments is None:
            return None
        layer = LAYERS[canonical_name(self.keras)]
        moved: Arguments = {}
        for name, value in arguments.items():
            keras_name = places.get(name, name)
            if name in WITHOUT_PLACE or value is None:
                continue
            if keras_name not in layer.argument_names():
                return None
            moved[keras_name] = value
        moved = {**moved, **{name: value for name, value in self.implied.items() if name not in moved}}
        if any(name not in moved for name in layer.required_arguments()):
            return None
        first = [_text(moved.pop(name)) for name in self.by_position if name in moved]
        return f"{self.keras}({', '.join([*first, *(f'{name}={_text(value)}' for name, value in moved.items())])})"

    def example(self) -> str:
        """Return Keras's class with its required arguments by name: `Conv2D(filters, kernel_size)`."""
        required = LAYERS[canonical_name(self.keras)].required_arguments()
        return f"{self.keras}({', '.join(sorted(required, key=self.by_position.index))})"


def refusal(name: str, positional: Sequence[Any] = (), named: Mapping[str, Any] | None = None) -> ConvcliError | None:
    """Return the error for a layer with PyTorch's exact name, with its arguments; None for any other layer.

    `name` may have a prefix, which tells PyTorch's layers where Keras has the same name: `nn.ReLU`.

    >>> print(refusal("Conv2d", [3, 64, 7], {"stride": 2, "padding": 3}))
    Conv2d is PyTorch's spelling (in Keras: Conv2D(64, 7, strides=2, padding=3))
    """
    prefix, _, class_name = name.rpartition(".")
    spelling = SPELLINGS.get(class_name)
    if {"nn", "torch"} & set(prefix.split(".")):
        if spelling is None:
            return ConvcliError(f"{name} is PyTorch's", "layers as in Keras: Conv2D(filters, kernel_size)")
    elif spelling is None or spelling.is_shared:
        return None
    keras = spelling.call(positional, named or {})
    remedy = f"in Keras: {keras}" if keras else f"the nearest in Keras: {spelling.example()}"
    return ConvcliError(f"{name} is PyTorch's spelling", remedy)


def _text(value: Any) -> str:
    """Return a literal as Keras's users write it: words in double quotes, several numbers in parentheses."""
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, list | tuple):
        return f"({', '.join(map(_text, value))}{',' * (len(value) == 1)})"
    return repr(value)


# ---- where more than names differ ----


def _counting_padding(arguments: Arguments) -> Arguments:
    """Say that PyTorch's averages count padding, which they do by default."""
    if "padding" in arguments:
        arguments.setdefault("count_include_pad", True)
    return arguments


def _one_cell(arguments: Arguments) -> Arguments | None:
    """Take adaptive pooling to one cell for global pooling. To more cells, its windows depend on the input."""
    size = arguments.pop("output_size", None)
    cells = size if isinstance(size, list | tuple) else [size]
    return {"keepdims": True, **arguments} if all(cell == 1 for cell in cells) else None


def _batch_statistics(arguments: Arguments) -> Arguments:
    """Turn PyTorch's momentum, the weight of the new batch, into Keras's, that of the old mean."""
    momentum = arguments.get("momentum", 0.1)
    if isinstance(momentum, int | float):
        arguments["momentum"] = round(1 - momentum, 12)
    return _affine(arguments)


def _affine(arguments: Arguments) -> Arguments:
    """Turn PyTorch's affine into Keras's scale and center."""
    affine = [arguments.pop(name) for name in ("affine", "elementwise_affine") if name in arguments]
    if False in affine:
        arguments |= {"center": False, "scale": False}
    elif arguments.pop("bias", True) is False:
        arguments["center"] = False
    return arguments


def _instances(arguments: Arguments) -> Arguments:
    """Give each channel a group of its own, which is instance normalization; PyTorch's does not scale by default."""
    arguments.pop("momentum", None)
    return _affine({"affine": False, **arguments, "groups": arguments.get("num_features")})


def _last_axes(arguments: Arguments) -> Arguments:
    """Turn PyTorch's shape of the normalized axes into Keras's list of axes, counted from the end."""
    shape = arguments.pop("normalized_shape", None)
    if isinstance(shape, list | tuple) and len(shape) > 1:
        arguments["axis"] = list(range(-len(shape), 0))
    return _affine(arguments)


def _pairs(arguments: Arguments) -> Arguments:
    """Pair the cells before and after each axis. PyTorch lists those of the last axis first."""
    padding = arguments.get("padding")
    if isinstance(padding, list | tuple) and len(padding) > 2:
        pairs = [list(padding[index : index + 2]) for index in range(0, len(padding), 2)]
        arguments["padding"] = pairs[::-1]
    return arguments


def _enlarged(arguments: Arguments) -> Arguments | None:
    """Accept what Keras's layer does: it enlarges by factors, and does not align corners."""
    mode = arguments.get("mode", "nearest")
    if "size" in arguments or arguments.pop("align_corners", None) or mode not in ("nearest", "bilinear", "bicubic"):
        return None
    factor = arguments.get("scale_factor")
    if isinstance(factor, float) and factor.is_integer():
        arguments["scale_factor"] = int(factor)
    return arguments


def _channel_axis(arguments: Arguments) -> Arguments | None:
    """Accept the channel axis: 1 in PyTorch, and the last of two axes."""
    return {} if arguments.pop("dim", 1) in (1, -1, None) and not arguments else None


def _flat(arguments: Arguments) -> Arguments | None:
    """Accept flattening of all axes but the batch."""
    axes = arguments.pop("start_dim", 1), arguments.pop("end_dim", -1)
    return arguments if axes == (1, -1) else None


def _nothing(arguments: Arguments) -> Arguments | None:
    """Accept the layer with PyTorch's defaults alone."""
    return {} if not arguments.keys() - {"inplace"} else None


def _no_equal(arguments: Arguments) -> None:
    """Accept nothing: Keras's layer has other weights."""


# ---- the table ----

CONVOLUTION = "kernel_size stride>strides padding dilation>dilation_rate groups bias>use_bias padding_mode"
TRANSPOSED = "kernel_size stride>strides padding output_padding groups bias>use_bias dilation>dilation_rate"
MAXIMUM = "kernel_size>pool_size stride>strides padding dilation>dilation_rate return_indices ceil_mode"
AVERAGE = "kernel_size>pool_size stride>strides padding ceil_mode count_include_pad divisor_override"
STATISTICS = "num_features eps>epsilon momentum affine track_running_stats"
EPSILON = {"epsilon": 1e-5}


def _convolutions(rank: int) -> dict[str, Spelling]:
    filters = ("filters", "kernel_size")
    keras = f"Conv{rank}D"
    return {
        f"Conv{rank}d": Spelling(keras, f"in_channels out_channels>filters {CONVOLUTION}", filters),
        f"LazyConv{rank}d": Spelling(keras, f"out_channels>filters {CONVOLUTION}", filters),
        f"ConvTranspose{rank}d": Spelling(
            f"{keras}Transpose",
            f"in_channels out_channels>filters {TRANSPOSED}",
            filters,
            {"padding": 0},  # Keras's "valid" makes more cells where the stride is larger than the window
        ),
        f"LazyConvTranspose{rank}d": Spelling(
            f"{keras}Transpose", f"out_channels>filters {TRANSPOSED}", filters, {"padding": 0}
        ),
    }


def _of_rank(rank: int) -> dict[str, Spelling]:
    """Return the classes that PyTorch has for each number of axes."""
    size = ("pool_size",)
    return {
        **_convolutions(rank),
        f"MaxPool{rank}d": Spelling(f"MaxPooling{rank}D", MAXIMUM, size),
        f"AvgPool{rank}d": Spelling(f"AveragePooling{rank}D", AVERAGE, size, adapt=_counting_padding),
        f"AdaptiveMaxPool{rank}d": Spelling(f"GlobalMaxPooling{rank}D", "output_size return_indices", adapt=_one_cell),
        f"AdaptiveAvgPool{rank}d": Spelling(f"GlobalAveragePooling{rank}D", "output_size", adapt=_one_cell),
        f"BatchNorm{rank}d": Spelling("BatchNormalization", STATISTICS, (), EPSILON, _batch_statistics),
        f"LazyBatchNorm{rank}d": Spelling("BatchNormalization", STATISTICS, (), EPSILON, _batch_statistics),
        f"InstanceNorm{rank}d": Spelling("GroupNormalization", STATISTICS, ("groups",), EPSILON, _instances),
        f"Dropout{rank}d": Spelling(f"SpatialDropout{rank}D", "p>rate inplace", ("rate",), {"rate": 0.5}),
        f"ZeroPad{rank}d": Spelling(f"ZeroPadding{rank}D", "padding", ("padding",), adapt=_pairs),
    }


ACTIVATIONS = {
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "GELU": "gelu",
    "SiLU": "silu",
    "Mish": "mish",
    "SELU": "selu",
    "CELU": "celu",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "LogSigmoid": "log_sigmoid",
    "Hardswish": "hard_swish",
    "Hardsigmoid": "hard_sigmoid",
    "Hardtanh": "hard_tanh",
    "Tanhshrink": "tanh_shrink",
    "Softshrink": "soft_shrink",
    "Hardshrink": "hard_shrink",
}

SPELLINGS: dict[str, Spelling] = {
    **_of_rank(1),
    **_of_rank(2),
    **_of_rank(3),
    "Linear": Spelling("Dense", "in_features out_features>units bias>use_bias", ("units",)),
    "LazyLinear": Spelling("Dense", "out_features>units bias>use_bias", ("units",)),
    "SyncBatchNorm": Spelling("BatchNormalization", STATISTICS, (), EPSILON, _batch_statistics),
    "GroupNorm": Spelling(
        "GroupNormalization", "num_groups>groups num_channels eps>epsilon affine", ("groups",), EPSILON, _affine
    ),
    "LayerNorm": Spelling(
        "LayerNormalization", "normalized_shape eps>epsilon elementwise_affine bias", (), EPSILON, _last_axes
    ),
    "UpsamplingNearest2d": Spelling("UpSampling2D", "size scale_factor>size", ("size",), adapt=_enlarged),
    "Softmax2d": Spelling("Softmax"),
    # Names that Keras has too.
    "ReLU": Spelling("ReLU", "inplace", is_shared=True),
    "ReLU6": Spelling("ReLU", "inplace", ("max_value",), {"max_value": 6}, is_shared=True),
    "LeakyReLU": Spelling(
        "LeakyReLU", "negative_slope inplace", ("negative_slope",), {"negative_slope": 0.01}, is_shared=True
    ),
    "ELU": Spelling("ELU", "alpha inplace", ("alpha",), is_shared=True),
    "PReLU": Spelling("PReLU", "num_parameters", adapt=_no_equal, is_shared=True),
    "Softmax": Spelling("Softmax", "dim", adapt=_channel_axis, is_shared=True),
    "Flatten": Spelling("Flatten", "start_dim end_dim", adapt=_flat, is_shared=True),
    "Identity": Spelling("Identity", is_shared=True),
    "Dropout": Spelling("Dropout", "p>rate inplace", ("rate",), {"rate": 0.5}, is_shared=True),
    "AlphaDropout": Spelling("AlphaDropout", "p>rate inplace", ("rate",), {"rate": 0.5}, is_shared=True),
    **{
        torch: Spelling("Activation", "inplace", ("activation",), {"activation": keras}, _nothing, is_shared=True)
        for torch, keras in ACTIVATIONS.items()
    },
}
