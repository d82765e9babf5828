"""The networks that are measured, in convcli and in other programs, with the same weights.

The other programs' networks are built from convcli's own plan, step by step, in `networks_torch` and `networks_onnx`.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
from peers import Script

import convcli
from convcli.engine.linearize import ValueName
from convcli.model import steps
from convcli.model.plan import Plan, make_plan

REFERENCE = Path(__file__).parents[1] / "reference" / "networks"
Weights = dict[str, np.ndarray]


def load_network(name: str) -> convcli.Model:
    """Return the network that Keras's `model.to_json()` describes."""
    return convcli.load(json.loads(gzip.decompress((REFERENCE / f"{name}.json.gz").read_bytes())))


def random_weights(plan: Plan) -> Weights:
    """Return weights by LAYER/VARIABLE that keep values from growing or shrinking from layer to layer."""
    generator = np.random.default_rng(0)
    weights = {}
    for layer in plan.layers:
        depthwise = "depthwise" in type(layer.node.layer).__name__.lower()
        for weight in layer.weights:
            shape = weight.extents
            if len(shape) > 1:
                inputs = np.prod(shape[:2] if depthwise else shape[:-1])
                values = generator.standard_normal(shape) * np.sqrt(2 / inputs)
            elif "variance" in weight.name or weight.name == "gamma":
                values = generator.uniform(0.5, 1.5, shape) * (0.3 if weight.name == "gamma" else 1)
            else:
                values = generator.uniform(-0.1, 0.1, shape)
            weights[f"{layer.name}/{weight.name}"] = values.astype(np.float32)
    return weights


def name_of(value: ValueName) -> str:
    """Return the name of a value as text that every program takes."""
    return value if isinstance(value, str) else f"{value[0]}_{value[1]}"


def channels_first(step: steps.Correlate, kernel: np.ndarray) -> np.ndarray:
    """Return Keras's kernel as (filters, in/groups, *window)."""
    sizes = [window.size for window in step.windows]
    return np.ascontiguousarray(np.moveaxis(kernel.reshape(*sizes, -1, step.filters), (-1, -2), (0, 1)))


def write_files(name: str, folder: Path, peers: list[str]) -> tuple[convcli.Model, Weights]:
    """Write the files that convcli and the scripts of these peers read, and return the model and its weights."""
    model = load_network(name)
    (shape,) = model.inputs.values()
    plan = make_plan(model, {"input": shape})
    weights = random_weights(plan)
    x = np.random.default_rng(0).standard_normal((1, *shape), np.float32)
    np.save(folder / "x.npy", x)
    np.save(folder / "x_first.npy", np.ascontiguousarray(np.moveaxis(x, -1, 1)))
    np.savez(folder / "w.npz", **weights)
    (folder / "model.json").write_bytes(gzip.decompress((REFERENCE / f"{name}.json.gz").read_bytes()))
    if "PyTorch" in peers:
        import networks_torch

        networks_torch.write(plan, weights, shape, folder / "model.pt")
    if "ONNX Runtime" in peers:
        import networks_onnx

        networks_onnx.write(plan, weights, shape, folder / "model.onnx")
    if "Keras" in peers:
        _write_keras(name, weights, folder / "model.keras")
    return model, weights


def _write_keras(name: str, weights: Weights, file: Path) -> None:
    import keras

    model = keras.models.model_from_json(gzip.decompress((REFERENCE / f"{name}.json.gz").read_bytes()))
    for layer in model.layers:
        layer.set_weights([weights[f"{layer.name}/{weight.name}"] for weight in layer.weights])
    model.save(file)


def scripts(folder: Path, peers: list[str]) -> list[Script]:
    """Return the script of each peer for a network."""
    load = "import numpy as np\nx = np.load({!r})\n"
    channels_last, channels_first = (load.format(str(folder / name)) for name in ("x.npy", "x_first.npy"))
    scripts = {
        "PyTorch": Script(
            "PyTorch",
            f"{channels_first}import torch\ntorch.set_grad_enabled(False)\n"
            f"net = torch.jit.optimize_for_inference(torch.jit.load({str(folder / 'model.pt')!r}))\n"
            "x = torch.from_numpy(x).contiguous(memory_format=torch.channels_last)\n",
            "net(x).numpy()",
        ),
        "ONNX Runtime": Script(
            "ONNX Runtime",
            f"{channels_first}import onnxruntime\n"
            f"session = onnxruntime.InferenceSession({str(folder / 'model.onnx')!r}, "
            "providers=['CPUExecutionProvider'])\n",
            "session.run(None, {'input': x})[0]",
        ),
        "Keras": Script(
            "Keras",
            f"{channels_last}import keras, tensorflow as tf\n"
            f"net = keras.models.load_model({str(folder / 'model.keras')!r})\n"
            "x = tf.constant(x)\nrun = tf.function(lambda x: net(x, training=False))\n",
            "run(x).numpy()",
        ),
    }
    return [scripts[peer] for peer in peers if peer in scripts]
