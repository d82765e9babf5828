"""What several test modules share."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import settings

from convcli.cli import main
from convcli.core.blas_threads import limit_blas_to_one_thread

settings.register_profile("untimed", deadline=None)  # machines are noisy
settings.load_profile("untimed")

ROOT = Path(__file__).parent.parent
SAMPLES = ROOT / "samples"
limit_blas_to_one_thread(os.environ)  # as the program does: the tests' processes share the cores


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Return 0 (no workers) when the command line selects files or tests, so that they start at once.

    Otherwise return None, and xdist starts one worker per core: for the whole suite, and for whole folders.
    """
    selects = config.option.keyword or config.option.markexpr or config.option.lf
    paths = [Path(argument.split("::")[0]) for argument in config.args]
    return 0 if selects or all(path.is_file() for path in paths) else None


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Return the argument's name as the id of bytes, which may differ between workers: an archive holds the time."""
    return argname if isinstance(val, bytes) else None


def heed_signals() -> None:
    """Let a child be interrupted, for `preexec_fn`: it inherits what nohup and a shell's background ignore."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGPIPE"):
        signal.signal(getattr(signal, name), signal.SIG_DFL)


def shell(command: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """A command for bash in which `convcli` is the program under test."""
    program = f'convcli() {{ "{sys.executable}" -m convcli "$@"; }}; set -o pipefail; {command}'
    env = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(
        ["bash", "-c", program],
        cwd=ROOT,
        capture_output=True,
        env=env,
        check=False,
        timeout=120,
        preexec_fn=heed_signals,
    )


@pytest.fixture
def convcli(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs the command line in the project's folder: `convcli("shape", "samples/mnist.yaml")`."""
    monkeypatch.chdir(ROOT)

    def run(*arguments: Any, stdin: str | bytes | None = None) -> Result:
        return CliRunner().invoke(main, [str(each) for each in arguments], input=stdin, catch_exceptions=False)

    return run
