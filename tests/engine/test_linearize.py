"""A plan as an ordered list of steps whose values have names."""

from __future__ import annotations

import convcli
from convcli.engine.linearize import count_uses, linearize
from convcli.model.plan import make_plan


def linear_plan(layers, steps_of=None):
    return linearize(make_plan(convcli.load({"layers": layers}), {"input": (8, 8, 2)}), steps_of)


BRANCH = ["SeparableConv2D(4, 3, name='a')", "Dropout(0.5, name='b')", "Add(inputs=['a', 'b', 'a'], name='c')"]


def test_each_step_names_the_values_that_it_reads_and_makes():
    calls = [(call.inputs, call.output) for call in linear_plan(BRANCH).calls]
    assert calls == [(("input",), ("a", 0)), ((("a", 0),), "a"), (("a", "a", "a"), "c")]


def test_a_layer_without_steps_hands_on_its_input():
    assert linear_plan(BRANCH).outputs == {"a": "a", "b": "a", "c": "c"}


def test_each_step_knows_the_shapes_of_its_values():
    shapes = [(call.input_shapes, call.output_shape) for call in linear_plan(BRANCH).calls]
    assert shapes == [
        (((8, 8, 2),), (6, 6, 2)),  # 8 - 3 + 1 = 6
        (((6, 6, 2),), (6, 6, 4)),
        (((6, 6, 4), (6, 6, 4), (6, 6, 4)), (6, 6, 4)),
    ]


def test_a_layer_can_be_run_by_other_steps_than_its_own():
    without_last = linear_plan(BRANCH, lambda layer: layer.steps[:-1])
    assert [call.output for call in without_last.calls] == ["a"]
    assert without_last.outputs == {"a": "a", "b": "a", "c": "a"}


def test_a_value_is_used_once_by_each_reader_and_once_more_if_it_is_kept():
    linear = linear_plan(BRANCH)
    assert count_uses(linear.calls, ["a", "a", "c"]) == {"input": 1, ("a", 0): 1, "a": 3 + 1, "c": 1}
