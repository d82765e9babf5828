"""NPY and NPZ files, whole and damaged."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest
from file_bytes import npy_bytes, zip_bytes
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as random_arrays

from convcli.core import memory
from convcli.core.errors import ConvcliError
from convcli.io import npy

DTYPES = ("bool", "int8", "uint64", ">i4", "float16", ">f4", "<f4", "float64", ">f8")


def npy_with_header(header, data=b""):
    text = header.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + data


def header(shape, dtype="'<f8'", is_fortran=False):
    return f"{{'descr': {dtype}, 'fortran_order': {is_fortran}, 'shape': {shape}}}"


@given(st.data(), st.sampled_from(DTYPES), st.sampled_from("CF"))
def test_npy_gives_the_same_array(data, dtype, order):
    shape = data.draw(random_arrays.array_shapes(min_dims=0, min_side=0, max_dims=4, max_side=3))
    array = data.draw(random_arrays.arrays(dtype, shape))
    np.testing.assert_array_equal(npy.decode(npy_bytes(array.copy(order=order))), array, strict=True)


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_every_version_of_npy_is_read(version):
    assert npy.decode(npy_bytes([[1, 2]], version)).tolist() == [[1, 2]]


@pytest.mark.parametrize("length", [6, 7, 9, 20, 127, 128, 151])
def test_an_npy_file_that_breaks_off_is_an_error(length):
    content = npy_bytes([1.0, 2.0, 3.0])
    assert len(content) == 128 + 3 * 8
    with pytest.raises(ConvcliError, match=r"^(broken NPY header: |the header promises 24 bytes .*, (0|23) follow$)"):
        npy.decode(content[:length])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (npy_with_header(header("(2,)"), bytes(8)), r"the header promises 16 bytes .*, 8 follow$"),
        (npy_with_header(header("(2,)"), bytes(24)), r"the header promises 16 bytes .*, 24 follow$"),
        (npy_with_header(header("(99999999999999999999,)")), r"the header promises 7\d+2 bytes .*, 0 follow$"),
        (npy_with_header(header("(-1,)"), bytes(8)), r"broken NPY header: shape \(-1,\)$"),
        (npy_with_header(header("(1.0,)"), bytes(8)), "broken NPY header: "),
        (npy_with_header(header("(1,)", "'<q8'"), bytes(8)), "broken NPY header: "),
        (npy_with_header(header("(1,)", "'|O'"), b"\x80\x04N."), "holds Python objects, which are never loaded"),
        (npy_with_header("{}"), "broken NPY header: "),
        (npy_with_header("[1]"), "broken NPY header: "),
        (npy_with_header("\0"), "broken NPY header: "),
        (npy_with_header("{'descr': '<f8', 'shape': (3,"), "broken NPY header: "),
        (npy_with_header("-" * 5000 + "1"), "broken NPY header: "),
        (npy_with_header(header("(2,)", "'|S0'")), "real numbers"),
        (npy_with_header(header("(-1, -8)"), bytes(64)), "broken NPY header: shape"),
        (npy_with_header(header("(True, 8)"), bytes(64)), "broken NPY header: "),
        (npy_with_header(header("(0, 99999999999999999999)")), "broken NPY header: "),
        (npy_with_header(header((1,) * 65), bytes(8)), "broken NPY header: shape"),
        (npy_with_header(header("(2,)", "('<f8', (2,))"), bytes(32)), "real numbers"),
    ],
)
def test_an_npy_file_whose_header_is_broken_or_lies_is_an_error(content, message):
    with pytest.raises(ConvcliError, match=message):
        npy.decode(content)


@pytest.mark.parametrize("dtype", ["complex64", "S3", "U3", "V4", "M8[s]", [("a", "f8")]])
def test_only_real_numbers_are_read(dtype):
    with pytest.raises(ConvcliError, match="real numbers"):
        npy.decode(npy_bytes(np.zeros(2, dtype)))


def test_pickles_are_never_loaded():
    with pytest.raises(ConvcliError, match="Python objects, which are never loaded"):
        npy.decode(npy_bytes(np.array([print], object)))


def test_an_npz_file_holds_arrays_by_name():
    content = zip_bytes({"conv2d/kernel.npy": npy_bytes([1]), "b": npy_bytes([2.0])}, zipfile.ZIP_DEFLATED)
    assert {name: array.tolist() for name, array in npy.decode_npz(content).items()} == {
        "conv2d/kernel": [1],
        "b": [2.0],
    }


def test_npz_gives_the_same_arrays():
    arrays = {"file": np.arange(3.0), "conv2d/kernel": np.ones((2, 3), "float32")}
    decoded = npy.decode_npz(npy.encode_npz(arrays))
    assert list(decoded) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(decoded[name], array, strict=True)


@pytest.mark.parametrize(
    "members", [{"a.txt": b"hello"}, {"a.npy": npy_bytes([1])[:-1]}, {"a.npy": npy_bytes([1]), "b.npy": b""}]
)
def test_an_npz_file_with_anything_else_is_an_error(members):
    with pytest.raises(ConvcliError, match=r"^[ab](\.txt)?: "):
        npy.decode_npz(zip_bytes(members))


# A local header of 35 bytes, then the data; the offset of the directory at -6.
DEFLATED, LZMA = (
    zip_bytes({"a.npy": npy_bytes(np.arange(9))}, method) for method in (zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA)
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (DEFLATED[:35] + b"\xff" * 9 + DEFLATED[44:], "^a.npy: broken NPZ archive: "),
        (LZMA[:46] + b"\xff" * 9 + LZMA[55:], r"^a.npy: compressed by method 14 \(stored or deflated\)$"),
        (DEFLATED[:-6] + b"\xff\xff\0\0\0\0", "^(a.npy: )?broken NPZ archive: "),
    ],
    ids=["deflate", "lzma", "directory"],
)
def test_a_damaged_npz_file_is_an_error(content, message):
    with pytest.raises(ConvcliError, match=message):
        npy.decode_npz(content)


@pytest.mark.parametrize(("available", "is_mapped"), [(1 << 30, False), (1 << 24, True), (None, False)])
def test_a_file_that_takes_much_of_the_memory_is_mapped(tmp_path, monkeypatch, available, is_mapped):
    array = np.arange(1_200_000, dtype="float32").reshape(1, 1200, 1000, 1)
    np.save(tmp_path / "x.npy", array)
    monkeypatch.setattr(memory, "available", lambda: available)
    mapped = npy.map_large(str(tmp_path / "x.npy"))
    assert (mapped is not None) == is_mapped
    if mapped is not None:
        np.testing.assert_array_equal(npy.as_array(mapped), array, strict=True)
