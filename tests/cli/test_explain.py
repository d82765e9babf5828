"""`convcli explain`, and what it says in each format."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from runs import explained as explained_layer
from strategies import layers

import convcli as library
from convcli.core.records import replace
from convcli.output.render.formats import FORMATS
from convcli.output.report.explain import ExplainReport

LINES, DETECTORS = "samples/lines.yaml", "samples/line-detectors.yaml"
BUMP, DETECTOR = "samples/bump.yaml", "samples/bump-detector.yaml"


def explained(convcli, *arguments, **given):
    done = convcli("explain", *arguments, "-f", "json", **given)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_the_dot_product_behind_a_3(convcli):
    found = explained(convcli, LINES, DETECTORS, "--at", "0,2")
    assert found["patch"] == [[[0], [1], [1]]] * 3
    assert found["kernel"] == [[[0], [1], [0]]] * 3
    assert found["products"] == [[[0], [1], [0]]] * 3
    assert found["inside"] == [[True] * 3] * 3
    assert found["cells"] == [[[row, column] for column in (2, 3, 4)] for row in range(3)]
    parts = ("layer", "map", "map_name", "at", "sum", "bias", "pre_activation", "activation", "value")
    assert [found[key] for key in parts] == ["lines", 0, "vertical", [0, 2], 3, 0, 3, None, 3]


@pytest.mark.parametrize("name", ["horizontal", "1"])
def test_a_map_goes_by_name_or_number(convcli, name):
    found = explained(convcli, LINES, DETECTORS, "--at", "0,2", "--map", name)
    assert (found["map"], found["map_name"], found["value"]) == (1, "horizontal", 2)


def test_the_walk_by_hand(convcli):
    assert convcli("explain", BUMP, DETECTOR, "--walk").stdout.splitlines() == [
        "0: [0, 1, 0]·[0, 0, 0] = 0",
        "1: [0, 1, 0]·[0, 0, 1] = 0",
        "2: [0, 1, 0]·[0, 1, 1] = 1",
        "3: [0, 1, 0]·[1, 1, 0] = 1",
        "4: [0, 1, 0]·[1, 0, 0] = 0",
        "5: [0, 1, 0]·[0, 0, 0] = 0",
    ]
    text = convcli("explain", BUMP, DETECTOR, "--at", 2).stdout
    assert "sum: 0·0 + 1·1 + 0·1 = 1" in text


def test_a_walk_goes_left_to_right_then_down_and_ends_at_its_limit(convcli):
    places = [each["at"] for each in explained(convcli, LINES, DETECTORS, "--walk", "--limit", 8)]
    assert places == [[0, 0], [0, 1], [0, 2], [0, 3], [0, 4], [0, 5], [1, 0], [1, 1]]
    values = [each["value"] for each in explained(convcli, LINES, DETECTORS, "--walk")]
    assert values == [0, 0, 3, 3, 0, 0] * 6
    assert len(convcli("explain", LINES, DETECTORS, "--walk", "-f", "csv").stdout.splitlines()) == 1 + 36


def test_a_table_of_a_long_walk_says_what_it_leaves_out(convcli):
    row = ",".join(["1"] * 150)
    lines = convcli("explain", "-", "-l", "Conv1D([[1]])", "--walk", stdin=row).stdout.splitlines()
    assert (len(lines), lines[-1]) == (101, "… 50 more positions; --limit N shows N, -f json all")
    whole = convcli("explain", "-", "-l", "Conv1D([[1]])", "--walk", "--limit", 150, stdin=row).stdout
    assert len(whole.splitlines()) == 150


def test_large_windows_are_cut_in_the_table_and_whole_in_json(convcli):
    image = "\n".join(",".join(str((3 * row + column) % 7) for column in range(20)) for row in range(20))
    arguments = ("explain", "-", "-l", "AveragePooling2D(20)", "--at", "0,0")
    assert "…" in convcli(*arguments, stdin=image).stdout
    assert np.shape(json.loads(convcli(*arguments, "-f", "json", stdin=image).stdout)["patch"]) == (20, 20, 1)


def test_a_layer_within_a_stack_and_a_sample_of_a_batch(convcli, tmp_path):
    x = np.zeros((2, 8, 8, 1))
    x[1] = np.eye(8)[..., None]
    np.save(tmp_path / "x.npy", x)
    chosen = (tmp_path / "x.npy", "samples/stack.yaml", "--layer-output", "conv2d")
    found = explained(convcli, *chosen, "--sample", 1, "--at", "3,3")
    whole = json.loads(convcli("apply", *chosen, "-f", "json").stdout)
    assert found["sample"] == 1
    assert found["value"] == whole["output"][1][3][3][0]


def test_a_channels_first_model_has_its_patches_with_channels_last(convcli, tmp_path):
    np.save(tmp_path / "x.npy", np.arange(32.0).reshape(2, 4, 4))
    found = explained(
        convcli, tmp_path / "x.npy", "-l", "Conv2D(1, 3)", "--seed", 1, "--at", "0,1", "--data-format", "channels_first"
    )
    assert np.shape(found["patch"]) == (3, 3, 2)
    assert found["patch"][0][0] == [1, 17]


@pytest.mark.parametrize(
    ("layer", "keys"),
    [
        ("MaxPooling2D(2)", {"winner": [0, 1], "winner_cell": [0, 3], "value": 1}),
        ("AveragePooling2D(2)", {"sum": 2, "count": 4, "value": 0.5}),
        ("ZeroPadding2D(1)", {"operand": "input", "cell": [0, 0, 0], "value": 0}),
        ("Maximum(inputs=['input', 2])", {"operands": [{"name": "input", "value": 0}, {"name": "", "value": 2}]}),
        ("Activation('sigmoid')", {"pre_activation": 0, "activation": "sigmoid", "value": 0.5}),
    ],
)
def test_what_json_shows_of_other_layers(convcli, layer, keys):
    at = "1,1" if layer.startswith("Zero") else "0,1"
    found = explained(convcli, "-", "-l", layer, "--at", at, stdin=json.dumps(BATCH))
    assert {key: found[key] for key in keys} == keys
    assert found["kernel"] is None


@settings(max_examples=100, deadline=None)
@given(layers, st.integers(0, 99), st.data())
def test_every_kind_of_layer_has_an_answer_in_every_format(setting, seed, data):
    layer, shape = setting
    x = np.random.default_rng(seed).integers(-9, 10, (1, *shape)).astype(float)
    found = explained_layer(library.load([layer]), {"input": x}, seed=seed)
    cell = tuple(data.draw(st.integers(0, extent - 1)) for extent in found.space)
    index = data.draw(st.integers(0, len(found.map_names) - 1))
    one = ExplainReport(found, index, (found.explain(cell, index),))
    mapping = json.loads(FORMATS["json"].render(one))
    assert {"patch", "kernel", "products", "inside", "sum", "bias", "pre_activation", "activation", "value"} <= {
        *mapping
    }
    assert mapping["value"] == pytest.approx(found.explainer.stages((*cell, index))[-1].value, nan_ok=True)
    if mapping["kernel"] is not None and "pointwise_kernel" not in mapping:
        assert np.shape(mapping["products"]) == np.shape(mapping["kernel"]) == np.shape(mapping["patch"])
        assert np.sum(mapping["products"]) == pytest.approx(mapping["sum"])
        assert len(mapping["channels"]) == np.shape(mapping["kernel"])[-1]
    for report in (one, replace(one, walk=True)):
        for form in ("table", "csv", "yaml"):
            assert FORMATS[form].render(report)


def test_channels_are_those_that_the_filter_sees(convcli):
    x = json.dumps([[[1, 2, 3, 4]], [[5, 6, 7, 8]]])
    found = explained(convcli, "-", "-l", "Conv1D(2, 1, groups=2)", "--seed", 1, "--at", 0, "--map", 1, stdin=x)
    assert (found["channels"], found["patch"]) == ([2, 3], [[3, 4]])


def test_each_number_is_that_of_the_first_stage_that_has_it(convcli):
    layer = "layer_normalization(gamma=[2, 3], beta=[1, 1])"
    found = explained(convcli, "-", "-l", layer, "--map", 1, stdin="[[4, 8]]")
    assert {key: found[key] for key in ("input", "mean", "variance", "gamma", "count")} == {
        "input": 8,
        "mean": 6,
        "variance": 4,
        "gamma": 3,
        "count": 2,
    }


@pytest.mark.parametrize("option", ["--map", "--at"])
def test_a_number_that_is_too_long_is_none(convcli, option):
    place = ["--at", "0"] if option == "--map" else []
    done = convcli("explain", BUMP, DETECTOR, *place, option, "9" * 5000)
    assert done.exit_code == 2


BATCH = [[[[0], [0], [0], [1], [1], [0], [0], [0]]] * 8]


def test_the_library_gives_what_json_has(convcli):
    model = library.load("samples/bump-detector.yaml")
    given = library.explain(model, [0, 0, 0, 1, 1, 0, 0, 0], (2,))
    assert given == explained(convcli, BUMP, DETECTOR, "--at", 2)
    with pytest.raises(library.ConvcliError, match="at: 6 is outside conv1d"):
        library.explain(model, [0, 0, 0, 1, 1, 0, 0, 0], (6,))


@pytest.mark.parametrize("cell", ["(0, 2)", "[0,2]", "0x2", " 0 , 2 "])
def test_a_cell_is_written_as_shapes_are(convcli, cell):
    assert explained(convcli, LINES, DETECTORS, "--at", cell)["at"] == [0, 2]
