"""Makes models/: small Keras models of several kinds, their weights in every format, and what they compute.

    python tests/reference/make_models.py        with Keras 3 (keras)
    python tests/reference/make_models.py --two  with Keras 2 (tf_keras)

For each model: NAME.json is what `to_json()` writes, NAME.keras and NAME.saved.h5 what `save()` writes,
NAME.weights.h5 (in Keras 2 NAME.h5 too) holds its weights, NAME.npz the weights by path (Keras 3), its inputs x0, x1, …
and its outputs y0, y1, …
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

TWO = "--two" in sys.argv
if TWO:
    import tf_keras as keras
else:
    import keras

layers = keras.layers
HERE = Path(__file__).parent / "models"


def siamese():
    """Two inputs, two outputs, a layer and a model called twice each, names that clash, operations on tensors."""
    inside = keras.Input((8, 8, 2), name="inside")
    x = layers.Conv2D(3, 3, padding="same", name="conv")(inside)
    x = layers.BatchNormalization(name="bn")(x)
    encoder = keras.Model(inside, [layers.MaxPooling2D(name="pool")(x), x], name="encoder")
    head = keras.Sequential(
        [layers.Conv2D(3, 1, name="conv"), layers.ReLU(6.0, name="relu6"), layers.LeakyReLU(0.1, name="leaky")],
        name="head",
    )
    left, right = keras.Input((8, 8, 2), name="left"), keras.Input((8, 8, 2), name="right")
    first = layers.Conv2D(2, 3, padding="same", name="first")
    small_left, large_left = encoder(first(left))
    small_right, large_right = encoder(first(right))
    mixed = layers.Subtract(name="difference")([small_left, small_right]) * 0.5 + 1.0
    mixed = head(layers.Dropout(0.5, name="drop")(head(mixed + small_left)))
    up = layers.Conv2DTranspose(3, 2, strides=2, activation="swish", name="up")(mixed)
    joined = layers.Concatenate(name="joined")([up, large_left, large_right])
    maps = layers.SeparableConv2D(2, 3, activation="softmax", name="maps")(joined)
    score = layers.Dense(4, activation="sigmoid", name="score")(layers.GlobalAveragePooling2D(name="gap")(joined))
    return keras.Model([left, right], [maps, score], name="siamese")


def sequence():
    """A sequential model in one dimension, part of it not to be trained."""
    model = keras.Sequential(
        [
            keras.Input((12, 2)),
            layers.Conv1D(4, 3, padding="causal", dilation_rate=2),
            layers.PReLU(shared_axes=[1]),
            layers.LayerNormalization(),
            layers.Flatten(),
            layers.Dense(3),
        ],
        name="sequence",
    )
    model.layers[0].trainable = False
    return model


def pictures():
    """A sequential model without an input layer of its own making, with the layers that reshape and normalise."""
    return keras.Sequential(
        [
            layers.Conv2D(4, 3, groups=2, input_shape=(9, 9, 2)),
            layers.DepthwiseConv2D(3, depth_multiplier=2),
            layers.GroupNormalization(2),
            layers.AveragePooling2D(2, padding="same"),
            layers.Reshape((-1, 8)),
            layers.Permute((2, 1)),
        ],
        name="pictures",
    )


def randomised(model):
    """Weights that leave nothing at its start: variances above zero, all else around it."""
    generator = np.random.default_rng(3)
    values = [
        generator.uniform(0.5, 1.5, weight.shape)
        if "variance" in weight.name
        else generator.normal(0, 0.5, weight.shape)
        for weight in model.weights
    ]
    model.set_weights([value.astype("float32") for value in values])
    return model


def main():
    HERE.mkdir(exist_ok=True)
    for make in (siamese, sequence, pictures):
        model = randomised(make())
        name = f"{model.name}_{2 if TWO else 3}"
        (HERE / f"{name}.json").write_text(model.to_json())
        model.save(HERE / f"{name}.keras")
        model.save(HERE / f"{name}.saved.h5")
        model.save_weights(HERE / f"{name}.weights.h5")
        if TWO:
            model.save_weights(HERE / f"{name}.h5")
        inputs = [
            np.random.default_rng(place).normal(size=(2, *each.shape[1:])) for place, each in enumerate(model.inputs)
        ]
        outputs = model.predict(inputs if len(inputs) > 1 else inputs[0], verbose=0)
        outputs = outputs if isinstance(outputs, list) else [outputs]
        arrays = {f"x{place}": each.astype("float32") for place, each in enumerate(inputs)}
        arrays |= {f"y{place}": each for place, each in enumerate(outputs)}
        weights = {} if TWO else {weight.path: weight.numpy() for weight in model.weights}
        np.savez_compressed(HERE / f"{name}.npz", **arrays, **weights)


if __name__ == "__main__":
    main()
