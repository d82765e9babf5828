"""Arrays from files of any format. Whole messages are in `tests/cli/test_messages.py`."""

from __future__ import annotations

import json

import numpy as np
import pytest
import yaml
from file_bytes import npy_bytes
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as random_arrays

from convcli.core import memory
from convcli.core.errors import ConvcliError
from convcli.core.shapes import DataFormat
from convcli.io import arrays, nested_lists, npy

# ---- round trips ----


@given(
    random_arrays.arrays(
        "float64", random_arrays.array_shapes(max_dims=3, min_side=1, max_side=4), elements=st.floats(width=64)
    )
)
@settings(deadline=None)
def test_yaml_and_json_give_the_same_array(array):
    for text in (
        yaml.safe_dump(array.tolist()),
        json.dumps(array.tolist()),
        json.dumps(nested_lists.from_array(array)),
    ):
        np.testing.assert_array_equal(arrays.decode(text.encode()), array, strict=True)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("form", "shape"), [("json", (2, 3, 4, 2)), ("yaml", (2, 3, 4, 2)), ("npy", (2, 3, 4, 2)), ("csv", (3, 4))]
)
def test_what_apply_writes_can_be_read_again(convcli, tmp_path, form, shape, dtype):
    mantissas = np.random.default_rng(0).normal(size=shape)
    x = (mantissas * 10.0 ** np.random.default_rng(1).integers(-30, 30, shape)).astype(dtype)
    np.save(tmp_path / "x.npy", x)
    done = convcli("apply", tmp_path / "x.npy", "-l", "MaxPooling2D(1)", "-f", form)
    output = arrays.decode(done.stdout_bytes)
    np.testing.assert_array_equal(output.astype(dtype).reshape(shape), x, strict=True)


def test_words_in_an_earlier_result_are_numbers(convcli):
    done = convcli("apply", "-", "-l", "MaxPooling1D(1)", "-f", "json", stdin="nan,inf,-inf,-0.5")
    assert '"output": [[["NaN"], ["Infinity"], ["-Infinity"], [-0.5]]]' in done.output
    expected = np.reshape([np.nan, np.inf, -np.inf, -0.5], (1, 4, 1))
    np.testing.assert_array_equal(arrays.decode(done.stdout_bytes), expected, strict=True)


# ---- content ----


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
        ("5", [5]),  # a file of one number is a line of one number
        ("1,2\n3,4\n\n", [[1, 2], [3, 4]]),
        ("1\t2\r\n3\t4\r\n", [[1, 2], [3, 4]]),
        ("[]", []),
        ("[[], []]", [[], []]),
    ],
)
@pytest.mark.parametrize("mark", ["", "\N{ZERO WIDTH NO-BREAK SPACE}"], ids=["", "BOM"])
def test_a_text_is_lines_of_numbers_or_yaml_or_json(text, value, mark):
    assert arrays.decode((mark + text).encode()).tolist() == value


def test_the_format_is_told_by_the_content_and_not_by_the_name():
    assert arrays.decode(npy_bytes([1, 2]), ".csv").tolist() == [1, 2]
    assert arrays.decode(b"[1, 2]", ".npy").tolist() == [1, 2]
    assert arrays.decode(b"1,2", ".json").tolist() == [1, 2]


def test_a_json_file_is_read_as_json():
    assert np.isnan(arrays.decode(b"[NaN]", ".json")).all()
    with pytest.raises(ConvcliError, match="valid JSON"):
        arrays.decode(b"[.nan]", ".json")


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b" \n", b"\0", b"hello", b"null", b"{}", b"[~]", b"['1']", b"[on]", b"[1_000]", b"[nan]", b"[1, [2]]"),
        *(b"[[1, 2], [3]]", b"x,y\n1,z", b"1,2,\n3,4", b"1,2\n3", b"1,2\n3;4", b"1,2\n\n3,4", b"1,2\n3\t4", b"1_0,2"),
        *(b"{data: [1], unit: m}", b"{data: [1], dtype: float128}", b"{data: ~}", b"{output: ~}"),
        *(b"{output: {a: [b]}}", b"[{a: 1}]", b"!!set {a, b}", b"{data: {a: 1}}", b"{output: {a: {b: 1}}}"),
        *("[1, é]".encode("latin-1"), "[1, 2]".encode("utf-16"), "1,2".encode("utf-32")),
        *(b"\x89PNG\r\n\x1a\n", b"PK\x05\x06", b"\x93NUMPY"),
        *(b"!!binary aGk=", b"!!timestamp 2001-01-01", b"&a {data: *b}", b"&a [*a]", b"- " * 1000 + b"1"),
        *(b"[" * 65 + b"1" + b"]" * 65, b"{data: [" + b"1" * 400 + b"], dtype: float64}"),
    ],
)
def test_content_that_is_not_an_array_is_an_error(content):
    with pytest.raises(ConvcliError):
        arrays.decode(content)


# ---- names ----


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
def test_one_array_of_a_file_is_named_after_a_colon(folder, name, value):
    assert arrays.load(name).tolist() == value


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("two.npz", "two.npz: which array? it holds a, b (two.npz:a)"),
        ("two.npz:c", "two.npz: no array 'c': it holds a, b (two.npz:a)"),
        ("a:b.npy:c", "a:b.npy: holds one array, not a 'c' (leave out the key)"),
    ],
)
def test_a_name_that_does_not_lead_to_one_array_is_an_error(folder, name, message):
    with pytest.raises(ConvcliError) as caught:
        arrays.load(name)
    assert str(caught.value) == message


def test_all_arrays_of_a_file_are_loaded_by_name(folder):
    (folder / "run.json").write_text('{"output": {"x": [1], "y": [[2]]}}')
    assert {name: array.tolist() for name, array in arrays.load_named("two.npz").items()} == {"a": [1], "b": [2]}
    assert {name: array.tolist() for name, array in arrays.load_named("run.json").items()} == {"x": [1], "y": [[2]]}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("two.npz:a", "two.npz: a is one array of it (the whole file, or NAME=FILE for each)"),
        ("a:b.npy", "a:b.npy: holds a single array without a name (an .npz file)"),
    ],
)
def test_a_single_array_where_several_are_needed_is_an_error(folder, name, message):
    with pytest.raises(ConvcliError) as caught:
        arrays.load_named(name)
    assert str(caught.value) == message


def test_a_name_that_is_too_long_is_an_error():
    with pytest.raises(ConvcliError, match="file name too long"):
        arrays.load("long" * 100 + ":key")


# ---- memory ----


@pytest.mark.parametrize(("available", "is_mapped"), [(1 << 30, False), (1 << 24, True)])
def test_an_input_that_takes_much_of_the_memory_is_not_read_whole(tmp_path, monkeypatch, available, is_mapped):
    np.save(tmp_path / "x.npy", np.ones((1, 1200, 1000, 1), "float32"))
    monkeypatch.setattr(memory, "available", lambda: available)
    loaded = arrays.load_input(str(tmp_path / "x.npy"), DataFormat.CHANNELS_LAST)
    assert isinstance(loaded, npy.MappedArray) == is_mapped
    assert npy.as_array(loaded).shape == (1, 1200, 1000, 1)


TEXTS = {  # with the memory that parsing is expected to take
    "a.csv": ("1,2,3,4\n" * 1000, 80 * 4000),
    "a.json": (f"[{','.join('1' * 1000)}]", 300 * 999),
    "a.yaml": ("- [1, 2, 3]\n" * 1000, 450 * 4000),
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_that_would_take_too_much_memory_is_not_parsed(name, tmp_path, monkeypatch):
    text, needed = TEXTS[name]
    (tmp_path / name).write_text(text)
    monkeypatch.setattr(memory, "NEGLIGIBLE", 0)
    monkeypatch.setattr(memory, "available", lambda: needed)
    assert arrays.load(str(tmp_path / name)).size
    monkeypatch.setattr(memory, "available", lambda: needed - 1)
    with pytest.raises(ConvcliError, match=f"{name}: needs .* is free .a smaller text; an .npy file takes less.$"):
        arrays.load(str(tmp_path / name))


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_a_file_or_archive_larger_than_the_memory_is_not_read(name, tmp_path, monkeypatch):
    array = np.zeros(1000)
    np.save(tmp_path / name, array) if name == "a.npy" else np.savez_compressed(tmp_path / name, a=array)
    monkeypatch.setattr(memory, "NEGLIGIBLE", 0)
    monkeypatch.setattr(memory, "available", lambda: 8000)
    with pytest.raises(ConvcliError, match=f"{name}: needs 7.9 KiB of memory"):  # 128 + 1000 * 8 bytes
        arrays.load(str(tmp_path / name))
    monkeypatch.setattr(memory, "available", lambda: 9000)
    assert arrays.load(str(tmp_path / name)).size == 1000
