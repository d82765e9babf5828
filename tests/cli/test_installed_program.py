"""The program as it may be installed and started."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, SAMPLES

ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def started(folder: Path, *arguments: str, flags: tuple[str, ...] = (), **environment: str) -> tuple[int, str, str]:
    """Exit code, output and errors of the program, in a folder, with nothing but these variables."""
    command = [sys.executable, *flags, "-m", "convcli", *arguments]
    own = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environment}
    done = subprocess.run(command, cwd=folder, env=own, capture_output=True, check=False, timeout=60)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.fixture
def folder(tmp_path):
    """A folder with a space and letters of other languages in its name, and files like it."""
    made = tmp_path / "Übung 数"
    made.mkdir()
    shutil.copy(SAMPLES / "lines.yaml", made / "Linien ß.yaml")
    shutil.copy(SAMPLES / "line-detectors.yaml", made / "数.yaml")
    return made


@pytest.mark.parametrize("flags", [(), ("-OO",), ("-W", "error"), ("-X", "dev", "-W", "error")])
def test_however_python_is_started(folder, flags):
    told = started(folder, "apply", "Linien ß.yaml", "数.yaml", "--seed", "1", "-o", "Karten ü.html", flags=flags)
    assert told == (0, "", "")
    assert (folder / "Karten ü.html").stat().st_size > 40_000


@pytest.mark.parametrize("environment", [{}, {"HOME": "/proc/none"}, {"TERM": "none"}, {"LANG": "de_DE.UTF-8"}, ASCII])
def test_wherever_it_is_started(folder, environment):
    code, table, error = started(folder, "apply", "Linien ß.yaml", "数.yaml", **environment)
    assert (code, error) == (0, "")
    assert "(1, 6, 6, 2)" in table
    assert table.isascii() == (environment is ASCII)
    code, _, error = started(folder, "apply", "Linien ß.yaml", "ü.yaml", **environment)
    assert (code, error.startswith("Error: ")) == (1, True)


def test_names_of_files_are_told_in_any_locale(folder):
    data = (str(SAMPLES / "bumps.npy"), str(SAMPLES / "bump-maps.npy"))
    for form, shown in (("json", '"weights": "ü.npz"'), ("table", "params, in ?.npz")):
        fit = ("fit", *data, "-l", "Conv1D(1, 3)", "--epochs", "1", "-o", "ü.npz", "-f", form)
        code, answer, error = started(folder, *fit, **ASCII)
        assert (code, error) == (0, "")
        assert shown in answer


def test_from_an_archive(folder):
    shutil.make_archive(str(folder / "packed"), "zip", ROOT, "convcli")
    arguments = ("apply", "Linien ß.yaml", "数.yaml", "-o", "page.html")
    assert started(folder, *arguments, PYTHONPATH=str(folder / "packed.zip")) == (0, "", "")
