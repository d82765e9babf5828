"""The 40 networks of keras.applications: each layer's figures are Keras's, receptive fields the published ones."""

from __future__ import annotations

import gzip
import json
from functools import cache

import pytest
from conftest import ROOT

import convcli

REFERENCE = ROOT / "tests" / "reference"
FIGURES = json.loads(gzip.decompress((REFERENCE / "networks.json.gz").read_bytes()))["networks"]


@cache
def summary(name):
    model = json.loads(gzip.decompress((REFERENCE / "networks" / f"{name}.json.gz").read_bytes()))
    return convcli.summarize(convcli.load(model))


def test_there_are_forty():
    assert len(FIGURES) == 40


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_is_keras_s(name):
    ours, keras = summary(name), FIGURES[name]
    keys = ("name", "type", "output_shape", "params", "trainable_params")
    assert [[row[key] for key in keys] for row in ours["layers"]] == keras["layers"]
    for key in ("input_shape", "output_shape", "params", "trainable_params"):
        assert ours[key] == keras[key]


# Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill 2019.
@pytest.mark.parametrize(
    ("name", "layer", "extent"),
    [
        ("VGG16", "block5_pool", 212),
        ("ResNet50", "conv5_block3_out", 483),
        ("ResNet101", "conv5_block3_out", 1027),
        ("ResNet152", "conv5_block3_out", 1507),
        ("MobileNet", "conv_pw_13_relu", 315),
        ("InceptionV3", "mixed10", 1311),
        ("InceptionResNetV2", "conv_7b_ac", 3039),
    ],
)
def test_published_receptive_fields(name, layer, extent):
    (row,) = (row for row in summary(name)["layers"] if row["name"] == layer)
    assert row["receptive_field"] == [extent, extent]
    assert row["jump"] == [32, 32]


@pytest.mark.parametrize(
    ("name", "macs"),
    # Torchvision's table of models gives these in billions: 15.47, 4.09 (its ResNet has the stride later), 0.30.
    [("VGG16", 15_470_264_320), ("MobileNetV2", 300_774_272)],
)
def test_published_multiply_accumulates(name, macs):
    assert summary(name)["macs"] == macs
