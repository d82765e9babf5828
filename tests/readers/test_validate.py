"""The one validator: plain mapping -> model. Messages are in test_messages."""

from __future__ import annotations

import numpy as np
import pytest

import convcli
from convcli.core.errors import ConvcliError
from convcli.core.shapes import DataFormat
from convcli.readers.input_shapes import parse_shape


def names(layers, **rest):
    return [node.name for node in convcli.load({"layers": layers, **rest}).nodes]


def result(mapping, x):
    return np.asarray(convcli.apply(convcli.load(mapping), x)).tolist()


# ---- shapes ----


@pytest.mark.parametrize(
    ("value", "extents"),
    [
        ([28, 28, 1], (28, 28, 1)),
        ((5,), (5,)),
        ("28x28x1", (28, 28, 1)),
        ("28, 28,1", (28, 28, 1)),
        ("?xNonex3", (None, None, 3)),
        ([None, "?", "none", "7"], (None, None, None, 7)),
    ],
)
def test_a_shape(value, extents):
    assert parse_shape(value) == extents


@pytest.mark.parametrize(
    "value", ["", "x", "8x", "0", "-1", "1.5", "²", "٣", [], None, 8, {}, [0], [-1], [True], [1.0], [[1]]]
)
def test_what_is_no_shape_is_an_error(value):
    with pytest.raises(ConvcliError):
        parse_shape(value)


# ---- names ----


@pytest.mark.parametrize(
    ("layers", "given"),
    [
        (["Conv2D(1, 1)"] * 3, ["conv2d", "conv2d_1", "conv2d_2"]),
        (
            ["ReLU", "relu", "gelu", "tanh", "p_re_lu", "ELU"],
            ["re_lu", "re_lu_1", "activation", "activation_1", "p_re_lu", "elu"],
        ),
        (["flatten", "flatten(name='flatten')"], ["flatten_1", "flatten"]),
        (["flatten", "flatten(name='flatten_1')", "flatten"], ["flatten", "flatten_1", "flatten_2"]),
        (["flatten(name='Ein – Name')"], ["Ein – Name"]),
    ],
)
def test_a_layer_without_a_name_is_called_as_keras_calls_it(layers, given):
    assert names(layers) == given


def test_a_layer_keeps_clear_of_the_names_of_inputs():
    assert names(["flatten(inputs='flatten')"], input={"flatten": [2], "b": [2]}) == ["flatten_1"]


@pytest.mark.parametrize("name", ["''", "5", "['a']", "'a\\nb'", "'input'"])
def test_a_name_that_will_not_do(name):
    with pytest.raises(ConvcliError, match="name: "):
        convcli.load([f"flatten(name={name})"])


def test_a_second_layer_of_a_name_is_an_error():
    with pytest.raises(ConvcliError, match=r"layers\[1\]: name: 'a' is taken"):
        convcli.load(["flatten(name='a')", "dense(1, name='a')"])


@pytest.mark.parametrize("name", ["input", "left"])
def test_no_layer_takes_the_name_of_an_input_or_is_called_input(name):
    with pytest.raises(ConvcliError, match="is the name of an input"):
        convcli.load({"input": {"left": [2], "right": [2]}, "layers": [f"flatten(inputs='left', name='{name}')"]})


# ---- the graph ----


def test_a_layer_takes_the_one_before_it_unless_it_says_otherwise():
    layers = [
        "Rescaling(2)",
        "Rescaling(3)",
        "Rescaling(5, inputs='rescaling')",
        "Add(inputs=['rescaling_1', 'rescaling_2', 'input'])",
    ]
    assert result({"layers": layers}, [[1.0]]) == [[2 * 3 + 2 * 5 + 1]]


def test_merges_may_have_numbers_among_their_inputs():
    layers = [
        "Subtract(inputs=[1, 'input'])",
        "Maximum(inputs=['subtract', -1.5, 'input'])",
        "Multiply(inputs=['maximum', -2])",
    ]
    assert result({"layers": layers}, [[3.0, -4.0]]) == [[-6, -10]]


def test_merges_broadcast_in_the_models_axis_order():
    mapping = {
        "input": {"a": [2, 3], "b": [2, 1]},
        "layers": ["Add(inputs=['a', 'b'])"],
        "data_format": "channels_first",
    }
    a, b = np.arange(6).reshape(1, 2, 3), np.array([[[10], [20]]])
    assert convcli.apply(convcli.load(mapping), {"a": a, "b": b}).tolist() == [[[10, 11, 12], [23, 24, 25]]]


def test_a_layer_may_be_taken_twice():
    assert result({"layers": ["Rescaling(2)", "Multiply(inputs=['rescaling', 'rescaling'])"]}, [[3.0]]) == [[36]]


def test_several_outputs_in_the_order_asked_for():
    model = convcli.load({"layers": ["Rescaling(2)", "Rescaling(3)"], "outputs": ["rescaling_1", "rescaling"]})
    assert list(convcli.apply(model, [[1.0]])) == ["rescaling_1", "rescaling"]


def test_one_output_need_not_be_the_last_layer():
    assert result({"layers": ["Rescaling(2)", "Rescaling(3)"], "outputs": "rescaling"}, [[1.0]]) == [[2]]


@pytest.mark.parametrize(
    "rest",
    [
        {"layers": []},
        {"layers": "flatten"},
        {"layers": {"flatten": {}}},
        {"layers": [["flatten"]]},
        {"layers": ["flatten"], "outputs": []},
        {"layers": ["flatten"], "outputs": ["flatten", "flatten"]},
        {"layers": ["flatten"], "outputs": "input"},
        {"layers": ["flatten"], "outputs": [{"flatten": 1}]},
        {"layers": ["flatten"], "input": {}},
        {"layers": ["flatten"], "input": 5},
        {"layers": ["flatten"], "input": {"a": [1], "b": [1]}},
        {"layers": ["flatten"], "data_format": "NHWC"},
        {"layers": ["flatten"], "data_format": ["channels_last"]},
        {"layers": ["flatten"], "input_shape": [1]},
        {"layers": ["flatten"], 1: 2},
        {"layers": ["add(inputs=['input', 'add'])"]},  # itself
        {"layers": ["flatten(inputs='dense')", "dense(1)"]},  # a later one
        {"layers": ["add(inputs=['input', '3'])"]},
        {"layers": ["add(inputs=['input', True])"]},
        {"layers": ["add(inputs=['input', ['input']])"]},
        {"layers": ["add(inputs={'input': 1})"]},
        {"layers": ["flatten", "flatten(input_shape=(1, 2))"]},
        {"layers": ["flatten(trainable=1)"]},
        {"layers": ["flatten(data_format='channels_first')"], "data_format": "channels_last"},
        {"layers": ["flatten(data_format='channels_first')", "flatten(data_format='channels_last')"]},
    ],
)
def test_what_is_no_model_is_an_error(rest):
    with pytest.raises(ConvcliError):
        convcli.load(rest)


# ---- shapes and data format of the whole model ----


def test_input_is_in_the_models_order():
    model = convcli.load({"input": [3, 8, 9], "data_format": "channels_first", "layers": ["flatten"]})
    assert model.inputs == {"input": (8, 9, 3)}
    assert convcli.summarize(model)["input_shape"] == [None, 3, 8, 9]


def test_input_shape_of_the_first_layer_is_the_models_input():
    assert convcli.load(["Conv2D(1, 3, input_shape=(8, 9, 1))", "Flatten()"]).inputs == {"input": (8, 9, 1)}


def test_the_model_s_own_data_format_comes_first():
    own = convcli.load({"layers": ["flatten"], "data_format": "channels_last"}, data_format="channels_first")
    other = convcli.load(["flatten(data_format='channels_first')"], data_format="channels_first")
    assert (own.data_format, other.data_format) == (DataFormat.CHANNELS_LAST, DataFormat.CHANNELS_FIRST)


# ---- arguments ----


def conv(**arguments):
    return convcli.load([{"conv2d": {"filters": 2, "kernel_size": 3, **arguments}}]).nodes[0]


@pytest.mark.parametrize(
    ("padding", "read"),
    [
        ("Same", "same"),
        (1, ((1, 1), (1, 1))),
        ([1, 2], ((1, 1), (2, 2))),
        ([[1, 0], [2, 3]], ((1, 0), (2, 3))),
        ([1, [2, 3]], ((1, 1), (2, 3))),
    ],
)
def test_every_form_of_padding(padding, read):
    assert conv(padding=padding).layer.padding == read


@pytest.mark.parametrize(
    ("padding", "read"), [([1, 2], ((1, 2),)), ([[1, 2]], ((1, 2),)), ([1], ((1, 1),)), ("causal", "causal")]
)
def test_in_one_dimension_a_pair_is_before_and_after(padding, read):
    assert (
        convcli.load([{"conv1d": {"filters": 1, "kernel_size": 3, "padding": padding}}]).nodes[0].layer.padding == read
    )


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
def test_an_argument_that_will_not_do_is_an_error(arguments):
    with pytest.raises(ConvcliError):
        conv(**arguments)


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
            "kernel_constraint=None",
        ),
        *("seed=3", "lora_rank=4"),
    ],
)
def test_what_only_training_needs_is_left_out_with_a_warning(argument):
    name = argument.partition("=")[0]
    with pytest.warns(UserWarning, match=rf"^layer dense: {name} is ignored: it matters only in training \(--seed"):
        model = convcli.load([f"Dense(2, {argument})"])
    assert model.nodes == convcli.load(["Dense(2)"]).nodes


# ---- weights ----


def params(**arguments):
    summary = convcli.summarize(convcli.load([{"conv2d": arguments}]), (8, 8, 1))
    return summary["params"]


def test_beside_given_filters_the_bias_is_zero_and_counts():
    assert params(filters="sobel-x") == 9 + 1
    assert params(filters="sobel-x", bias=2) == 9 + 1
    assert params(filters="sobel-x", use_bias=False) == 9
    assert result({"layers": [{"conv1d": {"filters": "bump"}}]}, [1, 2, 3]) == [[[2]]]


def test_without_weights_a_layer_is_counted_and_not_applied():
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
def test_what_the_weights_imply_may_be_said_again(arguments):
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
        assert result({"layers": [{"conv1d": {"filters": ["bump", "bump"], "bias": bias}}]}, [1, 2, 3]) == [[expected]]


def test_every_weight_may_be_in_the_model():
    layers = [
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
    assert result({"layers": layers}, [[[1.0], [-1.0], [1.0]]]) == [[[0.5 * -19], [21]]]


# ---- bad input ----


@pytest.mark.parametrize("dims", ["('a', 1)", "(None, 1)", "(2.0, 1.0)", "(2, True)"])
def test_dims_of_permute_are_whole_numbers(dims):
    with pytest.raises(ConvcliError):
        convcli.load([f"Permute({dims})"])


def test_a_variance_is_not_negative():
    with pytest.raises(ConvcliError):
        convcli.summarize(convcli.load(["Normalization(mean=0, variance=-1)"]), (4,))


@pytest.mark.parametrize("layer", ["Dense(2)", "BatchNormalization()"])
def test_a_layer_after_a_reshape_to_nothing_is_an_error(layer):
    with pytest.raises(ConvcliError):
        convcli.summarize(convcli.load(["Reshape(())", layer]), (1, 1))


@pytest.mark.parametrize(
    "layer", [f"Rescaling({10**400})", f"Add(inputs=['input', {10**400}])"], ids=["argument", "input"]
)
def test_a_number_that_is_too_large_is_an_error(layer):
    with pytest.raises(ConvcliError):
        result({"layers": [layer]}, [[1.0]])


def test_an_axis_that_is_named_twice_is_an_error():
    with pytest.raises(ConvcliError):
        result({"layers": ["Softmax(axis=[1, 1])"]}, [[1.0]])


def test_an_extent_of_too_many_digits_is_an_error():
    with pytest.raises(ConvcliError):
        parse_shape("8" * 5000)


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


def test_upsampling_without_measure_leaves_open_what_is_seen():
    (row,) = convcli.summarize(convcli.load(["UpSampling1D(1000000000)"]), (8, 1))["layers"]
    assert (row["output_shape"], row["receptive_field"], row["jump"]) == ([None, 8_000_000_000, 1], [None], [None])


def test_layers_that_agree_on_a_data_format_speak_for_the_model():
    model = convcli.load(["Conv2D(4, 3, data_format='channels_first')", "flatten"])
    assert convcli.summarize(model, (3, 8, 9))["layers"][0]["output_shape"] == [None, 4, 6, 7]


def test_an_unknown_data_format_is_an_error():
    with pytest.raises(ConvcliError):
        convcli.load(["flatten"], data_format="NHWC")


@pytest.mark.parametrize("argument", ["kernel_size", "groups"])
def test_a_bad_argument_beside_given_weights_is_named(argument):
    with pytest.raises(ConvcliError) as caught:
        convcli.load([{"conv2d": {"filters": "sobel-x", argument: "abc"}}])
    assert str(caught.value).startswith(f"layer conv2d: {argument}: 'abc'")


@pytest.mark.parametrize("layer", ["gelu('relu')", {"gelu": {"activation": "relu"}}])
def test_an_activation_by_its_own_name_takes_no_other(layer):
    with pytest.raises(ConvcliError):
        convcli.load([layer])


# ---- a layer that is called again ----

TWICE = {
    "input": {"left": [8, 1], "right": [8, 1]},
    "layers": [
        {"conv1d": {"name": "eye", "filters": 2, "kernel_size": 3, "inputs": "left"}},
        {"shared": {"layer": "eye", "inputs": "right"}},
        "shared('eye', inputs='left')",
        {"subtract": {"inputs": ["eye", "eye#2"]}},
    ],
}


def test_a_later_call_has_a_row_and_no_parameters():
    rows = convcli.summarize(convcli.load(TWICE))["layers"]
    assert [(row["name"], row["params"]) for row in rows] == [("eye", 8), ("eye#2", 0), ("eye#3", 0), ("subtract", 0)]


def test_a_later_call_uses_the_weights_of_the_first():
    x = np.arange(8.0)
    both = convcli.apply(convcli.load(TWICE), {"left": x, "right": 2 * x}, seed=1)
    first = convcli.apply(convcli.load(["Conv1D(2, 3, name='eye')"]), x, seed=1)
    assert np.allclose(both, first - convcli.apply(convcli.load(["Conv1D(2, 3, name='eye')"]), 2 * x, seed=1))


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("shared('nose')", "layers[1]: layer: no layer 'nose' before this call (known: eye)"),
        ({"shared": {"layer": "eye", "name": "x"}}, "layers[1]: shared has no argument 'name' (layer, inputs)"),
        (
            {"shared": {"layer": "eye", "inputs": "iput"}},
            "layers[1]: layer eye#2: inputs: no layer or input 'iput' before this one (did you mean input?)",
        ),
        ("shared('eye', 'input')", "layers[1]: shared takes 1 arguments by position, got 2 (in order: layer)"),
    ],
)
def test_what_is_no_later_call(entry, message):
    with pytest.raises(ConvcliError) as caught:
        convcli.load(["Conv1D(2, 3, name='eye')", entry])
    assert str(caught.value) == message


def test_a_later_call_needs_the_same_weights():
    model = convcli.load(["Conv1D(2, 3, name='eye')", "shared('eye')"])
    with pytest.raises(ConvcliError) as caught:
        convcli.summarize(model, (8, 1))
    assert str(caught.value) == (
        "layer eye#2: kernel: (3, 2, 2) here, (3, 1, 2) at its first call (inputs that need the same weights)"
    )
