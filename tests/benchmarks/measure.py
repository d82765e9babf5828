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

ROUND_SECONDS = 0.08  # what a contender runs for in a round, if one call takes less
REST_SECONDS = 0.05  # for the threads of the contender before to fall asleep


def steady(calls: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """Seconds a call of each contender, one figure a round, after one round that does not count."""
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
            taken = (time.perf_counter() - start) / repeats[name]
            if turn:
                times[name].append(taken)
    return times


def whole(commands: Mapping[str, Sequence[str]], rounds: int) -> dict[str, list[tuple[float, int]]]:
    """Seconds and peak kilobytes of each process, one figure a round, after one round that does not count."""
    found: dict[str, list[tuple[float, int]]] = {name: [] for name in commands}
    quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    quiet.pop("OPENBLAS_NUM_THREADS", None)
    with subprocess.Popen([sys.executable, "-S", "-c", STARTER], env=quiet, **PIPES) as starter:
        assert starter.stdin is not None
        assert starter.stdout is not None
        for turn in range(rounds + 1):
            for name, command in commands.items():
                starter.stdin.write(json.dumps(list(command)) + "\n")
                starter.stdin.flush()
                status, taken, peak = json.loads(starter.stdout.readline())
                if status:
                    raise RuntimeError(f"{name}: {shlex.join(command)} failed")
                if turn:
                    found[name].append((taken, peak))
        starter.stdin.close()
    return found


PIPES: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
# A process's peak memory counts that of the one that started it: so it is started by one that has next to none.
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


def best(times: Mapping[str, Sequence[float]], names: Sequence[str]) -> str:
    """Which of these has the smallest median."""
    return min(names, key=lambda name: statistics.median(times[name]))


def ratio(one: Sequence[float], other: Sequence[float]) -> float:
    """The median, over the rounds, of the one over the other."""
    return statistics.median(a / b for a, b in zip(one, other, strict=True))


def limits() -> dict[str, float]:
    """What this machine can do at most: float32 matrix products (FLOP a second) and copies (bytes a second)."""
    cores = len(os.sched_getaffinity(0))
    arrays = [(np.ones((1024, 1024), np.float32), np.empty((1024, 1024), np.float32)) for _ in range(cores)]
    products = _together([lambda a=a, c=c: np.matmul(a, a, out=c) for a, c in arrays], 20)
    flat = [(np.ones(1 << 24, np.float32), np.empty(1 << 24, np.float32)) for _ in range(cores)]
    copies = _together([lambda a=a, c=c: np.copyto(c, a) for a, c in flat], 5)
    return {
        "flops": cores * 2 * 1024**3 / products,
        "bytes": cores * 2 * flat[0][0].nbytes / copies,
    }


def _together(tasks: Sequence[Callable[[], Any]], count: int) -> float:
    """Seconds for one turn of all tasks at once, each in its own thread."""

    def loop(task: Callable[[], Any]) -> None:
        for _ in range(count):
            task()

    found = []
    for _ in range(5):
        threads = [threading.Thread(target=loop, args=(task,)) for task in tasks]
        start = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found.append((time.perf_counter() - start) / count)
    return min(found)
