"""The memory of a running program: what it keeps, what it lets go, and what it never writes to."""

from __future__ import annotations

import tracemalloc
from contextlib import contextmanager

import numpy as np
import pytest
from programs import program_of

import convcli


@contextmanager
def measured_memory():
    """Measure the most memory that is allocated within the context: it yields a function that returns the bytes."""
    tracemalloc.start()
    try:
        peak = []
        yield lambda: peak[0]
        peak.append(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()


# ---- results ----


def test_a_value_is_kept_for_a_later_layer():
    layers = ["Rescaling(2)", "Rescaling(3)", "Add(inputs=['rescaling', 'rescaling_1'])"]
    results = program_of(layers, (4,), ["rescaling", "add"])({"input": np.ones((1, 4))})
    assert {name: value.tolist() for name, value in results.items()} == {
        "rescaling": [[2, 2, 2, 2]],
        "add": [[8, 8, 8, 8]],  # 2 + 3 · 2
    }


@pytest.mark.parametrize(
    "layers",
    [
        ["ReLU()"],
        ["Permute((2, 1, 3))", "ReLU()"],
        ["Reshape((9, 2))", "Rescaling(2)"],
        ["Add(inputs=['input', 'input'])", "ReLU()"],
        ["Cropping2D(((1, 1), (0, 0)))", "ReLU()"],
    ],
)
def test_the_input_is_never_written_to(layers):
    x = np.full((2, 3, 3, 2), -1.0)
    convcli.apply(convcli.load({"layers": layers, "input": [3, 3, 2]}), x)
    assert np.all(x == -1)


def test_a_result_is_not_written_to_by_later_layers_or_runs():
    layers = [
        "Conv2D(4, 1, name='a')",
        "ReLU(name='b')",
        "Reshape((4, 9), name='c')",
        "ReLU(name='d')",
        "Sigmoid(name='e')",
    ]
    names = list("abcde")
    program = program_of(layers, (3, 3, 2), names)
    results = program({"input": np.random.default_rng(0).normal(size=(1, 3, 3, 2))})
    copies = {name: value.copy() for name, value in results.items()}
    program({"input": np.ones((1, 3, 3, 2))})
    assert all(np.array_equal(results[name], copies[name]) for name in names)
    assert results["a"].min() < 0 <= results["b"].min()


@pytest.mark.parametrize("layer", ["Flatten()", "Dropout(0.5)", "Permute((2, 1, 3))", "Cropping2D(1)"])
def test_a_result_does_not_share_memory_with_the_input(layer):
    x = np.ones((1, 3, 3, 2))
    assert not np.shares_memory(convcli.apply(convcli.load([layer]), x), x)


def test_two_results_do_not_share_memory():
    model = convcli.load({"input": [2, 2], "layers": ["ReLU(name='a')", "Flatten(name='b')"], "outputs": ["a", "b"]})
    results = convcli.apply(model, np.ones((1, 2, 2)))
    assert not np.shares_memory(results["a"], results["b"])


@pytest.mark.parametrize("kind", ["add", "average", "maximum", "multiply", "hypot"])
@pytest.mark.parametrize("operands", [["a", "b", "k"], ["k", "a", "b"], ["a", "k", "b"], ["k", "k", "a"]])
def test_a_merge_over_one_of_its_operands_reads_all_of_them(kind, operands):
    layers = [{"rescaling": {"scale": 6, "inputs": "a", "name": "k"}}, {kind: {"inputs": operands, "name": "merged"}}]
    model = convcli.load({"input": {"a": [4], "b": [4]}, "layers": layers})
    inputs = {"a": np.full((1, 4), 1.0), "b": np.full((1, 4), 2.0)}
    numbers = [{"a": 1.0, "b": 2.0, "k": 6.0}[name] for name in operands]
    merged = {
        "add": sum(numbers),
        "average": sum(numbers) / 3,
        "maximum": max(numbers),
        "multiply": np.prod(numbers),
        "hypot": np.hypot(np.hypot(*numbers[:2]), numbers[2]),
    }
    assert convcli.apply(model, inputs).tolist() == [[merged[kind]] * 4]


# ---- memory ----


def test_values_are_let_go_when_no_layer_needs_them():
    # Rescaling works in place. The sigmoid after a permutation, which makes a view, does not.
    count, cells = 50, 100_000
    layers = ["Rescaling(1/2)", "Permute((2, 1))", "Activation('sigmoid')"] * count
    x = np.ones((1, cells, 1))
    program = program_of(layers, (cells, 1))
    with measured_memory() as peak:
        program({"input": x})
    assert peak() < 6 * x.nbytes


def test_memory_is_used_again_from_run_to_run():
    program = program_of(["Conv2D(8, 3, padding='same')"] * 6, (64, 64, 8), dtype="float32", threads=1)
    x = np.ones((1, 64, 64, 8), np.float32)
    program({"input": x})
    with measured_memory() as peak:
        program({"input": x})
    assert peak() < 2 * x.nbytes  # the output and what is small


@pytest.mark.parametrize(
    ("layers", "shape"),
    [
        (["Conv2D(64, 1, activation='gelu')"], (256, 256, 1)),
        (["Flatten()", "Activation('sigmoid')"], (2_000_000, 1)),
        (["AveragePooling1D(5, strides=1)"], (1_000_000, 1)),
        (["Conv2D(1, 3, dilation_rate=500, padding='same')"], (1500, 1500, 1)),
        (["Conv1DTranspose(1, 16, strides=2)"], (500_000, 1)),
        (["Conv1D(1, 50001)"], (1_000_000, 1)),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)
def test_memory_beside_input_and_output_is_bounded(layers, shape):
    program = program_of(layers, shape, dtype="float32", threads=1, tolerance=1e-5)
    x = np.ones((1, *shape), np.float32)
    with measured_memory() as peak:
        (y,) = program({"input": x}).values()
    assert peak() - y.nbytes < 22e6  # including what is imported at the first run


def test_no_more_memory_stays_spare_than_the_last_run_used():
    program = program_of(["Conv2D(8, 3)"] * 3, (40, 40, 8), dtype="float32", threads=1)
    program({"input": np.ones((50, 40, 40, 8), np.float32)})
    program({"input": np.ones((1, 40, 40, 8), np.float32)})
    program({"input": np.ones((1, 40, 40, 8), np.float32)})
    spare = sum(block.nbytes for block in program._workspace.spare._free)
    assert spare < 4 * 40 * 40 * 8 * 4  # four values of one sample in float32
