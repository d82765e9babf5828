"""The quickest of the checks in `faults.py`, a few times each."""

from __future__ import annotations

import sys

import faults
import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="faults are made with what Linux has")


@pytest.mark.parametrize(("name", "times"), [("kills", 6), ("interrupts", 6), ("crowds", 1), ("fits", 1)])
def test_nothing_is_lost(tmp_path, monkeypatch, name, times):
    monkeypatch.setattr(faults, "EPOCHS", 1500)
    count = faults.CHECKS[name][0](tmp_path, times)
    assert count.tried >= times
    assert count.lost == []


@pytest.mark.parametrize("name", ["full-disks", "read-only"])
def test_what_cannot_be_written_is_as_it_was(tmp_path, monkeypatch, name):
    monkeypatch.setattr(faults, "WRITERS", (faults.WRITERS[4], faults.WRITERS[-2]))  # a result, and a checkpoint
    count = faults.CHECKS[name][0](tmp_path, 1)
    if not count.tried:
        pytest.skip("; ".join(count.seen))
    assert count.lost == []


def test_what_is_lost_is_found(tmp_path, monkeypatch):
    """That a check can fail: where files are written in place."""
    monkeypatch.setattr(faults, "WRITERS", faults.WRITERS[:1])
    (tmp_path / "sitecustomize.py").write_text(IN_PLACE)
    monkeypatch.setitem(faults.ENVIRONMENT, "PYTHONPATH", f"{tmp_path}:{faults.ENVIRONMENT['PYTHONPATH']}")
    lost = faults.CHECKS["full-disks"][0](tmp_path, 1).lost
    assert [problem for problem in lost if problem.endswith("is no longer as it was")]


IN_PLACE = """
import contextlib, convcli.io.files
convcli.io.files._beside = lambda target: contextlib.closing(open(target, "wb"))
"""
