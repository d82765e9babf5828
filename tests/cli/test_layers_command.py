"""The command that lists the layers."""

from __future__ import annotations

import csv
import io
import json
import re

from convcli.model.layers import LAYERS


def test_every_layer_is_in_the_list_with_its_arguments(convcli):
    names = {layer.__name__ for layer in LAYERS.values()}
    table = convcli("layers").stdout
    (dense,) = [line for line in table.splitlines() if "│ Dense " in line]
    assert "│ (units, activation=None, use_bias=True, *, axis=None)" in dense
    assert all(f"│ {name} " in table for name in names)
    assert {entry["name"] for entry in json.loads(convcli("layers", "-f", "json").stdout)} == names
    rows = {row["name"]: row for row in csv.DictReader(io.StringIO(convcli("layers", "-f", "csv").stdout))}
    assert rows["Dropout"]["arguments"] == "(rate)"


def test_one_layer_is_shown_with_what_it_does(convcli):
    for name in ("LeakyReLU", "leaky_re_lu", "keras.layers.LeakyReLU"):
        assert json.loads(convcli("layers", name, "-f", "json").stdout) == {
            "name": "LeakyReLU",
            "key": "leaky_re_lu",
            "kind": "activations",
            "aliases": [],
            "weights": [],
            "does": "x where positive, negative_slope·x elsewhere.",
            "arguments": [{"name": "negative_slope", "required": False, "default": 0.3, "by_position": True}],
        }
    table = convcli("layers", "conv2d").stdout
    assert table.startswith("Conv2D(filters, kernel_size, strides=1, ")
    assert re.search("│ filters +│ required +│ by position or name +│", table)
    assert re.search("│ flip_kernel +│ False +│ by name +│", table)
    assert " Each filter sees all input channels of its group and makes one map.\n" in table


def test_a_layer_that_there_is_not_is_an_error_with_the_nearest_name(convcli):
    done = convcli("layers", "Conv2")
    assert (done.exit_code, done.stderr) == (1, "Error: unknown layer type 'Conv2' (did you mean conv2d?)\n")
