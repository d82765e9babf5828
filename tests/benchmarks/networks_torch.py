"""A plan with its weights as a network of PyTorch: a function for each step that the measured networks have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import singledispatch
from pathlib import Path
from typing import Any

import numpy as np
import torch
from networks import Weights, channels_first, name_of
from torch import nn
from torch.nn import functional

from convcli.engine.linearize import linearize
from convcli.model import steps
from convcli.model.plan import Plan

torch.set_grad_enabled(False)


class Network(nn.Module):
    """The steps of a plan, run one after the other on values by name."""

    def __init__(self, plan: Plan, weights: Weights) -> None:
        super().__init__()
        self.calls = []
        self.parts = nn.ModuleList()
        for call in linearize(plan).calls:
            own = {weight.name: weights[f"{call.layer.name}/{weight.name}"] for weight in call.layer.weights}
            function = to_torch(call.step, {name: torch.from_numpy(values) for name, values in own.items()})
            if isinstance(function, nn.Module):
                self.parts.append(function)
            self.calls.append((function, [name_of(value) for value in call.inputs], name_of(call.output)))

    def forward(self, x: Any) -> Any:
        values = {"input": x}
        for function, inputs, output in self.calls:
            values[output] = function(*(values[name] for name in inputs))
        return values[output]


def write(plan: Plan, weights: Weights, shape: Sequence[int], file: Path) -> None:
    """Write a file of PyTorch's: channels last, traced and frozen."""
    x = torch.zeros(1, shape[-1], *shape[:-1]).contiguous(memory_format=torch.channels_last)
    network = Network(plan, weights).eval().to(memory_format=torch.channels_last)
    torch.jit.save(torch.jit.freeze(torch.jit.trace(network, x)), str(file))


@singledispatch
def to_torch(step: steps.Step, weights: dict[str, Any]) -> Callable[..., Any]:
    """Return a step as a function of PyTorch's tensors, channels first. `weights` are its layer's by name."""
    raise NotImplementedError(type(step).__name__)


@to_torch.register
def _(step: steps.Correlate, weights: dict[str, Any]) -> Callable[..., Any]:
    kernel, bias = weights[step.kernel.name], None if step.bias is None else weights[step.bias.name]
    if not step.windows:
        return _with_values(nn.Linear(*kernel.shape, bias=bias is not None), kernel.T.contiguous(), bias)
    first = torch.from_numpy(channels_first(step, np.asarray(kernel)))
    size, stride, before, after = (
        [getattr(window, name) for window in step.windows] for name in ("size", "stride", "before", "after")
    )
    even = before == after
    channels, padding = first.shape[1] * step.groups, before if even else 0
    conv = nn.Conv2d(channels, step.filters, size, stride, padding, groups=step.groups, bias=bias is not None)
    _with_values(conv, first, bias)
    return conv if even else nn.Sequential(nn.ZeroPad2d((before[1], after[1], before[0], after[0])), conv)


def _with_values(layer: Any, weight: Any, bias: Any) -> Any:
    layer.weight = nn.Parameter(weight)
    if bias is not None:
        layer.bias = nn.Parameter(bias)
    return layer


@to_torch.register
def _(step: steps.Scale, weights: dict[str, Any]) -> Callable[..., Any]:
    gamma, beta, mean, variance = (weights[part.name] for part in (step.gamma, step.beta, step.mean, step.variance))
    layer = _with_values(nn.BatchNorm2d(len(gamma), step.epsilon), gamma, beta)
    layer.running_mean, layer.running_var = mean, variance
    return layer


@to_torch.register
def _(step: steps.Pool, weights: dict[str, Any]) -> Callable[..., Any]:
    size, stride = ([getattr(window, name) for window in step.windows] for name in ("size", "stride"))
    return lambda x: functional.max_pool2d(x, size, stride)


@to_torch.register
def _(step: steps.Pad, weights: dict[str, Any]) -> Callable[..., Any]:
    (top, bottom), (left, right) = step.amounts
    return lambda x: functional.pad(x, [left, right, top, bottom])


@to_torch.register
def _(step: steps.GlobalPool, weights: dict[str, Any]) -> Callable[..., Any]:
    return lambda x: x.mean((2, 3))


@to_torch.register
def _(step: steps.ChangeShape, weights: dict[str, Any]) -> Callable[..., Any]:
    return lambda x: x.permute(0, 2, 3, 1).flatten(1)


@to_torch.register
def _(step: steps.Merge, weights: dict[str, Any]) -> Callable[..., Any]:
    return lambda x, y: x + y


@to_torch.register
def _(step: steps.Activate, weights: dict[str, Any]) -> Callable[..., Any]:
    if step.function == "softmax":
        return lambda x: functional.softmax(x, -1)
    assert step.function in ("relu", "relu6")
    clipped = step.function == "relu6" or dict(step.parameters).get("max_value")
    return functional.relu6 if clipped else functional.relu
