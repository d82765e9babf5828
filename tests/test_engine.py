"""What the engine adds to the algorithms: kernels as they meet the input, joins, and letting values go."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

import convcli
from convcli import engine, steps, weights
from convcli.algorithms.kernels import meeting_kernel
from convcli.engine import fusing, operations
from convcli.geometry import DataFormat, Window
from convcli.steps import Correlate, Join, Weight


def test_every_step_can_be_run():
    closed = {each for each in vars(steps).values() if isinstance(each, type) and issubclass(each, steps.Step)}
    assert closed - {steps.Step, steps.Correlate, steps.Pool} <= set(operations.run.registry)


@pytest.mark.parametrize(
    ("transposed", "flip", "met"), [(False, False, [1, 2]), (False, True, [2, 1]), (True, False, [2, 1])]
)
def test_the_kernel_as_it_meets_the_input(transposed, flip, met):
    step = Correlate((Window(2),), Weight("kernel", (2, 1, 1)), 1, transposed=transposed, flip=flip)
    assert meeting_kernel(step, np.array([[[1.0]], [[2.0]]])).ravel().tolist() == met


def test_joins():
    x, y = np.array([[1.0, 5.0]]), np.array([[3.0, 2.0]])

    def joined(kind, **settings):
        return operations.run(Join(kind, **settings), [x, y], {}).tolist()

    assert joined("sum", coefficients=(1, -1)) == [[-2, 3]]
    assert joined("mean") == [[2, 3.5]]
    assert joined("maximum") == [[3, 5]]
    assert joined("sum", constants=((0, 10.0),)) == [[14, 17]]
    assert joined("concatenate", axis=0) == [[1, 5, 3, 2]]


def test_a_join_of_different_ranks_follows_the_data_format():
    image = np.zeros((2, 4, 5, 3))  # (batch, height, width, channels)
    along_width = np.arange(10.0).reshape(2, 5)
    y = operations.run(Join("sum", DataFormat.CHANNELS_FIRST), [image, along_width], {})
    assert np.array_equal(y[1, 2, :, 0], [5, 6, 7, 8, 9])


def program(layers, shape, keep, **options):
    model = convcli.load(layers if isinstance(layers, dict) else {"layers": layers})
    plan = model.plan({"input": shape})
    bound = weights.bind(plan, None, 0, options.pop("dtype", "float64"))
    dtype = next((array.dtype.name for each in bound.values() for array in each.values()), "float64")
    return engine.Program(plan, bound, keep, dtype, **options)


def test_values_are_let_go_when_no_layer_needs_them():
    # rescalings are done in place; a sigmoid after a permutation of the axes, which is a view, is not
    count, cells = 50, 100_000
    layers = ["Rescaling(1/2)", "Permute((2, 1))", "Activation('sigmoid')"] * count
    x = np.ones((1, cells, 1))
    run = program(layers, (cells, 1), [f"activation_{count - 1}"])
    tracemalloc.start()
    run({"input": x})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6 * x.nbytes


def test_a_value_is_kept_for_a_later_layer():
    layers = ["Rescaling(2)", "Rescaling(3)", "Add(inputs=['rescaling', 'rescaling_1'])"]
    kept = program(layers, (4,), ["rescaling", "add"])({"input": np.ones((1, 4))})
    assert {name: value.tolist() for name, value in kept.items()} == {
        "rescaling": [[2, 2, 2, 2]],
        "add": [[8, 8, 8, 8]],
    }


def test_the_input_is_never_written_to():
    x = np.full((2, 3, 3, 2), -1.0)
    for layers in (
        ["ReLU()"],
        ["Permute((2, 1, 3))", "ReLU()"],
        ["Reshape((9, 2))", "Rescaling(2)"],
        ["Add(inputs=['input', 'input'])", "ReLU()"],
    ):
        convcli.apply(convcli.load({"layers": layers, "input": [3, 3, 2]}), x)
        assert np.all(x == -1), layers


def test_what_is_kept_is_not_written_to_by_later_layers_or_runs():
    layers = [
        "Conv2D(4, 1, name='a')",
        "ReLU(name='b')",
        "Reshape((4, 9), name='c')",
        "ReLU(name='d')",
        "Sigmoid(name='e')",
    ]
    names = list("abcde")
    run = program(layers, (3, 3, 2), names)
    first = run({"input": np.random.default_rng(0).normal(size=(1, 3, 3, 2))})
    copies = {name: value.copy() for name, value in first.items()}
    run({"input": np.ones((1, 3, 3, 2))})
    assert all(np.array_equal(first[name], copies[name]) for name in names)
    assert first["a"].min() < 0 <= first["b"].min()


def fused(layers, shape, keep=()):
    model = convcli.load({"layers": layers})
    plan = model.plan({"input": shape})
    chain, _ = fusing.operations(plan, weights.bind(plan, None, 0, "float32"), [*keep, *model.outputs], "float32")
    return [(each.makes, type(each.step).__name__, len(each.tails)) for each in chain]


BLOCK = [
    "ZeroPadding2D(1)",
    "Conv2D(4, 3, use_bias=False)",
    "BatchNormalization()",
    "ReLU()",
    "Flatten()",
    "Dense(2, activation='softmax')",
]


def test_steps_that_follow_each_other_are_one_operation():
    assert fused(BLOCK, (8, 8, 2)) == [
        ("re_lu", "Correlate", 2),
        ("flatten", "Reshape", 0),
        ("dense 0", "Correlate", 0),
        ("dense", "Map", 0),
    ]


def test_what_is_kept_or_used_twice_is_not_part_of_another_operation():
    assert fused(BLOCK[:4], (8, 8, 2), ["conv2d"]) == [("conv2d", "Correlate", 0), ("re_lu", "NoneType", 2)]
    twice = [*BLOCK[:2], "ReLU()", "Add(inputs=['conv2d', 're_lu'])"]
    assert fused(twice, (8, 8, 2)) == [
        ("conv2d", "Correlate", 0),
        ("re_lu", "NoneType", 1),
        ("add", "Join", 0),
    ]


def test_folding_a_scale_changes_float32_results_by_rounding_only_and_exact_ones_not_at_all():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(2, 8, 8, 2))
    shapes = {"conv2d/kernel": (3, 3, 2, 4), **dict.fromkeys(("gamma", "beta", "moving_mean"), (4,))}
    values = {
        key if "/" in key else f"batch_normalization/{key}": generator.normal(size=shape)
        for key, shape in shapes.items()
    }
    values["batch_normalization/moving_variance"] = generator.uniform(0.1, 3, 4)
    model = convcli.load(BLOCK[:4])
    exact = convcli.apply(model, x, weights=values, algorithm="plain")
    assert np.allclose(convcli.apply(model, x, weights=values), exact, rtol=0, atol=1e-13)
    y = convcli.apply(model, x, weights=values, dtype="float32")
    assert np.abs(y - exact).max() < 1e-6 * np.abs(exact).max()
    whole = {key: np.rint(value * 3) for key, value in values.items() if "batch" not in key}
    scaled = convcli.load([*BLOCK[:2], "Rescaling(1/3)"])
    unscaled = convcli.apply(convcli.load(BLOCK[:2]), np.rint(x), weights=whole, dtype="float32")
    assert np.array_equal(
        convcli.apply(scaled, np.rint(x), weights=whole, dtype="float32"), unscaled * np.float32(1 / 3)
    )


def test_a_program_says_what_ran():
    run = program(
        ["SeparableConv2D(4, 3)", "Conv2DTranspose(2, 2, strides=2)", "MaxPooling2D(2)"], (9, 9, 8), ["max_pooling2d"]
    )
    assert run.ran == {"separable_conv2d": ("channelwise", "patches"), "conv2d_transpose": ("phases",)}


def test_memory_is_used_again_from_run_to_run():
    layers = ["Conv2D(8, 3, padding='same')"] * 6
    run = program(layers, (64, 64, 8), ["conv2d_5"], dtype="float32", threads=1)
    x = np.ones((1, 64, 64, 8), np.float32)
    run({"input": x})
    tracemalloc.start()
    run({"input": x})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * x.nbytes  # the output and what is small
