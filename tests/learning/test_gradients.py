"""Gradients of every step, against finite differences in float64 along random directions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import learning_cases
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from strategies import layers

import convcli
from convcli.learning.gradients import DIFFERENTIABLE
from convcli.model.activations import ACTIVATIONS
from convcli.model.activations.pointwise import SELU_SCALE
from convcli.model.activations.registry import GRADIENTS
from convcli.model.steps import Opaque, Step

DISTANCES = (1e-5, 1e-6)  # if the cell that is a maximum changes within one of them, it does not within the other
MAX_ERROR = 1e-6


def difference_quotient(function: Callable[[float], float], h: float) -> float:
    """Return the derivative at 0 by a difference of fourth order: its error is proportional to h⁴."""
    near, far = function(h) - function(-h), function(2 * h) - function(-2 * h)
    return (8 * near - far) / (12 * h)


def largest_error(model: Any, shapes: dict[str, tuple[int, ...]], training: bool = True, seed: int = 0) -> float:
    """Return the largest relative error of the gradients by the inputs and by the weights, each in one direction."""
    random = np.random.default_rng(seed)
    inputs = {name: random.normal(size=(3, *shape)) for name, shape in shapes.items()}
    with learning_cases.network(model, shapes, gradient_inputs=list(shapes)) as network:
        weights = network.weights
        weights.values[...] += random.normal(size=weights.values.shape) * 0.3
        statistics = weights.values[weights.trained.size :]
        statistics[...] = np.abs(statistics) + 0.5  # a variance is positive
        done = network.forward(inputs, training, (seed,))
        factors = {name: random.normal(size=output.shape) for name, output in done.outputs.items()}
        by_inputs = network.backward(done, factors)
        assert {name: x.shape for name, x in by_inputs.items()} == {name: x.shape for name, x in inputs.items()}
        start, gradient = weights.values.copy(), weights.gradient.copy()

        def objective(weight_change: Any, changed_inputs: Any) -> float:
            weights.values[...] = start
            weights.trained[...] += weight_change
            result = network.forward(changed_inputs, training, (seed,))
            return sum(float(np.sum(factors[name] * result.outputs[name])) for name in factors) + result.penalty

        weight_direction = random.normal(size=gradient.size)
        input_directions = {name: random.normal(size=x.shape) for name, x in inputs.items()}

        def along_weights(h: float) -> float:
            return objective(h * weight_direction, inputs)

        def along_inputs(h: float) -> float:
            return objective(0, {name: x + h * input_directions[name] for name, x in inputs.items()})

        exact_by_inputs = sum(float(np.sum(by_inputs[name] * input_directions[name])) for name in inputs)
        errors = []
        for function, exact in ((along_inputs, exact_by_inputs), (along_weights, float(gradient @ weight_direction))):
            quotients = [difference_quotient(function, h) for h in DISTANCES]
            errors.append(min(abs(each - exact) / max(abs(exact), abs(each), 1e-2) for each in quotients))
    return max(errors)


def test_every_step_has_a_gradient():
    assert set(DIFFERENTIABLE) == set(Step.__subclasses__()) - {Opaque}  # which is never computed


@given(layers, st.integers(0, 99))
@settings(max_examples=60, deadline=None)
@example(({"conv1d_transpose": {"filters": 1, "kernel_size": 1, "strides": 2, "padding": 2}}, (5, 1)), 0)
def test_gradients_of_random_layers_are_right(case, seed):
    layer, shape = case
    if isinstance(layer, dict):  # with a smooth activation, no difference spans a corner
        ((name, arguments),) = layer.items()
        layer = {name: {**arguments, "activation": "tanh"}} if arguments.get("activation") else layer
    assert largest_error(convcli.load([layer]), {"input": shape}, seed=seed) < MAX_ERROR


MERGES = ("add", "subtract", "multiply", "average", "maximum", "minimum", "hypot", "concatenate", "interleave")


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("merge", MERGES)
def test_gradients_of_merges_of_a_branch_and_of_one_value_twice_are_right(merge, data_format):
    branch = {"conv2d": {"filters": 2, "kernel_size": 3, "padding": "same", "inputs": "input", "name": "branch"}}
    layers = [branch, {merge: {"inputs": ["branch", "input"], "name": "merged"}}]
    if merge not in ("concatenate", "interleave", "subtract"):
        layers.append({merge: {"inputs": ["merged", "branch", 0.3, "merged"]}})
    model = convcli.load(layers, data_format=data_format)
    assert largest_error(model, {"input": (4, 5, 2)}) < MAX_ERROR


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("merge", ["add", "multiply", "average", "maximum", "minimum", "hypot"])
def test_gradients_of_merges_that_broadcast_are_right(merge, data_format):
    inputs = {"a": [4, 3, 2], "b": [3, 1], "c": [1, 1, 2]}
    document = {"input": inputs, "layers": [{merge: {"inputs": list(inputs)}}], "data_format": data_format}
    model = convcli.load(document)
    assert largest_error(model, dict(model.inputs)) < MAX_ERROR


@pytest.mark.parametrize(
    "layer",
    [
        "Dropout(0.4)",
        "AlphaDropout(0.4)",
        "GaussianDropout(0.4)",
        "SpatialDropout2D(0.4)",
        "GaussianNoise(0.4)",
        "ActivityRegularization(0.1, 0.2)",
        "BatchNormalization()",
        "BatchNormalization(scale=False)",
        {"custom_scale_layer": {"scale": 0.3, "inputs": ["conv2d", "input"]}},
    ],
    ids=str,
)
@pytest.mark.parametrize("training", [True, False])
def test_gradients_of_layers_that_differ_in_training_are_right_in_and_outside_it(layer, training):
    model = convcli.load(["Conv2D(2, 3, padding='same')", layer, "Dense(2)"])
    assert largest_error(model, {"input": (4, 5, 2)}, training) < MAX_ERROR


def test_a_layer_that_is_called_twice_has_the_sum_of_the_gradients_of_both_calls():
    convolution = {"conv2d": {"filters": 2, "kernel_size": 3, "padding": "same", "name": "twice", "activation": "tanh"}}
    model = convcli.load([convolution, "BatchNormalization(name='norm')", {"shared": {"layer": "twice"}}, "Flatten()"])
    assert any(node.shares_with for node in model.nodes)
    assert largest_error(model, {"input": (4, 5, 2)}) < MAX_ERROR


def test_gradients_with_several_inputs_and_outputs_are_right():
    document = {
        "input": {"a": [4, 4, 1], "b": [3]},
        "layers": [
            {"conv2d": {"name": "c", "filters": 3, "kernel_size": 2, "inputs": "a"}},
            {"multiply": {"name": "m", "inputs": ["c", "b"]}},
            {"dense": {"name": "d", "units": 2, "inputs": "m"}},
        ],
        "outputs": ["d", "c", "m"],
    }
    model = convcli.load(document)
    assert largest_error(model, dict(model.inputs)) < MAX_ERROR


@pytest.mark.parametrize("name", sorted({function.__name__ for function in ACTIVATIONS.values()}))
def test_gradients_of_activations_are_right(name):
    assert largest_error(convcli.load([f"Activation('{name}')"]), {"input": (4, 6)}) < MAX_ERROR


def test_every_activation_has_a_gradient():
    assert {function.__name__ for function in ACTIVATIONS.values()} == set(GRADIENTS)


@pytest.mark.parametrize(
    ("layer", "x", "slope"),
    [
        ("ReLU()", 0, 0),
        ("ReLU(6)", 6, 0),
        ("ReLU(3)", 3, 1),
        ("ReLU(3, threshold=1)", 3, 1),
        ("ReLU(negative_slope=0.25)", 0, 0.25),
        ("ReLU(negative_slope=0.25, threshold=1)", 1, 0),
        ("ReLU(3, negative_slope=0.25)", 0, 0),
        ("LeakyReLU(0.25)", 0, 0.25),
        ("ELU(0.25)", 0, 0.25),
        ("selu", 0, SELU_SCALE),
        ("hard_tanh", 1, 1),
        ("hard_tanh", -1, 1),
        ("hard_sigmoid", 3, 0),
        ("soft_shrink", 0.5, 0),
        ({"p_re_lu": {"alpha": [0.25]}}, 0, 0),
        ({"p_re_lu": {"alpha": [0.25]}}, -1, 0.25),
    ],
)
def test_slopes_at_corners_are_those_of_keras(layer, x, slope):
    np.testing.assert_allclose(input_gradient(layer, [float(x)]), [slope], rtol=1e-14)


@pytest.mark.parametrize(
    ("layer", "x", "gradient"),
    [
        ("MaxPooling1D(2)", [[5], [5], [1], [2]], [[1], [0], [0], [1]]),  # of equal cells the first takes it all
        ("MaxPooling1D(2, strides=1)", [[1], [3], [1]], [[0], [2], [0]]),
        ("AveragePooling1D(2)", [[5], [5], [1], [2]], [[0.5]] * 4),
        ("GlobalMaxPooling1D()", [[5], [1], [5], [2]], [[0.5], [0], [0.5], [0]]),  # equal cells share it
        ("GlobalAveragePooling1D()", [[5], [1], [5], [2]], [[0.25]] * 4),
    ],
)
def test_gradients_of_pooling_go_to_the_cells_that_they_go_to_in_tensorflow(layer, x, gradient):
    np.testing.assert_array_equal(input_gradient(layer, x), gradient)


def test_the_length_of_a_gradient_of_zeros_has_the_slope_0():
    assert input_gradient("Hypot(inputs=['input', 'input'])", [0.0, 3.0]).tolist() == pytest.approx([0, 2**0.5])


def input_gradient(layer, x):
    """Return the gradient of the sum of a layer's outputs by its input, for one sample."""
    model, sample = convcli.load([layer]), np.array(x, float)
    with learning_cases.network(model, {"input": sample.shape}, gradient_inputs=["input"]) as network:
        done = network.forward({"input": sample[None]}, training=True)
        output = done.outputs[model.outputs[0]]
        return network.backward(done, {model.outputs[0]: np.ones_like(output)})["input"][0]
