"""`--axes`, and the note about an array that can be read in two ways."""

from __future__ import annotations

import json

import numpy as np
import pytest

STACK = np.arange(6 * 10 * 12, dtype=float).reshape(6, 10, 12) ** 2 % 97


@pytest.fixture
def stack(tmp_path):
    np.save(tmp_path / "stack.npy", STACK)
    return tmp_path / "stack.npy"


def output(result):
    return np.array(json.loads(result.stdout)["output"])


def test_a_stack_is_filtered_in_space(convcli, stack):
    result = convcli("apply", stack, "--filter", "box:size=3", "--axes", "zyx", "-f", "json")
    windows = np.lib.stride_tricks.sliding_window_view(STACK, (3, 3, 3))
    assert result.stderr == ""
    assert output(result)[0, ..., 0] == pytest.approx(windows.mean(axis=(-3, -2, -1)))


def test_a_stack_is_filtered_slice_by_slice(convcli, stack):
    windows = np.lib.stride_tricks.sliding_window_view(STACK, (3, 3), (1, 2)).mean(axis=(-2, -1))
    for axes in ("byx", "tyx"):
        result = convcli("apply", stack, "--filter", "box:size=3", "--axes", axes, "-f", "json")
        assert output(result)[..., 0] == pytest.approx(windows)
    channels = convcli("apply", stack, "--filter", "box:size=3", "--axes", "cyx", "-f", "json")
    assert output(channels)[0] == pytest.approx(np.moveaxis(windows, 0, -1))


def test_answers_keep_the_model_s_order(convcli, stack):
    layer = ("-l", "Conv2D(2, 3)", "--seed", 1, "--axes", "yxc", "-f", "json")
    last = output(convcli("apply", stack, *layer))
    first = output(convcli("apply", stack, *layer, "--data-format", "channels_first"))
    assert first.shape == (1, 2, 4, 8)
    assert first == pytest.approx(np.moveaxis(last, -1, 1))


def test_a_picture_has_the_axes_of_its_file(convcli):
    plain = convcli("apply", "samples/house.png", "--filter", "sobel-x", "-f", "json")
    stated = convcli("apply", "samples/house.png", "--filter", "sobel-x", "--axes", "yxc", "-f", "json")
    assert plain.stdout == stated.stdout


def test_axes_of_standard_input_in_explain_and_in_fit(convcli, stack, tmp_path):
    explained = convcli("explain", stack, "--filter", "box:size=3", "--axes", "zyx", "--at", "0,0,0", "-f", "json")
    assert json.loads(explained.stdout)["value"] == pytest.approx(STACK[:3, :3, :3].mean())
    read = convcli("apply", "-", "--filter", "step", "--axes", "tx", "-f", "csv", stdin="1,2,4\n1,3,9\n")
    assert read.stdout == "1,2\n\n2,6\n"  # two samples
    np.save(tmp_path / "target.npy", np.zeros((1, 4, 8, 10, 1)))
    arguments = ("fit", stack, tmp_path / "target.npy", "-l", "Conv3D(1, 3)", "--epochs", 1, "-o", tmp_path / "w.npz")
    fitted = convcli(*arguments, "--axes", "zyx", "-f", "json")
    assert json.loads(fitted.stdout)["output_shape"] == [None, 4, 8, 10, 1]


def test_a_large_file_is_filtered_tile_by_tile(convcli, tmp_path, monkeypatch):
    monkeypatch.setattr("convcli.io.npy._is_large", lambda size: True)
    monkeypatch.setattr("convcli.engine.run.ENOUGH", 0)
    np.save(tmp_path / "x.npy", STACK)
    arguments = ("--filter", "box:size=3", "--axes", "xzy", "-o", tmp_path / "y.npy")
    assert convcli("apply", tmp_path / "x.npy", *arguments).exit_code == 0
    windows = np.lib.stride_tricks.sliding_window_view(STACK.transpose(1, 2, 0), (3, 3, 3))
    assert np.load(tmp_path / "y.npy")[0, ..., 0] == pytest.approx(windows.mean(axis=(-3, -2, -1)))


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--axes", "zyx"), 1, "--axes zyx: 3 axes of space, the model takes 2 (b for samples, c for channels)"),
        (("--axes", "yx"), 1, "--axes yx for shape (6, 10, 12) (a letter for each axis)"),
        (("--axes", "zzx"), 2, "--axes: 'zzx' (each letter once)"),
        (
            ("--axes", "qyx"),
            2,
            "--axes: 'qyx' (a letter for each axis: b batch, c channels, z depth, y height, x width, t time)",
        ),
    ],
)
def test_axes_that_cannot_be_are_an_error(convcli, stack, arguments, code, message):
    result = convcli("apply", stack, "--filter", "laplacian-4", *arguments)
    assert (result.exit_code, result.stdout) == (code, "")
    where = f"{stack}: " if code == 1 else ""
    assert result.stderr.splitlines()[-1] == f"Error: {where}{message}"


def test_axes_are_for_a_model_of_one_input(convcli, stack, tmp_path):
    model = tmp_path / "two.yaml"
    model.write_text("input: {a: [9, 1], b: [9, 1]}\nlayers: [add: {inputs: [a, b]}]\n")
    result = convcli("apply", f"a={stack}", f"b={stack}", model, "--axes", "bx")
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (2, "Error: --axes is for a model of one input")


# ---- the note ----


@pytest.mark.parametrize(
    ("arguments", "others"),
    [
        (("--filter", "box:size=3"), "byx, cyx or zyx"),
        (("--filter", "laplacian-4"), "byx or cyx"),
        (("--filter", "laplacian-4", "--filter", "box"), "byx or cyx"),
        (("-l", "Conv2D(2, 3)", "--seed", 1), "byx or cyx"),
        (("-l", "ReLU()", "-l", "Conv2D(2, 3)", "--seed", 1), "byx or cyx"),
    ],
)
def test_a_note_says_how_an_array_was_read_that_could_be_a_stack(convcli, stack, arguments, others):
    result = convcli("apply", stack, *arguments, "-f", "csv")
    assert result.exit_code == 0
    assert result.stderr == (
        f"Note: {stack}: shape (6, 10, 12) is read as height, width, channels; --axes {others} reads it otherwise, "
        "--axes yxc says so\n"
    )
    assert convcli("apply", stack, *arguments, "-f", "csv", "-q").stderr == ""


def test_a_note_about_a_signal_of_many_channels(convcli, tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((20, 8)))
    result = convcli("apply", tmp_path / "x.npy", "-l", "Conv1D(1, 3)", "--seed", 0, "-f", "csv")
    read = "shape (20, 8) is read as length, channels; --axes bx or cx reads it otherwise, --axes xc says so"
    assert result.stderr == f"Note: {tmp_path / 'x.npy'}: {read}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("--filter", "sobel-x", "--axes", "yxc"),
        ("--filter", "sobel-x", "--data-format", "channels_last"),
        ("-l", "Conv2D(2, 3, input_shape=[6, 10, 12])", "--seed", 1),
        ("-l", "Conv3D(2, 3)", "--seed", 1),
        ("-l", "ReLU()"),
        ("-l", "Conv2D(kernel='kernel.npy')"),
    ],
)
def test_no_note_where_something_says_what_the_axes_are(convcli, stack, arguments):
    np.save(stack.parent / "kernel.npy", np.zeros((3, 3, 12, 2)))
    arguments = [str(argument).replace("kernel.npy", str(stack.parent / "kernel.npy")) for argument in arguments]
    result = convcli("apply", stack, *arguments, "-f", "json")
    assert (result.exit_code, result.stderr) == (0, "")


@pytest.mark.parametrize("shape", [(6, 10), (6, 10, 4), (2, 6, 10, 12)])
def test_no_note_about_arrays_that_are_read_in_one_way(convcli, tmp_path, shape):
    np.save(tmp_path / "x.npy", np.zeros(shape))
    assert convcli("apply", tmp_path / "x.npy", "--filter", "sobel-x", "-f", "json").stderr == ""


@pytest.mark.parametrize("filters", [["gaussian"], ["sobel"], ["sobel", "box"], ["box", "gaussian:rank=3"]])
def test_each_channel_of_a_volume_is_filtered_by_itself(convcli, tmp_path, filters):
    volume = np.random.default_rng(0).random((2, 6, 7, 8))
    np.save(tmp_path / "both.npy", volume)
    arguments = [part for name in filters for part in ("--filter", name)]
    maps = []
    for name, axes, values in (("both", "czyx", volume), ("first", "zyx", volume[0]), ("second", "zyx", volume[1])):
        np.save(tmp_path / f"{name}.npy", values)
        arrays = str(tmp_path / f"{name}.npy"), "--axes", axes, *arguments, "--padding", "same"
        assert convcli("apply", *arrays, "-o", str(tmp_path / "maps.npy")).exit_code == 0
        maps.append(np.load(tmp_path / "maps.npy"))
    np.testing.assert_allclose(maps[0], np.concatenate(maps[1:], axis=-1), atol=1e-12)
