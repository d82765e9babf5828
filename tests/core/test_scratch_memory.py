"""Scratch memory is reused within a thread and never shared between threads."""

from __future__ import annotations

import threading

import numpy as np

from convcli.core.scratch_memory import ScratchMemory
from convcli.core.thread_pool import ThreadPool


def test_every_thread_has_memory_of_its_own_and_reuses_it():
    first, second, both_busy = set(), set(), threading.Barrier(2)

    def note_address(addresses):
        both_busy.wait(timeout=60)
        addresses.add(workers.scratch.array("x", (10, 10), np.float32).ctypes.data)

    with ThreadPool(2) as workers:
        workers.run(lambda _: note_address(first), range(2))
        workers.run(lambda _: note_address(second), range(2))
    assert len(first) == 2
    assert first == second


def test_a_smaller_array_reuses_the_memory_of_a_larger_one():
    scratch = ScratchMemory()
    larger = scratch.array("x", (10, 10), np.float64)
    smaller = scratch.array("x", (3,), np.int8)
    assert smaller.ctypes.data == larger.ctypes.data
    assert scratch.array("y", (3,), np.int8).ctypes.data != larger.ctypes.data


def test_a_filled_array_is_filled_again_only_for_other_arguments():
    scratch = ScratchMemory()
    arguments = (2, 2), np.float32, 1, "inside"
    scratch.filled("x", *arguments)[0] = 7
    assert scratch.filled("x", *arguments).tolist() == [[7, 7], [1, 1]]
    for other in (
        ((2, 1), np.float32, 1, "inside"),
        ((2, 2), np.float32, 2, "inside"),
        ((2, 2), np.float32, 1, "elsewhere"),
    ):
        assert (scratch.filled("x", *other) == other[2]).all()
        assert scratch.filled("x", *arguments).tolist() == [[1, 1], [1, 1]]
        scratch.filled("x", *arguments)[0] = 7


def test_a_filled_array_is_filled_again_once_its_memory_was_used_otherwise():
    scratch = ScratchMemory()
    arguments = (2, 2), np.float32, 1, "inside"
    scratch.filled("x", *arguments)
    scratch.array("x", (2, 2), np.float32)[...] = 7
    assert scratch.filled("x", *arguments).tolist() == [[1, 1], [1, 1]]
