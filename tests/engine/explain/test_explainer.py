"""The explanation of a value ends in what the engine computes, and says which cells the value is made of."""

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


def explainer_of(layers, x, name=None, **options):
    """Return what explains the layer of that name, by default the last, on one sample of `x`."""
    model = convcli.load(layers) if isinstance(layers, list) else layers
    return explained(model, {"input": np.asarray(x, float)}, name, **options).explainer


def last_stage(layer, x, cell, **options):
    """Return the last stage of the explanation of a cell of one sample, `(*position, channel)`."""
    return explainer_of([layer], x, **options).stages(cell)[-1]


@settings(max_examples=200, deadline=None)
@given(layers, st.integers(0, 99), st.data())
def test_the_explanation_of_every_kind_of_layer_ends_in_the_value_that_is_applied(case, seed, data):
    layer, shape = case
    x = np.random.default_rng(seed).integers(-9, 10, (2, *shape)).astype(float)
    applied = convcli.apply(convcli.load([layer]), x, seed=seed)
    cell = tuple(data.draw(st.integers(0, extent - 1)) for extent in applied.shape[1:])
    stages = explainer_of([layer], x, sample=1, seed=seed).stages(cell)
    np.testing.assert_allclose(stages[-1].value, applied[1][cell], rtol=1e-12, atol=1e-12)
    for stage in stages:
        if isinstance(stage, DotProductStage):
            check_sums(stage)
        if isinstance(stage, DotProductStage | PoolStage) and stage.patch.cells is not None and len(stages) < 3:
            check_cells(stage, x[1])


def check_sums(stage):
    """Check that the sums of a stage are those of its patch times its kernel."""
    channels = range(stage.kernel.shape[-1])
    sums = [np.vdot(stage.kernel[..., channel], stage.patch.values[..., channel]) for channel in channels]
    np.testing.assert_allclose(stage.channel_sums, sums, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(
        stage.value if stage.per_channel else stage.sum, sums if stage.per_channel else sum(sums), atol=1e-12
    )


def check_cells(stage, x):
    """Check that the cells of a patch are where the input has their values."""
    channels = stage.channels if isinstance(stage, DotProductStage) else None
    for index in np.ndindex(*stage.patch.inside.shape):
        origin = tuple(stage.patch.cells[index])
        if min(origin, default=0) < 0:
            assert not stage.patch.inside[index]
        elif channels and stage.name != "pointwise_kernel":
            assert np.array_equal(stage.patch.values[index], x[origin][list(channels)])
        elif channels is None:
            assert stage.patch.values[index] in x[origin]


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


def test_an_output_between_the_cells_of_a_far_stretched_input_meets_none_of_them():
    # The whole input, stretched, would take 8 TB.
    stage = last_stage("Conv2DTranspose(1, 3, strides=1000000)", np.ones((2, 2)), (1_000_001, 3, 0), seed=1)
    assert (stage.value, stage.patch.inside.any(), set(stage.patch.cells.ravel().tolist())) == (0, False, {-1})


def test_a_group_sees_its_own_channels():
    x = np.arange(8.0).reshape(1, 2, 4)
    stage = last_stage({"conv1d": {"filters": 4, "kernel_size": 1, "groups": 2}}, x, (1, 3), seed=1)
    assert (stage.channels, stage.patch.values.ravel().tolist()) == ((2, 3), [6, 7])


@pytest.mark.parametrize(
    ("x", "winner"), [([1, 5, 5], (1,)), ([-2, -1, -3], (1,)), ([1, float("nan"), 3], (1,)), ([7, 7, 7], (0,))]
)
def test_the_first_of_the_greatest_cells_wins(x, winner):
    stage = last_stage("MaxPooling1D(3)", x, (0, 0))
    np.testing.assert_equal((stage.winner, stage.value), (winner, np.max(x)))


def test_padding_never_wins_and_counts_in_a_mean_only_where_the_layer_says_so():
    assert last_stage("MaxPooling1D(2, padding=1)", [-4, -5], (0, 0)).value == -4
    for count_padding, count in ((False, 1), (True, 2)):
        layer = {"average_pooling1d": {"pool_size": 2, "padding": 1, "count_include_pad": count_padding}}
        stage = last_stage(layer, [4, 5], (0, 0))
        assert (stage.count, stage.value) == (count, 4 / count)


def test_padding_never_wins_even_where_all_is_minus_infinity():
    stage = last_stage("MaxPooling1D(3, padding='same', strides=1)", [-np.inf] * 3, (0, 0))
    assert (stage.winner, stage.value) == ((1,), -np.inf)


def test_cells_beyond_the_padding_do_not_count_in_a_mean():
    # 0 1 2 3 4 5 6 0 with windows of three, three apart: the last covers 6, padding, and a cell that is not there.
    arguments = {"pool_size": 3, "strides": 3, "padding": 1, "ceil_mode": True, "count_include_pad": True}
    layer = {"average_pooling1d": arguments}
    assert [last_stage(layer, [1, 2, 3, 4, 5, 6], (position, 0)).count for position in range(3)] == [3, 3, 2]


@pytest.mark.parametrize("activation", ["softmax", "log_softmax", "glu"])
@pytest.mark.parametrize("layer", ["dense", "conv2d", "conv2d_transpose"])
def test_an_activation_along_the_channels_takes_all_of_them_with_their_biases(layer, activation):
    arguments = {"activation": activation, "units" if layer == "dense" else "filters": 4}
    model = convcli.load([{layer: arguments if layer == "dense" else {**arguments, "kernel_size": 2}}])
    x = np.random.default_rng(0).normal(size=(1, 3, 3, 2))
    weights = {f"{layer}/bias": np.array([3.0, -1, 2, 0.5])}
    applied = convcli.apply(model, x, weights=weights, seed=1)[0]
    explainer = explainer_of(model, x, weights=weights, seed=1)
    for channel in range(applied.shape[-1]):
        (*_, last) = explainer.stages((1, 0, channel))
        np.testing.assert_allclose(last.value, applied[1, 0, channel], rtol=1e-12)
        assert last.axis_values.shape == (4,)


def test_a_concatenated_value_is_found_in_its_operand():
    layers = [{"rescaling": {"scale": 10}}, {"concatenate": {"inputs": ["input", "rescaling"]}}]
    explainer = explainer_of(layers, [[1.0, 2]])
    stages = [explainer.stages((channel,))[0] for channel in range(4)]
    assert [(stage.operand, stage.cell, stage.value) for stage in stages] == [
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


def test_cells_along_another_axis_have_no_positions_in_space():
    x = np.arange(24.0).reshape(1, 3, 2, 4)
    (stage,) = explainer_of(["Dense(2, axis=1)"], x, seed=1).stages((1, 0, 0))
    assert stage.patch.cells is None
    assert stage.patch.values.ravel().tolist() == [0, 8, 16]


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "lanczos5"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_cells_with_weight_zero_do_not_count_whatever_they_hold(interpolation, value):
    model, x = convcli.load([f"UpSampling2D(3, interpolation='{interpolation}')"]), np.ones((1, 5, 5, 1))
    x[0, 2, 2] = value
    applied, explainer = convcli.apply(model, x), explainer_of(model, x)
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
def test_each_kind_of_layer_has_its_own_kind_of_stage(layer, kind):
    stage = last_stage(layer, np.arange(8.0).reshape(1, 2, 4), (0, 1), seed=1)
    assert isinstance(stage, kind)


@pytest.mark.parametrize(
    ("layer", "value"),
    [
        ("Average(inputs=['input', 'input', 5])", (2 + 2 + 5) / 3),
        ("Subtract(inputs=[5, 'input'])", 5 - 2),
        ("Multiply(inputs=['input', 'input', 5])", 2 * 2 * 5),
        ("Minimum(inputs=[1, 'input'])", 1),
        ("Hypot(inputs=['input', 'input', 1])", (2**2 + 2**2 + 1**2) ** 0.5),
        ({"custom_scale_layer": {"scale": 3, "inputs": ["input", "input"]}}, 2 + 3 * 2),
    ],
)
def test_merges_by_hand(layer, value):
    assert last_stage(layer, [[2.0]], (0,)).value == value


@pytest.mark.parametrize("join", ["Concatenate", "Interleave"])
@pytest.mark.parametrize("axis", [1, 2])
def test_each_value_that_is_laid_beside_others_is_found_in_its_operand(join, axis):
    x = np.arange(6.0).reshape(1, 2, 3)
    model = convcli.load(["Rescaling(10)", f"{join}(inputs=['input', 'rescaling', 'input'], axis={axis})"])
    output = convcli.apply(model, x)
    for *position, channel in np.ndindex(output.shape[1:]):
        stage = convcli.explain(model, x, position, map=channel)
        assert stage["value"] == output[0][(*position, channel)]
        assert stage["value"] == x[0][tuple(stage["cell"])] * (10 if stage["operand"] == "rescaling" else 1)


def test_a_formula_has_all_its_numbers():
    parameters = last_stage("BatchNormalization()", [[2.0]], (0,), seed=1).parameters
    assert parameters == {"gamma": 1, "beta": 0, "moving_mean": 0, "moving_variance": 1, "epsilon": 1e-3}


def test_a_copied_value_says_which_cell_it_is_from():
    assert last_stage("ZeroPadding1D(1)", np.arange(3.0).reshape(1, 3, 1), (0, 0)).cell is None
    assert last_stage("ZeroPadding1D(1)", np.arange(3.0).reshape(1, 3, 1), (2, 0)).cell == (1, 0)
    assert last_stage("Flatten()", np.arange(6.0).reshape(1, 3, 2), (3,)).cell == (1, 1)


def test_a_separable_layer_has_two_stages():
    x = [[[1.0, 10], [2, 20]]]
    explainer = explainer_of(["SeparableConv1D(3, 2, depth_multiplier=2)"], x, seed=1)
    depthwise, pointwise = explainer.stages((0, 1))
    assert depthwise.per_channel
    assert depthwise.channels == (0, 0, 1, 1)
    assert depthwise.patch.values.tolist() == [[1, 1, 10, 10], [2, 2, 20, 20]]
    assert np.array_equal(pointwise.patch.values.ravel(), depthwise.value)


def test_only_what_leads_to_the_layer_is_computed_and_on_one_sample():
    layers = ["Conv1D(2, 3, name='first')", "Conv1D(2, 3)", "Reshape((1, 2))"]
    x = np.zeros((3, 5, 1))
    x[1, 2] = 1
    explainer = explainer_of(layers, x, "first", sample=1, seed=1)
    assert explainer.inputs[0].shape == (1, 5, 1)
    assert explainer.stages((0, 0))[0].patch.values.ravel().tolist() == [0, 0, 1]


def test_a_layer_that_is_called_again_uses_the_weights_of_its_first_call():
    layers = [{"dense": {"units": 2, "name": "twice"}}, {"shared": {"layer": "twice", "inputs": "twice"}}]
    model, x = convcli.load(layers), np.array([[1.0, 2]])
    applied = convcli.apply(model, x, seed=1)
    assert explainer_of(model, x, "twice#2", seed=1).stages((1,))[-1].value == applied[0, 1]
