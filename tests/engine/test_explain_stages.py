"""The working behind a value: it ends in what the engine computes, and says which cells it is made of."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from runs import explained
from strategies import layers

import convcli
from convcli.engine.explain.stages import (
    ActivationStage,
    CopyStage,
    DotProductStage,
    MergeStage,
    NormalizeStage,
    PoolStage,
    ScaleStage,
)


def last_stage(layer, x, cell, **settings):
    """The last stage of the working behind a cell of one sample, `(*spatial, channel)`."""
    model = convcli.load([layer])
    return explained(model, {"input": np.asarray(x, float)}, **settings).explainer.stages(cell)[-1]


@settings(max_examples=200, deadline=None)
@given(layers, st.integers(0, 99), st.data())
def test_the_working_of_every_kind_of_layer_ends_in_the_value_that_is_applied(setting, seed, data):
    layer, shape = setting
    model, x = convcli.load([layer]), np.random.default_rng(seed).integers(-9, 10, (2, *shape)).astype(float)
    applied = convcli.apply(model, x, seed=seed)
    explainer = explained(model, {"input": x}, sample=1, seed=seed).explainer
    cell = tuple(data.draw(st.integers(0, extent - 1)) for extent in applied.shape[1:])
    stages = explainer.stages(cell)
    np.testing.assert_allclose(stages[-1].value, applied[1][cell], rtol=1e-12, atol=1e-12)
    for stage in stages:
        if isinstance(stage, DotProductStage):
            sums = stage.products.sum(axis=tuple(range(stage.products.ndim - 1)))
            np.testing.assert_allclose(stage.channel_sums, sums, rtol=1e-12, atol=1e-12)
            np.testing.assert_allclose(
                stage.value if stage.per_channel else stage.sum, sums if stage.per_channel else sums.sum()
            )
        if isinstance(stage, DotProductStage | PoolStage) and stage.patch.cells is not None and len(stages) < 3:
            assert_cells_are_where_the_input_has_them(stage, x[1])


def assert_cells_are_where_the_input_has_them(stage, x):
    channels = stage.channels if isinstance(stage, DotProductStage) else None
    for place in np.ndindex(*stage.patch.inside.shape):
        origin = tuple(stage.patch.cells[place])
        if min(origin, default=0) < 0:
            assert not stage.patch.inside[place]
        elif channels and stage.name != "pointwise_kernel":
            assert np.array_equal(stage.patch.values[place], x[origin][list(channels)])
        elif channels is None:
            assert stage.patch.values[place] in x[origin]


def test_a_dot_product_by_hand():
    # 0·0 + 1·1 + 0·1 = 1, and 1 - 0.5
    stage = last_stage("Conv1D([[0, 1, 0]])", [0, 0, 0, 1, 1, 0, 0, 0], (2, 0))
    assert (stage.patch.values.ravel().tolist(), stage.kernel.ravel().tolist()) == ([0, 1, 1], [0, 1, 0])
    assert (stage.products.ravel().tolist(), stage.sum, stage.patch.cells.ravel().tolist()) == ([0, 1, 0], 1, [2, 3, 4])


def test_a_flipped_filter_is_shown_as_it_meets_the_input():
    stage = last_stage({"conv1d": {"filters": [[1, 2, 3]], "flip_kernel": True}}, [5, 7, 11], (0, 0))
    assert (stage.kernel.ravel().tolist(), stage.sum) == ([3, 2, 1], 3 * 5 + 2 * 7 + 1 * 11)
    assert stage.flipped


def test_padding_is_not_inside_whatever_it_holds():
    zeros = last_stage("Conv1D([[1, 1, 1]], padding='same')", [4, 5, 6], (0, 0)).patch
    assert (zeros.values.ravel().tolist(), zeros.inside.tolist(), zeros.cells.ravel().tolist()) == (
        [0, 4, 5],
        [False, True, True],
        [-1, 0, 1],
    )
    mirrored = last_stage("Conv1D([[1, 1, 1]], padding='same', padding_mode='reflect')", [4, 5, 6], (0, 0)).patch
    assert (mirrored.values.ravel().tolist(), mirrored.inside.tolist(), mirrored.cells.ravel().tolist()) == (
        [5, 4, 5],
        [False, True, True],
        [1, 0, 1],
    )


def test_which_input_cells_reach_an_output_of_a_transposed_convolution():
    # Stretched by 2 the input is 4 0 5 0 6; the kernel meets it in reverse, so output 2 is 1·5 + 3·4.
    stage = last_stage("Conv1DTranspose([[1, 2, 3]], strides=2)", [4, 5, 6], (2, 0))
    assert (stage.patch.values.ravel().tolist(), stage.patch.cells.ravel().tolist()) == ([4, 0, 5], [0, -1, 1])
    assert (stage.kernel.ravel().tolist(), stage.sum) == ([3, 2, 1], 3 * 4 + 1 * 5)
    assert stage.patch.inside.tolist() == [True, False, True]


def test_a_group_sees_its_own_channels():
    model = convcli.load([{"conv1d": {"filters": 4, "kernel_size": 1, "groups": 2}}])
    x = np.arange(8.0).reshape(1, 2, 4)
    stage = explained(model, {"input": x}, seed=1).explainer.stages((1, 3))[-1]
    assert (stage.channels, stage.patch.values.ravel().tolist()) == ((2, 3), [6, 7])


@pytest.mark.parametrize(
    ("x", "winner"), [([1, 5, 5], (1,)), ([-2, -1, -3], (1,)), ([1, float("nan"), 3], (1,)), ([7, 7, 7], (0,))]
)
def test_the_first_of_the_greatest_cells_wins(x, winner):
    stage = last_stage("MaxPooling1D(3)", x, (0, 0))
    np.testing.assert_equal((stage.winner, stage.value), (winner, np.max(x)))


def test_padding_never_wins_and_counts_in_a_mean_only_where_it_is_asked_to():
    assert last_stage("MaxPooling1D(2, padding=1)", [-4, -5], (0, 0)).value == -4
    for include, count in ((False, 1), (True, 2)):
        layer = {"average_pooling1d": {"pool_size": 2, "padding": 1, "count_include_pad": include}}
        stage = last_stage(layer, [4, 5], (0, 0))
        assert (stage.count, stage.value) == (count, 4 / count)


def test_padding_never_wins_even_where_all_is_minus_infinity():
    stage = last_stage("MaxPooling1D(3, padding='same', strides=1)", [-np.inf] * 3, (0, 0))
    assert (stage.winner, stage.value) == ((1,), -np.inf)


def test_cells_beyond_the_padding_do_not_count_in_a_mean():
    # 0 1 2 3 4 5 6 0 with windows of three, three apart: the last covers 6, padding, and a cell that is not there.
    arguments = {"pool_size": 3, "strides": 3, "padding": 1, "ceil_mode": True, "count_include_pad": True}
    layer = {"average_pooling1d": arguments}
    assert [last_stage(layer, [1, 2, 3, 4, 5, 6], (place, 0)).count for place in range(3)] == [3, 3, 2]


@pytest.mark.parametrize("activation", ["softmax", "log_softmax", "glu"])
@pytest.mark.parametrize("layer", ["dense", "conv2d", "conv2d_transpose"])
def test_an_activation_along_the_channels_takes_all_of_them_with_their_biases(layer, activation):
    arguments = {"activation": activation, "units" if layer == "dense" else "filters": 4}
    model = convcli.load([{layer: arguments if layer == "dense" else {**arguments, "kernel_size": 2}}])
    x = np.random.default_rng(0).normal(size=(1, 3, 3, 2))
    weights = {f"{layer}/bias": np.array([3.0, -1, 2, 0.5])}
    applied = convcli.apply(model, x, weights=weights, seed=1)[0]
    explainer = explained(model, {"input": x}, weights=weights, seed=1).explainer
    for channel in range(applied.shape[-1]):
        (*_, last) = explainer.stages((1, 0, channel))
        np.testing.assert_allclose(last.value, applied[1, 0, channel], rtol=1e-12)
        assert last.axis_values.shape == (4,)


def test_values_side_by_side_are_found_in_their_operands():
    model = convcli.load([{"rescaling": {"scale": 10}}, {"concatenate": {"inputs": ["input", "rescaling"]}}])
    explainer = explained(model, {"input": np.array([[1.0, 2]])}).explainer
    found = [explainer.stages((channel,))[0] for channel in range(4)]
    assert [(each.operand, each.cell, each.value) for each in found] == [
        ("input", (0,), 1),
        ("input", (1,), 2),
        ("rescaling", (0,), 10),
        ("rescaling", (1,), 20),
    ]


def test_statistics_say_how_many_values_they_are_of():
    x = np.arange(24.0).reshape(1, 3, 2, 4)
    assert last_stage("GlobalAveragePooling2D()", x, (0,)).count == 6
    assert last_stage("GroupNormalization(2, center=False, scale=False)", x, (0, 0, 0)).count == 3 * 2 * 2


def test_a_learned_slope_holds_below_zero():
    layer = {"p_re_lu": {"alpha": [[0.25, 0.5]]}}
    assert last_stage(layer, [[[-8.0, -8.0]]], (0, 1)).value == -4


def test_a_value_along_another_axis_has_no_places_in_space():
    model, x = convcli.load(["Dense(2, axis=1)"]), np.arange(24.0).reshape(1, 3, 2, 4)
    (stage,) = explained(model, {"input": x}, seed=1).explainer.stages((1, 0, 0))
    assert stage.patch.cells is None
    assert stage.patch.values.ravel().tolist() == [0, 8, 16]


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "lanczos5"])
@pytest.mark.parametrize("odd", [np.nan, np.inf])
def test_cells_of_no_weight_take_no_part_whatever_they_hold(interpolation, odd):
    model, x = convcli.load([f"UpSampling2D(3, interpolation='{interpolation}')"]), np.ones((1, 5, 5, 1))
    x[0, 2, 2] = odd
    applied, explainer = convcli.apply(model, x), explained(model, {"input": x}).explainer
    values = [explainer.stages((row, column, 0))[-1].value for row, column in np.ndindex(15, 15)]
    np.testing.assert_allclose(np.reshape(values, (15, 15)), applied[0, ..., 0], rtol=1e-12)
    # Halfway between cells the middle one has no weight there; of lanczos5 it is 0 but for rounding.
    assert np.isfinite(applied[0, 7, 1]) or interpolation == "lanczos5"


@pytest.mark.parametrize(
    ("layer", "kind"),
    [
        ("BatchNormalization()", ScaleStage),
        ("LayerNormalization(center=False, scale=False)", NormalizeStage),
        ("Softmax()", ActivationStage),
        ("glu", ActivationStage),
        ("Add(inputs=['input', 2])", MergeStage),
        ("UpSampling1D(2)", CopyStage),
        ("Dropout(0.5)", CopyStage),
        ("GlobalMaxPooling1D(keepdims=True)", PoolStage),
    ],
)
def test_each_kind_of_layer_has_its_own_kind_of_working(layer, kind):
    stage = last_stage(layer, np.arange(8.0).reshape(1, 2, 4), (0, 1), seed=1)
    assert isinstance(stage, kind)


@pytest.mark.parametrize(
    ("layer", "value"),
    [
        ("Average(inputs=['input', 'input', 5])", (2 + 2 + 5) / 3),
        ("Subtract(inputs=[5, 'input'])", 5 - 2),
        ("Multiply(inputs=['input', 'input', 5])", 2 * 2 * 5),
        ("Minimum(inputs=[1, 'input'])", 1),
        ({"custom_scale_layer": {"scale": 3, "inputs": ["input", "input"]}}, 2 + 3 * 2),
    ],
)
def test_merges_by_hand(layer, value):
    assert last_stage(layer, [[2.0]], (0,)).value == value


def test_a_formula_has_all_its_numbers():
    numbers = last_stage("BatchNormalization()", [[2.0]], (0,), seed=1).parameters
    assert numbers == {"gamma": 1, "beta": 0, "moving_mean": 0, "moving_variance": 1, "epsilon": 1e-3}


def test_a_moved_value_says_where_it_stood():
    assert last_stage("ZeroPadding1D(1)", np.arange(3.0).reshape(1, 3, 1), (0, 0)).cell is None
    assert last_stage("ZeroPadding1D(1)", np.arange(3.0).reshape(1, 3, 1), (2, 0)).cell == (1, 0)
    assert last_stage("Flatten()", np.arange(6.0).reshape(1, 3, 2), (3,)).cell == (1, 1)


def test_a_separable_layer_has_two_stages():
    model = convcli.load(["SeparableConv1D(3, 2, depth_multiplier=2)"])
    x = np.array([[[1.0, 10], [2, 20]]])
    first, second = explained(model, {"input": x}, seed=1).explainer.stages((0, 1))
    assert (first.per_channel, first.channels, first.patch.values.tolist()) == (
        True,
        (0, 0, 1, 1),
        [[1, 1, 10, 10], [2, 2, 20, 20]],
    )
    assert np.array_equal(second.patch.values.ravel(), first.value)


def test_only_what_leads_to_the_layer_is_computed_and_on_one_sample():
    model = convcli.load(["Conv1D(2, 3, name='first')", "Conv1D(2, 3)", "Reshape((1, 2))"])
    x = np.zeros((3, 5, 1))
    x[1, 2] = 1
    found = explained(model, {"input": x}, "first", sample=1, seed=1)
    assert found.explainer.inputs[0].shape == (1, 5, 1)
    assert found.explainer.stages((0, 0))[0].patch.values.ravel().tolist() == [0, 0, 1]


def test_a_layer_that_is_called_again_uses_the_weights_of_its_first_call():
    layers = [{"dense": {"units": 2, "name": "twice"}}, {"shared": {"layer": "twice", "inputs": "twice"}}]
    model, x = convcli.load(layers), np.array([[1.0, 2]])
    applied = convcli.apply(model, x, seed=1)
    assert explained(model, {"input": x}, "twice#2", seed=1).explainer.stages((1,))[-1].value == applied[0, 1]
