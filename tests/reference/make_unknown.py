"""Makes unknown/: Keras models with layers that convcli lacks, in each of Keras's formats, and what Keras says of them.

    python tests/reference/make_unknown.py

For each model: NAME.json is what `to_json()` writes, NAME.keras and NAME.h5 what `save()` writes. `keras.json` holds
the output shape and the number of parameters of each layer, by model and layer.
"""

from __future__ import annotations

import json
from pathlib import Path

import keras

layers = keras.layers
HERE = Path(__file__).parent / "unknown"


def text():
    """A sequential model that begins with an embedding and has a recurrent layer among the others."""
    return keras.Sequential(
        [
            keras.Input((20,)),
            layers.Embedding(50, 8),
            layers.Conv1D(4, 3, activation="relu"),
            layers.LSTM(5),
            layers.Dense(2),
        ],
        name="text",
    )


def picture():
    """Augmentation, code of its own, and an operation on tensors between known layers."""
    inputs = keras.Input((16, 16, 3))
    x = layers.RandomFlip()(inputs)
    x = layers.Conv2D(4, 3)(x)
    x = layers.Activation("relu")(layers.Lambda(lambda values: values * 2)(x))
    outputs = layers.Dense(3)(keras.ops.mean(x, axis=[1, 2]))
    return keras.Model(inputs, outputs, name="picture")


def states():
    """A layer of three outputs, one that is called twice, arguments in calls, and an output whose shape is not told."""
    inputs = keras.Input((10, 4))
    sequence, hidden, cell = layers.LSTM(6, return_state=True, return_sequences=True)(inputs)
    both = layers.Dense(2)(layers.Concatenate()([hidden, cell]))
    attention = layers.MultiHeadAttention(2, 4)
    x = attention(sequence, sequence, use_causal_mask=True)
    x = layers.Conv1D(3, 2)(attention(x, sequence))
    last = layers.Bidirectional(layers.GRU(3))(sequence)
    return keras.Model(inputs, [both, last, x], name="states")


@keras.saving.register_keras_serializable("mine")
class Dense(layers.Layer):
    """A class of the model's own, under a name of Keras's."""

    def build(self, shape):
        self.matrix = self.add_weight(shape=(shape[-1], 2), name="matrix")

    def call(self, values):
        return keras.ops.square(values @ self.matrix)


def nested():
    """A class of the model's own in a model within the model, which is called twice; reshaping by an operation."""
    inside = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(4, 3), Dense(), layers.ReLU()], name="inside")
    inputs = keras.Input((8, 8, 3))
    joined = keras.ops.concatenate([inside(inputs), inside(layers.RandomRotation(0.1)(inputs))], axis=-1)
    outputs = layers.Dense(3, name="classes")(keras.ops.reshape(joined, (-1, 6 * 6 * 4)))
    return keras.Model(inputs, outputs, name="nested")


def main():
    HERE.mkdir(exist_ok=True)
    figures = {}
    for make in (text, picture, states, nested):
        keras.utils.set_random_seed(0)
        model = make()
        (HERE / f"{model.name}.json").write_text(model.to_json())
        model.save(HERE / f"{model.name}.keras")
        model.save(HERE / f"{model.name}.h5")
        figures[model.name] = {
            layer.name: {"output_shape": shape_of(layer), "params": layer.count_params()}
            for layer in inner_layers(model)
        }
    (HERE / "keras.json").write_text(json.dumps(figures, indent=1) + "\n")


def inner_layers(model):
    """Yield the layers of a model and of the models in it, without those that stand for inputs."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from inner_layers(layer)
        elif not isinstance(layer, layers.InputLayer):
            yield layer


def shape_of(layer):
    """Return the shape of a layer's first output."""
    output = layer.output
    return list((output[0] if isinstance(output, list | tuple) else output).shape)


if __name__ == "__main__":
    main()
