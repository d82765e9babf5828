"""Makes networks/ and networks.json.gz: the 40 networks of keras.applications, and what Keras says of them.

    python tests/reference/make_networks.py

Each network is stored as `model.to_json()` writes it. For each of its layers the figures hold name, class, output
shape, parameters and how many of them are trained; layers of a model within come in its place, and operations on
tensors, which Keras keeps apart from layers, in theirs.
"""

from __future__ import annotations

import gzip
import json
from importlib.metadata import version
from math import prod
from pathlib import Path

import keras

HERE = Path(__file__).parent
NAMES = (
    *("ConvNeXtTiny", "ConvNeXtSmall", "ConvNeXtBase", "ConvNeXtLarge", "ConvNeXtXLarge"),
    *("DenseNet121", "DenseNet169", "DenseNet201"),
    *(f"EfficientNetB{size}" for size in range(8)),
    *(f"EfficientNetV2{size}" for size in ("B0", "B1", "B2", "B3", "S", "M", "L")),
    *("InceptionResNetV2", "InceptionV3"),
    *("MobileNet", "MobileNetV2", "MobileNetV3Small", "MobileNetV3Large"),
    *("NASNetLarge", "NASNetMobile"),
    *("ResNet50", "ResNet101", "ResNet152", "ResNet50V2", "ResNet101V2", "ResNet152V2"),
    *("VGG16", "VGG19", "Xception"),
)


def trained(layer):
    return sum(prod(weight.shape) for weight in getattr(layer, "trainable_weights", ()))


def rows(model):
    for layer in model.operations if hasattr(model, "operations") else model.layers:
        if isinstance(layer, keras.Model):
            yield from rows(layer)
        elif not isinstance(layer, keras.layers.InputLayer):
            params = layer.count_params() if isinstance(layer, keras.Layer) else 0
            yield [layer.name, type(layer).__name__, list(layer.output.shape), params, trained(layer)]


def compress(path, text):
    path.write_bytes(gzip.compress(text.encode(), 9, mtime=0))


def main():
    (HERE / "networks").mkdir(exist_ok=True)
    figures = {"made_with": {"keras": version("keras")}, "networks": {}}
    for name in NAMES:
        keras.backend.clear_session()
        model = getattr(keras.applications, name)(weights=None)
        compress(HERE / "networks" / f"{name}.json.gz", model.to_json())
        figures["networks"][name] = {
            "input_shape": list(model.input_shape),
            "output_shape": list(model.output_shape),
            "params": model.count_params(),
            "trainable_params": trained(model),
            "layers": list(rows(model)),
        }
    compress(HERE / "networks.json.gz", json.dumps(figures, separators=(",", ":")))


if __name__ == "__main__":
    main()
