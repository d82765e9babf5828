"""The arguments of a layer, and the weights among them. Messages are in test_messages."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from strategies import layers

import convcli
from convcli.core.errors import ConvcliError
from convcli.model.plan import make_plan


def output(mapping, x):
    return np.asarray(convcli.apply(convcli.load(mapping), x)).tolist()


def conv2d(**arguments):
    """The node of a convolution with these arguments."""
    return convcli.load([{"conv2d": {"filters": 2, "kernel_size": 3, **arguments}}]).nodes[0]


def params(**arguments):
    """How many parameters a convolution with these arguments has on one channel."""
    return convcli.summarize(convcli.load([{"conv2d": arguments}]), (8, 8, 1))["params"]


# ---- arguments ----


@pytest.mark.parametrize(
    ("padding", "canonical"),
    [
        ("Same", "same"),
        (1, ((1, 1), (1, 1))),
        ([1, 2], ((1, 1), (2, 2))),
        ([[1, 0], [2, 3]], ((1, 0), (2, 3))),
        ([1, [2, 3]], ((1, 1), (2, 3))),
    ],
)
def test_padding_is_a_word_or_cells_in_any_form(padding, canonical):
    assert conv2d(padding=padding).layer.padding == canonical


@pytest.mark.parametrize(
    ("padding", "canonical"), [([1, 2], ((1, 2),)), ([[1, 2]], ((1, 2),)), ([1], ((1, 1),)), ("causal", "causal")]
)
def test_in_one_dimension_a_pair_of_padding_is_before_and_after(padding, canonical):
    model = convcli.load([{"conv1d": {"filters": 1, "kernel_size": 3, "padding": padding}}])
    assert model.nodes[0].layer.padding == canonical


@pytest.mark.parametrize(
    "arguments",
    [
        *(
            {"padding": each}
            for each in ("causal", "smae", -1, 1.5, True, None, [1], [1, 2, 3], [[1, 2, 3], [1, 1]], {"a": 1})
        ),
        *({"strides": each} for each in (0, 1.0, "1", True, None, [1], [1, 0], [[1], 1])),
        *({"activation": each} for each in ("rleu", 5, ["relu"])),
        *({"use_bias": each} for each in (0, "no", None)),
        *({"groups": each} for each in (0, [1], "1")),
        *({"padding_mode": each} for each in ("zero", None, ["zeros"])),
        *({"filters": each} for each in (0, -1, 2.0, True, None)),
        *({each: 1} for each in ("depth", "kernels", "dtype", "units", "kernel_layout")),
    ],
)
def test_a_value_that_an_argument_does_not_take_is_an_error(arguments):
    with pytest.raises(ConvcliError):
        conv2d(**arguments)


@pytest.mark.parametrize(
    ("layer", "nearest"),
    [
        ("Conv2D(1, 3, stride=2)", "did you mean strides?"),
        ("Conv2D(1, 3, kernel_sise=2)", "did you mean kernel_size?"),
        ("Conv2D(1, 3, input=2)", "did you mean inputs?"),
        ("Conv2D(1, 3, kernel_layuot='OIHW')", "did you mean kernel_layout?"),
        ("cnv2d(1, 3)", "did you mean conv2d?"),
        ("MaxPoling2D()", "did you mean max_pooling2d?"),
        ("sigmoyd", "did you mean sigmoid?"),
        ("Flatten(inputs='inptu')", "did you mean input?"),
        ("Conv2D('sobel_x')", "did you mean sobel-x?"),
    ],
)
def test_an_unknown_name_suggests_the_nearest(layer, nearest):
    with pytest.raises(ConvcliError) as caught:
        convcli.load([layer])
    assert caught.value.remedy == nearest


@pytest.mark.parametrize(
    "argument",
    [
        *(
            "kernel_initializer='he_normal'",
            "bias_regularizer=None",
            "activity_regularizer='l2'",
            "kernel_regularizer=regularizers.l2(0.01)",
            "kernel_constraint=None",
        ),
        *("seed=3", "lora_rank=4"),
    ],
)
def test_an_argument_of_training_is_ignored_with_a_warning(argument):
    name = argument.partition("=")[0]
    with pytest.warns(UserWarning, match=rf"^layer dense: {name} is ignored: it matters only in training \(seed="):
        model = convcli.load([f"Dense(2, {argument})"])
    assert model.nodes == convcli.load(["Dense(2)"]).nodes


@pytest.mark.parametrize("layer", ["gelu('relu')", {"gelu": {"activation": "relu"}}])
def test_an_activation_by_its_own_name_takes_no_other_activation(layer):
    with pytest.raises(ConvcliError, match="gelu takes no argument by position"):
        convcli.load([layer])


@pytest.mark.parametrize("dims", ["('a', 1)", "(None, 1)", "(2.0, 1.0)", "(2, True)"])
def test_dims_of_permute_are_whole_numbers(dims):
    with pytest.raises(ConvcliError, match="layer permute: dims: "):
        convcli.load([f"Permute({dims})"])


def test_a_variance_is_not_negative():
    with pytest.raises(ConvcliError, match="variance"):
        convcli.summarize(convcli.load(["Normalization(mean=0, variance=-1)"]), (4,))


@pytest.mark.parametrize("layer", ["Dense(2)", "BatchNormalization()"])
def test_a_layer_that_needs_channels_after_a_reshape_to_no_axes_is_an_error(layer):
    with pytest.raises(ConvcliError):
        convcli.summarize(convcli.load(["Reshape(())", layer]), (1, 1))


def test_an_axis_that_is_named_twice_is_an_error():
    with pytest.raises(ConvcliError, match="twice"):
        output({"layers": ["Softmax(axis=[1, 1])"]}, [[1.0]])


# ---- numbers beyond any use ----


@pytest.mark.parametrize(
    "layer", [f"Rescaling({10**400})", f"Add(inputs=['input', {10**400}])"], ids=["argument", "input"]
)
def test_a_number_that_is_too_large_is_an_error(layer):
    with pytest.raises(ConvcliError):
        output({"layers": [layer]}, [[1.0]])


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("Conv2D(100000000000000000000, 3)", "filters: 100000000000000000000 (at most 2147483647)"),
        ("zero_padding2d(1000000000000000000)", "padding: 1000000000000000000 (at most 2147483647)"),
    ],
)
def test_an_absurd_number_is_an_error(layer, message):
    with pytest.raises(ConvcliError) as caught:
        convcli.load([layer])
    assert str(caught.value).endswith(message)


def test_an_array_beyond_any_machine_is_not_begun():
    x = [[1.0, 2], [3, 4]]
    with pytest.raises(ConvcliError, match=r"needs .* TiB of memory, .* is free"):
        convcli.apply(convcli.load({"input": [2, 2, 1], "layers": ["zero_padding2d(2000000000)"]}), x)
    with pytest.raises(ConvcliError, match=r"^layer conv2d: needs .* TiB of memory, .* is free \(a sm"):
        convcli.apply(convcli.load(["Conv2D(2000000000, 1000, padding='same')"]), x, seed=0)


def test_the_receptive_field_of_huge_upsampling_is_unknown():
    (row,) = convcli.summarize(convcli.load(["UpSampling1D(1000000000)"]), (8, 1))["layers"]
    assert (row["output_shape"], row["receptive_field"], row["jump"]) == ([None, 8_000_000_000, 1], [None], [None])


# ---- weights ----


def test_the_bias_beside_filters_is_zero_and_counts_as_parameters():
    assert params(filters="sobel-x") == 9 + 1
    assert params(filters="sobel-x", bias=2) == 9 + 1
    assert params(filters="sobel-x", use_bias=False) == 9
    assert output({"layers": [{"conv1d": {"filters": "bump"}}]}, [1, 2, 3]) == [[[2]]]


@pytest.mark.parametrize(
    ("layer", "kernel", "biases"),
    [
        ("Conv2D(64, 3, {})", 3 * 3 * 64 * 64, 64),
        ("Conv2DTranspose(32, 3, {})", 3 * 3 * 32 * 64, 32),
        ("DepthwiseConv2D(3, depth_multiplier=2, {})", 3 * 3 * 64 * 2, 128),
        ("SeparableConv2D(32, 3, {})", 3 * 3 * 64 + 64 * 32, 32),
        ("Dense(10, {})", 64 * 10, 10),
    ],
)
def test_a_boolean_bias_is_use_bias(layer, kernel, biases):
    def count(argument):
        return convcli.summarize(convcli.load([layer.format(argument)]), (8, 8, 64))["params"]

    assert count("bias=False") == count("bias=False, use_bias=False") == kernel
    assert count("bias=True") == count("bias=True, use_bias=True") == kernel + biases


def test_a_boolean_bias_stands_beside_filters():
    assert params(filters="sobel-x", bias=False) == 9
    assert params(filters="sobel-x", bias=True) == 9 + 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"bias": False, "use_bias": True}, "bias is False, but use_bias is True (one of them)"),
        ({"bias": True, "use_bias": False}, "bias is True, but use_bias is False (one of them)"),
        ({"bias": 0, "use_bias": False}, "a bias is given, but use_bias is False (one of them)"),
        ({"bias": False, "use_bias": "no"}, "use_bias: 'no' (true or false)"),
    ],
)
def test_a_boolean_bias_that_contradicts_use_bias_is_an_error(arguments, message):
    with pytest.raises(ConvcliError) as caught:
        params(filters="sobel-x", **arguments)
    assert str(caught.value) == f"layer conv2d: {message}"


def test_a_layer_without_weights_has_parameters_but_cannot_be_applied():
    assert params(filters=2, kernel_size=3) == 2 * 9 + 2
    with pytest.raises(ConvcliError, match="no values for kernel"):
        convcli.apply(convcli.load(["Conv1D(1, 2)"]), [1, 2, 3])


@pytest.mark.parametrize(
    "arguments",
    [
        {"kernel_size": 3},
        {"kernel_size": [3, 3], "filters": {"a": "sobel-x"}},
        {"filters": 1, "kernel_size": 3, "kernel": np.zeros((3, 3, 1, 1))},
    ],
)
def test_an_argument_may_repeat_what_the_weights_imply(arguments):
    assert params(**{"filters": "sobel-x", **arguments}) == 10


@pytest.mark.parametrize(
    "arguments",
    [
        {"filters": "sobel-x", "kernel_size": 5},
        {"filters": 2, "kernel": np.zeros((3, 3, 1, 1))},
        {"filters": "sobel-x", "kernel": np.zeros((3, 3, 1, 1))},
        {"filters": "sobel-x", "kernel_layout": "OIHW"},
        {"kernel": np.zeros((3, 3))},
        {"kernel": np.zeros((3, 3, 1, 1)), "kernel_layout": "OIH"},
        {"filters": "sobel-x", "bias": [1, 2]},
        {"filters": "sobel-x", "bias": "no-such-file.npy"},
        {"filters": "sobel-x", "bias": 0, "use_bias": False},
        {"filters": "sobel-x", "gamma": 1},
        {"filters": np.zeros((1, 3, 3, 2))},
    ],
)
def test_weights_that_do_not_agree_are_an_error(arguments):
    with pytest.raises(ConvcliError):
        params(**arguments)


def test_bias_is_a_number_a_list_or_a_file(tmp_path):
    (tmp_path / "bias.csv").write_text("10\n20\n")
    for bias, expected in ((1, [3, 3]), ([1, 2], [3, 4]), (str(tmp_path / "bias.csv"), [12, 22])):
        assert output({"layers": [{"conv1d": {"filters": ["bump", "bump"], "bias": bias}}]}, [1, 2, 3]) == [[expected]]


def test_every_weight_may_be_in_the_model():
    stack = [
        {
            "separable_conv1d": {
                "filters": 1,
                "kernel_size": 2,
                "depthwise_kernel": [[[1]], [[2]]],
                "pointwise_kernel": [[[10]]],
                "bias": 5,
            }
        },
        {"batch_normalization": {"gamma": 2, "beta": [1], "moving_mean": 5, "moving_variance": 0.999}},
        {"p_re_lu": {"alpha": [[0.5], [0.25]]}},
    ]
    # 10·(x + 2·next) + 5, less 5, doubled, plus 1
    assert output({"layers": stack}, [[[1.0], [-1.0], [1.0]]]) == [[[0.5 * -19], [21]]]


@settings(max_examples=200, deadline=None)
@given(layers)
def test_every_weight_of_a_layer_is_an_argument_unless_it_is_never_read(setting):
    layer, shape = setting
    (planned,) = make_plan(convcli.load([layer]), {"input": shape}).layers
    arguments = {*planned.node.layer.argument_names(), *planned.node.layer.weight_names}
    assert {weight.name for weight in planned.weights if weight.required} <= arguments


@pytest.mark.parametrize("argument", ["kernel_size", "groups"])
def test_a_bad_argument_beside_weights_is_named(argument):
    with pytest.raises(ConvcliError) as caught:
        convcli.load([{"conv2d": {"filters": "sobel-x", argument: "abc"}}])
    assert str(caught.value).startswith(f"layer conv2d: {argument}: 'abc'")
