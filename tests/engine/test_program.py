"""What the engine adds to the algorithms: kernels as they meet the input, joins, and letting values go."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

import convcli
from convcli.core.shapes import DataFormat
from convcli.engine import fusion
from convcli.engine.algorithms import compiled
from convcli.engine.algorithms.kernel_layout import correlation_kernel
from convcli.engine.bind_weights import WeightSource, bind
from convcli.engine.execution import Execution
from convcli.engine.program import MANY_SAMPLES, build_program
from convcli.engine.run_step import run_step
from convcli.model.plan import make_plan
from convcli.model.steps import Correlate, Merge, Weight
from convcli.model.window import Window


@pytest.mark.parametrize(
    ("transposed", "flip", "met"), [(False, False, [1, 2]), (False, True, [2, 1]), (True, False, [2, 1])]
)
def test_the_kernel_as_it_meets_the_input(transposed, flip, met):
    step = Correlate((Window(2),), Weight("kernel", (2, 1, 1)), 1, transposed=transposed, flip=flip)
    assert correlation_kernel(step, np.array([[[1.0]], [[2.0]]])).ravel().tolist() == met


def test_joins():
    x, y = np.array([[1.0, 5.0]]), np.array([[3.0, 2.0]])

    def joined(kind, **settings):
        return run_step(Merge(kind, **settings), [x, y], {}).tolist()

    assert joined("sum", coefficients=(1, -1)) == [[-2, 3]]
    assert joined("mean") == [[2, 3.5]]
    assert joined("maximum") == [[3, 5]]
    assert joined("sum", constants=((0, 10.0),)) == [[14, 17]]
    assert joined("concatenate", axis=0) == [[1, 5, 3, 2]]


def test_a_join_of_different_ranks_follows_the_data_format():
    image = np.zeros((2, 4, 5, 3))  # (batch, height, width, channels)
    along_width = np.arange(10.0).reshape(2, 5)
    y = run_step(Merge("sum", DataFormat.CHANNELS_FIRST), [image, along_width], {})
    assert np.array_equal(y[1, 2, :, 0], [5, 6, 7, 8, 9])


def program(layers, shape, keep, **options):
    model = convcli.load(layers if isinstance(layers, dict) else {"layers": layers})
    plan = make_plan(model, {"input": shape})
    dtype = options.pop("dtype", "float64")
    bound = bind(plan, WeightSource(seed=0), dtype)
    samples = options.pop("samples", 1)
    execution = Execution(**{"dtype": dtype, "tolerance": 0.0} | options)
    return build_program(plan, bound, keep, execution, samples=samples)


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
    plan = make_plan(model, {"input": shape})
    operations, _ = fusion.fuse(plan, bind(plan, WeightSource(seed=0), "float32"), [*keep, *model.outputs], "float32")
    return [(each.output, type(each.step).__name__, len(each.epilogue)) for each in operations]


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
        ("flatten", "ChangeShape", 0),
        (("dense", 0), "Correlate", 0),
        ("dense", "Activate", 0),
    ]


def test_what_is_kept_or_used_twice_is_not_part_of_another_operation():
    assert fused(BLOCK[:4], (8, 8, 2), ["conv2d"]) == [("conv2d", "Correlate", 0), ("re_lu", "NoneType", 2)]
    twice = [*BLOCK[:2], "ReLU()", "Add(inputs=['conv2d', 're_lu'])"]
    assert fused(twice, (8, 8, 2)) == [
        ("conv2d", "Correlate", 0),
        ("re_lu", "NoneType", 1),
        ("add", "Merge", 0),
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
    assert run.algorithms_used == {"separable_conv2d": ("channelwise", "patches"), "conv2d_transpose": ("phases",)}


def test_what_ran_is_told_and_not_what_was_chosen():
    run = program(["Conv2D(64, 3)"], (32, 32, 64), ["conv2d"], dtype="float32", tolerance=1e-5, samples=MANY_SAMPLES)
    assert run.algorithms_used == {"conv2d": ("winograd",)}
    x = np.random.default_rng(0).normal(size=(2, 32, 32, 64)).astype(np.float32)
    ran = []
    for spoilt in ((), (1,), (0, 1)):
        x[list(spoilt)] = np.inf
        with np.errstate(invalid="ignore"):
            run({"input": x})
        ran.append(run.algorithms_used["conv2d"])
    assert ran == [("winograd",), ("winograd", "patches"), ("patches",)]


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


@pytest.mark.parametrize("padding", [[[2, 1]], "same", "valid", [[0, 3]]])
@pytest.mark.parametrize("before", ["Cropping1D((2, 1))", "Cropping1D((0, 2))", "ZeroPadding1D((1, 3))"])
def test_padding_or_cropping_before_a_convolution_is_as_by_itself(before, padding):
    x = np.arange(12.0).reshape(1, 12, 1) ** 2
    kernel = {"conv1d/kernel": np.array([1.0, 10, 100, 1000, 10000]).reshape(5, 1, 1)}
    conv = {"conv1d": {"filters": 1, "kernel_size": 5, "padding": padding, "use_bias": False}}
    alone = convcli.apply(convcli.load([before]), x)
    expected = convcli.apply(convcli.load([conv]), alone, weights=kernel)
    assert np.array_equal(convcli.apply(convcli.load([before, conv]), x, weights=kernel), expected)


@pytest.mark.parametrize("kind", ["add", "average", "maximum", "multiply"])
@pytest.mark.parametrize("order", [["a", "b", "k"], ["k", "a", "b"], ["a", "k", "b"], ["k", "k", "a"]])
def test_a_merge_in_place_reads_all_that_it_merges(kind, order):
    layers = [{"rescaling": {"scale": 6, "inputs": "a", "name": "k"}}, {kind: {"inputs": order, "name": "merged"}}]
    model = convcli.load({"input": {"a": [4], "b": [4]}, "layers": layers})
    given = {"a": np.full((1, 4), 1.0), "b": np.full((1, 4), 2.0)}
    numbers = [{"a": 1.0, "b": 2.0, "k": 6.0}[name] for name in order]
    expected = {"add": sum(numbers), "average": sum(numbers) / 3, "maximum": max(numbers), "multiply": np.prod(numbers)}
    assert convcli.apply(model, given).tolist() == [[expected[kind]] * 4]


def test_a_step_within_a_layer_is_not_mistaken_for_another_layer():
    layers = [
        {"rescaling": {"scale": 100, "inputs": "input", "name": "a 0"}},
        {"dense": {"units": 1, "activation": "softmax", "inputs": "input", "name": "a"}},
        {"add": {"inputs": ["a", "a 0"]}},
    ]
    model = convcli.load({"input": [1], "layers": layers})
    assert convcli.apply(model, np.ones((1, 1)), seed=0).tolist() == [[101]]


def test_a_scale_is_not_folded_out_of_the_range_of_the_type():
    values = {
        "conv2d/kernel": np.full((1, 1, 1, 1), 1.5e-30),
        "batch_normalization/gamma": np.full(1, 1e-20),
        "batch_normalization/moving_variance": np.ones(1),
        **{f"batch_normalization/{name}": np.zeros(1) for name in ("beta", "moving_mean")},
    }
    layers = ["Conv2D(1, 1, use_bias=False)", "BatchNormalization(epsilon=0)"]
    y = convcli.apply(convcli.load(layers), np.full((1, 2, 2, 1), 1e30, np.float32), weights=values)
    assert np.allclose(y, 1.5e-20, rtol=1e-5)


def test_what_comes_out_is_never_the_caller_s_own_array():
    x = np.ones((1, 3, 3, 2))
    for layer in ("Flatten()", "Dropout(0.5)", "Permute((2, 1, 3))", "Cropping2D(1)"):
        assert not np.shares_memory(convcli.apply(convcli.load([layer]), x), x), layer


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
def test_memory_beyond_input_and_output_is_bounded(layers, shape):
    run = program(layers, shape, [convcli.load(layers).nodes[-1].name], dtype="float32", threads=1, tolerance=1e-5)
    x = np.ones((1, *shape), np.float32)
    tracemalloc.start()
    (y,) = run({"input": x}).values()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak - y.nbytes < 22e6  # what is imported at the first run among it


def test_spare_memory_is_that_of_the_last_run():
    run = program(["Conv2D(8, 3)"] * 3, (40, 40, 8), ["conv2d_2"], dtype="float32", threads=1)
    run({"input": np.ones((50, 40, 40, 8), np.float32)})
    run({"input": np.ones((1, 40, 40, 8), np.float32)})
    run({"input": np.ones((1, 40, 40, 8), np.float32)})
    assert sum(block.nbytes for block in run._workspace.spare._free) < 4 * 40 * 40 * 8 * 4


def test_infinite_weights_meet_the_zeros_of_padding_in_every_way():
    kernel = np.ones((3, 3, 8, 1))
    kernel[0, 0] = np.inf
    x = np.ones((1, 5, 5, 8))
    for layer in ("DepthwiseConv2D(3, padding='same')", "Conv2DTranspose(8, 3, strides=2)"):
        weight = kernel if "Depth" in layer else np.repeat(kernel, 8, axis=-1)
        model = convcli.load([layer])
        values = {f"{model.nodes[0].name}/kernel": weight, f"{model.nodes[0].name}/bias": np.zeros(8)}
        with np.errstate(invalid="ignore"):
            found = [
                np.isnan(convcli.apply(model, x, weights=values, algorithm=name)).sum() for name in ("plain", "auto")
            ]
        assert found[0] == found[1] > 0


@pytest.mark.skipif(not compiled.installed(), reason="numba is not installed")
@pytest.mark.parametrize(
    "tails",
    [
        ["ReLU()"],
        ["ReLU(max_value=0.5)"],
        ["BatchNormalization()", "ReLU(6)"],
        ["ReLU(max_value=0.5)", "Rescaling(-2, 1)"],
        ["Activation('relu6')", "ReLU(max_value=-1)", "ReLU()"],
        ["LeakyReLU()"],
    ],
)
@pytest.mark.parametrize(
    "layer", ["Conv2D(300, 1)", "Conv2D(5, 3)", "DepthwiseConv2D(3)", "Conv2DTranspose(3, 2, strides=2)"]
)
def test_compiled_code_finishes_blocks_as_numpy_does(layer, tails):
    x = np.random.default_rng(0).normal(size=(2, 9, 9, 8))
    model = convcli.load([layer, *tails])
    found, expected = (convcli.apply(model, x, seed=3, compiled=native) for native in (True, False))
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_filters_shared_out_get_their_own_bias():
    model = convcli.load(["Dense(6000)"])
    values = {"dense/kernel": np.ones((4000, 6000), np.float32), "dense/bias": np.arange(6000, dtype=np.float32)}
    y = convcli.apply(model, np.ones((2, 4000), np.float32), weights=values)
    assert np.array_equal(y, np.tile(4000 + np.arange(6000, dtype=np.float32), (2, 1)))


def test_a_step_in_place_on_a_part_of_the_input_leaves_the_input_alone():
    x = np.full((1, 4, 4, 1), -1.0)
    convcli.apply(convcli.load(["Cropping2D(((1, 1), (0, 0)))", "ReLU()"]), x)
    assert np.all(x == -1)


def test_two_outputs_do_not_share_memory():
    model = convcli.load({"input": [2, 2], "layers": ["ReLU(name='a')", "Flatten(name='b')"], "outputs": ["a", "b"]})
    found = convcli.apply(model, np.ones((1, 2, 2)))
    assert not np.shares_memory(found["a"], found["b"])
