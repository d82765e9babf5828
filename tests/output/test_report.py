"""Answers as data."""

from __future__ import annotations

import pytest

import convcli
from convcli.core.errors import ConvcliError
from convcli.model.plan import make_plan
from convcli.output.report import apply as report
from convcli.output.report.diff import compare


def plan(layers, shape, **rest):
    model = convcli.load({"layers": layers, **rest})
    return make_plan(model, dict.fromkeys(model.inputs, shape))


def test_the_keys_of_the_json_are_promises():
    summary = convcli.summarize(convcli.load(["Conv2D(40, 3)"]), (28, 28, 1))
    assert list(summary) == [
        *("name", "data_format", "input_shape", "output_shape", "params", "trainable_params", "non_trainable_params"),
        *("macs", "layers"),
    ]
    assert summary["layers"] == [
        {
            "name": "conv2d",
            "type": "Conv2D",
            "inputs": ["input"],
            "output_shape": [None, 26, 26, 40],
            "kernel_shape": [3, 3, 1, 40],
            "kernels_2d": 40,
            "params": 400,
            "trainable_params": 400,
            "macs": 26 * 26 * 3 * 3 * 40,
            "receptive_field": [3, 3],
            "jump": [1, 1],
        }
    ]


def test_a_separable_layer_has_two_kernels():
    (row,) = convcli.summarize(convcli.load(["SeparableConv2D(8, 3, depth_multiplier=2)"]), (9, 9, 4))["layers"]
    assert row["kernel_shape"] == [3, 3, 4, 2]
    assert row["pointwise_kernel_shape"] == [1, 1, 8, 8]
    assert row["macs"] == 7 * 7 * (3 * 3 * 4 * 2 + 8 * 8)


def test_a_layer_without_a_kernel_has_null():
    (row,) = convcli.summarize(convcli.load(["MaxPooling2D()"]), (9, 9, 4))["layers"]
    assert (row["kernel_shape"], row["kernels_2d"], row["macs"]) == (None, None, 0)


def test_channels_first_shapes_are_in_their_order():
    summary = convcli.summarize(convcli.load(["Conv2D(40, 3)"], data_format="channels_first"), (1, 28, 20))
    assert summary["input_shape"] == [None, 1, 28, 20]
    assert summary["output_shape"] == [None, 40, 26, 18]
    assert summary["layers"][0]["kernel_shape"] == [3, 3, 1, 40]


def test_macs_are_unknown_where_an_extent_is():
    summary = convcli.summarize(convcli.load(["Conv2D(4, 3)", "GlobalMaxPooling2D()", "Dense(2)"]), ("?", 8, 1))
    assert [row["macs"] for row in summary["layers"]] == [None, 0, 4 * 2]
    assert summary["macs"] is None
    assert summary["layers"][1]["receptive_field"] == [None, 8]


def test_it_says_what_was_done_with_the_kernels():
    layers = ["Conv1D(1, 3)", "Conv1D(1, 3, flip_kernel=True)", "Conv1DTranspose(1, 2)", "Dense(2)"]
    assert report.kernel_notes(plan(layers, (9, 1))) == (
        "Cross-correlation (the kernel is not flipped): conv1d",
        "Convolution (the kernel is flipped): conv1d_1",
        "Transposed cross-correlation (the kernel is not flipped): conv1d_transpose",
    )


# ---- what is asked for besides ----


def test_memory_is_weights_and_the_values_alive_at_once():
    # While b is computed, x, a and b are alive: the branch needs x again.
    layers = ["Conv1D(2, 1, name='a')", "Conv1D(3, 1, name='b')", "Conv1D(4, 1, inputs='input', name='c')"]
    model = convcli.load([*layers, "Concatenate(inputs=['b', 'c'])"])
    summary = convcli.summarize(model, (10, 1), memory=True)
    assert summary["weight_bytes"] == 4 * summary["params"] == 4 * ((1 + 1) * 2 + (2 + 1) * 3 + (1 + 1) * 4)
    assert [row["output_bytes"] for row in summary["layers"]] == [4 * 10 * n for n in (2, 3, 4, 7)]
    # x + a, x + a + b, x + b + c, b + c + joined
    assert summary["peak_activation_bytes"] == max(4 * 10 * n for n in (1 + 2, 1 + 2 + 3, 1 + 3 + 4, 3 + 4 + 7))
    assert summary["peak_activation_layer"] == "concatenate"


def test_outputs_stay_alive_to_the_end():
    layers = ["Conv1D(5, 1, name='a')", "Conv1D(1, 1, name='b')", "Conv1D(1, 1, name='c')"]
    model = convcli.load({"layers": layers, "outputs": ["a", "c"]})
    # a + b + c, and not b + c alone
    assert convcli.summarize(model, (10, 1), memory=True)["peak_activation_bytes"] == 4 * 10 * (5 + 1 + 1)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"dtype": "float128"}, "dtype: 'float128' (one of float32, float64, float16, bfloat16, int8)"),
        ({"count": "x"}, "count: 'x' (one of macs, flops, detail)"),
        ({"batch": 0}, "batch: 0 (a whole number of at least 1)"),
        ({"at": (-1,)}, "at: [-1] (an index for each axis in space, from 0)"),
        (
            {"at": (3,)},
            "no layer's output has a cell 3 (an index for each axis in space, from 0; the largest output has (8, 8))",
        ),
    ],
)
def test_what_cannot_be_asked(asked, message):
    with pytest.raises(ConvcliError) as caught:
        convcli.summarize(convcli.load(["Conv2D(1, 1)", "Flatten()"]), (8, 8, 1), **asked)
    assert str(caught.value) == message


def test_memory_grows_with_the_batch_and_the_type():
    model = convcli.load(["Conv1D(2, 3)"])
    one = convcli.summarize(model, (10, 1), memory=True)
    many = convcli.summarize(model, (10, 1), memory=True, batch=8, dtype="float16")
    assert many["peak_activation_bytes"] == 8 * one["peak_activation_bytes"] // 2
    assert many["weight_bytes"] == one["weight_bytes"] // 2
    assert many["output_shape"] == [8, 8, 2]
    assert convcli.summarize(model, ("?", 1), memory=True)["peak_activation_bytes"] is None


def test_every_way_of_counting():
    # What popular tools print for this layer; ours is the first.
    model = convcli.load(["Conv2DTranspose(32, 4, strides=2, padding=1)"])
    summary = convcli.summarize(model, (16, 16, 64), count="detail")
    assert summary["macs"] == 16 * 16 * 4 * 4 * 64 * 32 == 8_388_608
    assert summary["flops"] == 2 * 8_388_608
    assert summary["macs_with_bias"] == 8_388_608 + 32 * 32 * 32 == 8_421_376
    assert summary["macs_over_output"] == 32 * 32 * 4 * 4 * 64 * 32 == 33_554_432
    assert list(convcli.summarize(model, (16, 16, 64), count="flops")["layers"][0])[8:10] == ["macs", "flops"]


def seen(layers, shape, cell):
    rows = convcli.summarize(convcli.load(layers), shape, at=cell)["layers"]
    return [(row["window"], row["window_padding"]) for row in rows]


def test_what_a_cell_sees_is_clipped_and_what_falls_in_the_padding_is_named():
    chain = ["Conv2D(1, 3, padding='same')", "Conv2D(1, 5, strides=2, padding=1)"]
    assert seen(chain, (8, 9, 1), (0, 3)) == [
        ([[0, 1], [2, 4]], [[1, 0], [0, 0]]),
        ([[0, 4], [4, 8]], [[2, 0], [0, 2]]),
    ]


def test_a_layer_without_such_a_cell_sees_nothing_and_one_without_space_all():
    stack = ["Conv1D(1, 1)", "MaxPooling1D(4)", "Flatten()"]
    assert seen(stack, (8, 1), (2,)) == [([[2, 2]], [[0, 0]]), (None, None), ([[0, 7]], [[0, 0]])]


def test_unknown_extents_leave_open_what_is_seen():
    assert seen(["Conv2D(1, 3)"], ("?", 9, 1), (1, 1)) == [([None, [1, 3]], [None, [0, 0]])]


def test_two_models_side_by_side():
    a = convcli.summarize(convcli.load(["Conv2D(4, 3)", "ReLU()", "Flatten()", "Dense(10)"]), (9, 9, 1))
    b = convcli.summarize(convcli.load(["Conv2D(8, 3)", "Flatten()", "Dropout(0.5)", "Dense(10)"]), (9, 9, 1))
    answer = compare(a, b)
    names = [tuple(row and row["name"] for row in (pair.a, pair.b)) for pair in answer.pairs]
    assert names == [
        ("conv2d", "conv2d"),
        ("re_lu", None),
        ("flatten", "flatten"),
        (None, "dropout"),
        ("dense", "dense"),
    ]
    assert answer.pairs[0].differs == ["output_shape", "kernel_shape", "params", "trainable_params", "macs"]
    assert answer.ratio["macs"] == b["macs"] / a["macs"]
    assert (answer.exit_code, compare(a, a).exit_code) == (1, 0)


def test_names_make_no_difference():
    a, b = (convcli.summarize(convcli.load([f"Conv1D(1, 3, name='{name}')"]), (9, 1)) for name in "ab")
    assert compare(a, b).exit_code == 0


def test_a_receptive_field_makes_a_difference():
    a, b = (
        convcli.summarize(convcli.load([f"Conv1D(1, 3, padding='same', dilation_rate={rate})"]), (9, 1))
        for rate in (1, 2)
    )
    assert compare(a, b).pairs[0].differs == ["receptive_field"]
