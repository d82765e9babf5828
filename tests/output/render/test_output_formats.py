"""The table of formats, and JSON, YAML, CSV, NPY and NPZ read back."""

from __future__ import annotations

import io
import json
from importlib import import_module

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from map_reports import SUMMARY, map_report

from convcli.core.errors import ConvcliError
from convcli.core.records import replace
from convcli.core.shapes import DataFormat
from convcli.output import render
from convcli.output.render.formats import FORMATS, format_of_suffix
from convcli.output.report.shape import ShapeReport


def rendered(format_name, report):
    return FORMATS[format_name].render(report).decode()


# ---- the table of formats ----


@pytest.mark.parametrize(
    ("suffix", "format_name"), [(".npy", "npy"), (".NPZ", "npz"), (".yml", "yaml"), (".txt", "table"), (".x", None)]
)
def test_a_suffix_selects_a_format(suffix, format_name):
    assert format_of_suffix(suffix) == format_name


def test_no_two_formats_have_the_same_suffix():
    suffixes = [suffix for format_ in FORMATS.values() for suffix in format_.suffixes]
    assert len(set(suffixes)) == len(suffixes)


@pytest.mark.parametrize("format_name", FORMATS)
def test_every_format_names_a_function(format_name):
    module, _, function = FORMATS[format_name].function.partition(":")
    assert callable(getattr(import_module(f"{render.__name__}.{module}"), function))


@pytest.mark.parametrize(
    ("format_name", "itemsize", "expected"), [("npy", 4, 8), ("npz", 8, 16), ("table", 4, 16), ("json", 8, 200)]
)
def test_a_format_tells_the_memory_that_a_number_takes(format_name, itemsize, expected):
    assert FORMATS[format_name].bytes_needed(itemsize) == expected


# ---- JSON and YAML ----


def test_json_is_valid_and_names_what_is_not_a_number():
    text = rendered("json", map_report([[[np.nan], [np.inf], [-np.inf], [0.1]]]))
    assert json.loads(text, parse_constant=pytest.fail)["output"] == [[["NaN"], ["Infinity"], ["-Infinity"], [0.1]]]


def test_json_of_float32_has_the_shortest_digits():
    assert json.loads(rendered("json", map_report([[[0.1]]], dtype="float32")))["output"] == [[[0.1]]]


def test_json_of_many_numbers_is_like_that_of_few():
    many = np.arange(1 << 17, dtype=np.float32).reshape(1, -1, 2) / 3
    output = json.loads(rendered("json", map_report(many, dtype="float32")))["output"]
    assert np.array_equal(np.array(output, np.float32), many)
    assert output[0][1] == [0.6666667, 1.0]


@pytest.mark.parametrize("format_name", ["json", "yaml", "csv", "table"])
def test_infinite_numbers_among_the_inputs_are_words(convcli, format_name):
    model = "{input: [2], layers: [relu, {add: {inputs: [re_lu, .inf]}}]}"
    assert "Infinity" in convcli("shape", "-", "-f", format_name, stdin=model).stdout


def test_yaml_says_what_json_says():
    report = map_report([[[1.5], [np.nan]]])
    assert yaml.safe_load(rendered("yaml", report)) == json.loads(rendered("json", report))


def test_several_outputs_are_a_mapping():
    report = map_report([[1.0]], [[2.0]], single=False)
    assert json.loads(rendered("json", report))["output"] == {"layer0": [[1]], "layer1": [[2]]}
    with np.load(io.BytesIO(FORMATS["npz"].render(report))) as archive:
        assert {name: array.tolist() for name, array in archive.items()} == {"layer0": [[1]], "layer1": [[2]]}


# ---- CSV ----


SPECIAL = (0.0, -0.0, 0.5, 1e-5, 1e-4, 99999.99, 1e5, 1234567.5, 1e14, 1e15, 1e16, 1e30, np.nan, np.inf, -np.inf)


def shortest(value):
    """Return the shortest text of a number that reads back the same, as Python writes it; a whole one without point."""
    text = repr(float(np.format_float_scientific(value, unique=True)))
    words = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity", "-0.0": "-0.0"}
    return words.get(text) or (text.removesuffix(".0") if abs(value) < 1e15 else text)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@settings(max_examples=50)
@given(data=st.data())
def test_a_number_of_a_csv_is_the_shortest_that_reads_back_the_same(dtype, data):
    numbers = st.one_of(st.sampled_from(SPECIAL), st.integers(-999, 999), st.floats(width=int(dtype[-2:])))
    array = np.array(data.draw(st.lists(numbers, min_size=1, max_size=6)), dtype)
    line = rendered("csv", map_report(array[None, :, None], dtype=dtype))
    assert line == ",".join(map(shortest, array)) + "\n"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_csv_does_not_depend_on_which_numbers_stand_together(dtype):
    """Plain numbers are written a block at a time, others one by one."""
    random = np.random.default_rng(0)
    plain = random.normal(size=400) * 10.0 ** random.integers(-9, 4, 400)
    plain[::7] = np.rint(abs(plain[::7]))  # some of them 0
    with_nan = np.append(plain.astype(dtype), np.array(np.nan, dtype))
    fast = rendered("csv", map_report(plain[None, :, None], dtype=dtype)).strip()
    slow = rendered("csv", map_report(with_nan[None, :, None], dtype=dtype)).strip()
    assert fast == slow.removesuffix(",NaN")


def test_csv_has_a_line_for_each_row_and_an_empty_line_between_maps():
    assert rendered("csv", map_report([[[[1, 5], [2, 6]], [[3, 7], [4, 8]]]])) == "1,2\n3,4\n\n5,6\n7,8\n"
    assert rendered("csv", map_report([[[1, 5], [2, 6.5]]])) == "1,2\n\n5,6.5\n"
    assert rendered("csv", map_report([[1, 2], [3, np.nan]])) == "1,2\n3,NaN\n"


def test_csv_has_an_empty_line_between_the_slices_of_a_volume():
    assert rendered("csv", map_report(np.arange(8).reshape(1, 2, 2, 2, 1))) == "0,1\n2,3\n\n4,5\n6,7\n"


def test_csv_keeps_the_sign_of_zero():
    assert rendered("csv", map_report([[[-0.0], [0.0]]])) == "-0.0,0\n"


def test_csv_of_layers_has_a_line_for_each_layer():
    header, line = rendered("csv", ShapeReport(SUMMARY)).splitlines()
    assert header == "name,type,inputs,output_shape,kernel_shape,params,macs,receptive_field,jump"
    assert line == f"{'a' * 60},Conv1D,input,?x2x1,3x1x1,924844032,,3x?,0.5x-"


# ---- NPY and NPZ ----


@pytest.mark.parametrize("format_name", ["csv", "npy"])
def test_a_format_of_one_array_refuses_several_outputs(format_name):
    report = map_report([[1.0]], [[2.0]], single=False)
    with pytest.raises(ConvcliError, match=f"{format_name} holds one output"):
        FORMATS[format_name].render(report)


def test_arrays_have_the_data_format_of_the_report():
    report = map_report(np.zeros((1, 4, 5, 2)), data_format=DataFormat.CHANNELS_FIRST)
    assert np.load(io.BytesIO(FORMATS["npy"].render(report))).shape == (1, 2, 4, 5)
    assert np.shape(json.loads(rendered("json", report))["output"]) == (1, 2, 4, 5)


@pytest.mark.parametrize("name", ["file", "allow_pickle", "a/b"])
def test_an_archive_takes_any_name(name):
    report = map_report(np.ones((1, 2)), single=False)
    report = replace(report, maps=tuple(replace(maps, layer=name) for maps in report.maps))
    with np.load(io.BytesIO(FORMATS["npz"].render(report))) as archive:
        assert {key: array.tolist() for key, array in archive.items()} == {name: [[1, 1]]}


def test_a_report_without_arrays_is_not_written_as_npy():
    with pytest.raises(ConvcliError, match="there is no array in this answer"):
        FORMATS["npy"].render(ShapeReport(SUMMARY))
