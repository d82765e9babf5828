"""Write training.json and training.npz: what Keras learns, in float64, batch by batch in an order that is given."""

import os

os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"

import keras
import numpy as np
import tensorflow as tf
from _store import HERE, Draw, write_lines

keras.backend.set_floatx("float64")
tf.keras.utils.disable_interactive_logging()
EPOCHS, BATCH_SIZE, SAMPLES, SEED = 3, 8, 20, 5

OPTIMIZERS = {
    "sgd": lambda rate, momentum: keras.optimizers.SGD(rate, momentum=momentum),
    "rmsprop": lambda rate, momentum: keras.optimizers.RMSprop(rate, momentum=momentum),
    "adam": lambda rate, momentum: keras.optimizers.Adam(rate),
}
CONVOLVED = ["Conv2D(3, 3, activation='relu')", "MaxPooling2D(2)", "Flatten()"]
NORMALIZED = [
    "Conv2D(4, 3, padding='same', use_bias=False)",
    "BatchNormalization(momentum=0.8)",
    "Activation('silu')",
    "GlobalAveragePooling2D()",
]
SIGNAL = ["Conv1D(2, 3, padding='causal', dilation_rate=2)", "AveragePooling1D(2)", "Dense(2)"]
DEPTHWISE = [
    "DepthwiseConv2D(3, strides=2, padding='same', depth_multiplier=2)",
    "PReLU(shared_axes=[1, 2])",
    "SeparableConv2D(3, 2)",
]
REGULARIZED = ["Dense(5, activation='tanh')", "ActivityRegularization(l1=0.0078125, l2=0.125)"]
# Strengths and a momentum that float32 holds too, as Keras casts them. So it does Adam's betas, to which 1 - beta**t is
# sensitive: hence a tolerance.
# name: input shape, layers, loss, optimizer, learning rate, momentum
CASES = {
    "classes": (
        (6, 6, 1),
        [*CONVOLVED, "Dense(3, activation='softmax')"],
        "sparse_categorical_crossentropy",
        "adam",
        0.01,
        0.0,
    ),
    "yes or no": (
        (5, 5, 2),
        [*NORMALIZED, "Dense(1, activation='sigmoid')"],
        "binary_crossentropy",
        "rmsprop",
        0.01,
        0.5,
    ),
    "signal": ((9, 2), SIGNAL, "mse", "sgd", 0.05, 0.875),
    "enlarged": ((3, 4, 2), ["Conv2DTranspose(2, 3, strides=2, padding='same')"], "huber", "sgd", 0.2, 0.0),
    "depthwise": ((7, 6, 2), DEPTHWISE, "mae", "adam", 0.01, 0.0),
    "regularized": (
        (4,),
        [*REGULARIZED, "Dense(4, activation='softmax')"],
        "categorical_crossentropy",
        "rmsprop",
        0.02,
        0.0,
    ),
    "rescaled": ((4,), ["Dense(4, activation='softplus')"], "categorical_crossentropy", "adam", 0.05, 0.0),
}


def target(draw: Draw, loss: str, shape: tuple[int, ...]) -> np.ndarray:
    """Whatever the loss takes."""
    if loss == "sparse_categorical_crossentropy":
        return draw.rng.integers(0, shape[-1], shape[:-1])
    if loss == "categorical_crossentropy":
        return np.eye(shape[-1])[draw.rng.integers(0, shape[-1], shape[:-1])]
    if loss == "binary_crossentropy":
        return draw.rng.integers(0, 2, shape)
    return draw.normal(shape)


def key(variable: keras.Variable) -> str:
    """`LAYER/VARIABLE`."""
    return "/".join(variable.path.split("/")[-2:])


def main() -> None:
    """Train every case."""
    cases, arrays = [], {}
    for name, (shape, layers, loss, optimizer, rate, momentum) in CASES.items():
        keras.utils.clear_session()  # so that names are counted anew
        draw = Draw(name)
        model = keras.Sequential([keras.Input(shape), *(eval(f"keras.layers.{each}") for each in layers)])
        for variable in model.weights:
            if "moving" not in variable.path:
                variable.assign(draw.normal(variable.shape) / 2)
        x = draw.normal((SAMPLES, *shape))
        t = target(draw, loss, (SAMPLES, *model.output_shape[1:]))
        model.compile(OPTIMIZERS[optimizer](rate, momentum), loss)
        arrays |= {f"{name}/input": x, f"{name}/target": t}
        arrays |= {f"{name}/before/{key(each)}": each.numpy() for each in model.weights}
        losses = []
        for epoch in range(EPOCHS):
            order = np.random.default_rng([SEED, epoch]).permutation(SAMPLES)
            total = 0.0
            for start in range(0, SAMPLES, BATCH_SIZE):
                chosen = order[start : start + BATCH_SIZE]
                model.reset_metrics()
                total += float(model.train_on_batch(x[chosen], t[chosen])) * len(chosen)
            losses.append(total / SAMPLES)
        arrays |= {f"{name}/after/{key(each)}": each.numpy() for each in model.weights}
        settings = {"loss": loss, "optimizer": optimizer, "learning_rate": float(rate), "momentum": momentum}
        tolerance = {"tolerance": 5e-6} if optimizer == "adam" else {}
        cases.append({**tolerance, "name": name, "layers": layers, "options": settings, "losses": losses})
    shared = {"epochs": EPOCHS, "batch_size": BATCH_SIZE, "seed": SEED}
    made_with = {"keras": keras.__version__, "tensorflow": tf.__version__}
    write_lines("training", {"made_with": made_with, "options": shared, "cases": cases})
    np.savez_compressed(HERE / "training.npz", **arrays)


main()
