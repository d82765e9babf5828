"""The window of one cell, against the input cells whose change changes it."""

from __future__ import annotations

from random import Random

import numpy as np
import perturbation
import pytest

import convcli
from convcli.core.errors import ConvcliError
from convcli.model.layers import LAYERS
from convcli.model.plan import make_plan

STACKS = (
    ["Conv1D(1, 3, padding='same')", "Conv1D(1, 5, strides=2, padding='same')", "MaxPooling1D(3, 2, padding='same')"],
    ["Conv1D(1, 1, strides=2)", "Conv1D(1, 3, padding=1)"],
    ["Conv1D(1, 3, dilation_rate=3, padding='full')", "Conv1DTranspose(1, 3, strides=2, padding=1, output_padding=1)"],
    ["Conv1DTranspose(1, 2, strides=3)", "Conv1D(1, 3, padding='causal')"],
    ["Conv1D(1, 5, padding='same', padding_mode='reflect')", "Conv1D(1, 3)"],
    ["Conv1D(1, 5, padding='same', padding_mode='symmetric')", "Conv1D(1, 3)"],
    ["Conv1D(1, 4, padding='same', padding_mode='replicate')", "AveragePooling1D(3, 2, ceil_mode=True)"],
    ["Cropping1D(2)", "ZeroPadding1D(2)", "Conv1D(1, 3, padding='same')"],
    ["UpSampling1D(2)", "Conv1D(1, 3, padding='same')"],
    ["MaxPooling1D(13, name='one')", "Conv1D(1, 3, padding='same', inputs='input')", "Add(inputs=['conv1d', 'one'])"],
    ["Conv1D(1, 3, padding='same', name='a')", "Conv1D(1, 7, padding='same')", "Add(inputs=['a', 'conv1d'])"],
)


@pytest.mark.parametrize("stack", STACKS, ids=lambda stack: " ".join(stack))
def test_the_window_of_a_cell_is_where_a_change_of_the_input_changes_it(stack):
    model, width = convcli.load(stack), 13
    plan = make_plan(model, {"input": (width, 1)})
    generator = np.random.default_rng(0)
    values = {
        f"{layer.name}/{weight.name}": generator.uniform(0.5, 1, weight.shape)
        for layer in plan.layers
        for weight in layer.weights
    }
    x = generator.uniform(0, 1e-3, (1, width, 1))  # far less than the change, so that a maximum shows it
    base = convcli.apply(model, x, weights=values)[0, :, 0]
    changed_outputs = [
        convcli.apply(model, x + (np.arange(width) == cell)[None, :, None], weights=values) for cell in range(width)
    ]
    changed = np.array(
        [np.abs(output[0, :, 0] - base) > 1e-9 for output in changed_outputs]
    )  # (input cells, output cells)
    for cell in range(base.size):
        (window,) = convcli.summarize(model, (width, 1), at=(cell,))["layers"][-1]["window"]
        reached = np.flatnonzero(changed[:, cell])
        assert window == ([int(reached[0]), int(reached[-1])] if reached.size else None)


@pytest.mark.parametrize("seed", range(0, 120, 10))
def test_no_cell_of_a_random_model_depends_on_input_outside_of_its_window(seed):
    for number in range(seed, seed + 10):
        model, shape, layers = perturbation.random_model(Random(number))
        assert (layers, list(perturbation.too_small(model, shape, number))) == (layers, [])


def test_every_layer_that_can_mix_cells_is_among_the_random_ones():
    random = Random(0)
    drawn = {
        perturbation.random_layer(random, rank, ["l0"], branched).partition("(")[0]
        for branched in (False, True)
        for rank in (1, 2)
        for _ in range(1500)
    }
    others = {layer.__name__ for layer in LAYERS.values() if layer.rank != 3} - drawn - set(perturbation.NOT_COUNTED)
    regularizers = {layer.__name__ for layer in LAYERS.values() if layer.__module__.endswith("regularization")}
    assert others - regularizers == {"ReLU", "LeakyReLU", "RReLU", "ELU", "Unflatten"}


@pytest.mark.parametrize(
    ("layer", "over_space"),
    [
        ("GroupNormalization(2)", True),
        ("LayerNormalization()", False),  # over the channels of each cell
        ("LayerNormalization(axis=[1, 2])", True),
        ("LayerNormalization(axis=2)", True),
        ("InstanceNorm2D()", True),
        ("RMSNormalization()", False),
        ("RMSNormalization(axis=1)", True),
        ("LocalResponseNorm(2)", False),
        ("BatchNormalization()", False),
    ],
)
def test_where_statistics_over_space_are_left_out_the_rows_behind_them_say_so(layer, over_space):
    model, shape = convcli.load(["Conv2D(2, 2)", layer, "Conv2D(2, 2)"]), (5, 5, 2)
    rows = convcli.summarize(model, shape)["layers"]
    expected = [None, "not counted", "not counted"] if over_space else [None] * 3
    assert [row.get("statistics") for row in rows] == expected
    assert any(perturbation.too_small(model, shape, 0)) == over_space


def test_statistics_over_the_channels_are_over_space_once_axes_have_moved():
    rows = convcli.summarize(convcli.load(["Permute((3, 2, 1))", "LayerNormalization()"]), (5, 6, 2))["layers"]
    assert [row.get("statistics") for row in rows] == [None, "not counted"]
    # The whole is seen anyway, so nothing is left out.
    rows = convcli.summarize(convcli.load(["Flatten()", "LayerNormalization()"]), (5, 6, 2))["layers"]
    assert [row.get("statistics") for row in rows] == [None, None]


def test_each_input_has_a_window_of_its_own():
    model = convcli.load(
        {
            "input": {"a": [8, 1], "b": [8, 1]},
            "layers": [
                "Conv1D(1, 3, padding='same', inputs='a')",
                "Conv1D(1, 5, padding='same', inputs='b')",
                "Add(inputs=['conv1d', 'conv1d_1'])",
            ],
        }
    )
    row = convcli.summarize(model, at=(1,))["layers"][-1]
    assert row["window"] == {"a": [[0, 2]], "b": [[0, 3]]}
    assert row["window_padding"] == {"a": [[0, 0]], "b": [[1, 0]]}


def test_layers_of_a_billion_cells_are_followed_at_once():
    layers = ["ZeroPadding1D(1000000000)", "MaxPooling1D(1000000000, 1)", "UpSampling1D(100000000)", "Conv1D(1, 3)"]
    rows = convcli.summarize(convcli.load(layers), (8, 1), at=(10**9,))["layers"]
    # The pool at position 10⁹ covers the padded cells 10⁹ to 2·10⁹ - 1, and the cell at 10 covers 10 to 10⁹ + 9.
    assert [row["window"] for row in rows] == [[[0, 0]], [[0, 7]], [[0, 7]], [[0, 7]]]
    assert [row["window_padding"] for row in rows[:2]] == [[[0, 0]], [[0, 10**9 - 8]]]


def test_a_cell_that_no_layer_has_is_an_error():
    with pytest.raises(ConvcliError) as caught:
        convcli.summarize(convcli.load(["Conv1D(1, 3)"]), (8, 1), at=(6,))
    assert (
        str(caught.value)
        == "no layer's output has a cell 6 (an index for each axis in space, from 0; the largest output has (6,))"
    )
