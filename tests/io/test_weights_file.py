"""Weights files of every format. The files that Keras wrote are tested in test_keras_models."""

from __future__ import annotations

import base64
import io
import json
import lzma
import zipfile

import h5py
import numpy as np
import pytest
import safetensors.numpy

import convcli
from convcli.core.errors import ConvcliError
from convcli.io import hdf5, weights_file

MODEL = convcli.load(["Conv1D(1, 3)"])
KERNEL = np.arange(3.0).reshape(3, 1, 1)


def hdf5_bytes(fill):
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        fill(file)
    return stream.getvalue()


def archive(**members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
    return stream.getvalue()


def applied(held):
    return convcli.apply(MODEL, [0, 0, 1, 0, 0], weights=held, seed=0).ravel().tolist()


def test_safetensors_by_layer_and_variable():
    content = safetensors.numpy.save({"conv1d/kernel": KERNEL.astype("float32")})
    assert applied(weights_file.decode(content, ".safetensors")) == [2, 1, 0]


def test_bfloat16_is_widened():
    header = json.dumps({"conv1d/kernel": {"dtype": "BF16", "shape": [3, 1, 1], "data_offsets": [0, 6]}}).encode()
    content = (
        len(header).to_bytes(8, "little") + header + (KERNEL.astype("<f4").view("<u4") >> 16).astype("<u2").tobytes()
    )
    assert applied(weights_file.decode(content, ".safetensors")) == [2, 1, 0]

    def fill(file):
        file["layers/conv1d/vars/0"] = (KERNEL.astype("<f4").view("<u4") >> 16).astype("<u2")
        file["layers/conv1d/vars/0"].attrs["dtype"] = "bfloat16"

    assert applied(weights_file.decode(hdf5_bytes(fill))) == [2, 1, 0]


def test_arrays_of_an_hdf5_file_are_read_only_once_their_shape_is_right():
    def fill(file):
        file.create_dataset("layers/conv1d/vars/0", (1 << 20, 1 << 20), "f4", chunks=(1, 1))  # 4 TiB that are not there

    with pytest.raises(ConvcliError, match=r"layers/conv1d/vars/0: shape \(1048576, 1048576\)"):
        applied(weights_file.decode(hdf5_bytes(fill)))


def test_what_is_no_layer_s_is_left_out():
    def fill(file):
        file["layers/conv1d/vars/0"] = KERNEL
        file["optimizer/vars/0"] = KERNEL
        file["layers/dropout/seed_generator/vars/0"] = np.ones(2)

    assert list(weights_file.decode(hdf5_bytes(fill))) == ["layers/conv1d/vars/0"]


def linked(file):
    file["layers/conv1d/vars/0"] = h5py.ExternalLink("other.h5", "/kernel")


def elsewhere(file):
    file.create_dataset("layers/conv1d/vars/0", (3, 1, 1), "f8", external=[("kernel.bin", 0, 24)])


def virtual(file):
    layout = h5py.VirtualLayout((3, 1, 1), "f8")
    layout[:] = h5py.VirtualSource("other.h5", "kernel", (3, 1, 1))
    file.create_virtual_dataset("layers/conv1d/vars/0", layout)


def half(file):
    file["layers/conv1d/vars/0"] = KERNEL.astype("f4")
    file["layers/conv1d/vars/0"].attrs["dtype"] = "bfloat16"


def empty(file):
    file["layers/conv1d/vars/0"] = h5py.Empty("f4")


def words(file):
    file["layers/conv1d/vars/0"] = "kernel"


def test_links_are_not_followed():
    assert weights_file.decode(hdf5_bytes(linked)) == {}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (hdf5_bytes(elsewhere), "layers/conv1d/vars/0 is stored in another file (arrays in the file itself)"),
        (hdf5_bytes(virtual), "layers/conv1d/vars/0 is stored in another file (arrays in the file itself)"),
        (hdf5_bytes(half), "layers/conv1d/vars/0: float32 values (real numbers)"),
        (hdf5_bytes(empty), "layers/conv1d/vars/0: float32 values (real numbers)"),
        (hdf5_bytes(words), "layers/conv1d/vars/0: object values (real numbers)"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "broken HDF5 file: "),
        (archive(**{"config.json": "{}"}), "the archive holds no model.weights.h5 (what model.save writes)"),
        (archive(**{"config.json": "{}", "model.weights.h5": "x"}), "'x' is not an array"),
    ],
)
def test_what_is_no_weights_file(content, message):
    with pytest.raises(ConvcliError) as caught:
        weights_file.decode(content)
    assert str(caught.value).startswith(message)


def test_names_that_keras_2_splits_are_joined():
    def fill(file):
        file.attrs["layer_names0"] = [b"conv1d"]
        file.attrs["layer_names1"] = [b"other"]
        for group in ("conv1d", "other"):
            file.create_group(group).attrs["weight_names0"] = [b"kernel:0"]
            file[group].attrs["weight_names1"] = [b"bias:0"]
            file[group]["kernel:0"], file[group]["bias:0"] = KERNEL, np.ones(1)

    keys = [f"{layer}/vars/{place}" for layer in ("conv1d", "other") for place in (0, 1)]
    assert list(weights_file.decode(hdf5_bytes(fill))) == keys


def test_texts_on_which_the_library_would_not_come_to_an_end_are_an_error():
    content = bytearray(hdf5_bytes(lambda file: file.attrs.update({"layer_names": ["conv1d"]})))
    content[content.find(hdf5.GLOBAL_HEAP) + 24] = 44  # the size of the first text, behind which there is nothing then
    with pytest.raises(ConvcliError, match=r"^broken HDF5 file: an entry of size 0 in its global heap$"):
        weights_file.decode(bytes(content))


@pytest.mark.parametrize("content", [b"", b"abc", (9).to_bytes(8, "little") + b"{}", (2).to_bytes(8, "little") + b"[]"])
def test_what_is_no_safetensors_file(content):
    with pytest.raises(ConvcliError, match="broken safetensors file: "):
        weights_file.decode(content, ".safetensors")


@pytest.mark.parametrize(
    ("content", "module", "extra"), [(hdf5_bytes(linked), "h5py", "keras"), (b"", "safetensors", "safetensors")]
)
def test_without_the_library_the_error_names_the_extra(content, module, extra, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, module, None)
    with pytest.raises(ConvcliError) as caught:
        weights_file.decode(content, f".{extra}")
    assert str(caught.value) == f"needs {module} (pip install 'convcli[{extra}]')"


# A file of Keras 2 with a few bytes changed, at which HDF5 2.0 ends the program; compressed.
FATAL = (
    "{Wp48S^xk9=GL@E0stWa8~^|S5YJf5;2whkYFz+Ck_3crdV6<D#AZ)w9S?G89vI9Y5>+ZCkDVdrPM8mcGd<N~W81Pc+Ro+6x8fTt^szx_B0|d^"
    "eOi%=KjrD*8OC`z=ud!3Yp(D>c9z)jY9@A%`Es!Ad4uDpm*?}jdrwbnv4ho94aww7DGMFAEYaTB{?Lg$4ToQPjpkdu?6iOiRNPJJmhD4HCzA9i"
    "L5?jU3@<a@9s(;wHoaUKpt-rsnth7Dcc%Pht+|r@0ug6AF&R(H#^je?AJ<pEWk9if09o8fHDnE%WWA?4xIut%2i!&&B4e)zeL5%kP|wG#rcCWb"
    "!?6Z+!;8Zh<EKFNFKi1Y;cJOtOP`o+iY{Paz~kg4#3?EcQQbFD&>~MB$T*z7y0>NhP#l-"
    "+w`6vhwiicg!a<!UL^}$8aQ8`FWbd`<gsPUW_8!FM_jk`N*eaVW*%h;?wUiClt}bAP1KClngDbJ|?rN3KFm1&>cB12sI{*LxDctIQ0Lg@G00D*"
    "rggpQNXAYDCvBYQl0ssI200dcD"
)


def test_a_file_that_ends_the_library_ends_in_a_line():
    content = lzma.decompress(base64.b85decode(FATAL))
    with pytest.raises(ConvcliError, match=r"^broken HDF5 file: "):
        list(weights_file.decode(content))
