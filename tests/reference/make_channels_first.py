"""Makes channels_first.json and .npz: Keras models that say channels_first, and what they compute.

    KERAS_BACKEND=torch python tests/reference/make_channels_first.py

TensorFlow computes no channels_first convolution on a CPU, PyTorch does. The JSON holds, by name, what `to_json()`
writes; the NPZ holds `NAME/x`, `NAME/y` and the weights, `NAME/w/PATH`. All numbers are float32.
"""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np

layers = keras.layers
HERE = Path(__file__).parent
FIRST = {"data_format": "channels_first"}

MODELS = {  # the shape of a sample, and the layers
    "flatten-raw": ((3, 5, 4), lambda: [layers.Conv2D(2, 2, **FIRST), layers.Flatten(), layers.Dense(3)]),
    "flatten-first": ((3, 5, 4), lambda: [layers.Conv2D(2, 2, **FIRST), layers.Flatten(**FIRST), layers.Dense(3)]),
    "flatten-of-flat": ((3, 5, 4), lambda: [layers.GlobalAveragePooling2D(**FIRST), layers.Flatten(), layers.Dense(2)]),
    "softmax-in-convolution": ((3, 5, 4), lambda: [layers.Conv2D(2, 2, activation="softmax", **FIRST)]),
    "softmax-in-depthwise": ((3, 5, 4), lambda: [layers.DepthwiseConv2D(2, activation="softmax", **FIRST)]),
    "softmax-in-dense": ((3, 5, 4), lambda: [layers.Conv2D(2, 2, **FIRST), layers.Dense(3, activation="softmax")]),
    "softmax-alone": ((3, 5, 4), lambda: [layers.Conv2D(2, 2, **FIRST), layers.Softmax()]),
    "cropping-1d": ((4, 6), lambda: [layers.Conv1D(4, 2, **FIRST), layers.Cropping1D((1, 2)), layers.Dense(2)]),
    "up-sampling-1d": ((4, 6), lambda: [layers.Conv1D(3, 2, **FIRST), layers.UpSampling1D(2)]),
    "zero-padding-1d": ((4, 6), lambda: [layers.Conv1D(3, 2, **FIRST), layers.ZeroPadding1D((1, 2))]),
    "zero-padding-1d-first": ((4, 6), lambda: [layers.Conv1D(3, 2, **FIRST), layers.ZeroPadding1D(1, **FIRST)]),
    "pooling-last": ((4, 6, 4), lambda: [layers.Conv2D(4, 1, **FIRST), layers.MaxPooling2D(2)]),
    "convolution-first-behind-last": ((4, 6, 4), lambda: [layers.Conv2D(3, 2), layers.Conv2D(2, 2, **FIRST)]),
    "normalization": (
        (3, 5, 4),
        lambda: [layers.Conv2D(2, 2, **FIRST), layers.BatchNormalization(axis=1), layers.ReLU()],
    ),
}


def main():
    texts, arrays = {}, {}
    for name, (shape, make) in MODELS.items():
        keras.utils.clear_session()
        keras.utils.set_random_seed(3)
        model = keras.Sequential([keras.Input(shape), *make()], name="model")
        generator = np.random.default_rng(5)
        for weight in model.weights:
            low = 0.5 if "variance" in weight.path else -1.0
            weight.assign(generator.uniform(low, 1.5, weight.shape).astype("float32"))
            arrays[f"{name}/w/{weight.path}"] = np.asarray(weight.numpy())
        x = generator.normal(size=(2, *shape)).astype("float32")
        texts[name] = json.loads(model.to_json())
        arrays[f"{name}/x"], arrays[f"{name}/y"] = x, np.asarray(model.predict(x, verbose=0))
    (HERE / "channels_first.json").write_text(json.dumps(texts, indent=1) + "\n")
    np.savez_compressed(HERE / "channels_first.npz", **arrays)
    print(len(texts), "models")


if __name__ == "__main__":
    main()
