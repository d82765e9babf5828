"""`convcli apply`: inputs, weights, options of a layer, single maps, and algorithms."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from levels import LEVELS_HERE, core_at

from convcli.io import arrays

LINES, DETECTORS = "samples/lines.yaml", "samples/line-detectors.yaml"


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
            "(.txt .md .markdown .json .yaml .yml .csv .npy .npz .png .tif .tiff .jpg .jpeg .html .htm, or give -f)",
        ),
        ((LINES, DETECTORS, "--layer-output", "line"), "--layer-output line: no such layer (did you mean lines?)"),
        (
            (LINES, DETECTORS, "--layer-output", "lines", "--all-layers"),
            "--layer-output names one layer, --all-layers is for every one",
        ),
        (
            (LINES, DETECTORS, "--algorithm", "fft"),
            "Invalid value for '--algorithm': 'fft' is not one of 'auto', 'native', 'patches', 'banded', "
            "'winograd', 'space_to_depth', 'fourier', 'interleaved', 'channelwise', 'phases', 'plain'.",
        ),
        (
            (LINES, "samples/mnist.yaml", "--strides", "2"),
            "--strides is for a model of one layer; write it in the model",
        ),
        ((LINES, DETECTORS, "--threads", "0"), "Invalid value for '--threads': 0 is not in the range x>=1."),
        ((LINES, DETECTORS, "--tolerance", "-1"), "Invalid value for '--tolerance': -1.0 is not in the range x>=0."),
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


def test_files_of_a_model_are_found_beside_it(convcli, tmp_path):
    folder = tmp_path / "a folder"
    folder.mkdir()
    np.save(folder / "k.npy", np.ones((3, 3)))
    (folder / "model.yaml").write_text("conv2d: {filters: k.npy}")
    result = convcli("apply", LINES, Path(folder) / "model.yaml", "-f", "csv")
    assert result.stdout.splitlines()[0] == "0,3,6,6,3,0"


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
    [((), "winograd"), (("--tolerance", "0"), "patches"), (("--dtype", "float64"), "patches")],
)
def test_the_json_names_what_ran_for_each_layer(convcli, image, options, first):
    with core_at("numpy"):
        done = convcli("apply", image, *DEEP, *options, "-f", "json")
    rows = json.loads(done.stdout)["layers"]
    assert [row["algorithm"] for row in rows] == [first, None, "channelwise, patches"]


@pytest.mark.skipif("not built" in LEVELS_HERE, reason="no core")
@pytest.mark.parametrize(
    ("options", "first"),
    [((), "winograd"), (("--tolerance", "0"), "native"), (("--dtype", "float64"), "native")],
)
def test_the_json_names_what_the_core_ran_for_each_layer(convcli, image, options, first):
    with core_at(LEVELS_HERE[-1]):
        done = convcli("apply", image, *DEEP, *options, "-f", "json")
    rows = json.loads(done.stdout)["layers"]
    assert [row["algorithm"] for row in rows] == [first, None, "native, native"]


def test_an_algorithm_that_does_not_suit_a_layer_is_an_error(convcli, image):
    done = convcli("apply", image, *DEEP, "--algorithm", "banded")
    assert done.exit_code == 1
    assert "layer conv2d: algorithm banded does not suit this layer: it is for up to 8 filters" in done.stderr


def test_the_result_is_the_same_for_any_number_of_threads(convcli, image, tmp_path, monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    for threads in "123":
        done = convcli("apply", image, *DEEP, "--threads", threads, "-o", tmp_path / f"{threads}.npy")
        assert done.exit_code == 0
    assert (tmp_path / "1.npy").read_bytes() == (tmp_path / "2.npy").read_bytes() == (tmp_path / "3.npy").read_bytes()


def test_the_profile_has_a_row_for_each_layer_in_every_format(convcli, image):
    answer = json.loads(convcli("apply", image, *DEEP, "--profile", "-f", "json").stdout)
    rows = answer["layers"]
    assert [row["algorithm"] is not None for row in rows] == [True, False, True]
    assert all(row["ms"] > 0 and row["share"] > 0 and row["fused_into"] is None for row in rows)
    assert rows[0]["gflops"] == pytest.approx(2 * rows[0]["macs"] / rows[0]["ms"] / 1e6)
    assert (rows[1]["gflops"], rows[1]["bytes"]) == (None, 4 * 64 * (58 * 58 + 29 * 29))
    assert answer["bound_by"] in ("products", "memory", "overhead")
    assert "output" not in answer
    table = convcli("apply", image, *DEEP, "--profile").stdout
    assert "GFLOP/s" in table
    assert "the median of" in table
    lines = convcli("apply", image, *DEEP, "-l", "ReLU()", "--profile", "-f", "csv").stdout.splitlines()
    last = list(csv.DictReader(lines))[-1]
    assert [last[key] for key in ("ms", "gflops", "bytes", "share", "fused_into")] == [*[""] * 4, "separable_conv2d"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--show-weights",), "--profile shows times in place of maps and weights"),
        (("-f", "npy", "-o", "x.npy"), "--profile is not shown in npy (-f table, json, yaml or csv)"),
    ],
)
def test_the_profile_stands_in_place_of_maps(convcli, options, message):
    done = convcli("apply", LINES, DETECTORS, "--profile", *options)
    assert done.exit_code == 2
    assert message in done.stderr


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
