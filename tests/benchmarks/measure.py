"""Fair timing: contenders take turns, round after round, and ratios are taken within a round."""

from __future__ import annotations

import json
import os
import shlex
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

ROUND_SECONDS = 0.08  # that a contender runs in a round, if one call takes less
REST_SECONDS = 0.05  # for the threads of the contender before to fall asleep


def time_calls(calls: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """Return the seconds that a call of each contender takes, once a round, after one round that does not count."""
    repeats = {}
    for name, call in calls.items():
        call()
        start = time.perf_counter()
        call()
        repeats[name] = max(1, int(ROUND_SECONDS / (time.perf_counter() - start + 1e-9)))
    times: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(rounds + 1):
        for name, call in calls.items():
            time.sleep(REST_SECONDS)
            call()  # brings its data and code back into the caches
            start = time.perf_counter()
            for _ in range(repeats[name]):
                call()
            seconds = (time.perf_counter() - start) / repeats[name]
            if turn:
                times[name].append(seconds)
    return times


def time_processes(commands: Mapping[str, Sequence[str]], rounds: int) -> dict[str, list[tuple[float, int]]]:
    """Return the seconds and peak kilobytes of each process, once a round, after one round that does not count."""
    figures: dict[str, list[tuple[float, int]]] = {name: [] for name in commands}
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment.pop("OPENBLAS_NUM_THREADS", None)
    with subprocess.Popen([sys.executable, "-S", "-c", STARTER], env=environment, **PIPES) as starter:
        assert starter.stdin is not None
        assert starter.stdout is not None
        for turn in range(rounds + 1):
            for name, command in commands.items():
                starter.stdin.write(json.dumps(list(command)) + "\n")
                starter.stdin.flush()
                status, seconds, peak = json.loads(starter.stdout.readline())
                if status:
                    raise RuntimeError(f"{name}: {shlex.join(command)} failed")
                if turn:
                    figures[name].append((seconds, peak))
        starter.stdin.close()
    return figures


PIPES: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
# The peak memory of a process includes that of the one that started it. So it is started by one that has next to none.
STARTER = """
import json, os, sys, time
for line in sys.stdin:
    command = json.loads(line)
    start = time.perf_counter()
    child = os.fork()
    if not child:
        null = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(null, stream)
        os.execvp(command[0], command)
    _, status, usage = os.wait4(child, 0)
    print(json.dumps([status, time.perf_counter() - start, usage.ru_maxrss]), flush=True)
"""


def median_ms(seconds: Sequence[float]) -> float:
    """Return the median in milliseconds."""
    return 1e3 * statistics.median(seconds)


def fastest(times: Mapping[str, Sequence[float]], names: Sequence[str]) -> str:
    """Return the one of these names that has the smallest median."""
    return min(names, key=lambda name: statistics.median(times[name]))


def median_ratio(times: Sequence[float], others: Sequence[float]) -> float:
    """Return the median, over the rounds, of a time over another's."""
    return statistics.median(own / other for own, other in zip(times, others, strict=True))


def machine_limits() -> dict[str, float]:
    """Return what this machine can do at most: float32 matrix products (FLOP a second) and copies (bytes a second)."""
    cores = len(os.sched_getaffinity(0))
    matrices = [(np.ones((1024, 1024), np.float32), np.empty((1024, 1024), np.float32)) for _ in range(cores)]
    products = _seconds_together([lambda a=a, c=c: np.matmul(a, a, out=c) for a, c in matrices], 20)
    arrays = [(np.ones(1 << 24, np.float32), np.empty(1 << 24, np.float32)) for _ in range(cores)]
    copies = _seconds_together([lambda a=a, c=c: np.copyto(c, a) for a, c in arrays], 5)
    return {
        "flops": cores * 2 * 1024**3 / products,
        "bytes": cores * 2 * arrays[0][0].nbytes / copies,
    }


def _seconds_together(tasks: Sequence[Callable[[], Any]], repeats: int) -> float:
    """Return the seconds that all tasks take at once, each in its own thread: the least of five measurements."""

    def loop(task: Callable[[], Any]) -> None:
        for _ in range(repeats):
            task()

    measurements = []
    for _ in range(5):
        threads = [threading.Thread(target=loop, args=(task,)) for task in tasks]
        start = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        measurements.append((time.perf_counter() - start) / repeats)
    return min(measurements)
