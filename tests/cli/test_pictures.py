"""Maps as pictures, sheets of filters, and what is refused before the work."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from convcli.engine.run import Run
from convcli.io import images

RAMP = np.arange(0, 240, 20, dtype=np.uint8).reshape(3, 4)
KEEP = ("-l", "MaxPooling2D(1)")


@pytest.fixture
def ramp(tmp_path):
    Image.fromarray(RAMP).save(tmp_path / "ramp.png")
    return tmp_path / "ramp.png"


@pytest.fixture
def no_work(monkeypatch):
    """Fails where the model is run."""
    monkeypatch.setattr(Run, "result", None)


def values(path):
    return images.decode(path.read_bytes()).values


# ---- maps as pictures ----


@pytest.mark.parametrize(("name", "tolerance"), [("out.png", 0), ("out.tif", 0), ("out.jpg", 3)])
def test_a_map_of_a_picture_keeps_its_values(convcli, ramp, tmp_path, name, tolerance):
    done = convcli("apply", ramp, *KEEP, "--as", "picture", "-o", tmp_path / name)
    assert (done.exit_code, done.output) == (0, "")
    read = values(tmp_path / name)
    assert read.dtype == np.uint8
    assert np.abs(read.astype(int) - RAMP).max() <= tolerance


def test_three_maps_are_rgb(convcli, tmp_path):
    colours = np.arange(36, dtype=np.uint8).reshape(3, 4, 3)
    Image.fromarray(colours).save(tmp_path / "in.png")
    convcli("apply", tmp_path / "in.png", *KEEP, "--as", "picture", "--bits", 16, "-o", tmp_path / "out.png")
    np.testing.assert_array_equal(values(tmp_path / "out.png"), colours.astype(np.uint16) * (65535 // 255), strict=True)


@pytest.mark.parametrize(
    ("dtype", "options", "low", "high"),
    [
        ("uint8", (), 0, 255),
        ("uint16", (), 0, 65535),
        ("int16", (), -32768, 32767),
        ("bool", (), 0, 1),
        ("uint8", ("--scale", "-1/255"), -1, 0),
        ("int64", (), 1, 4),  # as which numbers of a text are read: their type tells nothing
        ("float32", (), 1, 4),
        ("float32", ("--range", "-1,9"), -1, 9),
        ("uint8", ("--range", "0.5,8"), 0.5, 8),
    ],
)
def test_black_and_white_are_those_of_the_range_of_the_type_or_of_the_maps(
    convcli, tmp_path, dtype, options, low, high
):
    array = np.array([[1, 0], [1, 1]]).astype(dtype) if dtype == "bool" else np.array([[1, 2], [3, 4]], dtype)
    np.save(tmp_path / "x.npy", array)
    maps = array * (-1 / 255 if "--scale" in options else 1.0)
    convcli("apply", tmp_path / "x.npy", *KEEP, *options, "--as", "picture", "--bits", 16, "-o", tmp_path / "o.tif")
    np.testing.assert_array_equal(values(tmp_path / "o.tif"), np.rint((maps - low) / (high - low) * 65535))


def test_values_that_are_clipped_or_nan_are_counted(convcli, tmp_path):
    np.save(tmp_path / "x.npy", [[-1.0, 0.0, np.nan], [1.0, np.inf, 0.5]])
    out = tmp_path / "o.png"
    done = convcli("apply", tmp_path / "x.npy", *KEEP, "--as", "picture", "--range", "0,1", "-o", out)
    assert done.stderr.splitlines() == [
        f"Warning: {out}: 2 of 6 values are outside 0 to 1 and clipped",
        f"Warning: {out}: 1 of 6 values are NaN and black",
    ]
    assert values(out).tolist() == [[0, 0, 0], [255, 255, 128]]


def test_extreme_floats_do_not_overflow(convcli, tmp_path):
    np.save(tmp_path / "x.npy", [[-1.7e308, 0.0], [1.7e308, 1.7e308]])
    convcli("apply", tmp_path / "x.npy", *KEEP, "--as", "picture", "-o", tmp_path / "o.png")
    assert values(tmp_path / "o.png").tolist() == [[0, 128], [255, 255]]


def test_thirty_two_bits_are_the_values_themselves(convcli, tmp_path):
    array = np.array([[-1.5, 1e30], [0.1, np.nan]], np.float32)
    np.save(tmp_path / "x.npy", array)
    convcli("apply", tmp_path / "x.npy", *KEEP, "--as", "picture", "--bits", 32, "-o", tmp_path / "o.tif")
    np.testing.assert_array_equal(values(tmp_path / "o.tif"), array, strict=True)


@pytest.mark.parametrize(("axes", "layer"), [("byx", "MaxPooling2D(1)"), ("zyx", "MaxPooling3D(1)")])
def test_samples_or_slices_are_the_pages_of_a_tiff(convcli, tmp_path, axes, layer):
    stack = np.arange(24, dtype=np.uint16).reshape(2, 3, 4)
    np.save(tmp_path / "x.npy", stack)
    arguments = ("apply", tmp_path / "x.npy", "-l", layer, "--axes", axes, "--as", "picture", "--bits", 16)
    convcli(*arguments, "-o", tmp_path / "o.tif")
    np.testing.assert_array_equal(values(tmp_path / "o.tif"), stack, strict=True)
    done = convcli(*arguments, "-o", tmp_path / "o.png")
    assert done.exit_code == 1
    assert done.stderr.endswith("and png holds one picture (a .tif holds several)\n")


def test_a_signal_is_a_picture_of_one_row(convcli, tmp_path):
    convcli("apply", "[0,1,2]", "-l", "MaxPooling1D(1)", "--as", "picture", "-o", tmp_path / "o.png")
    assert values(tmp_path / "o.png").tolist() == [[0, 128, 255]]


def test_each_input_becomes_a_picture_of_its_own(convcli, ramp, tmp_path):
    done = convcli("apply", ramp, *KEEP, "--as", "picture", "-f", "tif", "--output-dir", tmp_path / "out")
    assert done.exit_code == 0, done.output
    np.testing.assert_array_equal(values(tmp_path / "out" / "ramp.tif"), RAMP)


@pytest.mark.parametrize(
    ("layer", "options", "message"),
    [
        (
            "Conv2D(2, 1)",
            (),
            "conv2d: 2 maps are not a picture (one map is grey, three are RGB; --map 'map 0' selects one)",
        ),
        (
            "Conv2D(3, 1)",
            ("--bits", "32"),
            "conv2d: 3 maps are not a picture (in 32 bits one map; --map 'map 0' selects one)",
        ),
        ("Flatten()", (), "flatten: values without space are not a picture (-f npy or csv)"),
    ],
)
def test_maps_that_are_not_a_picture_are_refused_before_the_work(
    convcli, ramp, tmp_path, no_work, layer, options, message
):
    done = convcli("apply", ramp, "-l", layer, "--seed", 1, "--as", "picture", *options, "-o", tmp_path / "o.tif")
    assert (done.exit_code, done.stderr) == (1, f"Error: {message}\n")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("-o", "o.tif"), "tif goes with --as picture (or -o F.png: all maps on one sheet)"),
        (("-f", "jpg"), "jpg goes with --as picture (or -o F.png: all maps on one sheet)"),
        (("--bits", "8"), "--bits goes with --as picture"),
        (("--range", "0,1"), "--range goes with --as picture"),
        (("--as", "picture"), "--as picture is not written as table (-o F.png, F.tif or F.jpg)"),
        (("--as", "picture", "--bits", "16", "-o", "o.jpg"), "--bits 16 in jpg (8)"),
        (("--as", "picture", "--bits", "32", "-o", "o.png"), "--bits 32 in png (8 or 16)"),
        (
            ("--as", "picture", "--bits", "32", "--range", "0,1", "-o", "o.tif"),
            "--range goes with 8 or 16 bits: 32 bits hold the values as they are",
        ),
        (
            ("--as", "picture", "--all-layers", "-o", "o.tif"),
            "--as picture is of one layer's maps (--layer-output NAME)",
        ),
        (
            ("--as", "picture", "--show-weights", "-o", "o.png"),
            "--show-weights draws a sheet of filters, --as picture maps",
        ),
        (
            ("--as", "picture", "--range", "1,0", "-o", "o.png"),
            "Invalid value for '--range': '1,0' (LOW,HIGH: the values that are black and white, such as 0,255)",
        ),
    ],
)
def test_options_that_do_not_go_together(convcli, ramp, options, message):
    done = convcli("apply", ramp, *KEEP, *options)
    assert (done.exit_code, done.stderr.splitlines()[-1]) == (2, f"Error: {message}")


# ---- sheets ----


@pytest.mark.parametrize(
    ("shape", "problem"),
    [
        ((9000, 9000), "a picture of at least 324,000,000 pixels"),
        ((1000, 8, 8), "a picture of 764×226,193 pixels"),
    ],
)
def test_a_sheet_that_will_be_too_large_is_refused_before_the_work(convcli, tmp_path, no_work, shape, problem):
    np.save(tmp_path / "x.npy", np.broadcast_to(np.float32(0), shape))
    axes = ("--axes", "byx") if len(shape) == 3 else ()
    done = convcli("apply", tmp_path / "x.npy", "-l", "Conv2D(4, 1)", "--seed", 1, *axes, "-o", tmp_path / "o.png")
    assert done.exit_code == 1
    assert problem in done.stderr
    assert "at most 67,108,864; --map or --layer-output for less, or -f npy" in done.stderr


def test_show_weights_draws_the_filters_and_computes_no_map(convcli, no_work, tmp_path):
    arguments = ("apply", "samples/lines.yaml", "samples/line-detectors.yaml", "--show-weights")
    done = convcli(*arguments, "-f", "heatmap")
    assert done.exit_code == 0
    assert done.stdout.splitlines()[:2] == ["lines: filters", "vertical                  horizontal"]
    assert len(done.stdout.splitlines()[2]) == 26 + 24  # 3 cells of 8 characters each, and a gap
    assert convcli(*arguments, "-o", tmp_path / "w.png").exit_code == 0
    assert values(tmp_path / "w.png").shape[2] == 3


def test_show_weights_draws_those_of_one_layer(convcli, tmp_path):
    layers = ("-l", "Conv2D(2, 3)", "-l", "Conv2D(1, 3)", "-l", "Flatten()", "-l", "Dense(2)", "--seed", 1)
    arguments = ("apply", "samples/lines.yaml", *layers, "--show-weights", "-f", "heatmap")

    def titles(*options):
        return [line for line in convcli(*arguments, *options).stdout.splitlines() if line.endswith(": filters")]

    assert titles() == ["conv2d: filters", "conv2d_1: filters"]
    assert titles("--layer-output", "conv2d_1") == ["conv2d_1: filters"]
    done = convcli(*arguments, "--layer-output", "dense")
    assert (done.exit_code, done.stderr) == (
        1,
        "Error: no layer has filters to draw (without --show-weights: the maps)\n",
    )


def test_the_filter_bank_is_drawn(convcli, tmp_path):
    assert convcli("filters", "-o", tmp_path / "bank.png").exit_code == 0
    assert values(tmp_path / "bank.png").shape[2] == 3
    lines = convcli("filters", "sobel-x", "box", "bump", "-f", "heatmap").stdout.splitlines()
    titles = ["edges", "sobel-x", "smoothing", "box", "1-D", "bump"]
    assert [line for line in lines if line in titles] == titles
    assert lines[-1].startswith("scale: '=' -1 ")  # each filter is divided by its largest magnitude
    alone = convcli("filters", "sobel-x", "-f", "heatmap").stdout.splitlines()
    assert alone[-1].startswith("scale: '=' -2 ")
