"""Model files of each format, and the table of formats. Messages are in test_messages."""

from __future__ import annotations

import io
import json
from zipfile import ZipFile

import numpy as np
import pytest
from conftest import ROOT

from convcli.core.errors import ConvcliError
from convcli.readers.formats import READERS, read_model_file, read_value
from convcli.readers.reader import ModelFile

KERAS = {
    "class_name": "Sequential",
    "config": {
        "name": "keras",
        "layers": [
            {"class_name": "InputLayer", "config": {"name": "i", "batch_shape": [None, 4]}},
            {"class_name": "Flatten", "config": {"name": "f"}},
        ],
    },
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


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
def test_a_text_file_of_layers_in_any_form_is_a_model(convcli, tmp_path, name, text):
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
def test_an_array_file_is_a_model_of_one_kernel(convcli, tmp_path, content, maps):
    if isinstance(content, str):
        (tmp_path / "file").write_text(content)
    else:
        with open(tmp_path / "file", "wb") as stream:
            np.savez(stream, **content) if isinstance(content, dict) else np.save(stream, content)
    done = convcli("apply", "-", tmp_path / "file", "-f", "json", stdin="1,2,3")
    assert json.loads(done.output)["output"] == maps


def test_a_key_chooses_one_of_several_kernels(convcli, tmp_path):
    np.savez(tmp_path / "two.npz", **{"a/kernel": [1, 10], "b": [2, 20]})
    assert convcli("apply", "-", f"{tmp_path}/two.npz:a/kernel", "-f", "csv", stdin="1,2,3").output == "21,32\n"


def test_a_single_filter_is_named_after_its_file(folder):
    (folder / "edge.yaml").write_text("[-1, 1]")
    assert list(read_model_file("edge.yaml").mapping["layers"][0]["conv1d"]["filters"]) == ["edge"]


def test_a_model_from_standard_input_is_called_model(convcli):
    done = convcli("shape", "-", "-i", "8x1", "-f", "json", stdin="- conv1d(1, 3)")
    assert json.loads(done.output)["name"] == "model"


def test_names_of_files_are_relative_to_the_model_s_folder(convcli, tmp_path):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "model.yaml").write_text("conv1d: {filters: [row.csv, ../up.json], bias: two.npz:b}")
    (tmp_path / "here" / "row.csv").write_text("1,10\n")
    (tmp_path / "up.json").write_text("[2, 20]")
    np.savez(tmp_path / "here" / "two.npz", a=[9, 9], b=[0.5, 0.25])
    done = convcli("apply", "-", tmp_path / "here" / "model.yaml", "-f", "json", stdin="1,2,3")
    assert json.loads(done.output)["output"] == [[[21.5, 42.25], [32.5, 64.25]]]


def test_the_text_of_a_model_in_place_of_a_file_name_is_an_error():
    text = json.dumps({"layers": [f"Conv2D({filters}, 3)" for filters in range(1, 30)]})
    with pytest.raises(ConvcliError, match="file name too long"):
        read_model_file(text)


def test_an_error_in_one_of_several_kernels_names_the_file_and_the_key(folder):
    np.savez("two.npz", a=[1], b=5)
    with pytest.raises(ConvcliError) as caught:
        read_model_file("two.npz:b")
    assert str(caught.value).startswith("two.npz:b: a kernel of shape ()")


# ---- the table ----


def zipped(members):
    stream = io.BytesIO()
    with ZipFile(stream, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return stream.getvalue()


def npy(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "format_name", "layer"),
    [
        (b"- flatten", "convcli's own", "flatten"),
        (json.dumps(KERAS).encode(), "Keras JSON", "Flatten"),
        (zipped({"config.json": json.dumps(KERAS)}), "Keras archive", "Flatten"),
        (npy(np.ones(3)), "kernel in an array file", "conv1d"),
    ],
)
def test_the_content_decides_the_format_whatever_the_suffix(folder, content, format_name, layer):
    for suffix in (".yaml", ".npy", ""):
        file = ModelFile(content, suffix, "model", f"model{suffix}")
        assert next(reader.name for reader in READERS if reader.recognises(file)) == format_name
        (folder / f"model{suffix}").write_bytes(content)
        document = read_model_file(f"model{suffix}")
        assert [layer] == [next(iter(each)) if isinstance(each, dict) else each for each in document.mapping["layers"]]
        assert document.embedded_weights == (content if format_name == "Keras archive" else None)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "model.h5",
            (ROOT / "tests" / "reference" / "models" / "pictures_3.weights.h5").read_bytes(),
            "model.h5: holds weights in HDF5, not a model "
            "(what model.save or model.to_json() writes; weights= takes this file)",
        ),
        (
            "model.keras",
            b"- flatten",
            "model.keras: is not a .keras archive: a zip file with config.json (what model.save writes)",
        ),
        (
            "model.keras",
            zipped({"config.json": "[]"}),
            "model.keras: config.json does not describe a Keras model (what model.save writes)",
        ),
    ],
)
def test_a_file_of_keras_that_is_not_a_model_is_an_error(folder, name, content, message):
    (folder / name).write_bytes(content)
    with pytest.raises(ConvcliError) as caught:
        read_model_file(name)
    assert str(caught.value) == message


def test_a_plain_value_is_read_by_the_same_table():
    assert [next(iter(layer)) for layer in read_value(KERAS).mapping["layers"]] == ["Flatten"]
    document = read_value({"layers": ["flatten"]})
    assert (document.mapping, document.source) == ({"layers": ["flatten"]}, None)


def test_formats_have_names_of_their_own():
    assert len({reader.name for reader in READERS}) == len(READERS)
