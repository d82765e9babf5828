"""What several test modules share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import settings

from convcli.cli import main
from convcli.threads import leave_blas_one_thread

settings.register_profile("untimed", deadline=None)  # machines are noisy
settings.load_profile("untimed")

ROOT = Path(__file__).parent.parent
SAMPLES = ROOT / "samples"
leave_blas_one_thread(os.environ)  # as the program does: the tests' processes share the cores


@pytest.fixture
def convcli(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs the command line in the project's folder: `convcli("shape", "samples/mnist.yaml")`."""
    monkeypatch.chdir(ROOT)

    def run(*arguments: Any, stdin: str | bytes | None = None) -> Result:
        return CliRunner().invoke(main, [str(each) for each in arguments], input=stdin, catch_exceptions=False)

    return run
