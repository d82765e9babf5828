"""Files of other programs are told by name, wherever a file is named."""

from __future__ import annotations

import io
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest

import convcli
from convcli.core.errors import ConvcliError
from convcli.io import arrays, weights_file
from convcli.io.foreign_formats import find
from convcli.readers.formats import read_model_file

CHECKPOINT = Path(__file__).parents[1] / "reference" / "checkpoints" / "zip.pth"
ONNX = b"\x08\x0c\x12\x07pytorch:\x05"


def zipped(*names):
    """Return a zip file with entries of these names."""
    file = io.BytesIO()
    with ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, b"\0" * 8)
    return file.getvalue()


FILES = {
    "an ONNX model": ("model.bin", ONNX),
    "a program of torch.export": ("model.pt2", zipped("archive_format", "models/model.json")),
    "a TorchScript archive": ("model.pt", zipped("model/data.pkl", "model/constants.pkl", "model/code/x.py")),
    "a TensorFlow Lite model": ("model.tflite", b"\x1c\0\0\0TFL3" + bytes(20)),
    "a SavedModel of TensorFlow": ("saved_model.pb", b"\x08\x01\x12\x90"),
    "a PyTorch checkpoint": ("model.pth", CHECKPOINT.read_bytes()),
    "a safetensors file": ("model.safetensors", b"\x02\0\0\0\0\0\0\0{}".replace(b"{}", b'{"a"')),
}


@pytest.mark.parametrize("what", FILES)
def test_a_model_of_another_program_is_told_by_its_content(tmp_path, monkeypatch, what):
    monkeypatch.chdir(tmp_path)
    name, content = FILES[what]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConvcliError, match=f"^{name}: is {what}, which "):
        read_model_file(name)
    with pytest.raises(ConvcliError, match=f"^{name}: is {what}, not a file of arrays "):
        arrays.load(name)


def test_files_that_are_read_are_not_foreign():
    npz, text = io.BytesIO(), b"- conv2d(2, 3)\n"
    np.savez(npz, kernel=np.zeros(3))
    assert [find(content, ".npz") for content in (npz.getvalue(), text, b"0 1\n", zipped("config.json"))] == [None] * 4


def test_weights_of_another_program_are_told_by_name():
    with pytest.raises(ConvcliError, match=r"^is an ONNX model, not a file of arrays"):
        weights_file.decode(ONNX, ".onnx")


def test_a_state_dict_is_not_taken_for_a_model_of_keras():
    state = {"0.weight": np.zeros((2, 1, 3, 3)), "0.bias": np.zeros(2)}
    with pytest.raises(ConvcliError) as caught:
        convcli.apply(convcli.load(["Conv2D(2, 3)"]), np.zeros((4, 4)), weights=state)
    assert str(caught.value) == (
        "layer conv2d: no values for kernel (3, 3, 1, 2): weights holds PyTorch's names, such as 0.weight, for arrays "
        "in PyTorch's layout (arrays in Keras's layout by Keras's names, such as conv2d/kernel)"
    )
