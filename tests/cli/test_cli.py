"""What all commands share: streams, formats, encodings, exit codes."""

from __future__ import annotations

import json
import re
import sys

import pytest
from conftest import shell

import convcli as library

LINES, DETECTORS = "samples/lines.yaml", "samples/line-detectors.yaml"


def test_version_and_help(convcli):
    assert convcli("--version").stdout.splitlines()[0] == f"convcli {library.__version__}"
    text = convcli("--help").stdout
    assert "apply" in text
    assert "shape" in text


@pytest.mark.parametrize(
    ("environment", "core"),
    [("numpy", r"core: numpy \(CONVCLI_CORE\)"), ("avx2", r"core: (native \w+|numpy \(not built\))")],
)
def test_the_version_names_the_core(environment, core):
    done = shell("convcli --version", CONVCLI_CORE=environment)
    assert re.fullmatch(core, done.stdout.decode().splitlines()[1])


@pytest.mark.parametrize(
    "command", ["convcli --version", "convcli apply samples/lines.yaml --filter box --algorithm native"]
)
def test_an_unknown_core_is_an_error(command):
    done = shell(command, CONVCLI_CORE="fast")
    assert done.returncode == 1
    assert done.stderr.endswith(b": CONVCLI_CORE='fast' in the environment (numpy, baseline, avx2, avx512)\n")


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


def test_working_in_an_encoding_without_its_signs_is_still_whole():
    layers = "-l 'Conv2DTranspose(1, 3, padding=1)' -l 'BatchNormalization()' -l 'LayerNormalization()'"
    for layer in ("conv2d_transpose", "batch_normalization", "layer_normalization"):
        command = f"convcli explain {LINES} {layers} --seed 1 --at 0,0 --layer-output {layer}"
        done = shell(command, PYTHONIOENCODING="ascii")
        assert done.returncode == 0
        assert b"?" not in done.stdout
