"""BLAS starts with one thread in our program, and as it would without us in any other."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from convcli.core import blas_threads

PROGRAM = """
import os, sys
from convcli.cli import run
sys.argv = ["convcli", "--help"]
try: run()
except SystemExit: pass
print(os.environ["OPENBLAS_NUM_THREADS"], os.environ.get("OMP_NUM_THREADS"), file=sys.stderr)
"""


@pytest.mark.parametrize(("variables", "result"), [({}, "1 1"), ({"OPENBLAS_NUM_THREADS": "3"}, "3 None")])
def test_the_program_limits_blas_to_one_thread_unless_the_user_says_otherwise(variables, result):
    others = {name: value for name, value in os.environ.items() if name not in blas_threads.THREAD_VARIABLES}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=others | variables, capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stderr.strip() == result


@pytest.mark.parametrize(
    ("environment", "has_one"),
    [
        ({}, False),
        ({"OPENBLAS_NUM_THREADS": "1"}, True),
        ({"OMP_NUM_THREADS": "1"}, True),
        ({"OPENBLAS_NUM_THREADS": "8", "OMP_NUM_THREADS": "1"}, False),
    ],
)
def test_the_first_variable_that_is_set_counts(environment, has_one):
    assert blas_threads.blas_has_one_thread(environment) is has_one
