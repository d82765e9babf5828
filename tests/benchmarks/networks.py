"""The same networks in the other programs, made from convcli's own plan step by step, with the same weights."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from peers import Script

import convcli
from convcli.model import steps
from convcli.model.plan import Plan, make_plan

REFERENCE = Path(__file__).parents[1] / "reference" / "networks"


def network(name: str) -> convcli.Model:
    """The network as Keras's `model.to_json()` has it."""
    return convcli.load(json.loads(gzip.decompress((REFERENCE / f"{name}.json.gz").read_bytes())))


def drawn(plan: Plan) -> dict[str, np.ndarray]:
    """Random weights that keep values from growing or shrinking from layer to layer, by LAYER/VARIABLE."""
    generator = np.random.default_rng(0)
    found = {}
    for row in plan.layers:
        for weight in row.weights:
            shape = weight.extents
            if len(shape) > 1:
                fan = (
                    np.prod(shape[:-1])
                    if "depthwise" not in type(row.node.layer).__name__.lower()
                    else np.prod(shape[:2])
                )
                value = generator.standard_normal(shape) * np.sqrt(2 / fan)
            elif "variance" in weight.name or weight.name == "gamma":
                value = generator.uniform(0.5, 1.5, shape) * (0.3 if weight.name == "gamma" else 1)
            else:
                value = generator.uniform(-0.1, 0.1, shape)
            found[f"{row.name}/{weight.name}"] = value.astype(np.float32)
    return found


def flow(plan: Plan) -> Iterator[tuple[Any, tuple[str, ...], str, str]]:
    """Every step with the names of what it takes and makes, and its layer."""
    same: dict[str, str] = {}
    for row in plan.layers:
        takes = tuple(same.get(name, name) for name in row.input_names)
        if not row.steps:
            same[row.name] = takes[0]
        for place, step in enumerate(row.steps):
            makes = row.name if place == len(row.steps) - 1 else f"{row.name}_{place}"
            yield step, takes, makes, row.name
            takes = (makes,)


def pairs(windows: Any) -> tuple[list[int], list[int], list[int], list[int]]:
    """Sizes, strides, and padding before and after."""
    return tuple([getattr(each, name) for each in windows] for name in ("size", "stride", "before", "after"))  # type: ignore[return-value]


def filters_first(step: steps.Correlate, kernel: np.ndarray) -> np.ndarray:
    """Keras's kernel -> `(filters, in/groups, *k)`."""
    sizes = [window.size for window in step.windows]
    return np.ascontiguousarray(np.moveaxis(kernel.reshape(*sizes, -1, step.filters), (-1, -2), (0, 1)))


def affine(step: steps.Scale, weights: dict[str, np.ndarray], layer: str) -> tuple[np.ndarray, np.ndarray]:
    """Batch normalisation as a factor and an offset."""
    gamma, beta, mean, variance = (
        weights[f"{layer}/{part.name}"] for part in (step.gamma, step.beta, step.mean, step.variance)
    )
    factor = gamma / np.sqrt(variance + np.float32(step.epsilon))
    return factor, beta - mean * factor


def _torch(plan: Plan, weights: dict[str, np.ndarray], shape: tuple[int, ...], file: Path) -> None:
    """A file of PyTorch's: channels last, traced and frozen."""
    import torch
    from torch import nn
    from torch.nn import functional as f

    torch.set_grad_enabled(False)

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.parts = nn.ModuleDict()
            self.chain = []
            for step, takes, makes, layer in flow(plan):
                self.chain.append((self._part(step, layer, makes), takes, makes))

        def _part(self, step: Any, layer: str, makes: str) -> Any:
            if isinstance(step, steps.Correlate):
                kernel = weights[f"{layer}/{step.kernel.name}"]
                bias = None if step.bias is None else torch.from_numpy(weights[f"{layer}/{step.bias.name}"])
                if not step.windows:
                    part: Any = nn.Linear(*kernel.shape, bias=bias is not None)
                    part.weight = nn.Parameter(torch.from_numpy(np.ascontiguousarray(kernel.T)))
                    pad = None
                else:
                    size, stride, before, after = pairs(step.windows)
                    first = filters_first(step, kernel)
                    even = before == after
                    part = nn.Conv2d(
                        first.shape[1] * step.groups,
                        first.shape[0],
                        size,
                        stride,
                        before if even else 0,
                        groups=step.groups,
                        bias=bias is not None,
                    )
                    part.weight = nn.Parameter(torch.from_numpy(first))
                    pad = None if even else [before[1], after[1], before[0], after[0]]
                if bias is not None:
                    part.bias = nn.Parameter(bias)
                self.parts[makes] = part
                return lambda x: part(x if pad is None else f.pad(x, pad))
            if isinstance(step, steps.Scale):
                gamma, beta, mean, variance = (
                    torch.from_numpy(weights[f"{layer}/{each.name}"])
                    for each in (step.gamma, step.beta, step.mean, step.variance)
                )
                part = nn.BatchNorm2d(len(gamma), step.epsilon)
                part.weight, part.bias = nn.Parameter(gamma), nn.Parameter(beta)
                part.running_mean, part.running_var = mean, variance
                self.parts[makes] = part
                return part
            if isinstance(step, steps.Pool):
                size, stride, _, _ = pairs(step.windows)
                return lambda x: f.max_pool2d(x, size, stride)
            if isinstance(step, steps.Pad):
                (top, bottom), (left, right) = step.amounts
                return lambda x: f.pad(x, [left, right, top, bottom])
            if isinstance(step, steps.GlobalPool):
                return lambda x: x.mean((2, 3))
            if isinstance(step, steps.ChangeShape):
                return lambda x: x.permute(0, 2, 3, 1).flatten(1)
            if isinstance(step, steps.Merge):
                return lambda x, y: x + y
            parameters = dict(step.parameters)
            if step.function == "softmax":
                return lambda x: f.softmax(x, -1)
            assert step.function in ("relu", "relu6")
            return f.relu6 if step.function == "relu6" or parameters.get("max_value") else f.relu

        def forward(self, x: Any) -> Any:
            values = {"input": x}
            for part, takes, makes in self.chain:
                values[makes] = part(*(values[name] for name in takes))
            return values[makes]

    data = torch.zeros(1, shape[-1], *shape[:-1]).contiguous(memory_format=torch.channels_last)
    traced = torch.jit.trace(Network().eval().to(memory_format=torch.channels_last), data)
    torch.jit.save(torch.jit.freeze(traced), str(file))


def _onnx(plan: Plan, weights: dict[str, np.ndarray], shape: tuple[int, ...], file: Path) -> None:
    """An ONNX file."""
    from onnx import TensorProto, helper, numpy_helper

    nodes, stored = [], []

    def held(name: str, value: np.ndarray) -> str:
        stored.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    for step, takes, makes, layer in flow(plan):
        options: dict[str, Any] = {}
        more: list[str] = []
        if isinstance(step, steps.Correlate):
            kernel = weights[f"{layer}/{step.kernel.name}"]
            bias = None if step.bias is None else weights[f"{layer}/{step.bias.name}"]
            if step.windows:
                size, stride, before, after = pairs(step.windows)
                kind, options = (
                    "Conv",
                    {"kernel_shape": size, "strides": stride, "pads": before + after, "group": step.groups},
                )
                more = [held(f"{makes}/w", filters_first(step, kernel))]
            else:
                kind, more = "Gemm", [held(f"{makes}/w", kernel)]
            more += [] if bias is None else [held(f"{makes}/b", bias)]
        elif isinstance(step, steps.Scale):
            kind, options = "BatchNormalization", {"epsilon": step.epsilon}
            more = [
                held(f"{makes}/{part.name}", weights[f"{layer}/{part.name}"])
                for part in (step.gamma, step.beta, step.mean, step.variance)
            ]
        elif isinstance(step, steps.Pool):
            size, stride, _, _ = pairs(step.windows)
            kind, options = "MaxPool", {"kernel_shape": size, "strides": stride}
        elif isinstance(step, steps.Pad):
            (top, bottom), (left, right) = step.amounts
            kind, more = "Pad", [held(f"{makes}/pads", np.array([0, 0, top, left, 0, 0, bottom, right]))]
        elif isinstance(step, steps.GlobalPool):
            kind, options = "ReduceMean", {"axes": [2, 3], "keepdims": 0}
        elif isinstance(step, steps.ChangeShape):
            nodes.append(helper.make_node("Transpose", [takes[0]], [f"{makes}/last"], perm=[0, 2, 3, 1]))
            kind, takes = "Flatten", (f"{makes}/last",)
        elif isinstance(step, steps.Merge):
            kind = "Add"
        elif step.function == "softmax":
            kind = "Softmax"
        elif step.function == "relu6" or dict(step.parameters).get("max_value"):
            kind, more = "Clip", [held(f"{makes}/low", np.float32(0)), held(f"{makes}/high", np.float32(6))]
        else:
            kind = "Relu"
        nodes.append(helper.make_node(kind, [*takes, *more], [makes], **options))
    values = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("input", [1, shape[-1], *shape[:-1]]), (makes, [1, None]))
    ]
    graph = helper.make_graph(nodes, "network", values[:1], values[1:], stored)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    file.write_bytes(model.SerializeToString())


def _keras(plan: Plan, weights: dict[str, np.ndarray], file: Path) -> None:
    """An archive of Keras's."""
    import keras

    model = keras.models.model_from_json(gzip.decompress((REFERENCE / f"{file.parent.name}.json.gz").read_bytes()))
    for layer in model.layers:
        layer.set_weights([weights[f"{layer.name}/{each.name}"] for each in layer.weights])
    model.save(file)


def write(name: str, folder: Path, peers: list[str]) -> tuple[convcli.Model, dict[str, np.ndarray]]:
    """The files that the scripts and convcli read; the model and its weights."""
    model = network(name)
    (shape,) = model.inputs.values()
    plan = make_plan(model, {"input": shape})
    weights = drawn(plan)
    x = np.random.default_rng(0).standard_normal((1, *shape), np.float32)
    np.save(folder / "x.npy", x)
    np.save(folder / "x_first.npy", np.ascontiguousarray(np.moveaxis(x, -1, 1)))
    np.savez(folder / "w.npz", **weights)
    (folder / "model.json").write_bytes(gzip.decompress((REFERENCE / f"{name}.json.gz").read_bytes()))
    if "PyTorch" in peers:
        _torch(plan, weights, shape, folder / "model.pt")
    if "ONNX Runtime" in peers:
        _onnx(plan, weights, shape, folder / "model.onnx")
    if "Keras" in peers:
        _keras(plan, weights, folder / "model.keras")
    return model, weights


def scripts(folder: Path, peers: list[str]) -> list[Script]:
    """Each peer's script for a network."""
    loads = "import numpy as np\nx = np.load({!r})\n"
    last, first = (loads.format(str(folder / name)) for name in ("x.npy", "x_first.npy"))
    found = {
        "PyTorch": Script(
            "PyTorch",
            f"{first}import torch\ntorch.set_grad_enabled(False)\n"
            f"net = torch.jit.optimize_for_inference(torch.jit.load({str(folder / 'model.pt')!r}))\n"
            "x = torch.from_numpy(x).contiguous(memory_format=torch.channels_last)\n",
            "net(x).numpy()",
        ),
        "ONNX Runtime": Script(
            "ONNX Runtime",
            f"{first}import onnxruntime\nsession = onnxruntime.InferenceSession({str(folder / 'model.onnx')!r}, "
            "providers=['CPUExecutionProvider'])\n",
            "session.run(None, {'input': x})[0]",
        ),
        "Keras": Script(
            "Keras",
            f"{last}import keras, tensorflow as tf\nnet = keras.models.load_model({str(folder / 'model.keras')!r})\n"
            "x = tf.constant(x)\nrun = tf.function(lambda x: net(x, training=False))\n",
            "run(x).numpy()",
        ),
    }
    return [found[peer] for peer in peers if peer in found]
