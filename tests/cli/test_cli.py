"""The command line as scripts use it."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from conftest import shell

import convcli as library
from convcli.io import arrays

LINES, DETECTORS = "samples/lines.yaml", "samples/line-detectors.yaml"


def test_version_and_help(convcli):
    assert convcli("--version").stdout == f"convcli {library.__version__}\n"
    text = convcli("--help").stdout
    assert "apply" in text
    assert "shape" in text


def test_completion_in_the_shell():
    done = shell("convcli", _CONVCLI_COMPLETE="bash_source")
    assert b"_convcli_completion" in done.stdout


def test_arrays_go_through_pipes():
    done = shell(f"convcli apply {LINES} {DETECTORS} -f npy | convcli apply - -l 'MaxPooling2D(2)' -f json")
    assert done.stderr == b""
    assert json.loads(done.stdout)["output_shape"] == [1, 3, 3, 2]
    for form in ("json", "yaml"):
        again = shell(f"convcli apply {LINES} {DETECTORS} -f {form} | convcli apply - -l 'MaxPooling2D(2)' -f json")
        assert again.stdout == done.stdout


def test_a_model_from_standard_input(convcli):
    text = "[{conv2d: {filters: [[1, 1], [1, 1]]}}]"
    assert json.loads(convcli("apply", LINES, "-", "-f", "json", stdin=text).stdout)["output_shape"] == [1, 7, 7, 1]
    assert json.loads(convcli("shape", "-", "-i", "4x4x1", "-f", "json", stdin=text).stdout)["params"] == 5


@pytest.mark.parametrize(
    "environment", [{"COLUMNS": "20"}, {"TERM": "dumb"}, {"FORCE_COLOR": "1", "COLUMNS": "20"}, {"LC_ALL": "C"}]
)
def test_a_table_in_a_pipe_is_whole_whatever_the_environment(environment):
    import re

    plain = shell("convcli shape samples/vgg16.yaml").stdout.decode()
    done = shell("convcli shape samples/vgg16.yaml", **environment)
    assert done.stderr == b""
    assert re.sub(r"\x1b\[[0-9;]*m", "", done.stdout.decode()) == plain
    assert "1,849,688,064" in plain
    assert (b"\x1b[" in done.stdout) == ("FORCE_COLOR" in environment)


def test_an_encoding_without_the_characters_loses_only_those():
    done = shell("convcli shape samples/mnist.yaml", PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert b"49,378" in done.stdout


def test_colour_on_a_terminal_and_no_binary(tmp_path):
    def on_a_terminal(command: str, **environment: str) -> str:
        log = tmp_path / "log"
        wrapped = f'script -qec "{sys.executable} -m convcli {command}" {log} > /dev/null'
        shell(wrapped, TERM="xterm", **environment)
        return log.read_text(errors="replace")

    if shell("command -v script").returncode:
        pytest.skip("script(1) is not here to make a terminal")
    assert "\x1b[" in on_a_terminal("shape samples/mnist.yaml")
    assert "\x1b[" not in on_a_terminal("shape samples/mnist.yaml", NO_COLOR="1")
    assert "npy is not written to a terminal" in on_a_terminal(f"apply {LINES} {DETECTORS} -f npy")


@pytest.mark.parametrize("suffix", ["json", "yaml", "csv", "npy", "txt"])
def test_the_suffix_of_the_output_file_chooses_the_format(convcli, tmp_path, suffix):
    file = tmp_path / f"maps.{suffix}"
    result = convcli("apply", LINES, "samples/vertical-line.yaml", "-o", file)
    assert (result.exit_code, result.stdout) == (0, "")
    form = "table" if suffix == "txt" else suffix
    assert file.read_bytes() == convcli("apply", LINES, "samples/vertical-line.yaml", "-f", form).stdout_bytes
    assert list(tmp_path.iterdir()) == [file]


def test_the_format_option_goes_before_the_suffix(convcli, tmp_path):
    file = tmp_path / "maps.npy"
    convcli("apply", LINES, "samples/vertical-line.yaml", "-o", file, "-f", "csv")
    assert file.read_text().startswith("0,0,3,3,0,0\n")


def test_all_layers_in_one_archive(convcli, tmp_path):
    file = tmp_path / "all.npz"
    assert convcli("apply", LINES, "samples/stack.yaml", "--all-layers", "-o", file).exit_code == 0
    with np.load(file) as archive:
        assert {name: array.shape for name, array in archive.items()} == {
            "conv2d": (1, 8, 8, 2),
            "max_pooling2d": (1, 4, 4, 2),
        }


def test_one_layers_maps(convcli):
    answer = json.loads(convcli("apply", LINES, "samples/stack.yaml", "--layer-output", "conv2d", "-f", "json").stdout)
    assert np.shape(answer["output"]) == (1, 8, 8, 2)
    assert answer["output_shape"] == [1, 4, 4, 2]


def test_weights_of_a_file_go_before_those_of_the_model(convcli, tmp_path):
    file = tmp_path / "w.npz"
    np.savez(file, **{"conv1d/kernel": np.full((3, 1, 1), 2.0), "conv1d/bias": np.ones(1), "other/kernel": np.ones(1)})
    result = convcli("apply", "samples/bump.yaml", "samples/bump-detector.yaml", "--weights", file, "-f", "csv")
    assert result.stdout == "1,3,5,5,3,1\n"
    assert result.stderr == f"Warning: {file}: no layer wants other/kernel\n"
    quiet = convcli("apply", "samples/bump.yaml", "samples/bump-detector.yaml", "--weights", file, "-f", "csv", "-q")
    assert quiet.stderr == ""


def test_a_seed_gives_the_same_weights_again(convcli):
    command = ("apply", "samples/bump.yaml", "-l", "Conv1D(2, 3)", "-f", "csv", "--seed")
    assert convcli(*command, 1).stdout == convcli(*command, 1).stdout != convcli(*command, 2).stdout


def test_show_weights(convcli):
    table = convcli("apply", LINES, DETECTORS, "--show-weights").stdout
    assert "╭─ horizontal, bias 0 ─╮\n│ 0  0  0              │\n│ 1  1  1              │" in table
    table = convcli("apply", "samples/colours.yaml", "samples/red.yaml", "--show-weights").stdout
    assert "red, bias 0, input channel 2" in table


def test_options_of_a_single_layer(convcli):
    def shape(*options):
        return json.loads(convcli("apply", LINES, "samples/vertical-line.yaml", "-f", "json", *options).stdout)

    assert shape("--strides", 2)["output_shape"] == [1, 3, 3, 1]
    assert shape("--strides", "2,1")["output_shape"] == [1, 3, 6, 1]
    assert shape("--padding", "same")["output_shape"] == [1, 8, 8, 1]
    assert shape("--padding", "[[0, 1], [2, 0]]")["output_shape"] == [1, 7, 8, 1]
    assert shape("--dilation-rate", 2)["output_shape"] == [1, 4, 4, 1]
    for word in ("false", "False"):
        assert shape("--bias", word)["params"] == 9
    assert shape("--bias", "true")["params"] == 9 + 1
    assert shape("--bias", "-2", "--activation", "relu")["output"][0][0] == [[0], [0], [1], [1], [0], [0]]
    assert shape("--padding", 1, "--padding-mode", "replicate")["output"][0][0][3] == [3]
    # An even number of flips of a symmetric filter would hide a mistake: this one is not.
    flipped = convcli("apply", "samples/bump.yaml", "-l", "Conv1D([[1, 2, 3]])", "--flip-kernel", "-f", "csv")
    assert flipped.stdout == "0,1,3,5,3,0\n"


def test_filters_of_the_bank(convcli):
    result = convcli("apply", "samples/colours.yaml", "--filter", "identity", "--filter", "sobel-x", "-f", "json")
    assert json.loads(result.stdout)["output_shape"] == [1, 2, 2, 6]


def test_several_inputs(convcli, tmp_path):
    model = tmp_path / "model.yaml"
    model.write_text("{input: {a: [2], b: [2]}, layers: [{add: {inputs: [a, b, 0.5]}}]}")
    for name, values in (("a", "1,2"), ("b", "10,20")):
        (tmp_path / f"{name}.csv").write_text(values)
    named = (f"a={tmp_path}/a.csv", f"b={tmp_path}/b.csv")
    assert convcli("apply", *named, model, "-f", "csv").stdout == "11.5,22.5\n"
    np.savez(tmp_path / "both.npz", a=[1, 2], b=[10, 20])
    assert convcli("apply", tmp_path / "both.npz", model, "-f", "csv").stdout == "11.5,22.5\n"
    assert convcli("apply", named[0], model).exit_code == 1
    assert convcli("shape", model, "-f", "csv").stdout.endswith("add,Add,a b 0.5,?x2,,,0,0,0,a= b=,a= b=\n")


def test_data_formats(convcli, tmp_path):
    file = tmp_path / "first.npy"
    np.save(file, np.arange(24).reshape(2, 3, 4))
    command = ("apply", file, "-l", "Conv2D(5, 2)", "--seed", 0, "--data-format", "channels_first", "-f", "json")
    answer = json.loads(convcli(*command).stdout)
    assert (answer["data_format"], answer["input_shape"]) == ("channels_first", [1, 2, 3, 4])
    assert np.shape(answer["output"]) == (1, 5, 2, 3)
    # A model that is written channels last keeps its own input and axes; the arrays and the shapes are turned.
    model = tmp_path / "last.yaml"
    model.write_text("{input: [3, 4, 2], data_format: channels_last, layers: ['Conv2D(5, 2)']}")
    turned = json.loads(convcli("apply", file, model, *command[4:]).stdout)
    assert turned["output"] == answer["output"]
    assert (
        convcli("shape", model, "--data-format", "channels_first", "-f", "csv").stdout.splitlines()[1].split(",")[3]
        == "?x5x2x3"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Missing argument 'INPUT [MODEL]'."),
        ((LINES,), "MODEL is missing (a file, or layers with -l 'Conv2D(40, 3)')"),
        (("-", "-"), "only one argument can be - (standard input)"),
        ((LINES, "-l", "flatten", "--filter", "box"), "-l and --filter both stand in place of MODEL"),
        (
            (LINES, DETECTORS, "-o", "maps.xyz"),
            "-o maps.xyz: no format here has the suffix .xyz "
            "(.txt .json .yaml .yml .csv .npy .npz .png .html .htm, or give -f)",
        ),
        ((LINES, DETECTORS, "--layer-output", "line"), "--layer-output line: no such layer (did you mean lines?)"),
        (
            (LINES, DETECTORS, "--layer-output", "lines", "--all-layers"),
            "--layer-output names one layer, --all-layers is for every one",
        ),
        (
            (LINES, DETECTORS, "--algorithm", "fft"),
            "Invalid value for '--algorithm': 'fft' is not one of 'auto', 'patches', 'banded', 'winograd', "
            "'space_to_depth', 'fourier', 'interleaved', 'channelwise', 'phases', 'compiled', 'plain'.",
        ),
        (
            (LINES, "samples/mnist.yaml", "--strides", "2"),
            "--strides is for a model of one layer; write it in the model",
        ),
        ((LINES, DETECTORS, "--threads", "0"), "Invalid value for '--threads': 0 is not in the range x>=1."),
        ((LINES, DETECTORS, "--tolerance", "-1"), "Invalid value for '--tolerance': -1.0 is not in the range x>=0."),
        (
            (LINES, DETECTORS, "--algorithm", "compiled", "--no-compiled"),
            "--algorithm compiled cannot be with --no-compiled",
        ),
        (
            (LINES, LINES, DETECTORS),
            "2 inputs for a model of one "
            "(--output-dir DIR answers each by itself; with -l or --filter there is no MODEL)",
        ),
        ((LINES, DETECTORS, "--seed", "-1"), "Invalid value for '--seed': -1 is not in the range x>=0."),
    ],
)
def test_wrong_usage_is_exit_code_2(convcli, arguments, message):
    result = convcli("apply", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines()[-1] == f"Error: {message}"


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
            "(.txt .json .yaml .yml .csv .dot .gv .mmd .mermaid, or give -f)",
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


def test_results_alone_go_to_standard_output(convcli, tmp_path):
    result = convcli("apply", tmp_path / "none.npy", DETECTORS)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"Error: {tmp_path}/none.npy: no such file or directory\n"


def test_an_output_file_is_replaced_whole_or_not_at_all(convcli, tmp_path):
    file = tmp_path / "maps.csv"
    file.write_text("old")
    assert convcli("apply", LINES, DETECTORS, "-o", file, "--all-layers").exit_code == 1
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_an_output_that_cannot_be_written_is_told_before_the_work(convcli, tmp_path, monkeypatch):
    monkeypatch.setattr("convcli.engine.run.prepare_run", lambda *_, **__: pytest.fail("it was run"))
    result = convcli("apply", LINES, DETECTORS, "-o", tmp_path / "none" / "maps.npy")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"Error: {tmp_path}/none/maps.npy: no such file or directory\n"


def test_an_interrupt_is_130(convcli, monkeypatch):
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("convcli.engine.run.prepare_run", interrupted)
    result = convcli("apply", LINES, DETECTORS)
    assert (result.exit_code, result.stdout, result.stderr) == (130, "", "Interrupted\n")


def test_files_of_a_model_are_found_beside_it(convcli, tmp_path):
    folder = tmp_path / "a folder"
    folder.mkdir()
    np.save(folder / "k.npy", np.ones((3, 3)))
    (folder / "model.yaml").write_text("conv2d: {filters: k.npy}")
    result = convcli("apply", LINES, Path(folder) / "model.yaml", "-f", "csv")
    assert result.stdout.splitlines()[0] == "0,3,6,6,3,0"


# ---- shape in scripts, solve, diff ----


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
        (("--input", "224", "--output", "7x7"), "--input and --output: as many known extents each, 224 or 224x224"),
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


def test_diff_is_0_1_or_2(convcli):
    same = convcli("diff", "samples/mnist.yaml", "samples/mnist.yaml", "-f", "json")
    assert (same.exit_code, json.loads(same.stdout)["ratio"]["params"]) == (0, 1.0)
    other = convcli("diff", "samples/mnist.yaml", "samples/mnist-separable.yaml", "-f", "csv")
    assert other.exit_code == 1
    assert len(other.stdout.splitlines()) == 1 + 5
    assert convcli("diff", "samples/mnist.yaml", "none.yaml").exit_code == 2
    assert convcli("diff", "-", "-").exit_code == 2


def test_a_keras_model_and_its_weights(convcli):
    models = "tests/reference/models"
    answer = convcli("shape", f"{models}/sequence_3.json", "--get", "params").stdout
    assert answer == convcli("shape", f"{models}/sequence_3.keras", "--get", "params").stdout == "187\n"
    result = convcli("apply", "-", f"{models}/sequence_3.keras", "-f", "json", stdin="\n".join(["1,2"] * 12))
    assert (result.exit_code, np.shape(json.loads(result.stdout)["output"])) == (0, (1, 3))


IMAGE = np.random.default_rng(0).standard_normal((1, 60, 60, 64), np.float32)
DEEP = ["-l", "Conv2D(64, 3)", "-l", "MaxPooling2D(2)", "-l", "SeparableConv2D(8, 3)", "--seed", "0"]


@pytest.fixture
def image(tmp_path):
    np.save(tmp_path / "image.npy", IMAGE)
    return str(tmp_path / "image.npy")


@pytest.mark.parametrize(
    ("options", "first"),
    [
        ((), "winograd"),
        (("--tolerance", "0"), "patches"),
        (("--algorithm", "banded"), None),
        (("--dtype", "float64"), "patches"),
    ],
)
def test_the_json_names_what_ran_for_each_layer(convcli, image, options, first):
    done = convcli("apply", image, *DEEP, *options, "--no-compiled", "-f", "json")
    if first is None:
        assert done.exit_code == 1
        assert (
            "layer conv2d: algorithm banded does not suit this layer: it is for up to 8 filters without groups"
            in done.stderr
        )
        return
    rows = json.loads(done.stdout)["layers"]
    assert [row["algorithm"] for row in rows] == [first, None, "channelwise, patches"]


@pytest.mark.parametrize(
    "compiled",
    [
        "--no-compiled",
        pytest.param("--compiled", marks=pytest.mark.skipif(not find_spec("numba"), reason="numba is not installed")),
    ],
)
def test_the_result_is_the_same_for_any_number_of_threads(convcli, image, tmp_path, monkeypatch, compiled):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    for threads in "123":
        done = convcli("apply", image, *DEEP, compiled, "--threads", threads, "-o", tmp_path / f"{threads}.npy")
        assert done.exit_code == 0
    assert (tmp_path / "1.npy").read_bytes() == (tmp_path / "2.npy").read_bytes() == (tmp_path / "3.npy").read_bytes()


def test_compiled_code_without_numba(convcli, monkeypatch):
    monkeypatch.setattr("convcli.engine.algorithms.compiled.find_spec", lambda name: None)
    done = convcli("apply", LINES, DETECTORS, "--compiled")
    assert (done.exit_code, done.stderr) == (
        1,
        "Error: samples/line-detectors.yaml: layer lines: compiled code needs numba (pip install 'convcli[fast]')\n",
    )
    assert convcli("apply", LINES, DETECTORS).exit_code == 0


def test_one_map_by_its_name_or_number_in_every_format(convcli, tmp_path):
    for asked, value in (("vertical", 3), ("0", 3), ("horizontal", 2), ("1", 2)):
        arguments = ("apply", LINES, DETECTORS, "--map", asked)
        done = json.loads(convcli(*arguments, "-f", "json").stdout)
        assert np.shape(done["output"]) == (1, 6, 6, 1)
        assert done["output_shape"] == [1, 6, 6, 2]  # of the model
        assert np.max(done["output"]) == value
        assert convcli(*arguments, "-f", "csv").stdout.count("\n") == 6
        assert convcli(*arguments).stdout.count("╭") == 1
        for form in ("npy", "npz"):
            convcli(*arguments, "-o", tmp_path / f"x.{form}")
            assert arrays.load(str(tmp_path / f"x.{form}")).shape == (1, 6, 6, 1)
    first = convcli(
        "apply", LINES, "--filter", "sobel-x", "--map", "0", "--data-format", "channels_first", "-f", "json"
    )
    assert np.shape(json.loads(first.stdout)["output"]) == (1, 1, 6, 6)


def test_one_map_of_the_layer_that_is_named(convcli):
    arguments = ("apply", LINES, "samples/stack.yaml", "--layer-output", "conv2d", "--map", "0", "-f", "csv")
    assert convcli(*arguments).stdout.startswith("0,0,2,2,0,0,0,0\n")


def test_one_value_of_a_vector(convcli):
    arguments = ("apply", LINES, "-l", "MaxPooling2D(1)", "-l", "Flatten()", "--map", "3", "-f", "csv")
    assert convcli(*arguments).stdout == "1\n"


def test_layers_that_nothing_asked_for_needs_have_no_need_of_weights(convcli):
    chosen = ("-l", "Conv2D([[1, 2], [3, 4]])", "-l", "Conv2D(2, 3)", "--layer-output", "conv2d")
    assert convcli("apply", LINES, *chosen, "-f", "csv").stdout.startswith("0,0,6,10,4,0,0\n")
    assert convcli("explain", LINES, *chosen, "--at", "0,2").exit_code == 0
    assert "no values for kernel" in convcli("apply", LINES, *chosen[:4]).output


def test_working_in_an_encoding_without_its_signs_is_still_whole():
    layers = "-l 'Conv2DTranspose(1, 3, padding=1)' -l 'BatchNormalization()' -l 'LayerNormalization()'"
    for layer in ("conv2d_transpose", "batch_normalization", "layer_normalization"):
        command = f"convcli explain {LINES} {layers} --seed 1 --at 0,0 --layer-output {layer}"
        done = shell(command, PYTHONIOENCODING="ascii")
        assert done.returncode == 0
        assert b"?" not in done.stdout
