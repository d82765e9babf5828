"""The input sizes that a model accepts, and those that give an output, against trying every size."""

from __future__ import annotations

import pytest
from conftest import SAMPLES

import convcli
from convcli.analysis import input_sizes
from convcli.analysis.planning import find_input_sizes
from convcli.core.errors import ConvcliError
from convcli.model.plan import try_plan
from convcli.model.receptive_field import PeriodicField


def fits(model, size):
    return try_plan(model, {"input": (size, 1)}) is not None


def unet(depth):
    """Return a U-Net of one axis with `depth` levels."""
    layers = []
    for level in range(depth):
        layers += [f"Conv1D(2, 3, padding='same', name='down{level}')", "MaxPooling1D(2)"]
    for level in reversed(range(depth)):
        layers += [f"UpSampling1D(2, name='up{level}')", f"Concatenate(inputs=['down{level}', 'up{level}'])"]
    return convcli.load(layers)


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_a_u_net_accepts_multiples_of_two_to_the_power_of_its_depth(depth):
    (axis,) = find_input_sizes(unet(depth), (None, 1)).axes
    assert (axis.smallest, axis.step, axis.sizes) == (2**depth, 2**depth, tuple(2**depth * n for n in (1, 2, 3)))


def test_fields_behind_many_upsamplings_are_left_open_so_that_sizes_take_little_work():
    model = convcli.load(["UpSampling1D(2)"] * 20)
    fields = try_plan(model, {"input": (None, 1)}).receptive_fields
    followed = [fields[node.name]["input"][0] != "unknown" for node in model.nodes]
    assert followed == [True] * 16 + [False] * 4  # 2**16 cells after which a field repeats are the most
    assert find_input_sizes(model, (None, 1)).axes[0].smallest == 1


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
def test_the_pattern_of_accepted_sizes_holds_for_every_size(layers):
    model = convcli.load(layers)
    (axis,) = find_input_sizes(model, (None, 1)).axes
    for size in range(1, 200):
        if axis.step:
            accepted = size >= axis.smallest and (size - axis.smallest) % axis.step == 0
        else:
            repeating = [first for first in axis.sizes if first >= axis.since]
            accepted = size in axis.sizes or any(
                size >= first and (size - first) % axis.period == 0 for first in repeating
            )
        assert fits(model, size) == accepted, size


def test_weights_in_the_model_may_leave_a_single_size():
    model = convcli.load(["Flatten()", {"dense": {"kernel": [[1.0]] * 12}}])
    (axis,) = find_input_sizes(model, (None, 3)).axes
    assert (axis.smallest, axis.step, axis.sizes, axis.period) == (4, None, (4,), None)


def test_sizes_of_many_upsamplings_are_found_without_following_what_their_cells_see(monkeypatch):
    monkeypatch.setattr(PeriodicField, "through", None)  # a field of 2**40 cells
    model = convcli.load(["UpSampling1D(2)"] * 40 + ["MaxPooling1D(3)"])
    (accepted,) = find_input_sizes(model, (None, 1)).axes
    (matching,) = find_input_sizes(model, (None, 1), output=(5 * 2**40 // 3,)).axes
    assert (accepted.smallest, accepted.step, accepted.period, matching.sizes) == (1, 1, 3, (5,))


@pytest.mark.parametrize("output", [1, 2, 3, 7])
def test_all_sizes_that_give_an_output_are_found(output):
    model = convcli.load(["Conv1D(1, 3, strides=2)", "MaxPooling1D(3, 2)"])
    (axis,) = find_input_sizes(model, (None, 1), output=(output,)).axes
    expected = [n for n in range(7, 100) if convcli.summarize(model, (n, 1))["output_shape"][1] == output]
    assert axis.sizes == tuple(expected)


def test_an_impossible_output_has_the_nearest_possible_ones():
    (axis,) = find_input_sizes(convcli.load(["MaxPooling1D(2)", "UpSampling1D(2)"]), (None, 1), output=(7,)).axes
    assert (axis.sizes, axis.near) == ((), {6: (6, 7), 8: (8, 9)})


def test_the_u_net_of_the_samples_accepts_multiples_of_four():
    assert [axis.step for axis in find_input_sizes(convcli.load(SAMPLES / "unet.yaml")).axes] == [4, 4]


@pytest.mark.parametrize(
    ("layers", "shape", "output", "message"),
    [
        (["Dense(2)"], (4,), None, "the inputs have different sizes, or no spatial axes (inputs of one size)"),
        (
            ["Flatten()"],
            (None, 1),
            (7,),
            "the output has no spatial axes, the input 1 (a model whose output keeps the spatial axes)",
        ),
        (
            ["Conv2D(1, 3)"],
            (None, None, 1),
            (7,),
            "the output has 2 spatial axes, but the requested size has 1 (one extent for each axis)",
        ),
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
            "layer conv1d: input channels (=3) must be divisible by groups (=2) (no size up to 4,096 is accepted)",
        ),
        (
            ["GlobalMaxPooling1D(keepdims=True)"],
            (None, 1),
            (7,),
            "the output does not grow with the input (a model whose output keeps its spatial axes)",
        ),
    ],
)
def test_a_question_without_an_answer_is_an_error(layers, shape, output, message):
    with pytest.raises(ConvcliError) as caught:
        find_input_sizes(convcli.load(layers), shape, output=output)
    assert str(caught.value) == message


def test_axes_that_depend_on_each_other_are_searched_with_the_other_axis_fixed():
    model = convcli.load(["Reshape((-1, 4, 4))", "Conv2D(1, 3)"])
    sizes = find_input_sizes(model, (6, 8, 1))
    assert sizes.others == (6, 8)
    assert [(axis.smallest, axis.step) for axis in sizes.axes] == [(6, 2), (8, 8)]  # 3 rows of 16, by 8 and by 6 cells


def test_a_model_may_accept_only_squares():
    layers = ["Conv2D(1, 1, name='c')", "Permute((2, 1, 3))", "Add(inputs=['c', 'permute'])"]
    sizes = find_input_sizes(convcli.load(layers), (10, 10, 1))
    assert (sizes.others, [axis.sizes for axis in sizes.axes]) == ((10, 10), [(1, 10), (1, 10)])


def test_a_reshape_accepts_multiples():
    (axis,) = find_input_sizes(convcli.load(["Reshape((4, -1, 3))", "Conv2D(1, 3)"]), (None, 3)).axes
    assert (axis.smallest, axis.step) == (12, 4)


def test_inputs_of_one_size_vary_together():
    layers = ["MaxPooling1D(2, inputs='a')", "UpSampling1D(2)", "Add(inputs=['up_sampling1d', 'b'])"]
    model = convcli.load({"input": {"a": [8, 1], "b": [8, 1]}, "layers": layers})
    (axis,) = find_input_sizes(model).axes
    assert (axis.smallest, axis.step) == (2, 2)


GRAPHS = (
    ["MaxPooling1D(2)", "UpSampling1D(2)", "Add(inputs=['input', 'up_sampling1d'])", "Conv1D(1, 3, strides=3)"],
    [
        *("Conv1D(1, 1, strides=2, name='a')", "Conv1D(1, 2, strides=2, inputs='input', name='b')"),
        *(
            "Add(inputs=['a', 'b'])",
            "MaxPooling1D(3, 3, name='c')",
            "UpSampling1D(3)",
            "Add(inputs=['add', 'up_sampling1d'])",
        ),
    ],
    ["AveragePooling1D(3, padding='same')", "UpSampling1D(3)", "Maximum(inputs=['input', 'up_sampling1d'])"],
)


@pytest.mark.parametrize("layers", GRAPHS, ids=" ".join)
def test_merges_that_broadcast_small_extents_do_not_hide_the_pattern(layers):
    model = convcli.load(layers)
    (axis,) = find_input_sizes(model, (None, 1)).axes
    fitting = [size for size in range(1, 120) if fits(model, size)]
    if axis.step:
        assert fitting == list(range(axis.smallest, 120, axis.step))
    elif axis.period:
        repeating = [size for size in axis.sizes if size >= axis.since]
        accepted = {*axis.sizes, *(size + n * axis.period for size in repeating for n in range(120))}
        assert fitting == sorted(size for size in accepted if size < 120)
    else:
        assert [size for size in fitting if size < axis.tried] == list(axis.sizes)
    outputs = {size: convcli.summarize(model, (size, 1))["output_shape"][1] for size in fitting}
    for output in {extent for size, extent in outputs.items() if size < 60}:
        (matching,) = find_input_sizes(model, (None, 1), output=(output,)).axes
        assert list(matching.sizes) == [size for size, extent in outputs.items() if extent == output]


def test_an_axis_that_is_halved_must_be_even():
    gated = [{"conv2d": {"filters": 1, "kernel_size": 1}}, {"activation": {"activation": "glu", "axis": 1}}]
    axes = find_input_sizes(convcli.load(gated), (None, None, 1)).axes
    assert [(axis.smallest, axis.step) for axis in axes] == [(2, 2), (1, 1)]


def test_a_reshape_after_strides_accepts_their_multiples():
    model = convcli.load(["Conv1D(2, 1, strides=4)", "Reshape((-1, 4))"])
    (axis,) = find_input_sizes(model, (None, 2)).axes
    assert (axis.sizes[:8], axis.period) == ((5, 6, 7, 8, 13, 14, 15, 16), 16)
    (axis,) = find_input_sizes(model, (None, 2), output=(3,)).axes
    assert axis.sizes == (21, 22, 23, 24)


def test_more_than_six_spatial_axes_are_refused():
    with pytest.raises(ConvcliError, match=r"^31 spatial axes \(at most 6\)$"):
        input_sizes.accepted_sizes(convcli.load(["relu"]), {"input": (2,) * 32})
    assert input_sizes.smallest_sizes(convcli.load(["conv2d(1, 3)"]), {"input": (2,) * 32}) is None
