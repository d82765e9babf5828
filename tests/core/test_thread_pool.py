"""Sharing work among threads, and leaving no trace of it."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import time
import weakref
from importlib.util import find_spec

import numpy as np
import pytest

import convcli
from convcli.core import blas_threads
from convcli.core.thread_pool import ThreadPool


@pytest.mark.parametrize("count", [1, 2, 5])
def test_every_item_is_done_once(count):
    done = []
    with ThreadPool(count) as workers:
        for _ in range(20):
            workers.run(done.append, range(50))
    assert sorted(done) == sorted(20 * list(range(50)))


@pytest.mark.parametrize("count", [1, 2, 5])
def test_an_error_in_any_thread_stops_all_and_is_raised(count):
    done = []

    def task(item):
        if item == 3:
            raise ValueError("three")
        done.append(item)

    with ThreadPool(count) as workers:
        with pytest.raises(ValueError, match="three"):
            workers.run(task, range(1000))
        count_then = len(done)
        assert count_then < 1000
        time.sleep(0.02)
        assert len(done) == count_then  # no thread is still at it
        workers.run(done.append, [1000])
    assert done[-1] == 1000


def test_scratch_memory_is_each_thread_s_own_and_is_kept():
    first, second, met = set(), set(), threading.Barrier(2)

    def take(found):
        met.wait()
        found.add(workers.scratch.array("x", (10, 10), np.float32).ctypes.data)

    with ThreadPool(2) as workers:
        workers.run(lambda _: take(first), range(2))
        workers.run(lambda _: take(second), range(2))
    assert len(first) == 2
    assert first == second


def test_what_was_left_in_kept_memory_is_there_for_the_same_use_only():
    workers = ThreadPool(1)
    workers.scratch.filled("x", (2, 2), np.float32, 1, "inside")[0] = 7
    assert workers.scratch.filled("x", (2, 2), np.float32, 1, "inside").tolist() == [[7, 7], [1, 1]]
    for other in ((2, 1), 1, "inside"), ((2, 2), 2, "inside"), ((2, 2), 1, "elsewhere"):
        assert workers.scratch.filled("x", other[0], np.float32, *other[1:]).min() == other[1]
        assert workers.scratch.filled("x", (2, 2), np.float32, 1, "inside").tolist() == [[1, 1], [1, 1]]
        workers.scratch.filled("x", (2, 2), np.float32, 1, "inside")[0] = 7


LEFT = """
import os, sys
from convcli.cli import run
sys.argv = ["convcli", "--help"]
try: run()
except SystemExit: pass
print(os.environ["OPENBLAS_NUM_THREADS"], os.environ.get("OMP_NUM_THREADS"), file=sys.stderr)
"""


@pytest.mark.parametrize(("given", "left"), [({}, "1 1"), ({"OPENBLAS_NUM_THREADS": "3"}, "3 None")])
def test_the_program_leaves_blas_one_thread_unless_the_user_says_otherwise(given, left):
    environment = {key: value for key, value in os.environ.items() if key not in blas_threads.THREAD_VARIABLES} | given
    done = subprocess.run([sys.executable, "-c", LEFT], env=environment, capture_output=True, text=True, check=True)
    assert done.stderr.strip() == left


GLOBAL = """
import os, threading
import numpy as np, threadpoolctl, convcli
before = dict(os.environ)
def state(): return [(each["filepath"], each["num_threads"]) for each in threadpoolctl.threadpool_info()]
first, model = state(), convcli.load(["Conv2D(64, 3, padding='same')"])
x = np.ones((1, 56, 56, 64), np.float32)
def call():
    for _ in range(20): convcli.apply(model, x, seed=0)
together = [threading.Thread(target=call) for _ in range(3)]
for each in together: each.start()
for each in together: each.join()
try: convcli.apply(convcli.load(["Conv2D(64, 3, padding='same')"]), x)
except convcli.ConvcliError: pass
assert state() == first, (state(), first)
assert dict(os.environ) == before
"""


@pytest.mark.skipif(not find_spec("threadpoolctl"), reason="threadpoolctl is not installed")
def test_the_library_changes_nothing_global():
    subprocess.run([sys.executable, "-c", GLOBAL], check=True)


def test_a_prepared_model_may_be_called_from_several_threads():
    model = convcli.load(["Conv2D(8, 3, padding='same')", "ReLU()", "Conv2D(8, 3)"])
    generator = np.random.default_rng(0)
    batches = [generator.normal(size=(2, 20, 20, 3)).astype(np.float32) for _ in range(8)]
    with convcli.prepare(model, (20, 20, 3), seed=0) as run:
        expected = [run(x) for x in batches]
        found: dict[int, np.ndarray] = {}
        together = [threading.Thread(target=lambda n=n: found.update({n: run(batches[n])})) for n in range(8)]
        for each in together:
            each.start()
        for each in together:
            each.join()
    assert all(np.array_equal(found[number], expected[number]) for number in range(8))


def test_arrays_are_let_go_once_the_work_is_done():
    x = np.ones((64, 64))
    held = weakref.ref(x)
    workers = ThreadPool(2)
    workers.run(lambda item, x=x: x[item].sum(), range(64))
    del x
    time.sleep(0.05)
    assert held() is None
    count = threading.active_count()
    del workers
    gc.collect()
    assert threading.active_count() == count - 1


def test_an_interrupt_waits_for_the_others_to_stop(monkeypatch):
    done = []

    def task(item):
        if threading.current_thread() is threading.main_thread():
            time.sleep(0.02)
            raise KeyboardInterrupt
        time.sleep(0.05)
        done.append(item)

    with ThreadPool(3) as workers:
        with pytest.raises(KeyboardInterrupt):
            workers.run(task, range(100))
        count = len(done)
        time.sleep(0.1)
    assert count == len(done) <= 4


def test_a_run_within_a_task_goes_on_in_its_thread():
    done = []
    with ThreadPool(2) as workers:
        workers.run(lambda _: workers.run(done.append, range(3)), range(4))
    assert sorted(done) == sorted(4 * list(range(3)))


def test_all_threads_treat_floating_point_errors_as_the_caller_does():
    x = np.full(100, 1e300)
    with ThreadPool(2) as workers:
        with np.errstate(over="ignore"):
            workers.run(lambda _: x * x, range(50))
        with np.errstate(over="raise"), pytest.raises(FloatingPointError):
            workers.run(lambda _: x * x, range(50))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_has_helpers_of_its_own():
    program = """
import os
from convcli.core.thread_pool import ThreadPool
workers, done = ThreadPool(2), []
workers.run(done.append, range(9))
child = os.fork()
workers.run(done.append, range(9))
assert len(done) == 18
if child: assert os.waitpid(child, 0)[1] == 0
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True, timeout=20)


@pytest.mark.parametrize(
    ("environment", "one"),
    [
        ({}, False),
        ({"OPENBLAS_NUM_THREADS": "1"}, True),
        ({"OMP_NUM_THREADS": "1"}, True),
        ({"OPENBLAS_NUM_THREADS": "8", "OMP_NUM_THREADS": "1"}, False),
    ],
)
def test_whether_blas_has_one_thread(environment, one):
    assert blas_threads.blas_has_one_thread(environment) is one
