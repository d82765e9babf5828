"""Many inputs in one call: an answer for each, and what went wrong at the end."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture
def inputs(tmp_path):
    for place, name in enumerate(("a", "b", "c")):
        np.save(tmp_path / f"{name}.npy", np.full((4, 4), float(place)))
    (tmp_path / "broken.npy").write_bytes(b"\x93NUMPY\x01")
    (tmp_path / "small.csv").write_text("1")
    np.savez(tmp_path / "two.npz", one=np.ones((4, 4)), other=np.zeros((4, 4)))
    return tmp_path


def test_each_input_has_an_answer_of_its_own(convcli, inputs):
    done = convcli(
        "apply", *(inputs / f"{name}.npy" for name in "abc"), "-l", "MaxPooling2D(2)", "--output-dir", inputs / "out"
    )
    assert (done.exit_code, done.output) == (0, "")
    assert sorted(each.name for each in (inputs / "out").iterdir()) == ["a.npy", "b.npy", "c.npy"]
    for place, name in enumerate("abc"):
        assert np.array_equal(np.load(inputs / "out" / f"{name}.npy"), np.full((1, 2, 2, 1), float(place)))


def test_failures_are_told_at_the_end_and_stop_nothing(convcli, inputs):
    names = [inputs / name for name in ("a.npy", "broken.npy", "small.csv", "gone.npy", "c.npy")]
    done = convcli("apply", *names, "samples/vertical-line.yaml", "--output-dir", inputs / "out", "-f", "json")
    assert (done.exit_code, done.stdout) == (1, "")
    lines = done.stderr.splitlines()
    assert [line.split(": ")[1] for line in lines[:3]] == [
        str(inputs / "broken.npy"),
        str(inputs / "small.csv"),
        str(inputs / "gone.npy"),
    ]
    assert lines[3:] == [f"3 of 5 inputs failed; the answers to the others are in {inputs / 'out'}"]
    assert sorted(each.name for each in (inputs / "out").iterdir()) == ["a.json", "c.json"]


def test_arrays_of_archives_are_named_by_their_keys(convcli, inputs):
    names = [f"{inputs / 'two.npz'}:{key}" for key in ("one", "other")]
    done = convcli("apply", *names, "--filter", "box", "--output-dir", inputs / "out", "-f", "csv")
    assert done.exit_code == 0
    assert sorted(each.name for each in (inputs / "out").iterdir()) == ["two-one.csv", "two-other.csv"]


@pytest.mark.parametrize(
    ("names", "folder", "message"),
    [
        (("a.npy", "sub/a.npy"), "out", "a.npy and sub/a.npy would both be answered in out/a.npy"),
        (("a.npy", "b.npy"), ".", "./a.npy would replace the input a.npy"),
        (("a.npy", "-"), "out", "--output-dir names answers after files (without -)"),
    ],
)
def test_answers_that_would_get_in_each_others_way(convcli, inputs, monkeypatch, names, folder, message):
    (inputs / "sub").mkdir()
    monkeypatch.chdir(inputs)
    np.save("sub/a.npy", np.ones((4, 4)))
    before = {name: name.read_bytes() for name in inputs.rglob("*.npy")}
    from click.testing import CliRunner

    from convcli.cli import main

    done = CliRunner().invoke(main, ["apply", *names, "-l", "MaxPooling2D(2)", "--output-dir", folder])
    assert done.exit_code == 2
    assert done.stderr.splitlines()[-1] == f"Error: {message}"
    assert {name: name.read_bytes() for name in inputs.rglob("*.npy")} == before


def test_a_folder_that_cannot_be(convcli, inputs):
    done = convcli("apply", inputs / "a.npy", "--filter", "box", "--output-dir", inputs / "b.npy")
    assert (done.exit_code, done.stderr) == (
        1,
        f"Error: {inputs / 'b.npy'}: is not a folder (a folder, or a name for a new one)\n",
    )
    done = convcli("apply", inputs / "a.npy", "--filter", "box", "--output-dir", inputs / "out", "-o", "x.npy")
    assert done.exit_code == 2
    assert done.stderr.splitlines()[-1] == "Error: -o is one file, --output-dir a folder for several"


# ---- folders and patterns ----


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "imgs" / "deeper").mkdir(parents=True)
    for number, name in enumerate(("b.npy", "a.npy", "deeper/c.npy", "10.npy", ".hidden.npy")):
        np.save(tmp_path / "imgs" / name, np.full((2, 2), number))
    (tmp_path / "imgs" / "Thumbs.db").write_bytes(b"not an array")
    return tmp_path


KEEP = ("-l", "MaxPooling2D(1)", "--output-dir")


@pytest.mark.parametrize(
    ("names", "answered"),
    [
        (("imgs",), "10 a b"),
        (("imgs/?.npy",), "a b"),
        (("imgs/**/*.npy",), "10 a b c"),
        (("imgs/*.npy", "imgs/b.npy", "imgs/deeper"), "10 a b c"),
    ],
)
def test_a_folder_or_a_pattern_stands_for_the_arrays_in_it(convcli, folder, monkeypatch, names, answered):
    monkeypatch.chdir(folder)
    done = convcli("apply", *names, *KEEP, "out")
    assert (done.exit_code, done.output) == (0, "")
    assert sorted(path.stem for path in (folder / "out").iterdir()) == answered.split()
    assert np.load("out/a.npy").ravel().tolist() == [1] * 4


def test_inputs_are_answered_in_sorted_order(convcli, folder, monkeypatch):
    monkeypatch.chdir(folder / "imgs")
    for name in ("z.npy", "m.npy"):
        (folder / "imgs" / name).write_bytes(b"\x93NUMPY broken")
    done = convcli("apply", "*.npy", *KEEP, "out")
    assert [line.split(": ")[1] for line in done.stderr.splitlines()[:2]] == ["m.npy", "z.npy"]
    assert done.stderr.splitlines()[2].startswith("2 of 5 inputs failed")


def test_a_file_named_like_a_pattern_comes_first(convcli, folder, monkeypatch):
    monkeypatch.chdir(folder / "imgs")
    np.save("?.npy", np.full((2, 2), 7))
    assert convcli("apply", "?.npy", *KEEP, "out").exit_code == 0
    assert [path.name for path in (folder / "imgs" / "out").iterdir()] == ["?.npy"]
    assert convcli("apply", "?.npy", *KEEP[:2], "-f", "csv").stdout == "7,7\n7,7\n"


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("*.png",), "*.png: no file matches"),
        (("empty",), "empty: no array in this folder (files that end in .npy .npz"),
    ],
)
def test_a_folder_or_a_pattern_without_arrays_is_an_error(convcli, folder, monkeypatch, names, message):
    monkeypatch.chdir(folder)
    (folder / "empty").mkdir()
    done = convcli("apply", *names, *KEEP, "out")
    assert done.exit_code == 1
    assert done.stderr.startswith(f"Error: {message}")


@pytest.mark.parametrize("name", ["imgs", "imgs/*.npy"])
@pytest.mark.parametrize("command", [("apply",), ("explain", "--at", "0,0")])
def test_several_inputs_need_a_folder_for_their_answers(convcli, folder, monkeypatch, command, name):
    monkeypatch.chdir(folder)
    done = convcli(*command, name, "-l", "MaxPooling2D(1)")
    assert done.exit_code == 2
    assert done.stderr.endswith(f"{name} stands for several inputs (apply --output-dir DIR answers each by itself)\n")
