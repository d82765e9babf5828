"""The derivation that `shape --explain` shows: every formula is true and ends in the figure that is reported."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given, settings
from strategies import layers

import convcli


def derivation(layer, shape):
    """Return the lines of the derivation of a model of one layer."""
    (row,) = convcli.summarize(convcli.load([layer]), shape, explain=True)["layers"]
    return row["working"]


def test_the_first_layer_of_resnet_is_derived_line_by_line():
    assert derivation("Conv2D(64, 7, strides=2, padding=3)", (224, 224, 3)) == [
        "height: ⌊(224 − 7 + 3 + 3) / 2⌋ + 1 = 112",
        "width: ⌊(224 − 7 + 3 + 3) / 2⌋ + 1 = 112",
        "channels: 64, one for each filter",
        "2-D kernels: 3·64 = 192",
        "parameters: 7·7·3·64 + 64 = 9,472 (kernel, bias)",
        "multiply-accumulates: 112·112 · 7·7·3·64 = 118,013,952",
        "receptive field: 1 + (7 − 1)·1 = 7",
    ]


@pytest.mark.parametrize(
    ("layer", "shape", "line"),
    [
        ("Conv1D(1, 3, strides=2)", (8, 1), "length: ⌊(8 − 3 + 0 + 0) / 2⌋ + 1 = 3; cell 7 is never read"),
        (
            "Conv1D(1, 1, strides=3)",
            (14, 1),
            "length: ⌊(14 − 1 + 0 + 0) / 3⌋ + 1 = 5; cells 1–2, 4–5, 7–8, …, 13 (9 in all) are never read",
        ),
        ("Conv1D(1, 3, dilation_rate=2)", (9, 1), "length: ⌊(9 − 5 + 0 + 0) / 1⌋ + 1 = 5, where 5 = 2·(3 − 1) + 1"),
        (
            "Conv1D(1, 3, strides=2, padding='same')",
            (8, 1),
            "length, same: (⌈8 / 2⌉ − 1)·2 + 3 − 8 = 1, 0 before and 1 after",
        ),
        ("Conv2DTranspose(32, 4, strides=2, padding=1)", (16, 16, 64), "height: (16 − 1)·2 + 4 − 1 − 1 = 32"),
        (
            "Conv2DTranspose(32, 4, strides=2, padding=1)",
            (16, 16, 64),
            "multiply-accumulates: 16·16 · 4·4·32·64 = 8,388,608, over its input cells",
        ),
        ("Conv2D(8, 3, groups=2)", (9, 9, 4), "channels seen by each filter: 4 / 2 = 2"),
        ("Conv2D(256, 3)", (9, 9, 64), "2-D kernels: 64·256 = 16,384"),
        ("Conv2DTranspose(8, 3, groups=2)", (9, 9, 4), "2-D kernels: 4·8 / 2 = 16"),
        ("DepthwiseConv2D(3, depth_multiplier=2)", (9, 9, 4), "2-D kernels: 4·8 / 4 = 8"),
        ("MaxPooling2D()", (8, 8, 4), "parameters: 0, as a maximum has no weights to learn"),
        ("GlobalAveragePooling1D()", (8, 4), "parameters: 0, as a mean has no weights to learn"),
        ("DepthwiseConv2D(3, depth_multiplier=2)", (9, 9, 4), "channels: 4·2 = 8, each input channel by itself"),
        ("SeparableConv2D(8, 3)", (9, 9, 4), "multiply-accumulates: 7·7 · 3·3·4·1 + 7·7 · 1·1·4·8 = 3,332"),
        ("Dense(10)", (4608,), "parameters: 4,608·10 + 10 = 46,090 (kernel, bias)"),
        (
            "MaxPooling1D(2, strides=3, ceil_mode=True)",
            (7, 1),
            "length: ⌈(7 − 2 + 0 + 0) / 3⌉ + 1 = 3; cells 2, 5 are never read",
        ),
        (
            "MaxPooling1D(2, strides=3, padding=1, ceil_mode=True)",
            (5, 1),
            "length: ⌈(5 − 2 + 1 + 1) / 3⌉ + 1 − 1 = 2, as the last window would start outside the input; "
            "cells 1, 4 are never read",
        ),
        (
            "Conv1D(1, 2, strides=2, padding=[1, 0], padding_mode='reflect')",
            (8, 1),
            "length: ⌊(9 − 2 + 0 + 0) / 2⌋ + 1 = 4; cell 8 of the padded axis is never read",
        ),
        ("ZeroPadding1D((1, 2))", (8, 1), "length: 8 + 1 + 2 = 11"),
        ("UpSampling1D(3)", (8, 1), "length: 8·3 = 24"),
        ("Flatten()", (24, 24, 8), "values: 24·24·8 = 4,608"),
        ("GlobalAveragePooling2D()", (7, 7, 512), "each channel: the mean of 7·7 = 49 cells"),
        (
            "BatchNormalization()",
            (7, 7, 64),
            "parameters: 64 + 64 + 64 + 64 = 256 (gamma, beta, moving_mean, moving_variance)",
        ),
        ("Conv1D(1, 3)", ("?", 1), "length: ⌊(? − 3 + 0 + 0) / 1⌋ + 1 = ?"),
    ],
)
def test_a_layer_has_this_line_in_its_derivation(layer, shape, line):
    assert line in derivation(layer, shape)


def test_a_concatenation_shows_the_extents_that_it_adds():
    model = convcli.load(["Conv1D(2, 1, name='a')", "Conv1D(3, 1, name='b')", "Concatenate(inputs=['a', 'b'])"])
    row = convcli.summarize(model, (8, 1), explain=True)["layers"][-1]
    assert row["working"] == ["concatenated axis: 2 + 3 = 5"]
    model = convcli.load(["Conv1D(2, 1, name='a')", "Conv1D(2, 1, name='b')", "Interleave(inputs=['a', 'b'])"])
    row = convcli.summarize(model, (8, 1), explain=True)["layers"][-1]
    assert row["working"] == ["interleaved axis: 2 + 2 = 4"]


def evaluated(side: str) -> float:
    """Return the value of one side of an equation."""
    text = re.sub(r"(?<=\d),(?=\d{3})", "", side)
    for sign, meaning in (("−", "-"), ("·", "*"), ("⌊", "math.floor("), ("⌉", ")"), ("⌋", ")"), ("⌈", "math.ceil(")):
        text = text.replace(sign, meaning)
    return eval(text, {"math": math})  # of our own output


@settings(max_examples=300, deadline=None)
@given(layers)
def test_every_equation_is_true_and_ends_in_the_figure_that_is_reported(setting):
    layer, shape = setting
    (row,) = convcli.summarize(convcli.load([layer]), shape, explain=True)["layers"]
    ends = {}
    for line in row["working"]:
        name, _, text = line.partition(": ")
        equation = re.split(r";|, | \([a-z]| in | cells", re.sub("^the (mean|max) of ", "", text))[0]
        left, equals, right = equation.partition(" = ")
        if equals:
            assert evaluated(left) == evaluated(right), line
        if name in ("2-D kernels", "parameters", "multiply-accumulates"):
            ends[name] = evaluated(right or left)
    assert ends.get("parameters", 0) == row["params"]
    assert ends.get("multiply-accumulates", 0) == row["macs"]
    assert ends.get("2-D kernels", row["kernels_2d"]) == row["kernels_2d"]


def test_running_statistics_are_no_parameters_in_pytorch_s_words():
    layers = ["nn.BatchNorm2d(8)", "nn.BatchNorm2d(8, affine=False)"]
    rows = convcli.summarize(convcli.load(layers), (8, 4, 4), explain=True)["layers"]
    assert [row["params"] for row in rows] == [16, 0]
    assert rows[0]["working"] == ["parameters: 8 + 8 = 16 (gamma, beta)"]
    assert not any("parameters" in line for line in rows[1]["working"])
