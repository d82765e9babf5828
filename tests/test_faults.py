"""Faults that are made on purpose: the quickest of the checks in `faults.py`, a few times each."""

from __future__ import annotations

import sys

import faults
import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the faults are made by means of Linux")


@pytest.mark.parametrize(("name", "times"), [("kills", 6), ("interrupts", 6), ("crowds", 1), ("fits", 1)])
def test_a_program_that_is_stopped_leaves_whole_files(tmp_path, monkeypatch, name, times):
    monkeypatch.setattr(faults, "EPOCHS", 1500)
    tally = faults.CHECKS[name][0](tmp_path, times)
    assert tally.checked >= times
    assert tally.lost == []


@pytest.mark.parametrize("name", ["full-disks", "read-only"])
def test_a_file_that_cannot_be_written_is_as_it_was(tmp_path, monkeypatch, name):
    monkeypatch.setattr(faults, "WRITERS", (faults.WRITERS[4], faults.WRITERS[-2]))  # an array, and a checkpoint
    tally = faults.CHECKS[name][0](tmp_path, 1)
    if not tally.checked:
        pytest.skip("; ".join(tally.events))
    assert tally.lost == []


# A `sitecustomize` module, which Python imports at its start: files are written in place.
IN_PLACE = """
import contextlib, convcli.io.files
convcli.io.files._temporary_file = lambda target: contextlib.closing(open(target, "wb"))
"""


def test_a_program_that_writes_in_place_is_caught(tmp_path, monkeypatch):
    monkeypatch.setattr(faults, "WRITERS", faults.WRITERS[:1])
    (tmp_path / "sitecustomize.py").write_text(IN_PLACE)
    monkeypatch.setitem(faults.ENVIRONMENT, "PYTHONPATH", f"{tmp_path}:{faults.ENVIRONMENT['PYTHONPATH']}")
    lost = faults.CHECKS["full-disks"][0](tmp_path, 1).lost
    assert [problem for problem in lost if problem.endswith("is no longer as it was")]


@pytest.mark.parametrize(
    ("exit_code", "number", "has_output", "fine"),
    [
        (0, None, True, True),
        (1, None, True, False),
        (130, 2, False, True),
        (0, 2, True, True),
        (-2, 2, True, True),  # the signal came after the weights were written
        (-2, 2, False, False),
        (-9, 9, False, True),
        (1, 2, True, False),
    ],
)
def test_a_fit_that_ends_in_another_way_than_it_should_is_caught(exit_code, number, has_output, fine):
    assert faults.ended_as_asked(exit_code, number, has_output) is fine
