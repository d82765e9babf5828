"""Standard streams that are closed, full, or that nobody reads."""

from __future__ import annotations

import pytest
from conftest import shell

APPLY = "convcli apply samples/lines.yaml samples/line-detectors.yaml"
PRINTING = [
    "convcli --help",
    "convcli apply --help",
    "convcli --version",
    "convcli help",
    "convcli help apply",
    APPLY,
    "convcli filters -f json",
]


@pytest.mark.parametrize("command", PRINTING)
@pytest.mark.parametrize(
    ("stream", "problem"), [("> /dev/full", "no space left on device"), (">&-", "bad file descriptor")]
)
def test_output_that_cannot_be_written_is_an_error(command, stream, problem):
    done = shell(f"{command} {stream}")
    assert (done.returncode, done.stderr.decode()) == (1, f"Error: standard output: {problem}\n")


@pytest.mark.parametrize("command", PRINTING)
def test_a_reader_that_has_enough_ends_it_without_a_word(command):
    done = shell(f"{command} | true; exit ${{PIPESTATUS[0]}}")
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.parametrize(("command", "code"), [(APPLY, 0), (f"{APPLY} --frob", 2), ("convcli apply none none", 1)])
@pytest.mark.parametrize("stream", ["2> /dev/full", "2>&-"])
def test_where_nobody_can_be_told_the_exit_code_says_it(command, code, stream):
    assert shell(f"{command} {stream}").returncode == code


def test_closed_input_is_an_error_and_an_output_file_needs_no_stream(tmp_path):
    done = shell("convcli apply - -l flatten <&-")
    assert (done.returncode, done.stderr) == (1, b"Error: standard input: bad file descriptor\n")
    assert shell(f"{APPLY} -o {tmp_path}/maps.npy <&- >&- 2>&-").returncode == 0
    assert (tmp_path / "maps.npy").stat().st_size == 704  # 128 of the header, and 6 * 6 * 2 numbers of 8


def test_nothing_in_a_message_commands_the_terminal(tmp_path):
    for command in ("shape", "shape samples/mnist.yaml --get", "apply none", "shape --format"):
        done = shell(f"convcli {command} $'{tmp_path}/\\e[2J.yaml'")
        assert b"\x1b" not in done.stderr
        assert rb"\x1b[2J" in done.stderr
