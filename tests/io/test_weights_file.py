"""Weights files of every format, as `apply` takes them."""

from __future__ import annotations

import io

import h5py
import numpy as np
import pytest
import safetensors.numpy
from file_bytes import npy_bytes, zip_bytes

import convcli
from convcli.core.errors import ConvcliError
from convcli.io import weights_file

MODEL = convcli.load(["Conv1D(1, 3)"])
KERNEL = np.arange(3.0).reshape(3, 1, 1)


def hdf5_bytes(**dataset):
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        file.create_dataset("layers/conv1d/vars/0", **dataset)
    return stream.getvalue()


HDF5 = hdf5_bytes(data=KERNEL)


@pytest.mark.parametrize(
    ("content", "suffix"),
    [
        (zip_bytes({"conv1d/kernel.npy": npy_bytes(KERNEL)}), ".npz"),
        (zip_bytes({"conv1d/kernel:0.npy": npy_bytes(KERNEL)}), ".npz"),  # a name as Keras 2 ends it
        (b'{"output": {"conv1d/kernel": [[[0]], [[1]], [[2]]]}}', ".json"),
        (safetensors.numpy.save({"conv1d/kernel": KERNEL}), ".safetensors"),
        (HDF5, ".h5"),
        (zip_bytes({"config.json": b"{}", "model.weights.h5": HDF5}), ".keras"),
    ],
    ids=["npz", "npz of keras 2", "json", "safetensors", "hdf5", "keras"],
)
def test_weights_of_every_format_are_applied(content, suffix):
    weights = weights_file.decode(content, suffix)
    assert convcli.apply(MODEL, [0, 0, 1, 0, 0], weights=weights, seed=0).ravel().tolist() == [2, 1, 0]


def test_the_shape_is_checked_before_an_array_is_read():
    weights = weights_file.decode(hdf5_bytes(shape=(1 << 20, 1 << 20), dtype="f4", chunks=(1, 1)))  # 4 TiB, none stored
    with pytest.raises(ConvcliError, match=r"layers/conv1d/vars/0: shape \(1048576, 1048576\)"):
        convcli.apply(MODEL, [0, 0, 1, 0, 0], weights=weights, seed=0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[1, 2]", "holds a single array without a name (an .npz file)"),
        (zip_bytes({"config.json": b"{}"}), "the archive holds no model.weights.h5 (what model.save writes)"),
        (
            zip_bytes({"config.json": b"{}", "model.weights.h5": b"x"}),
            "'x' is not an array (lines of numbers split by commas, tabs, semicolons or spaces, or a nested list)",
        ),
    ],
)
def test_a_file_without_named_arrays_is_an_error(content, message):
    with pytest.raises(ConvcliError) as caught:
        weights_file.decode(content)
    assert str(caught.value) == message
