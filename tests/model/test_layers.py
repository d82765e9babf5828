"""Layers as their users write them; `test_reference` compares what they compute with the frameworks."""

from __future__ import annotations

import inspect
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT
from hypothesis import given
from strategies import layers

import convcli
from convcli.core.errors import ConvcliError
from convcli.core.shapes import DataFormat
from convcli.model.layers import LAYERS, canonical_name
from convcli.model.plan import make_plan
from convcli.model.steps import Correlate

LAST, FIRST = DataFormat.CHANNELS_LAST, DataFormat.CHANNELS_FIRST
LAYER_TYPES = sorted(set(LAYERS.values()), key=lambda layer_type: layer_type.__name__)


def layer(name, *arguments, **keywords):
    return LAYERS[canonical_name(name)](*arguments, **keywords)


def test_every_spelling_of_an_argument_is_the_same_layer():
    assert layer("conv2d", filters=1, kernel_size=3, strides=2, padding=1) == layer(
        "Conv_2D", filters=1, kernel_size=[3, 3], strides=(2, 2), padding=[[1, 1], [1, 1]]
    )
    assert layer("conv1d", filters=1, kernel_size=3, padding=[2, 0]) == layer(
        "Convolution1D", filters=1, kernel_size=[3], padding=[[2, 0]]
    )
    assert layer("conv1d", filters=1, kernel_size=3, padding="CAUSAL") == layer("conv1d", 1, 3, padding="causal")
    assert layer("zero_padding2d", padding=(1, 2)) == layer("zero_padding2d", padding=((1, 1), (2, 2)))


@pytest.mark.parametrize(
    ("name", "keras"),
    [
        ("Conv2D", "conv2d"),
        ("Conv2DTranspose", "conv2d_transpose"),
        ("PReLU", "p_re_lu"),
        ("GlobalAveragePooling1D", "global_average_pooling1d"),
        ("ELU", "elu"),
        ("SeparableConv2D", "separable_conv2d"),
    ],
)
def test_names_are_keras_s(name, keras):
    assert LAYERS[canonical_name(name)].keras_name() == keras


@pytest.mark.parametrize("layer_type", LAYER_TYPES)
def test_a_layer_knows_its_arguments(layer_type):
    names = layer_type.argument_names()
    assert names[: len(layer_type.positional_arguments())] == layer_type.positional_arguments()
    assert set(layer_type.required_arguments()) <= set(names)
    assert "depth" not in names  # it follows from the weights and is not the user's


@pytest.mark.parametrize(
    ("name", "signature"),
    [
        (
            "Conv2D",
            "(filters, kernel_size, strides=1, padding='valid', data_format=None, dilation_rate=1, groups=1, "
            "activation=None, use_bias=True, *, activation_axis=None, padding_mode='zeros', "
            "flip_kernel=False)",
        ),
        ("Dense", "(units, activation=None, use_bias=True, *, axis=None)"),
        (
            "MaxPooling2D",
            "(pool_size=2, strides=None, padding='valid', data_format=None, *, dilation_rate=1, ceil_mode=False)",
        ),
        ("ReLU", "(max_value=None, negative_slope=0.0, threshold=0.0)"),
        ("Flatten", "(data_format=None)"),
        ("Add", "()"),
    ],
)
def test_inspect_shows_the_arguments_of_a_layer(name, signature):
    assert str(inspect.signature(LAYERS[canonical_name(name)])) == signature


@pytest.mark.parametrize("layer_type", LAYER_TYPES)
def test_a_layer_is_made_as_its_signature_says(layer_type):
    parameters = inspect.signature(layer_type).parameters
    assert tuple(parameters) == layer_type.argument_names()
    required = [name for name, parameter in parameters.items() if parameter.default is parameter.empty]
    assert set(required) == set(layer_type.required_arguments())
    values = {name: {"activation": "relu", "dims": [1], "rate": 0.5}.get(name, 1) for name in required}
    defaults = {name: parameter.default for name, parameter in parameters.items() if name not in required}
    assert layer_type(**values) == layer_type(**values, **defaults)
    by_position = [name for name in required if parameters[name].kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
    assert layer_type(*(values[name] for name in by_position)) == layer_type(**values)


def test_layers_are_imported_without_inspect():
    program = "import sys; import convcli.model.layers; sys.exit('inspect' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False, cwd=ROOT, timeout=120).returncode == 0


@given(layers)
def test_a_layer_declares_the_weights_that_its_steps_read(setting):
    config, shape = setting
    (planned,) = make_plan(convcli.load([config]), {"input": shape}).layers
    read = [weight.name for weight in planned.weights if weight.required]
    assert set(read) <= set(planned.node.layer.weight_names)


@pytest.mark.parametrize(
    ("name", "rate"),
    [
        *(("dropout", 0.5), ("alpha_dropout", 0), ("gaussian_dropout", 0.9)),
        *(("spatial_dropout2d", 0.1), ("spatial_dropout3d", 0.1)),
    ],
)
def test_dropout_is_the_identity_outside_training(name, rate):
    assert layer(name, rate=rate).steps([(4, 4, 2)], LAST) == ()
    with pytest.raises(ConvcliError, match=r"rate: 1 \(0 or more and below 1\)"):
        layer(name, rate=1)


def test_layers_of_training_hand_on_their_input_outside_it():
    x = np.arange(8.0).reshape(1, 4, 2)
    for text in (
        "Identity()",
        "Activation(None)",
        "ActivityRegularization(0.1)",
        "GaussianNoise(0.1)",
        "SpatialDropout1D(0.5)",
    ):
        assert np.array_equal(convcli.apply(convcli.load([text]), x), x)


def test_layer_scale_multiplies_by_gamma_and_custom_scale_the_second_input():
    x = np.array([[1.0, 2.0]])
    model = convcli.load([{"layer_scale": {"gamma": [3, -1]}}])
    assert convcli.apply(model, x).tolist() == [[3, -2]]
    model = convcli.load([{"identity": {}}, {"custom_scale_layer": {"scale": 0.5, "inputs": ["input", "identity"]}}])
    assert convcli.apply(model, x).tolist() == [[1.5, 3.0]]


def test_the_channel_axis_is_the_models():
    shape = (8, 5, 3)  # channels last inside
    for name in ("batch_normalization", "layer_normalization", "softmax", "concatenate"):
        for data_format in (LAST, FIRST):
            (step, *_) = layer(name).steps([shape, shape], data_format)
            axes = step.axes if hasattr(step, "axes") else (step.axis,)
            assert axes == (2,)
    (step,) = layer("batch_normalization", axis=-1).steps([shape], FIRST)
    assert step.axes == (1,)


def test_flatten_reads_channels_last_and_reshape_the_models_order():
    x = np.arange(12).reshape(1, 2, 2, 3)  # (batch, channels, height, width)
    flat = convcli.apply(convcli.load(["flatten"], data_format="channels_first"), x)
    assert flat.tolist() == [[0, 6, 1, 7, 2, 8, 3, 9, 4, 10, 5, 11]]
    flat = convcli.apply(convcli.load(["reshape(12)"], data_format="channels_first"), x)
    assert flat.tolist() == [list(range(12))]
    for dims in ((2, 1, 3), (3, 1, 2), (1, 3, 2)):
        permuted = convcli.apply(convcli.load([f"permute({dims})"], data_format="channels_first"), x)
        assert np.array_equal(permuted, x.transpose(0, *dims))


def test_axes_are_numbered_in_the_models_order():
    x = np.arange(-12.0, 12).reshape(1, 2, 3, 4)  # (batch, channels, height, width)

    def applied(layer, **weights):
        ((name, arguments),) = layer.items()
        return convcli.apply(convcli.load([{name: {**arguments, **weights}}], data_format="channels_first"), x)

    alpha = np.arange(24.0).reshape(2, 3, 4)
    assert np.array_equal(applied({"p_re_lu": {}}, alpha=alpha), np.where(x > 0, x, alpha * x))
    shared = np.arange(2.0).reshape(2, 1, 1)
    assert np.array_equal(applied({"p_re_lu": {"shared_axes": [2, 3]}}, alpha=shared), np.where(x > 0, x, shared * x))
    powers = np.exp(x - x.max((2, 3), keepdims=True))
    np.testing.assert_allclose(applied({"softmax": {"axis": [2, 3]}}), powers / powers.sum((2, 3), keepdims=True))
    gamma = np.arange(8.0).reshape(2, 4)
    centred = x - x.mean((1, 3), keepdims=True)
    normal = centred / np.sqrt((centred**2).mean((1, 3), keepdims=True) + 1e-3)
    for axis in ([1, 3], [3, 1]):
        y = applied({"layer_normalization": {"axis": axis}}, gamma=gamma, beta=0)
        np.testing.assert_allclose(y, normal * gamma[:, None, :], atol=1e-12)
    y = applied(
        {"batch_normalization": {"axis": 2}}, gamma=1, beta=[10, 20, 30], moving_mean=0, moving_variance=1 - 1e-3
    )
    np.testing.assert_allclose(y, x + np.array([10, 20, 30])[:, None], atol=1e-12)


def test_concatenate_does_not_take_numbers():
    with pytest.raises(ConvcliError, match="a number has no place beside the others"):
        convcli.summarize(convcli.load([{"concatenate": {"inputs": ["input", 3.0]}}]), (2,))


def test_normalization_is_exact_on_whole_numbers():
    x = np.arange(1.0, 25, 3).reshape(1, 8, 1)
    y = convcli.apply(convcli.load(["Normalization(mean=1, variance=9)"]), x)
    assert y.ravel().tolist() == [0, 1, 2, 3, 4, 5, 6, 7]
    far = np.array([[3000.5, 3001]], np.float32)
    y = convcli.apply(convcli.load(["Normalization(mean=3000, variance=4)"]), far)
    assert y.tolist() == [[0.25, 0.5]]


def test_one_number_stands_for_every_channel_and_axis():
    x = np.arange(24.0).reshape(1, 2, 3, 4)
    for text in ("Normalization(axis=[1, 2], mean=1, variance=4)", "Normalization(mean=[1], variance=[4])"):
        assert np.array_equal(convcli.apply(convcli.load([text]), x), (x - 1) / 2)
    assert np.array_equal(convcli.apply(convcli.load(["Rescaling([2])"]), x), 2 * x)
    with pytest.raises(ConvcliError, match="mean has 2 values for 2 axes"):
        convcli.apply(convcli.load(["Normalization(axis=[1, 2], mean=[1, 2], variance=1)"]), x)


def test_normalization_divides_by_no_less_than_epsilon():
    assert convcli.apply(convcli.load(["Normalization(mean=0, variance=0)"]), [[1e-7]]).tolist() == [[1]]


def test_filters_of_a_depthwise_layer_meet_every_channel():
    model = convcli.load([{"depthwise_conv1d": {"filters": {"sum": [1, 1], "difference": [-1, 1]}}}])
    x = np.array([[[1, 10], [2, 30], [4, 60]]])
    # channel by channel: sum and difference of the first, then of the second
    assert convcli.apply(model, x).tolist() == [[[3, 1, 40, 20], [6, 2, 90, 30]]]


def test_hand_made_filters_of_a_transposed_layer_are_spread_as_they_stand():
    model = convcli.load([{"conv1d_transpose": {"filters": [[1, 2, 3]], "strides": 2}}])
    assert convcli.apply(model, [10, 1]).ravel().tolist() == [10, 20, 31, 2, 3]
    model = convcli.load([{"conv1d_transpose": {"filters": [[1, 2, 3]], "strides": 2, "flip_kernel": True}}])
    assert convcli.apply(model, [10, 1]).ravel().tolist() == [30, 20, 13, 2, 1]


def test_filters_in_groups_of_a_transposed_layer():
    model = convcli.load([{"conv1d_transpose": {"filters": [[1, 2], [3, 4]], "groups": 2, "strides": 2}}])
    x = np.array([[[1, 10]]])
    assert convcli.apply(model, x).tolist() == [[[1, 30], [2, 40]]]


def test_a_dense_layer_is_a_correlation_without_windows():
    (step,) = layer("dense", units=4).steps([(3,)], LAST)
    assert isinstance(step, Correlate)
    assert step.windows == ()


@pytest.mark.parametrize(
    ("text", "shape", "message"),
    [
        ("Conv2D(1, 3)", (8,), "takes 3 axes (height, width, channels) besides the batch, got (8,)"),
        ("Add()", (8, 8), "takes at least 2 inputs, got 1 (inputs: [NAME, NAME])"),
        ("Conv2D(3, 3, groups=2)", (8, 8, 4), "filters (=3) must be divisible by groups (=2)"),
        ("Conv2D(4, 3, groups=3)", (8, 8, 4), "input channels (=4) must be divisible by groups (=3)"),
        ("GroupNormalization(3)", (8, 8, 4), "channels (=4) must be divisible by groups (=3)"),
        ("Reshape((3, -1))", (8, 8), "(8, 8) holds 64 values, which (3, -1) does not divide (a multiple of 3)"),
        ("Reshape((3, 4))", (8, 8), "(8, 8) holds 64 values, (3, 4) 12 (the two must be equal)"),
        ("Permute((2, 1))", (8, 8, 4), "dims [2, 1] for an input of 3 axes (one number an axis)"),
        ("Normalization(mean=1)", (8, 4), "mean without variance, or variance without mean (both, or neither)"),
        ("Normalization(mean=[1, 2], variance=[2])", (8, 4), "mean has 2 values, the input 4 channels (one a channel)"),
        ("Rescaling([1, 2])", (8, 4), "scale has 2 values, the input 4 channels (one a channel)"),
        ("LayerScale(1, 3)", (8, 4), "projection_dim (=3) must be the input's 4 channels"),
        (
            "Conv1DTranspose(1, 2, 2, output_padding=2)",
            (8, 1),
            "length: output_padding (=2) must be smaller than the stride (=2) or dilation",
        ),
    ],
)
def test_an_input_that_does_not_fit_is_an_error_that_says_why(text, shape, message):
    model = convcli.load([text])
    with pytest.raises(ConvcliError) as caught:
        convcli.summarize(model, shape)
    assert str(caught.value) == f"layer {model.nodes[0].name}: {message}"


@pytest.mark.parametrize(
    ("text", "shape", "extent", "jump"),
    [
        ("AdaptiveAveragePooling1D(4)", (10, 2), 3, 2.5),  # windows 0–2, 2–4, 5–7, 7–9
        ("AdaptiveMaxPooling1D(5)", (10, 2), 2, 2),
        ("AdaptiveMaxPooling1D(1)", (10, 2), 10, None),
        ("Upsample(scale_factor=1.5, mode='linear')", (10, 2), 2, 2 / 3),
        ("Upsample(19, mode='linear', align_corners=True)", (10, 2), 2, 0.5),
        ("Upsample(7)", (10, 2), 1, 10 / 7),
    ],
)
def test_layers_that_scale_say_what_their_cells_see(text, shape, extent, jump):
    (layer,) = convcli.summarize(convcli.load([text]), shape)["layers"]
    assert (layer["receptive_field"], layer["jump"]) == ([extent], [jump])


def test_a_pixel_shuffle_and_its_reverse_move_channels_between_cells():
    x = np.arange(32.0).reshape(1, 2, 2, 8)
    shuffled = convcli.apply(convcli.load(["PixelShuffle(2)"]), x)
    assert shuffled[0, :2, :2, 0].tolist() == [[0, 1], [2, 3]]
    assert np.array_equal(convcli.apply(convcli.load(["PixelUnshuffle(2)"]), shuffled), x)


def test_an_activation_takes_its_parameters_by_name():
    x = np.array([[-3.0, -1.0, 2.0]])
    for layer in ("hard_tanh(min_value=-2)", {"hard_tanh": {"min_value": -2}}):
        assert convcli.apply(convcli.load([layer]), x).ravel().tolist() == [-2, -1, 1]
    with pytest.raises(ConvcliError, match=r"hard_tanh has no such parameter \(known: min_value, max_value\)"):
        convcli.load([{"activation": {"activation": "hard_tanh", "parameters": {"low": 1}}}])
