"""`convcli shape` in scripts: bare values, claims, and wrong usage."""

from __future__ import annotations

import json

import numpy as np
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


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("layers.0.params", "400"),  # 3 * 3 * 1 * 40 + 40
        ("layers.3.output_shape.1", "10"),
        ("layers.conv2d_1.kernel_shape.3", "8"),
    ],
)
def test_a_layer_is_named_or_counted_from_0(convcli, key, value):
    assert convcli("shape", "samples/mnist.yaml", "--get", key).stdout == f"{value}\n"


def test_a_name_that_is_a_number_comes_before_a_position(convcli):
    model = "{input: [4], layers: [{dense: {name: '1', units: 3}}, Dense(2)]}"
    assert convcli("shape", "-", "--get", "layers.1.params", stdin=model).stdout == "15\n"  # 4 * 3 + 3
    assert convcli("shape", "-", "--get", "layers.0.params", stdin=model).stdout == "15\n"
    missing = convcli("shape", "-", "--get", "layers.2.params", stdin=model)
    assert missing.stderr == "Error: standard input: no key '2' in layers.2.params (known: 1, dense)\n"


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("- Conv2D(1, 3)", (), "the input's shape is missing (-i 28x28x1, or input: in the model)"),
        ("- Conv2D(1, 3)", ("-i", "2x2x1"), "layer conv2d: "),
        ("- Conv2D(1, 3)", ("-i", "x=2x2x1"), "-i x=2x2x1: for which input? (NAME=SHAPE, of input)"),
        ("[Conv2D(1, 3]", (), ""),
        ("- Conv2D(1, 3)", ("-i", "8x8x1", "--get", "parms"), "no key 'parms'"),
        ("- Conv2D(1, 3)", ("-i", "8x8x1", "--expect", "params < x"), "'params < x': < x (a number"),
        ("- Conv2D(1, 3)", ("-i", "8x8x1", "--at", "1,2,3"), ""),
    ],
)
def test_every_error_names_the_file(convcli, tmp_path, content, options, message):
    file = tmp_path / "model.yaml"
    file.write_text(content)
    error = convcli("shape", file, *options).stderr.splitlines()[-1]
    assert error.startswith(f"Error: {file}: {message}")
    assert error.count(str(file)) == 1


def test_a_refusal_of_memory_names_the_file(convcli, tmp_path, monkeypatch):
    monkeypatch.setattr("convcli.core.system_memory.available", lambda: 2 << 20)
    model, array = tmp_path / "model.yaml", tmp_path / "array.npy"
    model.write_text(f"# {'x' * (4 << 20)}\n[flatten]")
    np.save(array, np.zeros((600, 600)))
    free = "of memory, 2.0 MiB is free"
    assert convcli("shape", model).stderr.startswith(f"Error: {model}: needs 4.0 MiB {free}")
    for options in ((), ("--output-dir", tmp_path / "out")):
        said = convcli("apply", array, "-l", "Conv2D(1, 3)", "--seed", "1", *options).stderr
        assert said.startswith(f"Error: {array}: needs ")
        assert f"{free} (" in said


def test_a_command_that_does_not_exist_gets_a_suggestion(convcli):
    assert convcli("aply").stderr.endswith("Error: No such command 'aply' (did you mean apply?)\n")
    assert convcli("xyz").stderr.endswith("Error: No such command 'xyz' (convcli --help lists them)\n")


# ---- weights without layers ----

CHECKPOINT = "tests/reference/checkpoints/zip.pth"
NO_LAYERS = f"{CHECKPOINT}: is a PyTorch checkpoint, which holds weights and no layers"


def test_weights_without_layers_are_listed(convcli):
    listed = json.loads(convcli("shape", CHECKPOINT, "-f", "json").stdout)
    assert listed["tensors"][0] == {"name": "float64", "shape": [2, 3], "dtype": "float64"}
    params = 13 * 2 * 3 + 24 + 2 * 2 * 2 + 24 + 3 * 4 + 1 + 0 + 2  # as tests/reference/make_checkpoints.py says
    assert listed["params"] == params
    assert f" Total: {params} in 20 tensors\n" in convcli("shape", CHECKPOINT).stdout
    assert convcli("shape", CHECKPOINT, "--get", "params").stdout == f"{params}\n"
    assert convcli("shape", CHECKPOINT, "--expect", "params < 10").exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        (("shape", CHECKPOINT, "-i", "8"), 2, f"--input is about layers, and {CHECKPOINT} holds weights alone"),
        (("shape", CHECKPOINT, "--explain"), 2, f"--explain is about layers, and {CHECKPOINT} holds weights alone"),
        (
            ("apply", "samples/lines.yaml", CHECKPOINT),
            1,
            NO_LAYERS,
        ),
        (
            ("shape", CHECKPOINT, "-f", "tree"),
            1,
            NO_LAYERS,
        ),
    ],
)
def test_what_needs_layers_says_that_there_are_none(convcli, arguments, exit_code, message):
    result = convcli(*arguments)
    assert (result.exit_code, result.stdout) == (exit_code, "")
    assert result.stderr.splitlines()[-1].startswith(f"Error: {message}")
