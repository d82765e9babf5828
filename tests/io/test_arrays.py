"""Files and nested lists -> arrays: formats, number types, ranks. Messages are in test_messages."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as random_arrays

from convcli.core import memory
from convcli.core.errors import ConvcliError
from convcli.core.shapes import DataFormat
from convcli.io import arrays, layout, nested_lists, npy

LAST, FIRST = DataFormat.CHANNELS_LAST, DataFormat.CHANNELS_FIRST
KINDS = ("bool", "int8", "uint64", ">i4", "float16", ">f4", "<f4", "float64", ">f8")


def npy_bytes(array, version=None):
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.asanyarray(array), version)
    return stream.getvalue()


def npz(members, compression=zipfile.ZIP_STORED):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def headed(header, data=b""):
    """An NPY file with a header of our own."""
    text = header.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + data


def described(shape, dtype="'<f8'", fortran=False):
    return f"{{'descr': {dtype}, 'fortran_order': {fortran}, 'shape': {shape}}}"


def floats(least=1):
    shapes = random_arrays.array_shapes(max_dims=3, min_side=least, max_side=4)
    return random_arrays.arrays("float64", shapes, elements=st.floats(width=64))


# ---- round trips ----


@given(floats())
@settings(deadline=None)
def test_yaml_and_json_give_the_same_array(array):
    for text in (
        yaml.safe_dump(array.tolist()),
        json.dumps(array.tolist()),
        json.dumps(nested_lists.from_array(array)),
    ):
        np.testing.assert_array_equal(arrays.decode(text.encode()), array, strict=True)


@given(floats(least=2).filter(lambda array: array.ndim < 3), st.sampled_from(",\t"), st.sampled_from(["\n", "\r\n"]))
def test_lines_of_numbers_give_the_same_array(array, separator, end):
    text = end.join(separator.join(map(repr, row)) for row in np.atleast_2d(array).tolist())
    np.testing.assert_array_equal(arrays.decode(text.encode()), array, strict=True)


@given(st.data(), st.sampled_from(KINDS), st.booleans())
def test_npy_gives_the_same_array(data, kind, fortran):
    shape = data.draw(random_arrays.array_shapes(min_dims=0, min_side=0, max_dims=4, max_side=3))
    array = data.draw(random_arrays.arrays(kind, shape))
    found = arrays.decode(npy_bytes(array.copy(order="F" if fortran else "C")))
    np.testing.assert_array_equal(found, array, strict=True)


@given(random_arrays.arrays("float32", 5))
def test_float32_is_written_with_the_fewest_digits_that_read_back_the_same(array):
    text = json.dumps(nested_lists.from_array(array))
    np.testing.assert_array_equal(arrays.decode(text.encode()).astype("float32"), array, strict=True)
    assert json.loads(json.dumps(nested_lists.from_array(np.array([0.1], "float32")))) == [0.1]


@pytest.mark.parametrize("kind", ["float32", "float64"])
@pytest.mark.parametrize(
    ("form", "shape"), [("json", (2, 3, 4, 2)), ("yaml", (2, 3, 4, 2)), ("npy", (2, 3, 4, 2)), ("csv", (3, 4))]
)
def test_what_apply_writes_can_be_applied_to(convcli, tmp_path, form, shape, kind):
    x = (
        np.random.default_rng(0).normal(size=shape) * 10.0 ** np.random.default_rng(1).integers(-30, 30, shape)
    ).astype(kind)
    np.save(tmp_path / "x.npy", x)
    done = convcli("apply", tmp_path / "x.npy", "-l", "MaxPooling2D(1)", "-f", form)
    found = arrays.decode(done.stdout_bytes)
    np.testing.assert_array_equal(found.astype(kind).reshape(shape), x, strict=True)


def test_words_of_an_earlier_run_are_numbers(convcli):
    done = convcli("apply", "-", "-l", "MaxPooling1D(1)", "-f", "json", stdin="nan,inf,-inf,-0.5")
    assert '"output": [[["NaN"], ["Infinity"], ["-Infinity"], [-0.5]]]' in done.output
    np.testing.assert_array_equal(
        arrays.decode(done.stdout_bytes), np.reshape([np.nan, np.inf, -np.inf, -0.5], (1, 4, 1)), strict=True
    )


# ---- text ----


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[1e-3, 010, 0x1f, .5]", [0.001, 10, 31, 0.5]),
        ("- [1, 2]\n- [3, 4]", [[1, 2], [3, 4]]),
        ("[[1, 2,], [3, 4,],]", [[1, 2], [3, 4]]),
        ("&row [1, 2]", [1, 2]),
        ("- &row [1, 2]\n- *row", [[1, 2], [1, 2]]),
        ("data: [1, 2]", [1, 2]),
        ('{"output": [[1.5]], "layers": []}', [[1.5]]),
        ("{data: 5}", 5),
        ("5", [5]),  # a file of one number is a line of one
        ("1\n2\n3\n", [1, 2, 3]),
        ("1,2\n3,4\n\n", [[1, 2], [3, 4]]),
        ("1\t2\r\n3\t4\r\n", [[1, 2], [3, 4]]),
        (" 1 , +2e0\n.5,-3\n", [[1, 2], [0.5, -3]]),
        ("[]", []),
        ("[[], []]", [[], []]),
    ],
)
@pytest.mark.parametrize("mark", ["", "\N{ZERO WIDTH NO-BREAK SPACE}"], ids=["", "BOM"])
def test_text(text, value, mark):
    assert arrays.decode((mark + text).encode()).tolist() == value


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("[true, false]", "bool"),
        ("[1, -2]", "int64"),
        ("[1, 2.0]", "float64"),
        ("{data: [1, 2], dtype: float16}", "float16"),
        ("{data: [1.0, 0], dtype: bool}", "bool"),
        ("{data: [200], dtype: uint8}", "uint8"),
    ],
)
def test_number_types_of_text(text, name):
    assert arrays.decode(text.encode()).dtype == name


def test_the_format_is_told_by_the_content_and_not_by_the_name():
    assert arrays.decode(npy_bytes([1, 2]), ".csv").tolist() == [1, 2]
    assert arrays.decode(b"[1, 2]", ".npy").tolist() == [1, 2]
    assert arrays.decode(b"1,2", ".json").tolist() == [1, 2]


def test_a_json_file_is_read_as_json():
    np.testing.assert_array_equal(arrays.decode(b"[NaN]", ".json"), [np.nan])
    with pytest.raises(ConvcliError, match="valid JSON"):
        arrays.decode(b"[.nan]", ".json")


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b" \n", b"\0", b"hello", b"null", b"{}", b"[~]", b"['1']", b"[on]", b"[1_000]", b"[nan]", b"[1, [2]]"),
        *(b"[[1, 2], [3]]", b"x,y\n1,2", b"1,2,\n3,4,", b"1,2\n3", b"1,2\n3;4", b"1,2\n\n3,4", b"1,2\n3\t4", b"1_0,2"),
        *(
            b"{data: [1], unit: m}",
            b"{data: [1], dtype: float128}",
            b"{data: ~}",
            b"{output: ~}",
            b"{output: {a: [b]}}",
        ),
        *("[1, é]".encode("latin-1"), "[1, 2]".encode("utf-16"), "1,2".encode("utf-32")),
        *(
            b"\x89PNG\r\n\x1a\n",
            b"PK\x05\x06",
            b"\x93NUMPY",
            b"!!binary aGk=",
            b"!!timestamp 2001-01-01",
            b"&a {data: *b}",
        ),
    ],
)
def test_what_is_no_array_is_an_error(content):
    with pytest.raises(ConvcliError):
        arrays.decode(content)


# ---- NPY and NPZ ----


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_every_version_of_npy(version):
    assert arrays.decode(npy_bytes([[1, 2]], version)).tolist() == [[1, 2]]


@pytest.mark.parametrize("length", [6, 7, 9, 20, 127, 128, 151])
def test_a_cut_npy_is_an_error(length):
    content = npy_bytes([1.0, 2.0, 3.0])
    assert len(content) == 128 + 3 * 8
    with pytest.raises(ConvcliError):
        arrays.decode(content[:length])


@pytest.mark.parametrize(
    "content",
    [
        headed(described("(2,)"), bytes(8)),  # fewer bytes than promised
        headed(described("(2,)"), bytes(24)),  # more
        headed(described("(99999999999999999999,)")),
        headed(described("(-1,)"), bytes(8)),
        headed(described("(1.0,)"), bytes(8)),
        headed(described("(1,)", "'<q8'"), bytes(8)),
        headed(described("(1,)", "'|O'"), b"\x80\x04N."),
        headed("{}"),
        headed("[1]"),
        headed("\0"),
    ],
)
def test_an_npy_with_a_lying_header_is_an_error(content):
    with pytest.raises(ConvcliError):
        arrays.decode(content)


@pytest.mark.parametrize("kind", ["complex64", "S3", "U3", "V4", "M8[s]", [("a", "f8")]])
def test_only_real_numbers_are_computed_with(kind):
    with pytest.raises(ConvcliError, match="real numbers"):
        layout.to_float(arrays.decode(npy_bytes(np.zeros(2, kind))))


def test_pickles_are_never_loaded():
    with pytest.raises(ConvcliError, match="Python objects, which are never loaded"):
        arrays.decode(npy_bytes(np.array([print], object)))


def test_an_npz_holds_arrays_by_name():
    found = arrays.decode(npz({"conv2d/kernel.npy": npy_bytes([1]), "b": npy_bytes([2.0])}, zipfile.ZIP_DEFLATED))
    assert {name: array.tolist() for name, array in found.items()} == {"conv2d/kernel": [1], "b": [2.0]}


@pytest.mark.parametrize(
    "members", [{"a.txt": b"hello"}, {"a.npy": npy_bytes([1])[:-1]}, {"a.npy": npy_bytes([1]), "b.npy": b""}]
)
def test_an_npz_with_anything_else_is_an_error(members):
    with pytest.raises(ConvcliError, match=r"^[ab](\.txt)?: "):
        arrays.decode(npz(members))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("one.npz", **{"a/b": [1, 2]})
    np.savez("two.npz", a=[1], b=[2])
    np.save("a:b.npy", [3])
    return tmp_path


@pytest.mark.parametrize(
    ("name", "value"), [("one.npz", [1, 2]), ("one.npz:a/b", [1, 2]), ("two.npz:b", [2]), ("a:b.npy", [3])]
)
def test_one_array_of_a_file(folder, name, value):
    assert arrays.load(name).tolist() == value


def test_all_arrays_of_a_file(folder):
    (folder / "run.json").write_text('{"output": {"x": [1], "y": [[2]]}}')
    assert {name: array.tolist() for name, array in arrays.load_named("two.npz").items()} == {"a": [1], "b": [2]}
    assert {name: array.tolist() for name, array in arrays.load_named("run.json").items()} == {"x": [1], "y": [[2]]}


def test_a_name_that_is_too_long_is_an_error():
    with pytest.raises(ConvcliError, match="file name too long"):
        arrays.load("long" * 100 + ":key")


# ---- bad input ----


@pytest.mark.parametrize("text", ["[{a: 1}]", "!!set {a, b}", "{data: {a: 1}}", "{output: {a: {b: 1}}}"])
def test_a_mapping_for_a_number_is_an_error(text):
    with pytest.raises(ConvcliError):
        arrays.decode(text.encode())


@pytest.mark.parametrize("text", ["&a [*a]", "- " * 1000 + "1"], ids=["of itself", "deep"])
def test_a_list_without_end_is_an_error(text):
    with pytest.raises(ConvcliError):
        arrays.decode(text.encode())


def test_too_many_axes_is_an_error():
    with pytest.raises(ConvcliError):
        arrays.decode(("[" * 65 + "1" + "]" * 65).encode())


@pytest.mark.parametrize(
    ("value", "dtype"),
    [("300", "uint8"), ("-1", "uint8"), ("1.5", "int8"), ("NaN", "int32"), ("1e6", "float16"), ("1" * 400, "float64")],
)
def test_a_value_that_its_dtype_cannot_hold_is_an_error(value, dtype):
    with pytest.raises(ConvcliError):
        arrays.decode(json.dumps({"data": ["VALUE"], "dtype": dtype}).replace('"VALUE"', value).encode())


@pytest.mark.parametrize(
    "text", ["9007199254740993,1", "1" * 5000, "[9007199254740993, 0.5]", "[18446744073709551615, -1]"]
)
def test_a_whole_number_that_float64_would_round_is_an_error(text):
    with pytest.raises(ConvcliError):
        layout.to_float(arrays.decode(text.encode()))


@pytest.mark.parametrize(
    "content",
    [
        headed("{'descr': '<f8', 'shape': (3,"),
        headed("-" * 5000 + "1"),
        headed(described("(2,)", "'|S0'")),
        headed(described("(-1, -8)"), bytes(64)),
        headed(described("(True, 8)"), bytes(64)),
        headed(described("(0, 99999999999999999999)")),
        headed(described((1,) * 65), bytes(8)),
        headed(described("(2,)", "('<f8', (2,))"), bytes(32)),
    ],
    ids=["cut", "deep", "no item", "negative", "bool", "huge", "65 axes", "subarray"],
)
def test_an_npy_with_a_broken_header_is_an_error(content):
    with pytest.raises(ConvcliError):
        arrays.decode(content)


ZIPPED = {
    kind: npz({"a.npy": npy_bytes(np.arange(9))}, kind) for kind in (zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA)
}  # a local header of 35 bytes, then the data; the place of the directory at -6


@pytest.mark.parametrize(
    "content",
    [
        ZIPPED[zipfile.ZIP_DEFLATED][:35] + b"\xff" * 9 + ZIPPED[zipfile.ZIP_DEFLATED][44:],
        ZIPPED[zipfile.ZIP_LZMA][:46] + b"\xff" * 9 + ZIPPED[zipfile.ZIP_LZMA][55:],
        ZIPPED[zipfile.ZIP_DEFLATED][:-6] + b"\xff\xff\0\0\0\0",
    ],
    ids=["deflate", "lzma", "directory"],
)
def test_a_broken_npz_is_an_error(content):
    with pytest.raises(ConvcliError):
        arrays.decode(content)


@pytest.mark.parametrize(("left", "mapped"), [(1 << 30, False), (1 << 24, True), (None, False)])
def test_a_file_is_not_read_whole_where_that_takes_much_of_the_memory(tmp_path, monkeypatch, left, mapped):
    np.save(tmp_path / "x.npy", np.ones((1, 1200, 1000, 1), "float32"))
    monkeypatch.setattr(memory, "available", lambda: left)
    found = arrays.load_input(str(tmp_path / "x.npy"), DataFormat.CHANNELS_LAST)
    assert isinstance(found, npy.MappedArray) == mapped
