"""The library: models, arrays, options and messages."""

from __future__ import annotations

import doctest
import inspect
import re

import numpy as np
import pytest
from conftest import ROOT, SAMPLES

import convcli
from convcli.core.errors import ConvcliError


@pytest.fixture
def command_line(convcli):
    return convcli


def test_a_model_is_loaded_from_a_file_a_mapping_or_a_list(tmp_path):
    file = tmp_path / "model.yaml"
    file.write_text("name: mine\nlayers: [Dense(2)]\n")
    assert convcli.load(file).name == "mine"
    assert convcli.load(str(file)).source == str(file)
    assert convcli.load({"layers": ["Dense(2)"]}).nodes == convcli.load(["Dense(2)"]).nodes


def test_summarize_takes_the_models_shape_or_another():
    model = convcli.load({"input": [28, 28, 1], "layers": ["Conv2D(2, 3)"]})
    assert convcli.summarize(model)["output_shape"] == [None, 26, 26, 2]
    assert convcli.summarize(model, (8, 9, 1), batch=5)["output_shape"] == [5, 6, 7, 2]
    assert convcli.summarize(model, (1, 8, 9), data_format="channels_first")["output_shape"] == [None, 2, 6, 7]


def test_apply_gives_a_mapping_for_several_outputs():
    model = convcli.load({"layers": ["Rescaling(2)", "Rescaling(3)"], "outputs": ["rescaling", "rescaling_1"]})
    result = convcli.apply(model, [[1.0]])
    assert {name: array.tolist() for name, array in result.items()} == {"rescaling": [[2]], "rescaling_1": [[6]]}


@pytest.mark.parametrize(
    ("kind", "result"),
    [("float16", "float32"), ("float32", "float32"), ("float64", "float64"), ("int8", "float64"), ("bool", "float64")],
)
def test_number_types(kind, result):
    assert convcli.convolve(np.ones(4, kind), [1, 1]).dtype == result
    assert convcli.convolve(np.ones(4, kind), [1, 1], dtype="float32").dtype == "float32"


@pytest.mark.parametrize(
    ("array", "kernel", "shape"),
    [
        ((8,), (3,), (1, 6, 1)),
        ((8, 2), (3, 2, 5), (1, 6, 5)),
        ((4, 8, 2), (3, 2, 5), (4, 6, 5)),
        ((8, 9), (3, 3), (1, 6, 7, 1)),
        ((8, 9, 3), (3, 3, 3, 2), (1, 6, 7, 2)),
        ((4, 8, 9, 5, 3), (3, 3, 3, 3, 2), (4, 6, 7, 3, 2)),
    ],
)
def test_ranks(array, kernel, shape):
    assert convcli.convolve(np.ones(array), np.ones(kernel)).shape == shape


def test_options_of_convolve():
    x = [1, 2, 4, 8]
    assert convcli.convolve(x, [1, 10], strides=2, bias=-11, activation="relu").ravel().tolist() == [10, 73]
    assert convcli.convolve(x, [1, 10], padding="full").ravel().tolist() == [10, 21, 42, 84, 8]
    assert convcli.convolve(x, [1, 10], padding="full", flip_kernel=True).tolist() == [
        [[value] for value in np.convolve(x, [1, 10])]
    ]
    assert convcli.convolve(x, [1, 10], padding=[1, 0], padding_mode="circular").ravel().tolist() == [18, 21, 42, 84]
    assert convcli.convolve(x, [1, 10], dilation_rate=3).ravel().tolist() == [81]
    image = np.arange(24.0).reshape(2, 3, 4)
    first = convcli.convolve(image, np.ones((2, 2, 2, 1)), data_format="channels_first")
    assert np.array_equal(first[:, 0], convcli.convolve(np.moveaxis(image, 0, -1), np.ones((2, 2, 2, 1)))[..., 0])


def test_the_input_of_a_later_layer_that_is_too_small_names_the_smallest_input():
    with pytest.raises(ConvcliError, match="the model needs an input of at least 32×32"):
        convcli.summarize(convcli.load(SAMPLES / "vgg16.yaml"), (20, 20, 3))
    assert convcli.summarize(convcli.load(SAMPLES / "vgg16.yaml"), (32, 32, 3))
    with pytest.raises(ConvcliError):
        convcli.summarize(convcli.load(SAMPLES / "vgg16.yaml"), (32, 31, 3))


@pytest.mark.parametrize(
    ("layers", "shape"), [(["Conv2D(1, 3)"], (1, 28, 28)), ([{"conv2d": {"kernel": np.ones((3, 3, 2, 1))}}], (2, 8, 9))]
)
def test_a_shape_in_the_other_data_format_is_recognised(layers, shape):
    with pytest.raises(ConvcliError, match='the input looks channels_first: data_format="channels_first"'):
        convcli.summarize(convcli.load(layers), shape)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (np.ones((8, 8)), "which input? the model has a, b (a shape or array for each by name)"),
        ({"a": np.ones((1, 2))}, "no array for the input 'b' (a mapping with an array for each name)"),
        ({"a": np.ones((1, 2)), "c": np.ones((1, 2))}, "c: the model has no such input (it has a, b)"),
        (
            {"a": np.ones((1, 2)), "b": np.ones((3, 2))},
            "batches of different sizes: {'a': 1, 'b': 3} (as many samples of each input)",
        ),
        (
            {"a": np.ones((1, 3)), "b": np.ones((1, 2))},
            "a: a sample has shape (3,) (the model takes (2,), ? where any extent will do)",
        ),
        ({"a": np.ones((1, 2), complex), "b": np.ones((1, 2))}, "a: complex128 values (real numbers)"),
    ],
)
def test_inputs_that_do_not_fit(inputs, message):
    model = convcli.load({"input": {"a": [2], "b": [2]}, "layers": ["Add(inputs=['a', 'b'])"]})
    with pytest.raises(ConvcliError) as caught:
        convcli.apply(model, inputs)
    assert str(caught.value) == message


def test_an_array_in_the_other_data_format_is_recognised():
    model = convcli.load({"input": [8, 9, 2], "layers": ["Conv2D(1, 3)"]})
    with pytest.raises(ConvcliError, match='it looks channels_first: data_format="channels_first"'):
        convcli.apply(model, np.ones((2, 8, 9)), seed=0)


def test_a_model_is_shown_in_a_line_or_as_a_table(command_line):
    model = convcli.load("samples/mnist.yaml")
    assert repr(model) == "<Model 'mnist': input (28, 28, 1), 4 layers, output dense>"
    assert repr(convcli.load(["ReLU()"])) == "<Model 'model': input ?, 1 layer, output re_lu>"
    assert f"{model.summary()}\n" == command_line("shape", "samples/mnist.yaml").stdout
    shown = command_line("shape", "samples/mnist.yaml", "-i", "32x32x1", "--explain", "--batch", "2").stdout
    assert f"{model.summary((32, 32, 1), explain=True, batch=2)}\n" == shown


def test_the_maps_of_any_layer():
    model = convcli.load({"input": [4, 1], "layers": [{"conv1d": {"filters": [0, 1, 0]}}, "Flatten()"]})
    assert convcli.apply(model, [1, 2, 3, 4], layer_output="conv1d").tolist() == [[[2], [3]]]
    with pytest.raises(ConvcliError, match=r"^no layer 'conv' \(did you mean conv1d\?\)$"):
        convcli.apply(model, [1, 2, 3, 4], layer_output="conv")


def test_axes_say_what_the_axes_of_an_array_are():
    stack = np.arange(3 * 5 * 6.0).reshape(3, 5, 6)
    maps = convcli.convolve(stack, "sobel-x", axes="byx")
    assert maps.shape == (3, 3, 4, 1)
    model = convcli.load(["Conv2D('sobel-x')"])
    assert np.array_equal(convcli.apply(model, stack.T, axes="xyb"), maps)
    assert convcli.explain(model, stack, (1, 2), sample=2, axes="byx")["value"] == maps[2, 1, 2, 0]
    learned = convcli.fit(convcli.load(["Conv2D(1, 3)"]), stack.T, maps, axes="xyb", epochs=1)
    assert learned.weights["conv2d/kernel"].shape == (3, 3, 1, 1)
    two = convcli.load({"input": {"a": [2], "b": [2]}, "layers": ["Add(inputs=['a', 'b'])"]})
    with pytest.raises(ConvcliError, match=r"^axes: the model has several inputs"):
        convcli.apply(two, {"a": [1, 2], "b": [3, 4]}, axes="c")


def test_a_kernel_is_the_name_of_a_filter():
    image = np.eye(5)
    assert np.array_equal(
        convcli.convolve(image, "laplacian-4"), convcli.convolve(image, [[0, 1, 0], [1, -4, 1], [0, 1, 0]])
    )
    assert convcli.convolve(np.ones(9), "gaussian:size=3").shape == (1, 7, 1)  # 9 - 3 + 1
    assert convcli.convolve(np.ones((9, 9, 9)), "gaussian:size=3", axes="zyx").shape == (1, 7, 7, 7, 1)
    with pytest.raises(ConvcliError, match=r"^kernel: 'sobelx' is neither .*\(did you mean sobel-x\?\)$"):
        convcli.convolve(image, "sobelx")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda model, x: convcli.apply(x, model), "of type ndarray, not a model (apply(model, inputs), and load(…)"),
        (lambda model, x: convcli.explain(x, model), "not a model (explain(model, inputs, at), and"),
        (lambda model, x: convcli.fit(x, x, model), "not a model (fit(model, inputs, targets), and"),
        (lambda model, x: convcli.summarize("mnist.yaml"), "of type str, not a model (summarize(model, input_shape)"),
        (lambda model, x: convcli.prepare((8, 8, 1), model), "of type tuple, not a model (prepare(model, input_shape)"),
        (lambda model, x: convcli.convolve("sobel-x", x), "the array is 'sobel-x' (convolve(array, kernel))"),
    ],
)
def test_arguments_in_the_wrong_order(call, message):
    with pytest.raises(ConvcliError) as caught:
        call(convcli.load(["Conv2D(1, 3)"]), np.ones((8, 8)))
    assert message in str(caught.value)


def test_messages_speak_python(command_line):
    with pytest.raises(ConvcliError, match=r"\(weights=FILE, seed=N, or the values in the model\)$"):
        convcli.apply(convcli.load(["Conv2D(1, 3)"]), np.ones((8, 8)))
    shown = command_line("apply", "samples/lines.yaml", "-l", "Conv2D(1, 3)").stderr
    assert shown.endswith("(--weights FILE, --seed N, or the values in the model)\n")


def test_numbers_of_numpy_count_as_pythons():
    model, inputs, one = convcli.load(["Conv1D(2, 3)"]), np.arange(16.0).reshape(2, 8, 1), np.int64(1)
    assert convcli.apply(model, inputs, seed=one, threads=one).tolist() == convcli.apply(model, inputs, seed=1).tolist()
    assert convcli.summarize(model, (np.int64(8), one), batch=one, at=[one])["output_shape"] == [1, 6, 2]
    assert convcli.convolve([0, 1, 2, 3], [1, 1], strides=np.int64(2)).ravel().tolist() == [1, 5]
    explanation = convcli.explain(model, inputs, at=(one,), map=one, sample=one, seed=one)
    assert explanation["value"] == pytest.approx(convcli.apply(model, inputs, seed=1)[1, 1, 1])
    assert convcli.fit(model, inputs, np.zeros((2, 6, 2)), epochs=one, batch_size=np.int64(2)).history["loss"]


@pytest.mark.parametrize("cell", [2, np.int64(2), (2,), [2], np.array([2])])
def test_a_cell_on_one_axis_is_a_number_or_a_list_of_one(cell):
    model = convcli.load([{"conv1d": {"filters": [0, 1, 0]}}])
    assert convcli.explain(model, [0, 0, 0, 1, 1, 0, 0, 0], cell)["value"] == 1  # 0 * 0 + 1 * 1 + 0 * 1
    assert convcli.summarize(model, (8, 1), at=cell)["layers"][0]["window"] == [[2, 4]]


def test_what_is_learned_and_what_is_prepared_are_shown_in_a_line():
    model = convcli.load({"name": "sum", "input": [3], "layers": [{"dense": {"kernel": [[1], [1], [1]], "bias": 0}}]})
    learned = convcli.fit(model, np.ones((4, 3)), np.full((4, 1), 3), epochs=2)
    assert repr(learned) == "<Fitted dense/kernel, dense/bias: 2 epochs, loss 0>"
    with convcli.prepare(model) as run:
        assert repr(run) == "<Prepared <Model 'sum': input (3,), 1 layer, output dense> for (3,), float32>"


def test_a_name_that_is_not_there():
    with pytest.raises(AttributeError, match="no attribute 'convolution'"):
        convcli.convolution  # noqa: B018
    assert convcli.__version__.count(".") == 2


@pytest.mark.parametrize("dtype", ["float16", "nonsense"])
def test_a_model_is_prepared_in_a_type_that_is_computed_in(dtype):
    with pytest.raises(convcli.ConvcliError, match=f"dtype '{dtype}' .float32 or float64."):
        convcli.prepare(convcli.load(["ReLU()"]), (4,), dtype=dtype)


FUNCTIONS = ("apply", "convolve", "explain", "fit", "load", "prepare", "summarize")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_example_of_a_public_function_runs(name, monkeypatch):
    monkeypatch.chdir(ROOT)
    function = getattr(convcli, name)
    names = {public: getattr(convcli, public) for public in convcli.__all__}
    (test,) = doctest.DocTestFinder(recurse=False).find(function, name, globs=names)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    runner.run(test)
    assert test.examples
    assert runner.failures == 0


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_help_of_a_public_function_describes_every_argument(name):
    function = getattr(convcli, name)
    arguments, rest = inspect.getdoc(function).split("Args:\n")[1].split("Returns:\n")
    described = {
        word for line in re.findall(r"^    (\w[\w, ]*):", arguments, re.MULTILINE) for word in line.split(", ")
    }
    assert described == set(inspect.signature(function).parameters)
    assert "Raises:\n    ConvcliError: " in rest
