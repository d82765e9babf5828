"""Reports as tables, JSON, YAML, CSV and arrays."""

from __future__ import annotations

import io
import json
import re

import numpy as np
import pytest
import yaml

from convcli.core.errors import ConvcliError
from convcli.core.shapes import DataFormat
from convcli.output.render.formats import FORMATS, PLAIN, TextStyle, format_of_suffix
from convcli.output.report.apply import ApplyReport, Maps
from convcli.output.report.shape import ShapeReport

SUMMARY = {
    "name": "some [bold]name[/bold] :smile:",
    "data_format": "channels_last",
    "input_shape": [None, 4, 1],
    "output_shape": [None, 2, 1],
    "params": 924844032,
    "trainable_params": 924844032,
    "non_trainable_params": 0,
    "macs": None,
    "dtype": "float32",
    "weight_bytes": 3699376128,
    "peak_activation_bytes": None,
    "peak_activation_layer": None,
    "layers": [
        {
            "name": "a" * 60,
            "type": "Conv1D",
            "inputs": ["input"],
            "output_shape": [None, 2, 1],
            "kernel_shape": [3, 1, 1],
            "params": 924844032,
            "macs": None,
            "receptive_field": [3, None],
            "jump": [0.5, None],
        }
    ],
}


def applied(*arrays, single=True, layout=DataFormat.CHANNELS_LAST):
    maps = tuple(
        Maps(f"layer{place}", np.asarray(array, float), tuple(f"map {i}" for i in range(np.shape(array)[-1])))
        for place, array in enumerate(arrays)
    )
    return ApplyReport(SUMMARY, maps=maps, data_format=layout, single=single)


def rendered(form, report, look=PLAIN):
    return FORMATS[form].render(report, look).decode()


def test_a_table_loses_no_digit_and_no_name():
    table = rendered("table", ShapeReport(SUMMARY))
    assert "a" * 60 + " (Conv1D)" in table
    assert "924,844,032" in table
    assert "some [bold]name[/bold] :smile:" in table
    assert "3×?" in table
    assert "0.5×–" in table
    assert "unknown" in table
    assert "\x1b" not in table
    assert all(line == line.rstrip() for line in table.splitlines())


def test_colour_changes_no_character():
    plain, coloured = (rendered("table", ShapeReport(SUMMARY), TextStyle(colour)) for colour in (False, True))
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain


@pytest.mark.parametrize("width", [40, 60, 100])
def test_a_table_fits_a_terminal_and_loses_no_digit(width):
    table = rendered("table", ShapeReport(SUMMARY), TextStyle(width=width))
    assert max(map(len, table.splitlines()[1:6])) <= width
    assert "".join(re.findall(r"\│ *(a+)", table)) == "a" * 60
    assert "…" not in table
    grid = rendered("table", applied(np.full((1, 2, 16, 1), 12345)), TextStyle(width=width))
    assert "12345  12345" in grid
    assert max(map(len, grid.splitlines()[-5:])) <= width
    assert "…" in grid


def test_small_maps_are_shown_whole_and_large_ones_by_their_corners():
    small, large = np.arange(256).reshape(1, 16, 16, 1), np.arange(10000).reshape(1, 100, 100, 1)
    table = rendered("table", applied(small))
    assert all(f" {value} " in table for value in range(256))
    table = rendered("table", applied(large))
    for value in (0, 3, 96, 99, 300, 303, 9600, 9999):
        assert f" {value} " in table
    assert " 4 " not in table
    assert "…" in table
    assert "100×100: least 0, mean 4999.5, greatest 9999" in table
    assert len(table.splitlines()) < 30


def test_many_maps_and_samples_are_no_flood():
    table = rendered("table", applied(np.zeros((100, 20, 20, 512))))
    assert len(table.splitlines()) < 1000
    assert "… 496 more; -f json, csv or npy gives all" in table
    assert "sample 0" in table
    assert "… 96 more samples; -f json, csv or npy gives all" in table


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3.0, "3"),
        (-0.5, "-0.5"),
        (1 / 3, "0.333333"),
        (123456789.0, "123456789"),
        (np.nan, "NaN"),
        (-np.inf, "-Infinity"),
        (1e20, "1e+20"),
        (123456.5, "123456.5"),
    ],
)
def test_values_in_grids(value, text):
    assert f"│ {text} " in rendered("table", applied([[[value]]]))


def test_json_is_valid_and_says_what_is_not_a_number():
    text = rendered("json", applied([[[np.nan], [np.inf], [-np.inf], [0.1]]]))
    assert json.loads(text, parse_constant=pytest.fail)["output"] == [[["NaN"], ["Infinity"], ["-Infinity"], [0.1]]]


def test_json_of_float32_has_the_shortest_digits():
    maps = (Maps("a", np.array([[[0.1]]], np.float32), ("map 0",)),)
    assert json.loads(rendered("json", ApplyReport(SUMMARY, maps=maps, data_format=DataFormat.CHANNELS_LAST)))[
        "output"
    ] == [[[0.1]]]


def test_json_of_many_numbers_is_that_of_few():
    many = np.arange(1 << 17, dtype=np.float32).reshape(1, -1, 2) / 3
    report = ApplyReport(SUMMARY, maps=(Maps("a", many, ("b", "c")),), data_format=DataFormat.CHANNELS_LAST)
    lists = json.loads(rendered("json", report))
    assert np.array_equal(np.array(lists["output"], np.float32), many)
    assert lists["output"][0][1] == [0.6666667, 1.0]


def test_infinite_numbers_among_the_inputs_are_words(convcli):
    model = "{input: [2], layers: [{add: {inputs: [input, .inf]}}]}"
    for form in ("json", "yaml", "csv"):
        assert "Infinity" in convcli("shape", "-", "-f", form, stdin=model).stdout


def test_yaml_says_what_json_says():
    report = applied([[[1.5], [np.nan]]])
    assert yaml.safe_load(rendered("yaml", report)) == json.loads(rendered("json", report))


def test_several_outputs_are_a_mapping():
    report = applied([[1.0]], [[2.0]], single=False)
    assert json.loads(rendered("json", report))["output"] == {"layer0": [[1]], "layer1": [[2]]}
    for form in ("csv", "npy"):
        with pytest.raises(ConvcliError, match=f"{form} holds one output"):
            FORMATS[form].render(report)
    with np.load(io.BytesIO(FORMATS["npz"].render(report))) as archive:
        assert {name: array.tolist() for name, array in archive.items()} == {"layer0": [[1]], "layer1": [[2]]}


def test_csv_is_a_row_a_line_and_an_empty_line_between_maps():
    assert rendered("csv", applied([[[[1, 5], [2, 6]], [[3, 7], [4, 8]]]])) == "1,2\n3,4\n\n5,6\n7,8\n"
    assert rendered("csv", applied([[[1, 5], [2, 6.5]]])) == "1,2\n\n5,6.5\n"
    assert rendered("csv", applied([[[-0.0], [0.0]]])) == "-0.0,0\n"
    volume = np.arange(8).reshape(1, 2, 2, 2, 1)
    assert rendered("csv", applied(volume)) == "0,1\n2,3\n\n4,5\n6,7\n"
    assert rendered("csv", applied([[1, 2], [3, np.nan]])) == "1,2\n\n3,NaN\n"


def test_csv_of_layers_is_a_line_a_layer():
    header, line = rendered("csv", ShapeReport(SUMMARY)).splitlines()
    assert header == "name,type,inputs,output_shape,kernel_shape,params,macs,receptive_field,jump"
    assert line == f"{'a' * 60},Conv1D,input,?x2x1,3x1x1,924844032,,3x?,0.5x-"


def test_arrays_come_out_in_the_data_format():
    report = applied(np.zeros((1, 4, 5, 2)), layout=DataFormat.CHANNELS_FIRST)
    assert np.load(io.BytesIO(FORMATS["npy"].render(report))).shape == (1, 2, 4, 5)
    assert np.shape(json.loads(rendered("json", report))["output"]) == (1, 2, 4, 5)


@pytest.mark.parametrize("name", ["file", "allow_pickle", "a/b"])
def test_an_archive_takes_any_name(name):
    report = ApplyReport(
        SUMMARY, maps=(Maps(name, np.ones((1, 2)), ("a", "b")),), data_format=DataFormat.CHANNELS_LAST, single=False
    )
    with np.load(io.BytesIO(FORMATS["npz"].render(report))) as archive:
        assert {key: array.tolist() for key, array in archive.items()} == {name: [[1, 1]]}


def test_maps_of_more_axes_are_shown_by_slices():
    table = rendered("table", applied(np.arange(16).reshape(1, 2, 2, 2, 2, 1)))
    assert "map 0, depth 1·0" in table
    assert " 10  11 " in table


def test_a_report_without_arrays_is_no_npy():
    with pytest.raises(ConvcliError, match="there is no array in this answer"):
        FORMATS["npy"].render(ShapeReport(SUMMARY))


@pytest.mark.parametrize(
    ("suffix", "form"), [(".npy", "npy"), (".NPZ", "npz"), (".yml", "yaml"), (".txt", "table"), (".x", None)]
)
def test_a_suffix_asks_for_a_format(suffix, form):
    assert format_of_suffix(suffix) == form


@pytest.mark.parametrize(("form", "size", "taken"), [("npy", 4, 8), ("npz", 8, 16), ("table", 4, 16), ("json", 8, 200)])
def test_what_it_takes_to_show_a_number(form, size, taken):
    assert FORMATS[form].bytes_needed(size) == taken
