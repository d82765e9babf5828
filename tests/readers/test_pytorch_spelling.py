"""Layers in PyTorch's spelling are refused, and the message says how Keras spells them."""

from __future__ import annotations

import pytest

import convcli
from convcli.core.errors import ConvcliError
from convcli.model.activations import ACTIVATIONS
from convcli.model.layers import LAYERS
from convcli.readers.call_form import parse_layer
from convcli.readers.pytorch_spelling import SPELLINGS


def refusal(layer):
    with pytest.raises(ConvcliError) as caught:
        parse_layer(layer)
    return str(caught.value)


@pytest.mark.parametrize(
    ("torch", "keras"),
    [
        ("Conv2d(3, 64, 7)", "Conv2D(64, 7)"),
        ("Conv2d(3, 64, 7, stride=2, padding=3)", "Conv2D(64, 7, strides=2, padding=3)"),
        ("Conv2d(3, 64, 7, 2, 3)", "Conv2D(64, 7, strides=2, padding=3)"),
        ("nn.Conv2d(3, 64, (3, 5), dilation=2, groups=1)", "Conv2D(64, (3, 5), dilation_rate=2, groups=1)"),
        ("torch.nn.Conv1d(1, 4, 3, bias=False)", "Conv1D(4, 3, use_bias=False)"),
        ("Conv3d(1, 4, kernel_size=3, padding='same')", 'Conv3D(4, 3, padding="same")'),
        ("LazyConv2d(64, 7, 2)", "Conv2D(64, 7, strides=2)"),
        ("Conv2d(filters=64, kernel_size=3)", "Conv2D(64, 3)"),
        ("ConvTranspose2d(64, 32, 2, stride=2)", "Conv2DTranspose(32, 2, strides=2, padding=0)"),
        ("ConvTranspose2d(64, 32, 3, 2, 1, 1)", "Conv2DTranspose(32, 3, strides=2, padding=1, output_padding=1)"),
        ("torch.nn.MaxPool2d(2)", "MaxPooling2D(2)"),
        ("MaxPool2d(3, 2, 1, ceil_mode=True)", "MaxPooling2D(3, strides=2, padding=1, ceil_mode=True)"),
        ("AvgPool2d(2)", "AveragePooling2D(2)"),
        ("AvgPool2d(3, 2, 1)", "AveragePooling2D(3, strides=2, padding=1, count_include_pad=True)"),
        ("AdaptiveAvgPool2d(1)", "GlobalAveragePooling2D(keepdims=True)"),
        ("AdaptiveMaxPool2d((1, 1))", "GlobalMaxPooling2D(keepdims=True)"),
        ("Linear(784, 10)", "Dense(10)"),
        ("Linear(784, 10, bias=False)", "Dense(10, use_bias=False)"),
        ("BatchNorm2d(64)", "BatchNormalization(momentum=0.9, epsilon=1e-05)"),
        ("BatchNorm2d(64, 1e-3)", "BatchNormalization(epsilon=0.001, momentum=0.9)"),
        ("GroupNorm(8, 64)", "GroupNormalization(8, epsilon=1e-05)"),
        ("InstanceNorm2d(64)", "GroupNormalization(64, center=False, scale=False, epsilon=1e-05)"),
        ("LayerNorm((64, 8, 8))", "LayerNormalization(axis=(-3, -2, -1), epsilon=1e-05)"),
        ("ZeroPad2d((1, 2, 3, 4))", "ZeroPadding2D(((3, 4), (1, 2)))"),
        ("ZeroPad1d((1, 2))", "ZeroPadding1D((1, 2))"),
        ("Dropout2d()", "SpatialDropout2D(0.5)"),
        ("nn.Dropout(0.2)", "Dropout(0.2)"),
        ("nn.ReLU(inplace=True)", "ReLU()"),
        ("nn.ReLU6", "ReLU(6)"),
        ("nn.LeakyReLU()", "LeakyReLU(0.01)"),
        ("nn.GELU()", 'Activation("gelu")'),
        ("nn.Softmax(dim=1)", "Softmax()"),
        ("nn.Flatten(1)", "Flatten()"),
    ],
)
def test_a_layer_of_pytorch_is_refused_in_keras_s_words(torch, keras):
    name = torch.partition("(")[0]
    assert refusal(torch) == f"{name} is PyTorch's spelling (in Keras: {keras})"
    convcli.load([keras])


@pytest.mark.parametrize(
    ("torch", "nearest"),
    [
        ("Conv2d", "Conv2D(filters, kernel_size)"),
        ("Conv2d(64, 3)", "Conv2D(filters, kernel_size)"),
        ("Conv2d(3, width, 7)", "Conv2D(filters, kernel_size)"),
        ("Conv2d(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)", "Conv2D(filters, kernel_size)"),
        ("nn.Conv2d(**settings)", "Conv2D(filters, kernel_size)"),
        ("Linear", "Dense(units)"),
        ("AdaptiveAvgPool2d(7)", "GlobalAveragePooling2D()"),
        ("nn.Flatten(2)", "Flatten()"),
        ("nn.PReLU()", "PReLU()"),
        ("nn.GELU(approximate='tanh')", "Activation(activation)"),
    ],
)
def test_a_call_that_keras_cannot_say_names_the_nearest_layer(torch, nearest):
    name = torch.partition("(")[0]
    assert refusal(torch) == f"{name} is PyTorch's spelling (the nearest in Keras: {nearest})"


@pytest.mark.parametrize("torch", ["nn.Sequential(nn.Conv2d(3, 64, 7))", "nn.LSTM(3)", "torch.nn.functional.relu"])
def test_what_keras_has_no_layer_for_is_refused_by_its_prefix(torch):
    assert (
        refusal(torch) == f"{torch.partition('(')[0]} is PyTorch's (layers as in Keras: Conv2D(filters, kernel_size))"
    )


def test_a_key_in_pytorch_s_spelling_is_pytorch_s():
    arguments = {"in_channels": 3, "out_channels": 4, "kernel_size": 3, "name": "a"}
    assert refusal({"Conv2d": arguments}) == "Conv2d is PyTorch's spelling (in Keras: Conv2D(4, 3))"
    assert refusal({"MaxPool2d": 2}) == "MaxPool2d is PyTorch's spelling (in Keras: MaxPooling2D(2))"


@pytest.mark.parametrize(
    "layer",
    [
        *("conv2d(3, 64, 7)", "Conv2D(3, 64, 7)", "MaxPool2D(2)", "maxpool2d(2)", "linear", "ReLU(6)", "Softmax()"),
        *("PReLU()", "Flatten()", "ELU(1.0)", "Dropout(0.5)", "Identity()", "hard_sigmoid", "GELU"),
        *({"conv2d": {"filters": 1, "kernel_size": 3}}, {"max_pool2d": 2}),
    ],
)
def test_names_of_keras_keep_their_meaning(layer):
    convcli.load([layer])


@pytest.mark.parametrize("name", sorted(SPELLINGS))
def test_a_bare_name_is_refused_unless_keras_has_it_too(name):
    keras_names = {layer.__name__ for layer in LAYERS.values()}
    has_both = name in keras_names or name.lower() in {activation.replace("_", "") for activation in ACTIVATIONS}
    assert SPELLINGS[name].is_shared == (has_both and name != "Linear")
