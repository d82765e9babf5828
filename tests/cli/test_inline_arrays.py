"""An array as an argument, and standard input where there is no argument."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace

import click
import numpy as np
import pytest

from convcli.cli import input_arguments
from convcli.io import arrays

STEP = "[0,0,0,1,1,0]"
SUM = ("-l", "Conv1D([[1, 1]])")


def test_an_argument_may_be_the_array(convcli):
    assert convcli("apply", STEP, *SUM, "-f", "csv").stdout == "0,0,1,2,1\n"
    assert convcli("apply", "[0 0 0 1 1 0]", *SUM, "-f", "csv").stdout == "0,0,1,2,1\n"
    assert json.loads(convcli("explain", STEP, *SUM, "--at", 3, "-f", "json").stdout)["value"] == 2  # 1 + 1


def test_a_model_stands_beside_an_array(convcli):
    result = convcli("apply", "[0,0,0,1,1,0,0,0]", "samples/bump-detector.yaml", "-f", "csv")
    assert (result.exit_code, result.stderr) == (0, "")


def test_input_and_target_of_fit_may_be_arrays(convcli, tmp_path):
    file = tmp_path / "w.npz"
    layer = ("-l", "Conv1D(1, 1, use_bias=False)")
    result = convcli("fit", "[1,2,3]", "[[[2] [4] [6]]]", *layer, "--epochs", 200, "--learning-rate", 0.1, "-o", file)
    assert result.exit_code == 0, result.output
    with np.load(file) as weights:
        np.testing.assert_allclose(weights["conv1d/kernel"], [[[2]]], atol=1e-2)


def test_a_file_of_that_name_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert arrays.load("[1,2]").tolist() == [1, 2]
    (tmp_path / "[1,2]").write_text("5,6")
    np.savez(tmp_path / "[1].npz", a=[7])
    assert arrays.load("[1,2]").tolist() == [5, 6]
    assert arrays.load("[1].npz:a").tolist() == [7]


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("[1,~]", "[1,~]: no such file, and not an array: [1]: None is not a number"),
        ("[1].npy", "[1].npy: no such file, and not an array: "),
        (f"[{'1,' * 50}~]", f"[{'1,' * 18}...: no such file, and not an array: [50]: None is not a number"),
    ],
)
def test_what_is_neither_a_file_nor_an_array_is_an_error(convcli, argument, message):
    result = convcli("apply", argument, *SUM)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: {message}")


def test_an_array_gives_no_name_to_an_answer(convcli, tmp_path):
    result = convcli("apply", STEP, *SUM, "--output-dir", tmp_path)
    assert result.exit_code == 2
    assert result.stderr.endswith(f"Error: --output-dir names answers after files, and {STEP} is not one\n")


@pytest.mark.parametrize("model", [SUM, ("--filter", "box:size=2")])
@pytest.mark.parametrize("command", [("apply",), ("explain", "--at", 0)])
def test_standard_input_is_the_input_where_no_argument_is_given(convcli, command, model):
    explicit = convcli(command[0], "-", *command[1:], *model, "-f", "json", stdin="1 2 4")
    assert explicit.exit_code == 0
    assert convcli(*command, *model, "-f", "json", stdin="1 2 4").stdout == explicit.stdout


def test_one_argument_is_always_the_input(convcli):
    result = convcli("apply", "samples/bump-detector.yaml", stdin="1 2 4")
    assert result.exit_code == 2
    assert "MODEL is missing" in result.stderr


def test_a_terminal_is_not_read_without_being_asked(monkeypatch):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
    with pytest.raises(click.UsageError, match=r"^Missing argument 'INPUT \[MODEL\]'\.$"):
        input_arguments.inputs_and_model({"arguments": (), "layers": ("flatten",), "filters": ()})


def test_standard_input_is_read_once(convcli):
    result = convcli("apply", *SUM, "--weights", "-", stdin="1 2 4")
    assert result.exit_code == 2
    assert "only one argument can be -" in result.stderr


def test_a_model_may_be_a_kernel_itself(convcli):
    assert convcli("apply", "[1,2,3,4]", "[1, 0, -1]", "-f", "csv").stdout == "-2,-2\n"  # 1·1 + 0·2 - 1·3, …
    assert convcli("shape", "[[0,1],[1,0]]", "-i", "8x8x1", "--get", "output_shape").stdout == "[null, 7, 7, 1]\n"
    refused = convcli("shape", "[[0,1],[1", "-i", "8x8x1")
    assert (refused.exit_code, refused.stderr.startswith("Error: [[0,1],[1: no such file, and not an array: ")) == (
        1,
        True,
    )


def test_a_file_with_the_name_of_a_kernel_comes_first(convcli, tmp_path, monkeypatch):
    path = tmp_path / "[1]"
    path.write_text("- conv1d(2, 3)\n")
    monkeypatch.chdir(tmp_path)
    from click.testing import CliRunner

    from convcli.cli import main

    done = CliRunner().invoke(main, ["shape", "[1]", "-i", "8x1", "--get", "output_shape"])
    assert done.stdout == "[null, 6, 2]\n"
