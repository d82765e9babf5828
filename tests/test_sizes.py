"""Which inputs a model accepts, and which give an output."""

from __future__ import annotations

import pytest
from conftest import SAMPLES

import convcli
from convcli import api
from convcli.errors import ConvcliError


def fits(model, size):
    try:
        convcli.summarize(model, (size, 1))
    except ConvcliError:
        return False
    return True


def unet(depth):
    layers = []
    for level in range(depth):
        layers += [f"Conv1D(2, 3, padding='same', name='down{level}')", "MaxPooling1D(2)"]
    for level in reversed(range(depth)):
        layers += [f"UpSampling1D(2, name='up{level}')", f"Concatenate(inputs=['down{level}', 'up{level}'])"]
    return convcli.load(layers)


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_a_u_net_takes_multiples_of_two_to_its_depth(depth):
    (axis,) = api.sizes(unet(depth), (None, 1))
    assert (axis.smallest, axis.step, axis.sizes) == (2**depth, 2**depth, tuple(2**depth * n for n in (1, 2, 3)))


CHAINS = (
    ["Conv1D(1, 7)", "MaxPooling1D(2)", "Conv1D(1, 5)"],
    ["Conv1D(1, 3, strides=2)", "MaxPooling1D(3, 2, ceil_mode=True)", "Conv1D(1, 3, strides=3)"],
    [
        "Conv1D(1, 3, strides=2, padding='same', name='a')",
        "AveragePooling1D(2, inputs='input')",
        "Add(inputs=['a', 'average_pooling1d'])",
    ],
    ["Conv1D(1, 3, name='a')", "MaxPooling1D(4)", "UpSampling1D(4)", "Concatenate(inputs=['a', 'up_sampling1d'])"],
    [
        "Conv1D(1, 1, strides=3, name='a')",
        "MaxPooling1D(3, inputs='input')",
        "Concatenate(inputs=['a', 'max_pooling1d'])",
    ],
)


@pytest.mark.parametrize("layers", CHAINS, ids=" ".join)
def test_what_is_said_of_all_sizes_holds_for_each(layers):
    model = convcli.load(layers)
    (axis,) = api.sizes(model, (None, 1))
    for size in range(1, 200):
        if axis.step:
            said = size >= axis.smallest and (size - axis.smallest) % axis.step == 0
        else:
            later = [each for each in axis.sizes if each >= axis.since]
            said = size in axis.sizes or any(size >= each and (size - each) % axis.period == 0 for each in later)
        assert fits(model, size) == said, size


def test_weights_in_the_model_may_leave_one_size():
    model = convcli.load(["Flatten()", {"dense": {"kernel": [[1.0]] * 12}}])
    (axis,) = api.sizes(model, (None, 3))
    assert (axis.smallest, axis.step, axis.sizes, axis.period) == (4, None, (4,), None)


@pytest.mark.parametrize("wanted", [1, 2, 3, 7])
def test_all_inputs_of_an_output(wanted):
    model = convcli.load(["Conv1D(1, 3, strides=2)", "MaxPooling1D(3, 2)"])
    (axis,) = api.sizes(model, (None, 1), output=(wanted,))
    given = [n for n in range(7, 100) if convcli.summarize(model, (n, 1))["output_shape"][1] == wanted]
    assert axis.sizes == tuple(given)


def test_an_output_that_cannot_be_had_names_its_neighbours():
    (axis,) = api.sizes(convcli.load(["MaxPooling1D(2)", "UpSampling1D(2)"]), (None, 1), output=(7,))
    assert (axis.sizes, axis.near) == ((), {6: (6, 7), 8: (8, 9)})


def test_the_sample():
    assert [axis.step for axis in api.sizes(convcli.load(SAMPLES / "unet.yaml"))] == [4, 4]


@pytest.mark.parametrize(
    ("layers", "shape", "output", "message"),
    [
        (["Dense(2)"], (4,), None, "inputs without axes in space, or with different numbers of them (axes in common)"),
        (["Flatten()"], (None, 1), (7,), "the output has 0 axes in space, the input 1 (as many, and a size for each)"),
        (
            ["Reshape((-1, 4, 4))"],
            (None, None, 1),
            None,
            "what fits along one axis depends on the others (-i with sizes that fit together)",
        ),
        (
            ["Conv1D(1, 3, groups=2)"],
            (None, 3),
            None,
            "layer conv1d: input channels (=3) must be divisible by groups (=2) (no size up to 1,024 is accepted)",
        ),
        (
            ["GlobalMaxPooling1D(keepdims=True)"],
            (None, 1),
            (7,),
            "the output does not grow with the input (a model whose output has its input's axes)",
        ),
    ],
)
def test_what_cannot_be_answered(layers, shape, output, message):
    with pytest.raises(ConvcliError) as caught:
        api.sizes(convcli.load(layers), shape, output=output)
    assert str(caught.value) == message


def test_axes_that_depend_on_each_other_are_asked_one_beside_the_given_other():
    model = convcli.load(["Reshape((-1, 4, 4))", "Conv2D(1, 3)"])
    axes = api.sizes(model, (6, 8, 1))
    assert [axis.smallest for axis in axes] == [6, 8]  # 3 rows of 16: at least so many
