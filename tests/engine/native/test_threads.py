"""The threads of the native core: processes that fork, signals, programs at the same time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from conftest import heed_signals
from correlations import correlate, random_arrays
from levels import LEVELS_HERE

from convcli.engine.algorithms.problem import Problem
from convcli.model.window import Window

pytestmark = pytest.mark.skipif("not built" in LEVELS_HERE, reason="no core")

PROBLEM = Problem((Window(3, before=1, after=1),) * 2, 1, 32, 64, (40, 40), "float32")
X, KERNEL = random_arrays(PROBLEM, 1, np.random.default_rng(0), "float32")


def compute(threads=2):
    return correlate("native", X, KERNEL, PROBLEM.windows, threads=threads)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_has_threads_of_its_own():
    expected = compute()
    child = os.fork()
    if child == 0:
        os._exit(0 if np.array_equal(compute(), expected) else 1)
    deadline = time.monotonic() + 20
    while (done := os.waitpid(child, os.WNOHANG)) == (0, 0) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert done == (child, 0)


def test_several_threads_of_python_may_run_the_core_at_once():
    expected, results = compute(), []
    callers = [threading.Thread(target=lambda: results.extend(compute() for _ in range(20))) for _ in range(3)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(results) == 60
    assert all(np.array_equal(result, expected) for result in results)


LONG = """
import numpy as np, sys
from convcli import convolve
x, kernel = np.ones((1, 1500, 1500, 64), "float32"), np.ones((9, 9, 64, 128), "float32")
print("ready", flush=True)
convolve(x, kernel, algorithm="native")
"""


def test_an_interrupt_ends_a_run_at_once():
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", LONG], stdout=pipe, stderr=pipe, preexec_fn=heed_signals) as process:
        assert process.stdout.readline() == b"ready\n"
        time.sleep(1)  # to lay out the weights and begin
        assert process.poll() is None
        sent = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=20)
    assert b"KeyboardInterrupt" in error
    assert time.monotonic() - sent < 2  # on a busy machine; of which most is the end of Python
