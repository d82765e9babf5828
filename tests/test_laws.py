"""Laws that hold for every layer, on random settings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import convolutions, kernel_windows, layers, layers_in_any_order

import convcli
from convcli import api
from convcli.engine.algorithms.table import ALGORITHMS
from convcli.engine.bind_weights import WeightSource, bind
from convcli.model.plan import make_plan


def whole_numbers(shape: tuple[int, ...], seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(-9, 10, shape).astype(float)


def drawn(model: convcli.Model, shape: tuple[int, ...], seed: int) -> dict[str, np.ndarray]:
    """Return small whole numbers for every weight; variances are squares, because they are not negative."""
    plan = make_plan(model, {"input": shape})
    return {
        f"{layer.name}/{weight.name}": whole_numbers(weight.shape, seed) ** (2 if "variance" in weight.name else 1)
        for layer in plan.layers
        for weight in layer.weights
    }


@settings(max_examples=200, deadline=None)
@given(layers, st.integers(0, 99))
def test_the_predicted_shape_is_the_actual_one_and_parameters_are_the_sizes_of_the_weights(setting, seed):
    layer, shape = setting
    model = convcli.load([layer])
    result = convcli.apply(model, whole_numbers((2, *shape), seed), seed=seed)
    summary = convcli.summarize(model, shape, batch=2)
    assert list(result.shape) == summary["output_shape"]
    assert summary["params"] == sum(array.size for array in drawn(model, shape, seed).values())


def agrees(less: Any, more: Any) -> bool:
    """Return whether an answer for unknown extents is that for known ones, except where it is unknown."""
    if isinstance(more, dict):
        return all(agrees(less[key], value) for key, value in more.items())
    if isinstance(more, list):
        return less is None or (len(less) == len(more) and all(map(agrees, less, more)))
    return less is None or less == more


@settings(max_examples=300, deadline=None)
@given(layers, layers, st.lists(st.booleans(), min_size=4, max_size=4))
def test_a_summary_for_unknown_extents_never_contradicts_that_for_known_ones(setting, following, unknown):
    layer, shape = setting
    model = convcli.load([layer, following[0]])
    try:
        known = convcli.summarize(model, shape)
    except convcli.ConvcliError:  # the second layer does not take what the first makes
        model = convcli.load([layer])
        known = convcli.summarize(model, shape)
    hidden = tuple(None if hide else extent for hide, extent in zip(unknown, shape, strict=False))
    assert agrees(convcli.summarize(model, hidden), known)


def test_extents_that_do_not_depend_on_an_unknown_one_are_known():
    layers = ["Conv2D(8, 3)", "Flatten()", "Dense(16)", "Dense(10)"]
    summary = convcli.summarize(convcli.load(layers), ("?", 28, 3))
    assert [layer["output_shape"][1:] for layer in summary["layers"]] == [[None, 26, 8], [None], [16], [10]]
    assert [layer["params"] for layer in summary["layers"]] == [3 * 3 * 3 * 8 + 8, 0, None, 16 * 10 + 10]
    assert [layer["macs"] for layer in summary["layers"]] == [None, 0, None, 16 * 10]
    assert (summary["params"], summary["trainable_params"], summary["macs"]) == (None, None, None)


@settings(max_examples=100, deadline=None)
@given(convolutions(), st.integers(0, 99))
def test_every_algorithm_agrees_exactly_with_the_plain_one_on_whole_numbers(setting, seed):
    layer, shape = setting
    model = convcli.load([layer])
    x, values = whole_numbers((2, *shape), seed), drawn(model, shape, seed)
    plain = convcli.apply(model, x, weights=values, algorithm="plain")
    assert np.array_equal(convcli.apply(model, x, weights=values), plain)
    results, refusals = {}, {}
    for name in ALGORITHMS:
        try:
            results[name] = convcli.apply(model, x, weights=values, algorithm=name)
        except convcli.ConvcliError as error:
            refusals[name] = str(error)
    assert {name for name, result in results.items() if not np.array_equal(result, plain)} == set()
    assert all("does not suit" in message for message in refusals.values())


@settings(max_examples=50, deadline=None)
@given(convolutions(), st.integers(0, 99))
def test_convolutions_are_linear_in_the_input(setting, seed):
    layer, shape = setting
    ((kind, arguments),) = layer.items()
    model = convcli.load([{kind: {**arguments, "activation": None, "use_bias": False}}])
    values = drawn(model, shape, seed)
    x, y = whole_numbers((1, *shape), seed), whole_numbers((1, *shape), seed + 1)
    combined = 2 * convcli.apply(model, x, weights=values) - convcli.apply(model, y, weights=values)
    assert np.array_equal(convcli.apply(model, 2 * x - y, weights=values), combined)


@settings(max_examples=100, deadline=None)
@given(layers, st.integers(0, 99))
def test_a_batch_is_its_samples_one_by_one(setting, seed):
    layer, shape = setting
    model, x = convcli.load([layer]), whole_numbers((3, *shape), seed)
    together = convcli.apply(model, x, seed=seed)
    for index in range(3):
        alone = convcli.apply(model, x[index : index + 1], seed=seed)
        np.testing.assert_allclose(together[index : index + 1], alone, rtol=1e-12, atol=1e-12)


@settings(max_examples=100, deadline=None)
@given(layers_in_any_order, st.integers(0, 99))
def test_channels_first_gives_the_same_values_with_the_axes_moved(setting, seed):
    layer, shape = setting
    x = whole_numbers((2, *shape), seed)
    last = convcli.apply(convcli.load([layer]), x, seed=seed)
    first = convcli.apply(convcli.load([layer], data_format="channels_first"), np.moveaxis(x, -1, 1), seed=seed)
    np.testing.assert_allclose(np.moveaxis(first, 1, -1), last, rtol=1e-12, atol=1e-12)


@settings(max_examples=100, deadline=None)
@given(kernel_windows(1, ("valid", "full")), st.integers(0, 99))
def test_a_transposed_convolution_is_the_transpose_of_the_convolution(arguments, seed):
    # <conv(x), z> = <x, transposed(z)> with the same kernel.
    arguments["padding"] = 0
    size = 12
    forward = convcli.load([{"conv1d": {**arguments, "filters": 2, "use_bias": False}}])
    x, kernel = whole_numbers((1, size, 3), seed), whole_numbers((*arguments["kernel_size"], 3, 2), seed + 1)
    y = convcli.apply(forward, x, weights={"conv1d/kernel": kernel})
    z = whole_numbers(y.shape, seed + 2)
    transposed = convcli.load([{"conv1d_transpose": {**arguments, "filters": 3, "use_bias": False}}])
    spread = convcli.apply(transposed, z, weights={"conv1d_transpose/kernel": kernel})
    with_unread_cells = np.zeros_like(x)  # the last cells of x that no window reads
    with_unread_cells[:, : spread.shape[1]] = spread
    assert np.sum(y * z) == np.sum(x * with_unread_cells)


def seen(model: convcli.Model, shape: tuple[int, ...]) -> list[int]:
    """Return over how many input cells along each axis an inner output cell changes, found by changing each cell."""
    generator = np.random.default_rng(0)
    plan = make_plan(model, {"input": shape})
    values = {
        f"{layer.name}/{weight.name}": generator.uniform(0.5, 1, weight.shape)
        for layer in plan.layers
        for weight in layer.weights
    }
    zeros = np.zeros((1, *shape))
    base = convcli.apply(model, zeros, weights=values)
    extents = []
    for axis in range(len(shape) - 1):
        probes = np.repeat(zeros, shape[axis], axis=0)  # in each sample, one cell along the axis is 1
        index = [slice(None)] * probes.ndim
        for cell in range(shape[axis]):
            index[0], index[axis + 1] = slice(cell, cell + 1), slice(cell, cell + 1)
            probes[tuple(index)] = 1
        changed = np.abs(convcli.apply(model, probes, weights=values) - base) > 1e-12
        others = tuple(other for other in range(1, changed.ndim) if other != axis + 1)
        reached = changed.any(axis=others)  # (cells, outputs along the axis)
        quarter = reached.shape[1] // 4
        inner = reached[:, quarter : reached.shape[1] - quarter]  # away from the border
        extents.append(max(int(np.ptp(np.flatnonzero(column))) + 1 for column in inner.T if column.any()))
    return extents


STACKS = (
    ["Conv1D(1, 3)", "Conv1D(1, 3, dilation_rate=2)", "AveragePooling1D(2)", "Conv1D(1, 5)"],
    ["Conv1D(1, 5, strides=2)", "Conv1DTranspose(1, 4, strides=2)", "Conv1D(1, 3)"],
    ["Conv1DTranspose(1, 3, strides=2)", "Conv1D(1, 2)"],
    ["Conv1DTranspose(1, 2, strides=3, padding='same')", "Conv1D(1, 3)"],
    ["Conv1D(1, 3, strides=3)", "Conv1DTranspose(1, 5, strides=2, dilation_rate=3)"],
    ["UpSampling1D(2)", "Conv1D(1, 3)", "AveragePooling1D(3)"],
    ["ZeroPadding1D(4)", "Conv1D(1, 3)", "Cropping1D(2)", "Conv1D(1, 4)"],
    ["Conv1D(1, 3, name='a')", "Conv1D(1, 7, padding='same')", "Add(inputs=['a', 'conv1d'])", "Conv1D(1, 2)"],
    ["ZeroPadding1D((0, 3), name='a')", "Cropping1D((3, 0))", "ZeroPadding1D((0, 3))", "Conv1D(1, 1, name='b')"],
    ["Conv2D(1, (3, 5), strides=(2, 1))", "DepthwiseConv2D((1, 3))", "SeparableConv2D(1, 2)"],
    ["UpSampling2D(2, interpolation='bilinear')", "Conv2D(1, 3)"],
    ["UpSampling2D((3, 2), interpolation='bicubic')", "Conv2D(1, 2)"],
)


@pytest.mark.parametrize("stack", STACKS, ids=lambda stack: " ".join(stack))
def test_the_receptive_field_is_what_a_change_of_the_input_reaches(stack):
    rank = 2 if "2D" in stack[0] else 1
    model = convcli.load(stack)
    shape = (*(40,) * rank, 1)
    assert convcli.summarize(model, shape)["layers"][-1]["receptive_field"] == seen(model, shape)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.one_of(kernel_windows(1, ("valid",)), st.tuples(kernel_windows(1, ("valid",)))), min_size=1, max_size=3)
)
def test_the_receptive_field_of_a_random_stack_is_what_a_change_of_the_input_reaches(stack):
    chain: list[Any] = []
    for windows in stack:
        transposed = isinstance(windows, tuple)
        arguments = dict(windows[0] if transposed else windows, filters=1, padding="valid")
        chain.append({"conv1d_transpose" if transposed else "conv1d": arguments})
    model = convcli.load(chain)
    last = convcli.summarize(model, (150, 1))["layers"][-1]
    assert last["receptive_field"] == seen(model, (150, 1))


def test_weights_are_drawn_by_layer_name_and_seed_alone():
    short, long = (api.load([{"Conv2D": {"filters": 2, "kernel_size": 3}}, *more]) for more in ([], ["Dense(2)"]))
    plans = [make_plan(model, {"input": (8, 8, 1)}) for model in (short, long)]
    first, second = (bind(plan, WeightSource(seed=7), "float64")["conv2d"]["kernel"] for plan in plans)
    assert np.array_equal(first, second)
    assert np.abs(first).max() <= np.sqrt(6 / (9 * (1 + 2)))
