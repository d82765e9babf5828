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
