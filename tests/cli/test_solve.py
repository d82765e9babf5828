"""`convcli solve`: settings of a layer, and the inputs that a model accepts."""

from __future__ import annotations

import json

import pytest


def test_solve_lists_settings(convcli):
    command = ("solve", "--input", 224, "--output", 112, "--kernel-size", 7, "--strides", 2, "-f", "json")
    answers = json.loads(convcli(*command).stdout)
    assert answers[0] == {"kernel_size": 7, "strides": 2, "padding": 3, "dilation_rate": 1, "output": 112}
    assert {"kernel_size": 7, "strides": 2, "padding": "same", "dilation_rate": 1, "output": 112} in answers
    assert {"kernel_size": 7, "strides": 2, "padding": [[2, 3]], "dilation_rate": 1, "output": 112} in answers
    (only,) = json.loads(convcli(*command, "--padding", "3", "--dilation-rate", 1).stdout)
    assert only == answers[0]
    two = json.loads(convcli("solve", "-i", "14x28", "--output", "28x56", "--transpose", "-f", "json").stdout)
    assert two[0] == {
        "kernel_size": [2, 2],
        "strides": [2, 2],
        "padding": [0, 0],
        "dilation_rate": [1, 1],
        "output_padding": [0, 0],
        "output": [28, 56],
    }


def test_solve_says_that_it_read_channels_as_space(convcli):
    note = "Note: read as three axes of space; leave the channels out: 28x28\n"
    result = convcli("solve", "-i", "28x28x1", "--output", "14x14x1")
    assert (result.exit_code, result.stderr) == (0, note)
    assert convcli("solve", "-i", "28x28x1", "--output", "14x14x1", "--quiet").stderr == ""
    assert convcli("solve", "-i", "28x28x4", "--output", "28x28x64").stderr.startswith(note)
    assert convcli("solve", "-i", "28x28x8", "--output", "14x14x3").stderr.startswith(note)


@pytest.mark.parametrize(
    ("size", "output"), [("28x28", "14x14"), ("8x8x8", "4x4x4"), ("28x28x5", "14x14x5"), ("4", "4")]
)
def test_solve_notes_nothing_where_sizes_do_not_look_like_channels(convcli, size, output):
    assert "Note" not in convcli("solve", "-i", size, "--output", output).stderr


def test_no_answer_is_an_answer(convcli):
    result = convcli("solve", "--input", 224, "--output", 300, "-f", "json")
    assert (result.exit_code, result.stdout) == (1, "[]\n")
    tried = "of kernel sizes 1 to 11, strides 1 to 4, dilation rates 1 to 3"
    closest = "the closest is 254, by kernel_size 11, strides 1, padding full, dilation_rate 3"
    assert result.stderr == f"No setting turns 224 into 300 ({tried}): {closest}.\n"
    result = convcli("solve", "samples/unet.yaml", "--output", "30x32")
    assert result.exit_code == 1
    assert result.stderr == "unet: no height of the input gives 30: the closest are 28 (from 28) and 32 (from 32).\n"


def test_solve_says_which_inputs_a_model_accepts(convcli):
    answer = json.loads(convcli("solve", "samples/unet.yaml", "-f", "json").stdout)
    assert answer == {"axes": [{"smallest": 4, "step": 4, "accepted": [4, 8, 12]}] * 2}
    answer = json.loads(convcli("solve", "samples/unet.yaml", "--output", "32x40", "-f", "json").stdout)
    assert [axis["accepted"] for axis in answer["axes"]] == [[32], [40]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "one --input and one --output, or MODEL"),
        (("--input", "224"), "one --input and one --output, or MODEL"),
        (("--input", "224", "--output", "7x7x7"), "--input and --output: as many known extents each, 224 or 224x224"),
        (
            ("--input", "28x28x1", "--output", "14x14"),
            "--input and --output: as many known extents each, 224 or 224x224; channels are not part of a size",
        ),
        (
            ("--input", "224", "--output", "x"),
            "--output x: extent '' in 'x' (a whole number of at least 1, or ? for an unknown one)",
        ),
        (
            ("--input", "1x9x9x1", "--output", "1x9x9x1"),
            "--input and --output: 4 axes (one to three axes of space, 224x224)",
        ),
        (("--input", "9", "--output", "9", "--strides", "0"), "--strides 0: 0 (a whole number, at least 1)"),
        (
            ("--input", "9", "--output", "9", "--padding", "smae"),
            "--padding smae: 'smae' (valid, same, same_lower, full, causal, or numbers of cells)",
        ),
        (("--input", "9", "--output", "9", "--output-padding", "1"), "--output-padding goes with --transpose"),
        (("samples/unet.yaml", "--strides", "2"), "--strides is for one layer, not for MODEL"),
        (("none.yaml",), "none.yaml: no such file or directory"),
        (("samples/unet.yaml", "--output", "?x32"), "--output ?x32: a known size along each axis, such as 7x7"),
    ],
)
def test_trouble_in_solve_is_2(convcli, arguments, message):
    result = convcli("solve", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines()[-1] == f"Error: {message}"


def test_an_input_of_another_rank_is_trouble_and_not_a_size_that_does_not_fit(convcli, tmp_path):
    (tmp_path / "model.yaml").write_text("- conv2d: {filters: 1, kernel_size: 3}\n")
    done = convcli("solve", tmp_path / "model.yaml", "-i", "100x100x100x1")
    assert done.exit_code == 2
    assert "layer conv2d: takes 3 axes (height, width, channels) besides the batch, got (100, 100" in done.stderr
