"""Model files in each of their forms. Messages are in test_messages."""

from __future__ import annotations

import json

import numpy as np
import pytest

import convcli
from convcli.core.errors import ConvcliError
from convcli.readers import bare_kernel, plain
from convcli.readers.formats import read_model_file


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


# ---- the plain mapping of each form ----


@pytest.mark.parametrize(
    ("value", "layers"),
    [
        ({"layers": ["flatten"], "name": "x"}, ["flatten"]),
        (["flatten", {"dense": 10}], ["flatten", {"dense": 10}]),
        ({"conv2d": {"filters": 1}}, [{"conv2d": {"filters": 1}}]),
        ({"flatten": None}, [{"flatten": None}]),
        ("Conv2D(40, 3)", ["Conv2D(40, 3)"]),
        ([1, 2], [{"conv1d": {"filters": {"mine": [1, 2]}}}]),
        ([[1, 2]], [{"conv2d": {"filters": {"mine": [[1, 2]]}}}]),
        ([[[1]]], [{"conv1d": {"kernel": [[[1]]]}}]),
        ([[[[1]]]], [{"conv2d": {"kernel": [[[[1]]]]}}]),
        ([[[[[1]]]]], [{"conv3d": {"kernel": [[[[[1]]]]]}}]),
    ],
)
def test_every_form_is_a_mapping_with_layers(value, layers):
    assert plain.mapping(value, "mine")["layers"] == layers


@pytest.mark.parametrize("value", [{"name": "x", "input": [8]}, {"conv2d": {}, "dense": {}}, {"layres": ["flatten"]}])
def test_a_mapping_of_other_keys_is_left_to_the_validator(value):
    assert plain.mapping(value, "mine") == value
    with pytest.raises(ConvcliError, match=r"unknown key|no layers"):
        convcli.load(value)


@pytest.mark.parametrize("value", [None, 5, [], {}, [[[[[[1]]]]]], [[1], [2, 3]]])
def test_what_is_no_model_is_an_error(value):
    with pytest.raises(ConvcliError):
        plain.mapping(value, "mine")


@pytest.mark.parametrize("shape", [(), (1,) * 6])
def test_a_kernel_has_one_to_five_axes(shape):
    with pytest.raises(ConvcliError, match="rank 1 or 2: one filter"):
        bare_kernel.mapping(np.zeros(shape), "mine")


# ---- files ----


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("model.yaml", "layers:\n  - conv2d(2, 3)\n"),
        ("model.yml", "- conv2d(2, 3)"),
        ("model.yaml", "conv2d: {filters: 2, kernel_size: 3}"),
        ("model.txt", "Conv2D(2, kernel_size=3)\n"),
        ("model.json", '{"layers": [{"conv2d": {"filters": 2, "kernel_size": 3}}]}'),
        ("no-suffix", '["Conv2D(2, 3)"]'),
        ("model.yaml", "\N{ZERO WIDTH NO-BREAK SPACE}- conv2d(2, 3)\r\n"),
    ],
)
def test_a_file_of_layers(convcli, tmp_path, name, text):
    (tmp_path / name).write_bytes(text.encode())
    done = convcli("shape", tmp_path / name, "-i", "8x8x1", "-f", "json")
    summary = json.loads(done.output)
    assert (summary["params"], summary["output_shape"]) == (2 * 9 + 2, [None, 6, 6, 2])
    assert summary["name"] == name.partition(".")[0]


@pytest.mark.parametrize(
    ("content", "maps"),
    [
        ("[1, 10]", [[[21], [32]]]),
        ("1,10", [[[21], [32]]]),
        ("{data: [1, 10], dtype: uint8}", [[[21], [32]]]),
        ("[[[1, 0]], [[10, 1]]]", [[[21, 2], [32, 3]]]),  # (cells, in, filters)
        (np.array([1, 10], "float32"), [[[21], [32]]]),
        (np.array([[[1, 0]], [[10, 1]]], ">i2"), [[[21, 2], [32, 3]]]),
        ({"only": [1, 10]}, [[[21], [32]]]),
    ],
    ids=["list", "csv", "data", "rank 3", "npy", "npy of rank 3", "npz"],
)
def test_a_bare_kernel(convcli, tmp_path, content, maps):
    if isinstance(content, str):
        (tmp_path / "file").write_text(content)
    else:
        with open(tmp_path / "file", "wb") as stream:
            np.savez(stream, **content) if isinstance(content, dict) else np.save(stream, content)
    done = convcli("apply", "-", tmp_path / "file", "-f", "json", stdin="1,2,3")
    assert json.loads(done.output)["output"] == maps


def test_one_of_several_kernels(convcli, tmp_path):
    np.savez(tmp_path / "two.npz", **{"a/kernel": [1, 10], "b": [2, 20]})
    assert convcli("apply", "-", f"{tmp_path}/two.npz:a/kernel", "-f", "csv", stdin="1,2,3").output == "21,32\n"


def test_a_single_filter_is_named_after_its_file(folder):
    (folder / "edge.yaml").write_text("[-1, 1]")
    assert list(read_model_file("edge.yaml").mapping["layers"][0]["conv1d"]["filters"]) == ["edge"]


def test_standard_input(convcli):
    done = convcli("shape", "-", "-i", "8x1", "-f", "json", stdin="- conv1d(1, 3)")
    assert json.loads(done.output)["name"] == "model"


def test_files_are_of_the_model_s_own_folder(convcli, tmp_path):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "model.yaml").write_text("conv1d: {filters: [row.csv, ../up.json], bias: two.npz:b}")
    (tmp_path / "here" / "row.csv").write_text("1,10\n")
    (tmp_path / "up.json").write_text("[2, 20]")
    np.savez(tmp_path / "here" / "two.npz", a=[9, 9], b=[0.5, 0.25])
    done = convcli("apply", "-", tmp_path / "here" / "model.yaml", "-f", "json", stdin="1,2,3")
    assert json.loads(done.output)["output"] == [[[21.5, 42.25], [32.5, 64.25]]]


def test_a_model_in_place_of_a_file_is_an_error():
    text = json.dumps({"layers": [f"Conv2D({filters}, 3)" for filters in range(1, 30)]})
    with pytest.raises(ConvcliError, match="file name too long"):
        read_model_file(text)


# ---- bad input ----


def test_an_error_in_one_of_several_kernels_names_the_file(folder):
    np.savez("two.npz", a=[1], b=5)
    with pytest.raises(ConvcliError) as caught:
        read_model_file("two.npz:b")
    assert str(caught.value).startswith("two.npz:b: a kernel of shape ()")
