"""Hypothesis strategies: random layers, each with the shape of an input that it takes, and random input of any kind."""

from __future__ import annotations

from typing import Any

import random_inputs
from hypothesis import assume
from hypothesis import strategies as st

import convcli
from convcli.model.padding_modes import PADDING_MODES


def kernel_windows(rank: int, words: tuple[str, ...]) -> st.SearchStrategy[dict[str, Any]]:
    """Draw kernel size, strides, dilation rate and padding of a layer with `rank` spatial axes."""

    def per_axis(most: int) -> st.SearchStrategy[list[int]]:
        return st.lists(st.integers(1, most), min_size=rank, max_size=rank)

    cells = st.lists(st.lists(st.integers(0, 2), min_size=2, max_size=2), min_size=rank, max_size=rank)
    return st.fixed_dictionaries(
        {
            "kernel_size": per_axis(4),
            "strides": per_axis(3),
            "dilation_rate": per_axis(2),
            "padding": st.one_of(st.sampled_from(words), cells),
        }
    )


@st.composite
def convolutions(draw: st.DrawFn) -> tuple[dict[str, Any], tuple[int, ...]]:
    """Draw a convolution of any type, and the shape of a sample that is large enough for it."""
    rank = draw(st.integers(1, 3))
    kind = draw(st.sampled_from(["conv", "transpose", *(["depthwise", "separable"] if rank < 3 else [])]))
    causal = ["causal"] if rank == 1 else []
    words: tuple[str, ...] = (
        ("valid", "same", "same_lower") if kind == "transpose" else ("valid", "same", "same_lower", "full", *causal)
    )
    arguments = draw(kernel_windows(rank, words))
    groups = draw(st.integers(1, 2))
    channels, filters = groups * draw(st.integers(1, 2)), groups * draw(st.integers(1, 2))
    arguments["use_bias"] = draw(st.booleans())
    arguments["flip_kernel"] = draw(st.booleans())
    arguments["activation"] = draw(st.sampled_from([None, "relu"]))
    if kind in ("conv", "transpose"):
        arguments |= {"filters": filters, "groups": groups}
    elif kind == "separable":
        arguments["filters"] = filters
    if kind in ("depthwise", "separable"):
        arguments["depth_multiplier"] = draw(st.integers(1, 2))
    if kind == "transpose":
        most = [max(pair) for pair in zip(arguments["strides"], arguments["dilation_rate"], strict=True)]
        output_padding = [draw(st.integers(0, cells - 1)) for cells in most]
        arguments["output_padding"] = draw(st.sampled_from([None, output_padding]))
    else:
        arguments["padding_mode"] = draw(st.sampled_from(PADDING_MODES))
    space = [draw(st.integers(1 if kind == "transpose" else 7, 9)) for _ in range(rank)]
    name = {
        "conv": f"conv{rank}d",
        "transpose": f"conv{rank}d_transpose",
        "depthwise": f"depthwise_conv{rank}d",
        "separable": f"separable_conv{rank}d",
    }[kind]
    setting = {name: arguments}, (*space, channels)
    assume(kind != "transpose" or _fits(*setting))
    return setting


def _fits(layer: dict[str, Any], shape: tuple[int, ...]) -> bool:
    """Return whether a transposed convolution has an output: its padding may crop all of it."""
    try:
        convcli.summarize(convcli.load([layer]), shape)
    except convcli.ConvcliError:
        return False
    return True


@st.composite
def poolings(draw: st.DrawFn) -> tuple[dict[str, Any], tuple[int, ...]]:
    """Draw a pooling layer, and the shape of a sample that is large enough for it."""
    rank = draw(st.integers(1, 3))
    arguments = draw(kernel_windows(rank, ("valid", "same", "same_lower")))
    size = arguments.pop("kernel_size")
    if isinstance(arguments["padding"], list):
        arguments["padding"] = [
            [min(each, cells - 1) for each in pair] for pair, cells in zip(arguments["padding"], size, strict=True)
        ]
    arguments |= {"pool_size": size, "ceil_mode": draw(st.booleans())}
    kind = draw(st.sampled_from(["max", "average"]))
    if kind == "average":
        arguments["count_include_pad"] = draw(st.booleans())
    return {f"{kind}_pooling{rank}d": arguments}, (*(draw(st.integers(7, 9)) for _ in range(rank)), 2)


OTHERS: tuple[tuple[Any, tuple[int, ...]], ...] = (
    ("ZeroPadding2D(((1, 0), (2, 3)))", (5, 4, 2)),
    ("Cropping2D(((1, 0), (2, 1)))", (5, 4, 2)),
    ("UpSampling1D(3)", (5, 2)),
    ("UpSampling2D((2, 3), interpolation='bilinear')", (5, 4, 2)),
    ("UpSampling2D(2, interpolation='lanczos3')", (5, 4, 2)),
    ("UpSampling3D(2)", (2, 3, 2, 2)),
    ("GlobalMaxPooling2D()", (5, 4, 2)),
    ("GlobalAveragePooling3D(keepdims=True)", (3, 2, 4, 2)),
    ("Flatten()", (5, 4, 2)),
    ("Dense(3)", (7,)),
    ("Dense(3, activation='gelu')", (5, 4, 2)),
    ("Activation('softmax')", (5, 4, 2)),
    ("glu", (5, 4, 2)),
    ("ReLU(6, 0.1, 1)", (5, 4)),
    ("BatchNormalization()", (5, 4, 2)),
    ("GroupNormalization(2)", (5, 4, 4)),
    ("Normalization()", (5, 4, 2)),
    ("Rescaling(1/255, -1)", (5, 4, 2)),
    ("LayerScale(0.1)", (5, 4, 2)),
    ("Dropout(0.5)", (5, 4, 2)),
    ("ConstantPad2D(((1, -1), (0, 2)), 0.5)", (5, 4, 2)),
    ("ReflectionPad2D(((1, 2), (0, 1)))", (5, 4, 2)),
    ("ReplicationPad1D(3)", (5, 2)),
    ("CircularPad3D(1)", (2, 3, 2, 2)),
    ("AdaptiveAveragePooling2D((3, 7))", (7, 4, 2)),
    ("AdaptiveMaxPooling2D((7, None))", (5, 4, 2)),
    ("AdaptiveMaxPooling1D(3)", (8, 2)),
    ("LPPool2D(2, 3, 1, True)", (5, 4, 2)),
    ("average_pooling2d(2, 1, 1, divisor_override=3)", (5, 4, 2)),
    ("InstanceNorm2D(affine=True)", (5, 4, 2)),
    ("LocalResponseNorm(4, 0.5, 0.75, 2)", (5, 4, 6)),
    ("RMSNormalization()", (5, 4, 2)),
    ("PixelShuffle(2)", (3, 4, 8)),
    ("PixelUnshuffle(2)", (4, 6, 3)),
    ("ChannelShuffle(2)", (3, 4, 6)),
    ("Upsample(scale_factor=(1.5, 3), mode='bilinear')", (5, 4, 2)),
    ("Upsample((7, 3), mode='bicubic', align_corners=True)", (5, 4, 2)),
    ("Upsample(scale_factor=2.5)", (5, 2)),
    ("softplus(beta=2, threshold=3)", (5, 4, 2)),
    ("hard_tanh(min_value=-2, max_value=0.5)", (5, 4, 2)),
    ("PReLU(num_parameters=2)", (5, 4, 2)),
)

# Layers whose arguments are axis numbers: in the other data format they are other layers.
NUMBERING: tuple[tuple[Any, tuple[int, ...]], ...] = (
    ("Reshape((2, -1, 5))", (5, 4, 2)),
    ("Permute((3, 1, 2))", (5, 4, 2)),
    ("PReLU(shared_axes=[1])", (5, 4, 2)),
    ("Softmax([1, 2])", (5, 4, 2)),
    ("BatchNormalization(axis=1)", (5, 4, 2)),
    ("LayerNormalization(axis=[1, 2])", (5, 4, 2)),
    ("RMSNormalization(axis=[1, 2])", (5, 4, 2)),
    ("Softmin(1)", (5, 4, 2)),
    ("FlattenAxes(2)", (5, 4, 2)),
    ("Unflatten(2, (2, -1))", (5, 4, 2)),
)

layers_in_any_order = st.one_of(convolutions(), poolings(), st.sampled_from(OTHERS))
layers = st.one_of(layers_in_any_order, st.sampled_from(NUMBERING))

# Input that may be valid or not, from `random_inputs` as for fuzz.py; Hypothesis looks for the simplest that fails.
randoms = st.randoms(use_true_random=False)
calls = randoms.map(random_inputs.call)
models = randoms.map(random_inputs.model)
options = randoms.map(random_inputs.option)
damaged_files = st.sampled_from(sorted(random_inputs.FILES)).flatmap(
    lambda kind: randoms.map(lambda random: random_inputs.file(random, kind))
)
