"""A thread pool shares out tasks, passes on errors, and leaves no trace."""

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
from convcli.core.thread_pool import ThreadPool


@pytest.mark.parametrize("count", [1, 2, 5])
def test_every_item_is_done_once(count):
    done = []
    with ThreadPool(count) as workers:
        for _ in range(20):
            workers.run(done.append, range(50))
    assert sorted(done) == sorted(20 * list(range(50)))


@pytest.mark.parametrize("count", [1, 2, 5])
def test_an_error_in_any_thread_stops_all_threads_and_is_raised(count):
    done = []

    def task(item):
        if item == 3:
            raise ValueError("three")
        done.append(item)

    with ThreadPool(count) as workers:
        with pytest.raises(ValueError, match="three"):
            workers.run(task, range(1000))
        count_at_error = len(done)
        assert count_at_error < 1000
        time.sleep(0.02)
        assert len(done) == count_at_error  # no thread is still at it
        workers.run(done.append, [1000])
    assert done[-1] == 1000


GLOBAL = """
import os, threading
import numpy as np, threadpoolctl, convcli
before = dict(os.environ)
def state(): return [(library["filepath"], library["num_threads"]) for library in threadpoolctl.threadpool_info()]
first, model = state(), convcli.load(["Conv2D(64, 3, padding='same')"])
x = np.ones((1, 56, 56, 64), np.float32)
def call():
    for _ in range(20): convcli.apply(model, x, seed=0)
threads = [threading.Thread(target=call) for _ in range(3)]
for thread in threads: thread.start()
for thread in threads: thread.join()
try: convcli.apply(convcli.load(["Conv2D(64, 3, padding='same')"]), x)
except convcli.ConvcliError: pass
assert state() == first, (state(), first)
assert dict(os.environ) == before
"""


@pytest.mark.skipif(not find_spec("threadpoolctl"), reason="threadpoolctl is not installed")
def test_the_library_changes_nothing_global():
    subprocess.run([sys.executable, "-c", GLOBAL], check=True, timeout=120)


def test_a_prepared_model_may_be_called_from_several_threads():
    model = convcli.load(["Conv2D(8, 3, padding='same')", "ReLU()", "Conv2D(8, 3)"])
    generator = np.random.default_rng(0)
    batches = [generator.normal(size=(2, 20, 20, 3)).astype(np.float32) for _ in range(8)]
    with convcli.prepare(model, (20, 20, 3), seed=0) as run:
        expected = [run(x) for x in batches]
        results: dict[int, np.ndarray] = {}
        threads = [threading.Thread(target=lambda n=n: results.update({n: run(batches[n])})) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert all(np.array_equal(results[number], expected[number]) for number in range(8))


def test_arrays_and_threads_are_released_once_the_work_is_done():
    x = np.ones((64, 64))
    reference = weakref.ref(x)
    workers = ThreadPool(2)
    workers.run(lambda item, x=x: x[item].sum(), range(64))
    del x
    time.sleep(0.05)
    assert reference() is None
    count = threading.active_count()
    del workers
    gc.collect()
    assert threading.active_count() == count - 1


def test_an_interrupt_waits_for_the_other_threads_to_stop():
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


def test_a_task_that_shares_out_work_does_it_in_its_own_thread():
    done = []

    def task(item):
        thread = threading.get_ident()
        workers.run(lambda inner: done.append((item, inner, threading.get_ident() == thread)), range(3))

    with ThreadPool(2) as workers:
        workers.run(task, range(4))
    assert sorted(done) == [(item, inner, True) for item in range(4) for inner in range(3)]


def test_all_threads_handle_floating_point_errors_as_the_caller_does():
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


def test_progress_is_the_share_of_items_that_are_done():
    shares = []
    with ThreadPool(2) as workers:
        workers.report_progress = shares.append
        workers.run(lambda _: None, range(4))
    assert sorted(shares) == [0.25, 0.5, 0.75, 1.0]
