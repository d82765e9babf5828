"""`convcli shape` in scripts: bare values, claims, and wrong usage."""

from __future__ import annotations

import json

import pytest


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "MODEL is missing (a file, or layers with -l 'Conv2D(40, 3)')"),
        (
            ("samples/mnist.yaml", "-l", "flatten"),
            "MODEL and -l both name the layers (a file, or layers with -l 'Conv2D(40, 3)')",
        ),
        (
            ("samples/mnist.yaml", "-o", "x.npy"),
            "-o x.npy: no format here has the suffix .npy "
            "(.txt .md .markdown .json .yaml .yml .csv .dot .gv .mmd .mermaid, or give -f)",
        ),
        (("-l", "flatten"), "the input's shape is missing (-i 28x28x1, or input: in the model)"),
        (
            ("-l", "flatten", "-i", "4x"),
            "-i 4x: extent '' in '4x' (a whole number of at least 1, or ? for an unknown one)",
        ),
        (("-l", "flatten", "-i", "a=4x4"), "-i a=4x4: for which input? (NAME=SHAPE, of input)"),
        (("-l", "flatten", "-i", "4", "-i", "5"), "-i 5: input has a shape already"),
    ],
)
def test_wrong_usage_of_shape(convcli, arguments, message):
    result = convcli("shape", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines()[-1] == f"Error: {message}"


def test_get_prints_bare_values(convcli):
    result = convcli(
        "shape", "samples/mnist.yaml", "--get", "params", "--get", "layers.conv2d.output_shape", "--get", "name"
    )
    assert result.stdout == "49378\n[null, 26, 26, 40]\nmnist\n"
    assert convcli("shape", "samples/mnist.yaml", "--get", "peak_activation_bytes").stdout == "126592\n"


def test_claims_that_hold_are_silent_and_one_that_fails_is_1(convcli):
    claims = ("--expect", "output_shape == (None, 10)", "--expect", "params <= 60000")
    result = convcli("shape", "samples/mnist.yaml", *claims)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    result = convcli("shape", "samples/mnist.yaml", *claims, "--expect", "macs < 1000000", "--expect", "params == 5")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "Error: samples/mnist.yaml: macs < 1000000 does not hold: macs is 1948320\n"
        "Error: samples/mnist.yaml: params == 5 does not hold: params is 49378\n"
    )


def test_claims_beside_an_output_print_it(convcli, tmp_path):
    result = convcli("shape", "samples/mnist.yaml", "--expect", "params == 5", "-f", "json")
    assert (result.exit_code, json.loads(result.stdout)["params"]) == (1, 49378)
    file = tmp_path / "answer.json"
    assert convcli("shape", "samples/mnist.yaml", "--expect", "params == 5", "-o", file).exit_code == 1
    assert json.loads(file.read_text())["params"] == 49378


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("samples/mnist.yaml", "--expect", "parms == 5"), "samples/mnist.yaml: no key 'parms' (did you mean params?)"),
        (("none.yaml", "--expect", "params == 5"), "none.yaml: no such file or directory"),
        (("samples/mnist.yaml", "--get", "params", "-f", "json"), "--get prints bare values (without -f)"),
        (
            ("samples/mnist.yaml", "--at", "x"),
            "Invalid value for '--at': 'x' (an index for each axis in space, from 0, such as 3,4)",
        ),
    ],
)
def test_trouble_with_claims_and_values_is_2(convcli, arguments, message):
    result = convcli("shape", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines()[-1] == f"Error: {message}"


def test_memory_is_in_json_where_it_was_asked_for(convcli):
    assert "weight_bytes" not in convcli("shape", "samples/mnist.yaml", "-f", "json").stdout
    answer = json.loads(
        convcli("shape", "samples/mnist.yaml", "-f", "json", "--batch", 32, "--dtype", "float16").stdout
    )
    assert (answer["dtype"], answer["weight_bytes"], answer["output_shape"]) == ("float16", 49378 * 2, [32, 10])
    assert answer["layers"][0]["output_bytes"] == 32 * 26 * 26 * 40 * 2


def table_lines(text):
    return [line for line in text.splitlines() if line and line[0] in "┏┃┡│└"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("shape", "samples/mnist.yaml"),
        ("apply", "samples/lines.yaml", "samples/stack.yaml"),
        ("diff", "samples/mnist.yaml", "samples/mnist-separable.yaml"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_the_footer_of_a_table_can_be_left_out(convcli, tmp_path, arguments):
    full, bare = convcli(*arguments).stdout, convcli(*arguments, "--no-footer").stdout
    assert "Total params:" in full
    assert not any(line.startswith(" ") for line in bare.splitlines())
    assert table_lines(bare) == table_lines(full) != []
    assert convcli(*arguments, "--no-footer", "-o", tmp_path / "table.txt").stdout == ""
    assert (tmp_path / "table.txt").read_text() == bare
    assert "Total params:" in convcli(*arguments, "-f", "markdown").stdout
    assert "Total params:" not in convcli(*arguments, "-f", "markdown", "--no-footer").stdout


@pytest.mark.parametrize(
    ("more", "message"),
    [(("-f", "json"), "--no-footer is for a table, not for json"), (("--get", "params"), "--no-footer is for a table")],
)
def test_only_a_table_has_a_footer(convcli, more, message):
    result = convcli("shape", "samples/mnist.yaml", "--no-footer", *more)
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (2, f"Error: {message}")


def test_the_working_stays_without_the_footer(convcli):
    bare = convcli("shape", "samples/mnist.yaml", "--explain", "--no-footer").stdout
    assert "  parameters: 3·3·1·40 + 40 = 400 (kernel, bias)\n" in bare
    assert "Total params" not in bare


@pytest.mark.parametrize(
    ("shape", "output"),
    [
        ("(28, 28, 1)", "[null, 26, 26, 4]"),
        ("(None, 28, 28, 1)", "[null, 26, 26, 4]"),  # as Keras prints it: the first is the batch
        ("(None, 28, 1)", "[null, null, 26, 4]"),
        ("28x28", "[null, 26, 26, 4]"),
    ],
)
def test_shapes_as_keras_prints_them(convcli, shape, output):
    assert convcli("shape", "-l", "Conv2D(4, 3)", "-i", shape, "--get", "output_shape").stdout == f"{output}\n"
