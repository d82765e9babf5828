"""What the shell completes, asked as Click's script for bash asks: a line of words, and the number of the last one."""

from __future__ import annotations

import pytest
from conftest import ROOT

from convcli.cli import COMMANDS, main


@pytest.fixture
def complete(monkeypatch, capsys):
    """Return a function from a line to its completions; a line that ends in a space asks for a new word."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("_CONVCLI_COMPLETE", "bash_complete")

    def completions(line):
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(line.split()) - (not line.endswith(" "))))
        with pytest.raises(SystemExit):
            main(prog_name="convcli")
        return capsys.readouterr().out.split()

    return completions


def test_commands_are_completed(complete):
    assert complete("convcli ") == [f"plain,{name}" for name in COMMANDS]
    assert complete("convcli app") == ["plain,apply"]


@pytest.mark.parametrize(
    "line",
    [
        "convcli apply sam",
        "convcli apply x.npy sam",
        "convcli shape sam",
        "convcli solve sam",
        "convcli diff a.yaml sam",
        "convcli fit x.npy y.npy sam",
        "convcli apply x.npy m.yaml --weights sam",
        "convcli apply x.npy m.yaml -o sam",
        "convcli fit x.npy --resume sam",
        "convcli apply x.npy -l Conv2D --bias sam",
        "convcli apply x.npy --filter sam",
    ],
)
def test_names_of_files_are_left_to_the_shell(complete, line):
    assert complete(line) == ["file,sam"]


def test_names_of_folders_are_left_to_the_shell(complete):
    assert complete("convcli apply a.npy b.npy --output-dir sam") == ["dir,sam"]


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("convcli apply x.npy --filter laplacian-", "laplacian-4"),
        ("convcli filters laplacian-", "laplacian-4"),
        ("convcli fit x.npy y.npy --compare-with bum", "bump"),
        ("convcli shape -l Conv2DT", "Conv2DTranspose"),
        ("convcli shape -l conv2d_t", "conv2d_transpose"),
        ("convcli layers Conv2DT", "Conv2DTranspose"),
        ("convcli apply x.npy --activation sof", "softmax"),
        ("convcli apply x.npy --padding same", "same_lower"),
        ("convcli apply x.npy --padding-mode re", "reflect"),
        ("convcli apply x.npy -f he", "heatmap"),
        ("convcli help fir", "first-steps"),
        ("convcli help app", "apply"),
        ("convcli shape --get par", "params"),
        ("convcli shape samples/mnist.yaml --get layers.conv2d_1.p", "layers.conv2d_1.params"),
        ("convcli shape samples/mnist.yaml --expect layers.dense.mac", "layers.dense.macs"),
        ("convcli shape -l ReLU --get layers.re_lu.out", "layers.re_lu.output_shape"),
        ("convcli apply samples/lines.yaml samples/stack.yaml --layer-output ", "max_pooling2d"),
        ("convcli explain samples/lines.yaml samples/stack.yaml --layer-output max", "max_pooling2d"),
        ("convcli fit x.npy y.npy samples/mnist.yaml --freeze conv2d_", "conv2d_1"),
    ],
)
def test_values_are_completed(complete, line, word):
    begun = line.rpartition(" ")[2]
    words = complete(line)
    assert f"plain,{word}" in words
    assert all(answer.startswith(f"plain,{begun}") for answer in words)


@pytest.mark.parametrize(
    "line",
    [
        "convcli apply samples/lines.yaml --layer-output ",  # the argument is INPUT, no MODEL yet
        "convcli apply x.npy - --layer-output ",  # standard input is not read
        "convcli apply x.npy none.yaml --layer-output ",
        "convcli apply x.npy README.md --layer-output ",
    ],
)
def test_without_a_model_that_can_be_read_no_layer_is_named(complete, line):
    assert complete(line) == []
