"""The convcli."""

from __future__ import annotations

import doctest
import inspect
import re

import numpy as np
import pytest
from conftest import ROOT, SAMPLES

import convcli
from convcli.core.errors import ConvcliError


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
    with pytest.raises(ConvcliError, match="the input looks channels_first: --data-format channels_first"):
        convcli.summarize(convcli.load(layers), shape)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (np.ones((8, 8)), "which input? the model has a, b (a shape or array for each by name)"),
        ({"a": np.ones((1, 2))}, "no array for the input 'b' (NAME=FILE for each, or one .npz of all)"),
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
    with pytest.raises(ConvcliError, match="it looks channels_first: --data-format channels_first"):
        convcli.apply(model, np.ones((2, 8, 9)), seed=0)


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
