"""Where the values of weights come from: a file, the model, or a draw. Messages are in test_messages."""

from __future__ import annotations

from math import sqrt
from pathlib import Path

import numpy as np
import pytest

import convcli
from convcli.core.errors import ConvcliError
from convcli.engine.bind_weights import WeightSource, bind
from convcli.io.weights_file import load
from convcli.model.plan import make_plan


def plan(*layers, shape=(4, 3)):
    model = convcli.load(list(layers))
    return make_plan(model, {"input": shape})


def bound(*layers, stored=None, seed=None, dtype="float64", shape=(4, 3)):
    return bind(plan(*layers, shape=shape), WeightSource(stored, seed=seed), dtype)


@pytest.mark.parametrize(
    ("layer", "shapes"),
    [
        ("Conv1D(2, 3)", {"kernel": (3, 3, 2), "bias": (2,)}),
        ("Conv1D(2, 3, use_bias=False)", {"kernel": (3, 3, 2)}),
        ("Conv1DTranspose(2, 3)", {"kernel": (3, 2, 3), "bias": (2,)}),
        ("DepthwiseConv1D(3, depth_multiplier=2)", {"kernel": (3, 3, 2), "bias": (6,)}),
        ("SeparableConv1D(2, 3)", {"depthwise_kernel": (3, 3, 1), "pointwise_kernel": (1, 3, 2), "bias": (2,)}),
        ("Dense(2)", {"kernel": (3, 2), "bias": (2,)}),
        ("BatchNormalization()", {"gamma": (3,), "beta": (3,), "moving_mean": (3,), "moving_variance": (3,)}),
        ("BatchNormalization(center=False, scale=False)", {"moving_mean": (3,), "moving_variance": (3,)}),
        ("LayerNormalization()", {"gamma": (3,), "beta": (3,)}),
        ("GroupNormalization(1)", {"gamma": (3,), "beta": (3,)}),
        ("Normalization()", {"mean": (3,), "variance": (3,)}),
        ("LayerScale()", {"gamma": (3,)}),
        ("PReLU()", {"alpha": (4, 3)}),
        ("PReLU(shared_axes=[1])", {"alpha": (1, 3)}),
        ("Flatten()", {}),
    ],
)
def test_variables_are_named_and_shaped_as_in_keras(layer, shapes):
    (values,) = bound(layer, seed=0).values()
    assert {name: value.shape for name, value in values.items()} == shapes


def test_kernels_are_drawn_uniform_within_glorot_s_limit():
    values = bound("Conv1D(50, 7)", seed=1, shape=(9, 3))["conv1d"]
    limit = sqrt(6 / (7 * 3 + 7 * 50))  # Glorot and Bengio, 2010
    assert 0.95 * limit < np.abs(values["kernel"]).max() <= limit
    assert abs(values["kernel"].mean()) < 0.1 * limit
    assert np.abs(values["kernel"]).mean() == pytest.approx(limit / 2, rel=0.1)
    assert not values["bias"].any()


def test_what_is_not_a_kernel_starts_as_in_keras():
    values = bound("BatchNormalization()", "LayerScale(0.5)", "PReLU()", seed=1)
    assert {f"{layer}/{name}": set(value.flat) for layer, each in values.items() for name, value in each.items()} == {
        "batch_normalization/gamma": {1},
        "batch_normalization/beta": {0},
        "batch_normalization/moving_mean": {0},
        "batch_normalization/moving_variance": {1},
        "layer_scale/gamma": {0.5},
        "p_re_lu/alpha": {0},
    }


def test_a_draw_depends_on_the_seed_and_the_name_alone():
    alone = bound("Dense(3, name='a')", seed=1)["a"]["kernel"]
    second = bound("Dense(3, name='b')", "Dense(3, name='a')", seed=1)
    assert np.array_equal(second["a"]["kernel"], alone)
    assert not np.array_equal(second["b"]["kernel"], alone)
    assert not np.array_equal(bound("Dense(3, name='a')", seed=2)["a"]["kernel"], alone)


def test_a_file_comes_before_the_model_and_the_model_before_a_draw():
    layer = {"dense": {"units": 1, "kernel": [[1], [2], [3]]}}
    stored = {"dense/kernel": np.array([[7], [8], [9]])}
    assert bound(layer, stored=stored, seed=1)["dense"]["kernel"].tolist() == [[7], [8], [9]]
    assert bound(layer, seed=1)["dense"]["kernel"].tolist() == [[1], [2], [3]]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_weights_are_of_the_type_that_is_computed_in(dtype):
    stored = {"dense/kernel": np.ones((3, 1), "int8")}
    (values,) = bound({"dense": {"units": 1, "bias": 2}}, stored=stored, dtype=dtype).values()
    assert {value.dtype.name for value in values.values()} == {dtype}


def test_a_number_fills_its_weight():
    assert bound({"dense": {"units": 2, "kernel": np.ones((3, 2)), "bias": 5}})["dense"]["bias"].tolist() == [5, 5]


def test_a_key_that_no_layer_wants_is_a_warning():
    with pytest.warns(UserWarning, match=r"^weights: no layer wants dense/gamma$"):
        bound("Dense(1)", stored={"dense/gamma": np.ones(1)}, seed=1)
    with pytest.warns(UserWarning, match=r"^weights: no layer wants a/gamma and 2 others$") as caught:
        bound("Dense(1)", stored={f"{name}/gamma": np.ones(1) for name in "abc"}, seed=1)
    assert len(caught) == 1


def test_count_is_accepted_and_unused():
    stored = {f"normalization/{name}": np.ones(3) for name in ("mean", "variance")}
    values = bound("Normalization()", stored={**stored, "normalization/count": np.array(5)})
    assert sorted(values["normalization"]) == ["mean", "variance"]


@pytest.mark.parametrize(
    "value",
    [
        np.ones(3),
        np.ones((3, 2)),
        np.ones((1, 3)),
        np.ones((3, 1), complex),
        np.array([["a"]] * 3),
        np.full((3, 1), 2**53 + 1),
    ],
)
def test_an_array_that_will_not_do_is_an_error(value):
    with pytest.raises(ConvcliError, match=r"^weights: dense/kernel: "):
        bound("Dense(1)", stored={"dense/kernel": value}, seed=1)


@pytest.mark.parametrize("missing", ["kernel", "bias"])
def test_a_missing_weight_is_an_error(missing):
    stored = {"dense/kernel": np.ones((3, 1)), "dense/bias": np.ones(1)}
    del stored[f"dense/{missing}"]
    with pytest.raises(ConvcliError, match=f"^layer dense: no values for {missing} "):
        bound("Dense(1)", stored=stored)


def test_a_weights_file(convcli, tmp_path):
    np.savez(tmp_path / "w.npz", **{"conv1d/kernel": np.array([[[1]], [[10]]]), "conv1d/bias": [0.5]})
    assert sorted(load(str(tmp_path / "w.npz"))) == ["conv1d/bias", "conv1d/kernel"]
    done = convcli("apply", "-", "-l", "Conv1D(1, 2)", "--weights", tmp_path / "w.npz", "-f", "csv", stdin="1,2,3")
    assert done.output == "21.5,32.5\n"


def test_keys_as_keras_2_names_its_variables(tmp_path):
    file = tmp_path / "w.npz"
    np.savez(file, **{"depthwise_conv1d/depthwise_kernel:0": np.ones((3, 2, 1)), "depthwise_conv1d/bias:0": np.ones(2)})
    found = convcli.apply(convcli.load(["DepthwiseConv1D(3)"]), np.ones((3, 2)), weights=load(str(file)))
    assert found.tolist() == [[[4, 4]]]


def test_a_variable_without_a_name_is_its_layer_s_only_one():
    stored = {"layer_scale/variable_7": np.array([2.0, 3.0])}
    assert convcli.apply(convcli.load(["LayerScale()"]), np.ones((1, 2)), weights=stored).tolist() == [[2, 3]]


def test_of_several_keys_the_one_of_the_right_shape_is_meant():
    stored = {"d/kernel": np.ones((4, 3)), "model/d/kernel": np.full((3, 2), 2.0)}
    with pytest.warns(UserWarning, match="no layer wants d/kernel"):
        found = bind(plan("Dense(2, use_bias=False, name='d')", shape=(3,)), WeightSource(stored), "float64")
    assert found["d"]["kernel"].tolist() == [[2, 2]] * 3


# ---- PyTorch's names and layouts ----

CHECKPOINTS = Path(__file__).parents[1] / "reference" / "checkpoints"  # make_checkpoints.py


def test_a_state_dict_gives_a_printed_model_the_numbers_of_pytorch():
    model, expected = convcli.load(CHECKPOINTS / "network.txt"), np.load(CHECKPOINTS / "network.npz")
    output = convcli.apply(model, expected["input"], weights=str(CHECKPOINTS / "network.pth"))
    np.testing.assert_allclose(output, expected["output"], rtol=1e-10, atol=1e-10 * abs(expected["output"]).max())


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("0.weight", "w: 0.weight: shape (2, 3, 5) ((2, 3, 4) here)"),  # (filters, channels, cells)
        ("0.gain", "layer 0: no values for kernel (4, 3, 2): w holds 0.gain (one 0.weight, or seed=N)"),
    ],
)
def test_messages_about_a_state_dict_speak_of_pytorch(key, message):
    layers = make_plan(convcli.load(["nn.Conv1d(3, 2, 4, bias=False)"]), {"input": (8, 3)})
    with pytest.raises(ConvcliError) as caught:
        bind(layers, WeightSource({key: np.ones((2, 3, 5))}, "w"), "float64")
    assert str(caught.value) == message


def test_the_count_of_batches_of_a_state_dict_is_no_surprise(recwarn):
    layers = make_plan(convcli.load(["nn.BatchNorm1d(3)"]), {"input": (8, 3)})
    names = ("weight", "bias", "running_mean", "running_var")
    stored = {f"0.{name}": np.ones(3) for name in names} | {"0.num_batches_tracked": np.array(7)}
    assert {*bind(layers, WeightSource(stored), "float64")["0"]} == {"gamma", "beta", "moving_mean", "moving_variance"}
    assert not recwarn.list
