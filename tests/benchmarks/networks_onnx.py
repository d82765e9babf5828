"""A plan with its weights as an ONNX file: a function for each step that the measured networks have."""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatchmethod
from pathlib import Path
from typing import Any

import numpy as np
from networks import Weights, channels_first, name_of
from onnx import TensorProto, helper, numpy_helper

from convcli.engine.linearize import StepCall, linearize
from convcli.model import steps
from convcli.model.plan import Plan


def write(plan: Plan, weights: Weights, shape: Sequence[int], file: Path) -> None:
    """Write an ONNX file of the plan."""
    graph = Graph(weights)
    for call in linearize(plan).calls:
        graph.add(call.step, call)
    inputs = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, shape[-1], *shape[:-1]])
    outputs = helper.make_tensor_value_info(name_of(call.output), TensorProto.FLOAT, [1, None])
    network = helper.make_graph(graph.nodes, "network", [inputs], [outputs], graph.tensors)
    model = helper.make_model(network, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    file.write_bytes(model.SerializeToString())


class Graph:
    """Nodes and stored tensors, added step by step. Channels come first."""

    def __init__(self, weights: Weights) -> None:
        self.nodes: list[Any] = []
        self.tensors: list[Any] = []
        self._weights = weights

    @singledispatchmethod
    def add(self, step: steps.Step, call: StepCall) -> None:
        """Add the nodes of a step."""
        raise NotImplementedError(type(step).__name__)

    def _node(self, kind: str, call: StepCall, *tensors: str, **options: Any) -> None:
        inputs = [*map(name_of, call.inputs), *tensors]
        self.nodes.append(helper.make_node(kind, inputs, [name_of(call.output)], **options))

    def _tensor(self, call: StepCall, name: str, values: Any) -> str:
        full_name = f"{name_of(call.output)}/{name}"
        self.tensors.append(numpy_helper.from_array(np.ascontiguousarray(values), full_name))
        return full_name

    def _weight(self, call: StepCall, weight: steps.Weight) -> np.ndarray:
        return self._weights[f"{call.layer.name}/{weight.name}"]

    @add.register
    def _(self, step: steps.Correlate, call: StepCall) -> None:
        kernel = self._weight(call, step.kernel)
        bias = [] if step.bias is None else [self._tensor(call, "bias", self._weight(call, step.bias))]
        if not step.windows:
            self._node("Gemm", call, self._tensor(call, "kernel", kernel), *bias)
            return
        size, stride, before, after = (
            [getattr(window, name) for window in step.windows] for name in ("size", "stride", "before", "after")
        )
        first = self._tensor(call, "kernel", channels_first(step, kernel))
        options = {"kernel_shape": size, "strides": stride, "pads": before + after, "group": step.groups}
        self._node("Conv", call, first, *bias, **options)

    @add.register
    def _(self, step: steps.Scale, call: StepCall) -> None:
        parts = (step.gamma, step.beta, step.mean, step.variance)
        tensors = [self._tensor(call, part.name, self._weight(call, part)) for part in parts]
        self._node("BatchNormalization", call, *tensors, epsilon=step.epsilon)

    @add.register
    def _(self, step: steps.Pool, call: StepCall) -> None:
        size, stride = ([getattr(window, name) for window in step.windows] for name in ("size", "stride"))
        self._node("MaxPool", call, kernel_shape=size, strides=stride)

    @add.register
    def _(self, step: steps.Pad, call: StepCall) -> None:
        (top, bottom), (left, right) = step.amounts
        self._node("Pad", call, self._tensor(call, "pads", [0, 0, top, left, 0, 0, bottom, right]))

    @add.register
    def _(self, step: steps.GlobalPool, call: StepCall) -> None:
        self._node("ReduceMean", call, axes=[2, 3], keepdims=0)

    @add.register
    def _(self, step: steps.ChangeShape, call: StepCall) -> None:
        channels_last = f"{name_of(call.output)}/last"
        (x,) = map(name_of, call.inputs)
        self.nodes.append(helper.make_node("Transpose", [x], [channels_last], perm=[0, 2, 3, 1]))
        self.nodes.append(helper.make_node("Flatten", [channels_last], [name_of(call.output)]))

    @add.register
    def _(self, step: steps.Merge, call: StepCall) -> None:
        self._node("Add", call)

    @add.register
    def _(self, step: steps.Activate, call: StepCall) -> None:
        if step.function == "softmax":
            self._node("Softmax", call)
        elif step.function == "relu6" or dict(step.parameters).get("max_value"):
            limits = (self._tensor(call, name, np.float32(limit)) for name, limit in (("low", 0), ("high", 6)))
            self._node("Clip", call, *limits)
        else:
            self._node("Relu", call)
