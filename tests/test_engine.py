"""What the engine adds to the algorithms: kernels as they meet the input, joins, and letting values go."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

import convcli
from convcli import engine, steps
from convcli.algorithms.kernels import meeting_kernel
from convcli.geometry import DataFormat, Window
from convcli.steps import Correlate, Join, Weight


def test_every_step_can_be_run():
    closed = {each for each in vars(steps).values() if isinstance(each, type) and issubclass(each, steps.Step)}
    assert closed - {steps.Step} <= set(engine.run.registry)


@pytest.mark.parametrize(
    ("transposed", "flip", "met"), [(False, False, [1, 2]), (False, True, [2, 1]), (True, False, [2, 1])]
)
def test_the_kernel_as_it_meets_the_input(transposed, flip, met):
    step = Correlate((Window(2),), Weight("kernel", (2, 1, 1)), 1, transposed=transposed, flip=flip)
    assert meeting_kernel(step, np.array([[[1.0]], [[2.0]]])).ravel().tolist() == met


def test_joins():
    x, y = np.array([[1.0, 5.0]]), np.array([[3.0, 2.0]])

    def joined(kind, **settings):
        return engine.run(Join(kind, **settings), [x, y], {}, "auto").tolist()

    assert joined("sum", coefficients=(1, -1)) == [[-2, 3]]
    assert joined("mean") == [[2, 3.5]]
    assert joined("maximum") == [[3, 5]]
    assert joined("sum", constants=((0, 10.0),)) == [[14, 17]]
    assert joined("concatenate", axis=0) == [[1, 5, 3, 2]]


def test_a_join_of_different_ranks_follows_the_data_format():
    image = np.zeros((2, 4, 5, 3))  # (batch, height, width, channels)
    along_width = np.arange(10.0).reshape(2, 5)
    y = engine.run(Join("sum", DataFormat.CHANNELS_FIRST), [image, along_width], {}, "auto")
    assert np.array_equal(y[1, 2, :, 0], [5, 6, 7, 8, 9])


def test_values_are_let_go_when_no_layer_needs_them():
    count, cells = 50, 100_000
    plan = convcli.load(["Rescaling(2)"] * count).plan({"input": (cells,)})
    x = np.ones((1, cells))
    tracemalloc.start()
    kept = engine.execute(plan, {"input": x}, {}, [f"rescaling_{count - 1}"])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert kept[f"rescaling_{count - 1}"][0, 0] == 2.0**count
    assert peak < 5 * x.nbytes


def test_a_value_is_kept_for_a_later_layer():
    layers = ["Rescaling(2)", "Rescaling(3)", "Add(inputs=['rescaling', 'rescaling_1'])"]
    plan = convcli.load({"input": [4], "layers": layers}).plan({"input": (4,)})
    kept = engine.execute(plan, {"input": np.ones((1, 4))}, {}, ["rescaling", "add"])
    assert {name: value.tolist() for name, value in kept.items()} == {
        "rescaling": [[2, 2, 2, 2]],
        "add": [[8, 8, 8, 8]],
    }
