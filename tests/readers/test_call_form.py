"""Layers as a model file writes them. Messages are in test_messages."""

from __future__ import annotations

import keyword

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convcli.core.errors import ConvcliError
from convcli.model.activations import ACTIVATIONS
from convcli.model.layers import canonical_name
from convcli.readers.call_form import LayerConfig, layer_class, parse_layer


@pytest.mark.parametrize(
    ("text", "layer_type", "arguments"),
    [
        ("flatten", "flatten", {}),
        (" Flatten() ", "Flatten", {}),
        ("keras.layers.Flatten", "Flatten", {}),
        ("tf.keras.layers.Conv2D(40, 3)", "Conv2D", {"filters": 40, "kernel_size": 3}),
        (
            'Conv2D(40, (3, 5), activation="relu")',
            "Conv2D",
            {"filters": 40, "kernel_size": [3, 5], "activation": "relu"},
        ),
        ("Conv2D(\n  40,\n  kernel_size=3,  # cells\n)", "Conv2D", {"filters": 40, "kernel_size": 3}),
        ("Rescaling(1/4, -1)", "Rescaling", {"scale": 0.25, "offset": -1}),
        ("Rescaling(scale=[1/4, +2.5, -1/8])", "Rescaling", {"scale": [0.25, 2.5, -0.125]}),
        (
            "Conv1D({'a': [1, 2]}, use_bias=False, name=None)",
            "Conv1D",
            {"filters": {"a": [1, 2]}, "use_bias": False, "name": None},
        ),
        ("ReLU(6)", "ReLU", {"max_value": 6}),
        ("model.add(Conv1D(4, 3))", "Conv1D", {"filters": 4, "kernel_size": 3}),
        ("model.add(Flatten)", "Flatten", {}),
        ("Dense(3, activation=relu)", "Dense", {"units": 3, "activation": "relu"}),
        ("Dense(3, keras.activations.relu)", "Dense", {"units": 3, "activation": "relu"}),
        ("Conv1D(4, 3, padding=same)", "Conv1D", {"filters": 4, "kernel_size": 3, "padding": "same"}),
        ("Input((8, 1))", "Input", {"shape": [8, 1]}),
        ("conv_2_d(1_000, 0x3)", "conv_2_d", {"filters": 1000, "kernel_size": 3}),
    ],
)
def test_a_call_is_a_type_and_its_arguments_by_name(text, layer_type, arguments):
    assert parse_layer(text) == LayerConfig(layer_type, arguments)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Conv2D", "filters kernel_size strides padding data_format dilation_rate groups activation use_bias"),
        (
            "DepthwiseConv2D",
            "kernel_size strides padding depth_multiplier data_format dilation_rate activation use_bias",
        ),
        (
            "SeparableConv1D",
            "filters kernel_size strides padding data_format dilation_rate depth_multiplier activation use_bias",
        ),
        (
            "Conv2DTranspose",
            "filters kernel_size strides padding output_padding data_format dilation_rate activation use_bias",
        ),
        (
            "Conv3DTranspose",
            "filters kernel_size strides padding data_format output_padding dilation_rate activation use_bias",
        ),
        ("MaxPooling2D", "pool_size strides padding data_format"),
        ("Dense", "units activation use_bias"),
        ("BatchNormalization", "axis momentum epsilon center scale"),
        ("UpSampling2D", "size data_format interpolation"),
    ],
)
def test_arguments_by_position_are_in_keras_s_order(text, names):
    order = names.split()
    assert parse_layer(f"{text}({', '.join(map(str, range(len(order))))})").arguments == dict(
        zip(order, range(99), strict=False)
    )
    with pytest.raises(ConvcliError, match=rf"takes {len(order)} arguments by position, got {len(order) + 1}"):
        parse_layer(f"{text}({'0, ' * (len(order) + 1)})")


numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
literals = st.recursive(
    st.none() | st.booleans() | numbers | st.text(),
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=4,
)
words = st.from_regex("[a-z_][a-z_0-9]{0,9}", fullmatch=True).filter(lambda word: not keyword.iskeyword(word))


def with_lists(value):
    """Return the value with lists in place of tuples."""
    if isinstance(value, dict):
        return {key: with_lists(item) for key, item in value.items()}
    return [with_lists(item) for item in value] if isinstance(value, list | tuple) else value


@settings(max_examples=50, deadline=None)
@given(st.lists(literals, max_size=3), st.dictionaries(words, literals, max_size=3))
def test_literals_of_python_keep_their_values(positional, named):
    order = ("units", "activation", "use_bias")
    named = {name: value for name, value in named.items() if name not in order}
    text = ", ".join([*map(repr, positional), *(f"{name}={value!r}" for name, value in named.items())])
    arguments = parse_layer(f"Dense({text})").arguments
    assert repr(arguments) == repr(with_lists({**dict(zip(order, positional, strict=False)), **named}))


def test_arithmetic_of_numbers_is_a_number():
    assert parse_layer("Dense(16 * 5 * 5)").arguments == {"units": 400}
    assert parse_layer("Dense((28 - 2) // 2 + 1)").arguments == {"units": 14}


@given(numbers, numbers.filter(bool))
def test_a_quotient_of_two_numbers_is_a_number(dividend, divisor):
    assert parse_layer(f"Rescaling({dividend!r}/{divisor!r})").arguments == {"scale": dividend / divisor}


@pytest.mark.parametrize(
    ("value", "config"),
    [
        ({"conv2d": {"filters": 1}}, LayerConfig("conv2d", {"filters": 1})),
        ({"flatten": None}, LayerConfig("flatten")),
        ({"dense": 10}, LayerConfig("dense", {"units": 10})),
        ({"activation": "relu"}, LayerConfig("activation", {"activation": "relu"})),
        ({"dropout": 0.5}, LayerConfig("dropout", {"rate": 0.5})),
    ],
)
def test_a_mapping_has_the_type_as_its_key(value, config):
    assert parse_layer(value) == config


@pytest.mark.parametrize("value", [None, 5, [], {}, ["conv2d"], {"a": 1, "b": 2}, {"conv2d": [1, 2]}, {"no_such": 1}])
def test_any_other_value_is_not_a_layer(value):
    with pytest.raises(ConvcliError):
        parse_layer(value)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "()",
            "3",
            "'flatten'",
            "Conv2D(",
            "Conv2D)",
            "Conv2D(1 2)",
            "Conv2D(1)(2)",
            "Conv2D(1) + 1",
            "a = 1",
            "a\0",
        ),
        *(
            "Dense(units)",
            "Dense(1j)",
            "Dense(b'')",
            "Dense(f'')",
            "Dense({1})",
            "Dense(...)",
            "Dense(2**9)",
            "Dense('a' + 'b')",
            "Dense(1 // 0)",
            "Dense(1" + " * 9999999999" * 40 + ")",
        ),
        *(
            "Dense(1/0)",
            "Dense(not 1)",
            "Dense(~1)",
            "Dense(-'1')",
            "Dense('1'/2)",
            "Dense([a for a in ()])",
            "Dense(print())",
        ),
        *("Dense(*[1])", "Dense(**{'units': 1})", "Dense({**{}})", "Dense(1, units=1)", "Dense(name=1, name=2)"),
        *("Dense(" + "(" * 999 + "1" + ")" * 999 + ")", "Dense(" + "-" * 99_999 + "1)"),
    ],
)
def test_text_that_is_not_a_call_with_literals_is_an_error(text):
    with pytest.raises(ConvcliError):
        parse_layer(text)


@pytest.mark.parametrize(
    ("name", "class_name"),
    [
        ("Conv2D", "Conv2D"),
        ("CONV_2D", "Conv2D"),
        ("Convolution2D", "Conv2D"),
        ("max_pool1d", "MaxPooling1D"),
        ("AvgPool3D", "AveragePooling3D"),
        ("GlobalAvgPool2D", "GlobalAveragePooling2D"),
        ("p_re_lu", "PReLU"),
        ("relu", "ReLU"),  # an activation with a class of its own
        ("hard_sigmoid", "Activation"),
        ("HardSigmoid", "Activation"),
    ],
)
def test_type_names_match_whatever_their_case_and_underscores(name, class_name):
    assert layer_class(name).__name__ == class_name


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_every_activation_is_a_layer(name):
    layer = layer_class(name)
    assert layer.__name__ == "Activation" or canonical_name(layer.__name__) == canonical_name(name)


@pytest.mark.parametrize("text", ["Sequential([Conv1D(4, 3)])", "nn.Sequential(nn.ReLU())"])
def test_a_model_is_not_a_layer(text):
    with pytest.raises(ConvcliError, match="Sequential is a model, not a layer"):
        parse_layer(text)


def test_a_list_for_a_key_is_an_error():
    with pytest.raises(ConvcliError, match="is not a literal"):
        parse_layer("Conv1D({[1]: [1, 2]})")


def test_a_number_of_too_many_digits_is_an_error():
    with pytest.raises(ConvcliError, match="a whole number of 20000 bits"):
        parse_layer(f"Conv2D(0x{'f' * 5000}, 3)")


def test_a_quotient_of_a_number_that_is_too_large_is_an_error():
    with pytest.raises(ConvcliError, match="a whole number of 1326 bits"):
        parse_layer(f"Rescaling({'1' * 400}/2)")
