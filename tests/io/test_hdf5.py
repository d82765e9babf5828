"""HDF5 weights files. Those that Keras writes are tested in `tests/readers/keras`."""

from __future__ import annotations

import base64
import io
import lzma
import sys

import h5py
import numpy as np
import pytest

from convcli.core.errors import ConvcliError
from convcli.io import hdf5

KEY = "layers/conv1d/vars/0"
KERNEL = np.arange(3.0).reshape(3, 1, 1)


def hdf5_bytes(fill):
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        fill(file)
    return stream.getvalue()


def test_an_array_is_read_when_it_is_needed():
    def fill(file):
        file[KEY] = KERNEL
        file.create_dataset("layers/big/vars/0", (1 << 20, 1 << 20), "f4", chunks=(1, 1))  # 4 TiB, none of them stored

    arrays = dict(hdf5.decode(hdf5_bytes(fill)))
    assert arrays["layers/big/vars/0"].shape == (1 << 20, 1 << 20)
    np.testing.assert_array_equal(arrays[KEY].read(), KERNEL)


def test_bfloat16_is_widened():
    def fill(file):
        file[KEY] = (KERNEL.astype("<f4").view("<u4") >> 16).astype("<u2")
        file[KEY].attrs["dtype"] = "bfloat16"

    array = dict(hdf5.decode(hdf5_bytes(fill)))[KEY].read()
    assert array.dtype == np.float32
    np.testing.assert_array_equal(array, KERNEL)


def test_what_belongs_to_no_layer_is_left_out():
    def fill(file):
        file[KEY] = KERNEL
        file["optimizer/vars/0"] = KERNEL
        file["layers/dropout/seed_generator/vars/0"] = np.ones(2)

    assert list(dict(hdf5.decode(hdf5_bytes(fill)))) == [KEY]


def test_lists_of_names_that_keras_2_splits_are_joined():
    def fill(file):
        file.attrs["layer_names0"] = [b"conv1d"]
        file.attrs["layer_names1"] = [b"other"]
        for group in ("conv1d", "other"):
            file.create_group(group).attrs["weight_names0"] = [b"kernel:0"]
            file[group].attrs["weight_names1"] = [b"bias:0"]
            file[group]["kernel:0"], file[group]["bias:0"] = KERNEL, np.ones(1)

    keys = [f"{layer}/vars/{index}" for layer in ("conv1d", "other") for index in (0, 1)]
    assert list(dict(hdf5.decode(hdf5_bytes(fill)))) == keys


def link_to_another_file(file):
    file[KEY] = h5py.ExternalLink("other.h5", "/kernel")


def test_links_are_not_followed():
    assert dict(hdf5.decode(hdf5_bytes(link_to_another_file))) == {}


def values_in_another_file(file):
    file.create_dataset(KEY, (3, 1, 1), "f8", external=[("kernel.bin", 0, 24)])


def virtual_values(file):
    layout = h5py.VirtualLayout((3, 1, 1), "f8")
    layout[:] = h5py.VirtualSource("other.h5", "kernel", (3, 1, 1))
    file.create_virtual_dataset(KEY, layout)


def bfloat16_in_four_bytes(file):
    file[KEY] = KERNEL.astype("f4")
    file[KEY].attrs["dtype"] = "bfloat16"


def no_values(file):
    file[KEY] = h5py.Empty("f4")


def text(file):
    file[KEY] = "kernel"


@pytest.mark.parametrize(
    ("fill", "message"),
    [
        (values_in_another_file, f"{KEY} is stored in another file (arrays in the file itself)"),
        (virtual_values, f"{KEY} is stored in another file (arrays in the file itself)"),
        (bfloat16_in_four_bytes, f"{KEY}: float32 values (real numbers)"),
        (no_values, f"{KEY}: float32 values (real numbers)"),
        (text, f"{KEY}: object values (real numbers)"),
    ],
)
def test_anything_but_numbers_in_the_file_itself_is_an_error(fill, message):
    with pytest.raises(ConvcliError) as caught:
        dict(hdf5.decode(hdf5_bytes(fill)))
    assert str(caught.value) == message


def test_a_file_of_groups_within_groups_is_refused_at_a_depth_that_keras_does_not_write(monkeypatch):
    visited = []
    looked_up = h5py.Group.__getitem__
    monkeypatch.setattr(h5py.Group, "__getitem__", lambda self, path: visited.append(path) or looked_up(self, path))
    content = hdf5_bytes(lambda file: file.create_group("layers" + "/g" * 1000))
    with pytest.raises(ConvcliError) as raised:
        dict(hdf5.decode(content))
    assert str(raised.value) == "groups are nested more than 100 deep (a file that Keras writes)"
    assert len(visited) == 101


def test_a_broken_file_is_an_error():
    with pytest.raises(ConvcliError, match=r"^broken HDF5 file: "):
        dict(hdf5.decode(hdf5.MAGIC + bytes(100)))


def test_a_text_that_would_make_the_library_loop_for_ever_is_an_error():
    content = bytearray(hdf5_bytes(lambda file: file.attrs.update({"layer_names": ["conv1d"]})))
    content[content.find(hdf5.GLOBAL_HEAP) + 24] = 44  # the size of the first text: nothing follows it then
    with pytest.raises(ConvcliError, match=r"^broken HDF5 file: an entry of size 0 in its global heap$"):
        dict(hdf5.decode(bytes(content)))


# A file of Keras 2 with a few bytes changed, at which HDF5 2.0 ends the program; compressed.
FATAL = (
    "{Wp48S^xk9=GL@E0stWa8~^|S5YJf5;2whkYFz+Ck_3crdV6<D#AZ)w9S?G89vI9Y5>+ZCkDVdrPM8mcGd<N~W81Pc+Ro+6x8fTt^szx_B0|d^"
    "eOi%=KjrD*8OC`z=ud!3Yp(D>c9z)jY9@A%`Es!Ad4uDpm*?}jdrwbnv4ho94aww7DGMFAEYaTB{?Lg$4ToQPjpkdu?6iOiRNPJJmhD4HCzA9i"
    "L5?jU3@<a@9s(;wHoaUKpt-rsnth7Dcc%Pht+|r@0ug6AF&R(H#^je?AJ<pEWk9if09o8fHDnE%WWA?4xIut%2i!&&B4e)zeL5%kP|wG#rcCWb"
    "!?6Z+!;8Zh<EKFNFKi1Y;cJOtOP`o+iY{Paz~kg4#3?EcQQbFD&>~MB$T*z7y0>NhP#l-"
    "+w`6vhwiicg!a<!UL^}$8aQ8`FWbd`<gsPUW_8!FM_jk`N*eaVW*%h;?wUiClt}bAP1KClngDbJ|?rN3KFm1&>cB12sI{*LxDctIQ0Lg@G00D*"
    "rggpQNXAYDCvBYQl0ssI200dcD"
)


def test_a_file_that_crashes_the_library_is_an_error():
    content = lzma.decompress(base64.b85decode(FATAL))
    with pytest.raises(ConvcliError, match=r"^broken HDF5 file: "):
        dict(hdf5.decode(content))


def test_without_h5py_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ConvcliError) as caught:
        dict(hdf5.decode(hdf5.MAGIC))
    assert str(caught.value) == "needs h5py (pip install 'convcli[keras]')"
