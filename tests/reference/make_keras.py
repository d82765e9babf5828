"""Write keras.json and keras.npz (what layers compute), keras_signatures.json (their arguments)
and keras_counts.json (their shapes and parameters): Keras 3 on TensorFlow, in float64."""

import inspect
import os

os.environ |= {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}

import keras
import numpy as np
import tensorflow as tf
from _store import BATCH, Draw, Store, write_lines

MADE_WITH = {m.__name__: m.__version__ for m in (keras, tf, np)}
keras.config.set_floatx("float64")
store = Store()
used: dict[str, type] = {}


def plain(word: str) -> str:
    return word.replace("_", "").lower()


CLASSES = {plain(n): c for n, c in vars(keras.layers).items() if inspect.isclass(c)}


def make(layer: str, **args):
    """The Keras layer of a mapping's type and arguments; remembers the class."""
    kind = CLASSES[plain(layer)]
    used[kind.__name__] = kind
    return kind(**args)


def call(layer, inputs: list[np.ndarray]) -> np.ndarray:
    """Eagerly, or through XLA where TensorFlow's CPU kernels lack the configuration."""
    tensors = [tf.constant(x, layer.compute_dtype) for x in inputs]
    argument = tensors if len(tensors) > 1 else tensors[0]
    try:
        return layer(argument).numpy()
    except (tf.errors.InvalidArgumentError, tf.errors.NotFoundError):
        return tf.function(layer, jit_compile=True)(argument).numpy()


def case(
    name: str,
    layer: str,
    *shapes: tuple[int, ...] | np.ndarray,
    dtype: str | None = None,
    tolerance: float | None = None,
    **args,
) -> None:
    """Store one case; a shape is without batch (an array instead is the input itself)."""
    draw = Draw(name)
    inputs = [s if isinstance(s, np.ndarray) else draw.normal((BATCH, *s)) for s in shapes]
    built = make(layer, dtype=dtype, **args)
    if not built.built:
        each = [x.shape for x in inputs]
        built.build(each if len(each) > 1 else each[0])
    weights = {w.name: draw.weight(w.name, w.shape) for w in built.weights if w.name != "count"}
    built.set_weights([weights.get(w.name, w.numpy()) for w in built.weights])
    if layer == "normalization":
        built.finalize_state()
    store.add(name, {layer: args}, inputs, weights, call(built, inputs), tolerance)


# ---------------------------------------------------------------- convolutions
C1, C2, C3 = "conv1d", "conv2d", "conv3d"
case("conv1d-valid", C1, (9, 3), filters=4, kernel_size=3)
case("conv1d-valid-integer", C1, (7, 2), filters=3, kernel_size=4, strides=2)
case("conv1d-valid-strides-past-kernel", C1, (9, 3), filters=2, kernel_size=2, strides=3, use_bias=False)
case("conv1d-same", C1, (7, 3), filters=2, kernel_size=5, padding="same", use_bias=False)
case("conv1d-same-even", C1, (7, 3), filters=2, kernel_size=4, padding="same", use_bias=False)
case(
    "conv1d-same-strides-2-even-on-odd", C1, (9, 3), filters=2, kernel_size=2, strides=2, padding="same", use_bias=False
)
case(
    "conv1d-same-strides-2-even-on-even",
    C1,
    (8, 3),
    filters=2,
    kernel_size=4,
    strides=2,
    padding="same",
    use_bias=False,
)
case(
    "conv1d-same-strides-3-odd-on-even", C1, (8, 3), filters=2, kernel_size=5, strides=3, padding="same", use_bias=False
)
case(
    "conv1d-same-strides-past-kernel-integer",
    C1,
    (8, 3),
    filters=2,
    kernel_size=1,
    strides=3,
    padding="same",
    use_bias=False,
)
case("conv1d-dilated", C1, (9, 3), filters=2, kernel_size=3, dilation_rate=2, use_bias=False)
case("conv1d-dilated-same-even", C1, (8, 3), filters=2, kernel_size=4, dilation_rate=3, padding="same", use_bias=False)
case("conv1d-groups", C1, (7, 4), filters=6, kernel_size=3, groups=2)
case("conv1d-groups-same-strides", C1, (8, 6), filters=3, kernel_size=2, groups=3, strides=2, padding="same")
case("conv1d-causal", C1, (6, 2), filters=3, kernel_size=3, padding="causal")
case("conv1d-causal-strides", C1, (8, 2), filters=3, kernel_size=3, strides=2, padding="causal")
case("conv1d-causal-dilated", C1, (8, 2), filters=3, kernel_size=2, dilation_rate=3, padding="causal")
case(
    "conv1d-causal-dilated-groups-integer",
    C1,
    (7, 4),
    filters=4,
    kernel_size=3,
    dilation_rate=2,
    groups=2,
    padding="causal",
)
case("conv1d-no-bias-relu", C1, (6, 2), filters=3, kernel_size=3, use_bias=False, activation="relu")

case("conv2d-valid", C2, (7, 6, 3), filters=4, kernel_size=3)
case("conv2d-valid-integer", C2, (6, 7, 3), filters=4, kernel_size=[2, 3])
case("conv2d-valid-strides", C2, (8, 7, 2), filters=3, kernel_size=[3, 2], strides=[2, 3])
case("conv2d-same", C2, (6, 5, 2), filters=3, kernel_size=3, padding="same", use_bias=False)
case("conv2d-same-even", C2, (6, 5, 2), filters=3, kernel_size=[2, 4], padding="same")
case("conv2d-same-strides-2-even", C2, (7, 6, 3), filters=2, kernel_size=2, strides=2, padding="same", use_bias=False)
case(
    "conv2d-same-strides-2-wide-even",
    C2,
    (8, 7, 3),
    filters=2,
    kernel_size=4,
    strides=2,
    padding="same",
    use_bias=False,
)
case(
    "conv2d-same-strides-2-odd-integer",
    C2,
    (8, 7, 3),
    filters=2,
    kernel_size=3,
    strides=2,
    padding="same",
    use_bias=False,
)
case("conv2d-same-strides-3", C2, (8, 7, 3), filters=2, kernel_size=[5, 4], strides=3, padding="same", use_bias=False)
case(
    "conv2d-same-strides-past-kernel",
    C2,
    (8, 7, 3),
    filters=2,
    kernel_size=[1, 2],
    strides=[2, 3],
    padding="same",
    use_bias=False,
)
case("conv2d-dilated", C2, (7, 6, 2), filters=3, kernel_size=[3, 2], dilation_rate=2)
case(
    "conv2d-dilated-same-even",
    C2,
    (5, 6, 2),
    filters=2,
    kernel_size=[2, 4],
    dilation_rate=[2, 3],
    padding="same",
    use_bias=False,
)
case("conv2d-groups", C2, (5, 6, 4), filters=6, kernel_size=3, groups=2)
case("conv2d-groups-same-strides-integer", C2, (6, 5, 6), filters=3, kernel_size=2, groups=3, strides=2, padding="same")
case(
    "conv2d-groups-each-dilated",
    C2,
    (6, 5, 3),
    filters=6,
    kernel_size=2,
    groups=3,
    dilation_rate=2,
    padding="same",
    use_bias=False,
)
case("conv2d-pointwise", C2, (4, 3, 5), filters=4, kernel_size=1)
case("conv2d-whole-input", C2, (4, 3, 2), filters=3, kernel_size=[4, 3])
case("conv2d-no-bias-gelu", C2, (5, 4, 2), filters=3, kernel_size=2, use_bias=False, activation="gelu", tolerance=1e-7)
case("conv2d-softmax", C2, (4, 4, 2), filters=3, kernel_size=2, activation="softmax")

case("conv3d-valid", C3, (4, 5, 4, 2), filters=2, kernel_size=[2, 3, 2])
case("conv3d-valid-strides", C3, (4, 5, 6, 2), filters=2, kernel_size=2, strides=[1, 2, 3])
case("conv3d-same-strides-2-even", C3, (5, 4, 3, 2), filters=2, kernel_size=2, strides=2, padding="same")
case(
    "conv3d-same-strides-integer", C3, (4, 5, 6, 2), filters=2, kernel_size=[3, 4, 2], strides=[3, 2, 1], padding="same"
)
case("conv3d-dilated-same", C3, (3, 4, 4, 1), filters=2, kernel_size=2, dilation_rate=[1, 2, 3], padding="same")
case("conv3d-groups-no-bias", C3, (3, 3, 4, 4), filters=2, kernel_size=2, groups=2, use_bias=False)
case("conv3d-tanh", C3, (3, 3, 3, 2), filters=2, kernel_size=2, activation="tanh")

# ---------------------------------------------------------------- transposed convolutions
T1, T2, T3 = "conv1d_transpose", "conv2d_transpose", "conv3d_transpose"
for kernel, stride in ((3, 1), (2, 2), (3, 2), (5, 2), (2, 3), (5, 3)):
    case(
        f"conv1d-transpose-k{kernel}-s{stride}" + "-integer" * (kernel == 2),
        T1,
        (4, 2),
        filters=2,
        kernel_size=kernel,
        strides=stride,
    )
for kernel, stride in ((3, 1), (4, 1), (2, 2), (3, 2), (4, 2), (5, 2), (1, 3), (2, 3), (5, 3)):
    case(
        f"conv1d-transpose-same-k{kernel}-s{stride}" + "-integer" * (kernel == 3),
        T1,
        (4, 2),
        filters=2,
        kernel_size=kernel,
        strides=stride,
        padding="same",
    )
for kernel, stride, more in ((3, 2, 0), (3, 2, 1), (2, 3, 0), (2, 3, 2), (5, 3, 2)):
    case(
        f"conv1d-transpose-k{kernel}-s{stride}-more-{more}",
        T1,
        (4, 2),
        filters=2,
        kernel_size=kernel,
        strides=stride,
        output_padding=more,
    )
for kernel, stride, more in ((3, 1, 0), (3, 2, 0), (3, 2, 1), (4, 2, 1), (2, 3, 1), (2, 3, 2), (5, 3, 2)):
    case(
        f"conv1d-transpose-same-k{kernel}-s{stride}-more-{more}",
        T1,
        (4, 2),
        filters=2,
        kernel_size=kernel,
        strides=stride,
        padding="same",
        output_padding=more,
    )
case("conv1d-transpose-valid-dilated", T1, (5, 2), filters=3, kernel_size=3, dilation_rate=2)
case("conv1d-transpose-same-dilated-even", T1, (5, 2), filters=2, kernel_size=2, dilation_rate=3, padding="same")
case(
    "conv1d-transpose-no-bias-relu", T1, (4, 3), filters=2, kernel_size=3, strides=2, use_bias=False, activation="relu"
)

case("conv2d-transpose-valid", T2, (3, 4, 3), filters=2, kernel_size=[2, 3])
case("conv2d-transpose-valid-strides", T2, (3, 4, 3), filters=2, kernel_size=[2, 3], strides=[3, 2])
case("conv2d-transpose-valid-strides-integer", T2, (3, 4, 2), filters=3, kernel_size=3, strides=2)
case(
    "conv2d-transpose-valid-output-padding",
    T2,
    (3, 2, 2),
    filters=2,
    kernel_size=[2, 5],
    strides=[3, 2],
    output_padding=[2, 0],
)
case("conv2d-transpose-same-strides-2", T2, (3, 4, 3), filters=2, kernel_size=3, strides=2, padding="same")
case("conv2d-transpose-same-strides-2-even-integer", T2, (3, 4, 3), filters=2, kernel_size=4, strides=2, padding="same")
case(
    "conv2d-transpose-same-strides-past-kernel",
    T2,
    (3, 2, 3),
    filters=2,
    kernel_size=[1, 2],
    strides=[2, 3],
    padding="same",
)
case("conv2d-transpose-same-strides-1-3", T2, (3, 4, 2), filters=2, kernel_size=[4, 5], strides=[1, 3], padding="same")
case(
    "conv2d-transpose-same-output-padding",
    T2,
    (3, 4, 2),
    filters=2,
    kernel_size=[3, 4],
    strides=[2, 3],
    padding="same",
    output_padding=[0, 2],
)
case("conv2d-transpose-dilated", T2, (3, 4, 2), filters=2, kernel_size=[3, 2], dilation_rate=[2, 1])
case("conv2d-transpose-same-dilated", T2, (4, 3, 2), filters=2, kernel_size=[2, 3], dilation_rate=2, padding="same")
case("conv2d-transpose-sigmoid", T2, (2, 3, 2), filters=2, kernel_size=2, strides=2, activation="sigmoid")

case("conv3d-transpose-valid-strides", T3, (2, 3, 2, 2), filters=2, kernel_size=[2, 3, 1], strides=[3, 1, 2])
case(
    "conv3d-transpose-same-strides-integer",
    T3,
    (2, 3, 2, 2),
    filters=2,
    kernel_size=[2, 3, 4],
    strides=[3, 2, 2],
    padding="same",
)
case(
    "conv3d-transpose-same-output-padding",
    T3,
    (2, 3, 2, 2),
    filters=1,
    kernel_size=3,
    strides=2,
    padding="same",
    output_padding=[0, 1, 1],
)
case("conv3d-transpose-dilated", T3, (2, 3, 2, 2), filters=1, kernel_size=2, dilation_rate=[1, 2, 2])
case("conv3d-transpose-elu", T3, (2, 2, 2, 2), filters=1, kernel_size=2, strides=2, activation="elu")

# ---------------------------------------------------------------- depthwise and separable
D1, D2, S1, S2 = "depthwise_conv1d", "depthwise_conv2d", "separable_conv1d", "separable_conv2d"
case("depthwise-conv1d", D1, (7, 3), kernel_size=3)
case(
    "depthwise-conv1d-multiplier-same-strides-integer",
    D1,
    (8, 3),
    kernel_size=4,
    strides=2,
    padding="same",
    depth_multiplier=2,
)
case("depthwise-conv1d-dilated", D1, (8, 3), kernel_size=3, dilation_rate=2, padding="same")
case(
    "depthwise-conv1d-strides-and-dilated",
    D1,
    (9, 2),
    kernel_size=2,
    strides=2,
    dilation_rate=3,
    padding="same",
    use_bias=False,
)
case("depthwise-conv2d", D2, (5, 6, 3), kernel_size=[3, 2])
case("depthwise-conv2d-multiplier", D2, (5, 6, 2), kernel_size=2, depth_multiplier=3)
case(
    "depthwise-conv2d-multiplier-same-strides",
    D2,
    (7, 6, 2),
    kernel_size=3,
    strides=2,
    padding="same",
    depth_multiplier=2,
)
case("depthwise-conv2d-same-strides-even-integer", D2, (7, 8, 3), kernel_size=[2, 4], strides=3, padding="same")
case("depthwise-conv2d-strides-by-axis", D2, (7, 6, 2), kernel_size=3, strides=[1, 2], padding="same", use_bias=False)
case("depthwise-conv2d-dilated", D2, (6, 5, 2), kernel_size=[3, 2], dilation_rate=[2, 3], depth_multiplier=2)
case(
    "depthwise-conv2d-strides-and-dilated",
    D2,
    (8, 7, 2),
    kernel_size=[3, 2],
    strides=2,
    dilation_rate=2,
    padding="same",
)
case("depthwise-conv2d-relu6", D2, (4, 5, 2), kernel_size=3, activation="relu6")
case("separable-conv1d", S1, (7, 3), filters=4, kernel_size=3)
case(
    "separable-conv1d-multiplier-dilated",
    S1,
    (8, 2),
    filters=3,
    kernel_size=2,
    dilation_rate=2,
    depth_multiplier=2,
    padding="same",
    activation="silu",
)
case(
    "separable-conv1d-strides-integer", S1, (8, 2), filters=3, kernel_size=4, strides=3, padding="same", use_bias=False
)
case("separable-conv2d", S2, (5, 4, 3), filters=4, kernel_size=3)
case(
    "separable-conv2d-multiplier-same-strides",
    S2,
    (5, 6, 2),
    filters=3,
    kernel_size=[2, 3],
    strides=2,
    depth_multiplier=2,
    padding="same",
)
case("separable-conv2d-dilated-tanh", S2, (6, 6, 2), filters=2, kernel_size=[2, 3], dilation_rate=2, activation="tanh")

# ---------------------------------------------------------------- pooling
for kind in ("max", "average"):
    case(f"{kind}-pooling1d-valid", f"{kind}_pooling1d", (8, 3), pool_size=3, strides=2)
    case(f"{kind}-pooling1d-same-even", f"{kind}_pooling1d", (8, 3), pool_size=4, strides=3, padding="same")
    case(f"{kind}-pooling2d-valid", f"{kind}_pooling2d", (7, 6, 3), pool_size=2)
    case(f"{kind}-pooling2d-valid-strides", f"{kind}_pooling2d", (7, 6, 2), pool_size=[3, 2], strides=[1, 3])
    case(f"{kind}-pooling2d-same-odd", f"{kind}_pooling2d", (7, 6, 3), pool_size=3, strides=2, padding="same")
    case(
        f"{kind}-pooling2d-same-even", f"{kind}_pooling2d", (7, 8, 2), pool_size=[2, 4], strides=[2, 3], padding="same"
    )
    case(
        f"{kind}-pooling2d-same-strides-past-pool",
        f"{kind}_pooling2d",
        (7, 8, 2),
        pool_size=[1, 2],
        strides=3,
        padding="same",
    )
    single = {"dtype": "float32"} if kind == "max" else {}  # no float64 kernel; a maximum is exact
    case(f"{kind}-pooling3d-valid", f"{kind}_pooling3d", (5, 4, 3, 2), pool_size=[3, 2, 2], strides=[2, 1, 1], **single)
    case(
        f"{kind}-pooling3d-same",
        f"{kind}_pooling3d",
        (5, 4, 3, 2),
        pool_size=[3, 2, 2],
        strides=2,
        padding="same",
        **single,
    )
    for rank, space in enumerate(((5,), (4, 3), (2, 3, 4)), 1):
        layer = f"global_{kind}_pooling{rank}d"
        case(layer.replace("_", "-"), layer, (*space, 2))
    case(f"global-{kind}-pooling2d-keepdims", f"global_{kind}_pooling2d", (3, 2, 2), keepdims=True)
case("global-max-pooling1d-keepdims-integer", "global_max_pooling1d", (4, 2), keepdims=True)
case("global-average-pooling3d-keepdims", "global_average_pooling3d", (2, 1, 3, 2), keepdims=True)
case("max-pooling2d-same-strides-1-integer", "max_pooling2d", (5, 4, 2), pool_size=[2, 3], strides=1, padding="same")

# ---------------------------------------------------------------- padding, cropping, up-sampling
for name, padding in (("number", 2), ("pair", [1, 2])):
    case(f"zero-padding1d-{name}-integer", "zero_padding1d", (4, 2), padding=padding)
    case(f"cropping1d-{name}-integer", "cropping1d", (6, 2), cropping=padding)
for name, padding in (("number", 1), ("by-axis", [2, 1]), ("pairs", [[2, 1], [0, 3]])):
    case(f"zero-padding2d-{name}-integer", "zero_padding2d", (3, 4, 2), padding=padding)
    case(f"cropping2d-{name}-integer", "cropping2d", (6, 5, 2), cropping=padding)
for name, padding in (("number", 1), ("by-axis", [1, 0, 2]), ("pairs", [[0, 1], [2, 0], [1, 2]])):
    case(f"zero-padding3d-{name}-integer", "zero_padding3d", (2, 3, 2, 1), padding=padding)
    case(f"cropping3d-{name}-integer", "cropping3d", (4, 4, 5, 1), cropping=padding)
case("up-sampling1d-integer", "up_sampling1d", (4, 2), size=3)
case("up-sampling3d-integer", "up_sampling3d", (2, 3, 2, 1), size=[1, 2, 3])
case("up-sampling2d-nearest-integer", "up_sampling2d", (3, 4, 2), size=[2, 3])
for method, size, tolerance in (
    ("bilinear", 2, 3e-6),
    ("bilinear", [2, 3], 3e-6),
    ("bicubic", 2, 3e-6),
    ("bicubic", [2, 4], 3e-6),
    ("bicubic", 3, 3e-3),
    ("lanczos3", [2, 3], 3e-6),
    ("lanczos5", [2, 3], 3e-6),
):
    title = "-by-".join(map(str, size)) if isinstance(size, list) else size
    case(
        f"up-sampling2d-{method}-{title}",
        "up_sampling2d",
        (4, 3, 1),
        size=size,
        interpolation=method,
        tolerance=tolerance,
    )

# ---------------------------------------------------------------- shapes and dense
case("flatten-integer", "flatten", (3, 2, 4))
case("reshape-integer", "reshape", (3, 4, 2), target_shape=[2, -1, 3])
case("reshape-to-vector-integer", "reshape", (3, 4), target_shape=[-1])
case("permute-integer", "permute", (2, 3, 4), dims=[3, 1, 2])
case("dense", "dense", (5,), units=4)
case("dense-integer", "dense", (4,), units=3, use_bias=False)
case("dense-on-maps", "dense", (3, 2, 4), units=3, activation="softplus")

# ---------------------------------------------------------------- normalisation
B, LN, G, N = "batch_normalization", "layer_normalization", "group_normalization", "normalization"
case("batch-normalization", B, (3, 4, 3))
case("batch-normalization-vector", B, (5,), epsilon=0.01)
case("batch-normalization-plain", B, (4, 3), scale=False, center=False)
case("batch-normalization-no-scale", B, (4, 3), scale=False)
case("batch-normalization-axis-1", B, (4, 3, 2), axis=1)
case("layer-normalization", LN, (3, 2, 4))
case("layer-normalization-axes", LN, (3, 4, 2), axis=[1, 2])
case("layer-normalization-all-axes", LN, (3, 2, 2), axis=[1, 2, 3], epsilon=1e-5)
case("layer-normalization-axis-1", LN, (4, 3), axis=1)
case("layer-normalization-plain", LN, (3, 4), center=False, scale=False)
case("layer-normalization-no-center", LN, (3, 4), center=False)
for groups in (1, 2, -1):
    case(f"group-normalization-{groups}".replace("--1", "-each"), G, (3, 2, 6), groups=groups)
case("group-normalization-1d-plain", G, (4, 4), groups=2, center=False, scale=False, epsilon=1e-5)
case("group-normalization-axis-1", G, (4, 3, 2), groups=2, axis=1)
case("normalization-weights", N, (3, 2, 3))
case("normalization-weights-axes", N, (3, 4, 2), axis=[1, 3])
case("normalization-weights-no-axis", N, (3, 4), axis=None)
case("normalization-arguments", N, (4, 2), mean=[0.5, -1.25], variance=[2.25, 0.3125])
case("normalization-invert", N, (4, 2), mean=[0.5, -1.25], variance=[2.25, 0.3125], invert=True)
case("normalization-no-axis", N, (3, 2), axis=None, mean=3.0, variance=2.0)
case("rescaling", "rescaling", (3, 4, 2), scale=1 / 255, offset=-1.0, tolerance=1e-8)
case("rescaling-by-channel", "rescaling", (3, 2), scale=[0.5, 2.0], offset=[1.0, -3.0])

# ---------------------------------------------------------------- activations
grid = np.concatenate([np.linspace(-8, 8, 65), [-7.3, -2.001, -0.499, -1e-6, 1e-6, 0.501, 5.999]])
SPREAD = np.random.default_rng(0).permutation(grid).reshape(2, 6, 6)
LESS_EXACT = {"leaky_relu": 1e-7, "gelu": 1e-8}  # constants that pass through float32
NOT_BY_NAME = {"get", "serialize", "deserialize", "threshold", "sparsemax"}
NAMES = {n for n, f in vars(keras.activations).items() if inspect.isfunction(f)}
for activation in sorted(NAMES - NOT_BY_NAME):
    case(
        f"activation-{activation.replace('_', '-')}",
        "activation",
        SPREAD,
        activation=activation,
        tolerance=LESS_EXACT.get(activation),
    )
case(
    "activation-sparsemax-one-hot-integer", "activation", np.round(9 * SPREAD), activation="sparsemax"
)  # Keras errs unless the largest leads by 1
case("re-lu-max-value", "re_lu", SPREAD, max_value=6.0)
case("re-lu-negative-slope", "re_lu", SPREAD, negative_slope=0.125, tolerance=1e-7)
case("re-lu-threshold", "re_lu", SPREAD, threshold=2.0)
case("re-lu-everything", "re_lu", SPREAD, max_value=4.0, negative_slope=0.5, threshold=1.5)
case("leaky-re-lu", "leaky_re_lu", SPREAD, tolerance=1e-7)
case("leaky-re-lu-slope", "leaky_re_lu", SPREAD, negative_slope=0.125)
case("elu-alpha", "elu", SPREAD, alpha=0.7)
case("softmax-axis", "softmax", (4, 3, 2), axis=1)
case("softmax-axes", "softmax", (4, 3, 2), axis=[1, 2])
case("p-re-lu", "p_re_lu", (3, 2, 2))
case("p-re-lu-shared-axes", "p_re_lu", (3, 4, 2), shared_axes=[1, 2])
case("p-re-lu-shared-axis", "p_re_lu", (4, 3), shared_axes=[1])

# ---------------------------------------------------------------- identities and merges
case("dropout-integer", "dropout", (3, 2), rate=0.5)
case("spatial-dropout2d-integer", "spatial_dropout2d", (2, 3, 2), rate=0.3)
for layer in ("add", "subtract", "multiply", "average", "maximum", "minimum"):
    case(layer, layer, (3, 2), (3, 2))
for layer in ("add", "subtract", "multiply", "maximum"):
    case(f"{layer}-broadcast-integer", layer, (3, 4, 2), (1, 4, 1))
case("add-three-integer", "add", (3, 2), (3, 2), (3, 2))
case("average-three", "average", (3, 2), (3, 2), (1, 2))
case("multiply-by-channel-integer", "multiply", (3, 2, 4), (4,))
case("concatenate-integer", "concatenate", (3, 2, 1), (3, 2, 3))
case("concatenate-axis-1-integer", "concatenate", (3, 2), (1, 2), (2, 2), axis=1)

store.write("keras", MADE_WITH)


# ---------------------------------------------------------------- shapes and parameters
COUNTED: list[tuple[dict, list[int | None]]] = [
    ({"conv2d": {"filters": 40, "kernel_size": 3}}, [28, 28, 1]),
    ({"conv2d": {"filters": 8, "kernel_size": 3, "use_bias": False}}, [26, 26, 40]),
    ({"conv2d": {"filters": 256, "kernel_size": 3, "groups": 4, "padding": "same"}}, [9, 9, 64]),
    ({"conv2d": {"filters": 5, "kernel_size": 3, "strides": 2, "padding": "same"}}, [None, None, 3]),
    ({"conv1d": {"filters": 40, "kernel_size": 400, "strides": 160}}, [16000, 1]),
    ({"conv1d": {"filters": 4, "kernel_size": 3, "padding": "causal", "dilation_rate": 4}}, [None, 6]),
    ({"conv3d": {"filters": 4, "kernel_size": [1, 2, 3], "strides": [1, 2, 2]}}, [5, 6, 7, 2]),
    ({"conv1d_transpose": {"filters": 3, "kernel_size": 2, "strides": 3}}, [7, 5]),
    ({"conv2d_transpose": {"filters": 32, "kernel_size": 4, "strides": 2, "padding": "same"}}, [16, 16, 64]),
    ({"conv2d_transpose": {"filters": 2, "kernel_size": 3, "strides": 2, "output_padding": 1}}, [None, 5, 4]),
    ({"conv3d_transpose": {"filters": 2, "kernel_size": 3, "strides": 2}}, [3, 4, 5, 2]),
    ({"depthwise_conv1d": {"kernel_size": 5, "depth_multiplier": 3}}, [11, 4]),
    ({"depthwise_conv2d": {"kernel_size": 3, "depth_multiplier": 2, "padding": "same"}}, [11, 10, 6]),
    ({"separable_conv1d": {"filters": 7, "kernel_size": 3, "depth_multiplier": 2}}, [9, 4]),
    ({"separable_conv2d": {"filters": 7, "kernel_size": 3, "depth_multiplier": 2}}, [9, 8, 4]),
    ({"dense": {"units": 10}}, [4608]),
    ({"dense": {"units": 3, "use_bias": False}}, [6, 5, 4]),
    ({"batch_normalization": {}}, [7, 7, 12]),
    ({"batch_normalization": {"scale": False}}, [7, 7, 12]),
    ({"batch_normalization": {"axis": 1}}, [3, 7, 12]),
    ({"layer_normalization": {"axis": [1, 2]}}, [3, 4, 5]),
    ({"group_normalization": {"groups": 3}}, [4, 4, 6]),
    ({"normalization": {}}, [5, 3]),
    ({"normalization": {"axis": None}}, [5, 3]),
    ({"normalization": {"mean": 0.5, "variance": 4.0}}, [5, 3]),
    ({"p_re_lu": {}}, [5, 4, 3]),
    ({"p_re_lu": {"shared_axes": [1, 2]}}, [5, 4, 3]),
    ({"max_pooling2d": {"pool_size": 3, "strides": 2, "padding": "same"}}, [None, 11, 4]),
    ({"average_pooling1d": {"pool_size": 3}}, [11, 4]),
    ({"global_average_pooling2d": {"keepdims": True}}, [None, 7, 4]),
    ({"zero_padding2d": {"padding": [[1, 2], [0, 3]]}}, [None, 5, 2]),
    ({"cropping2d": {"cropping": [[1, 2], [0, 3]]}}, [9, 5, 2]),
    ({"up_sampling2d": {"size": [2, 3]}}, [4, None, 2]),
    ({"flatten": {}}, [4, 3, 2]),
    ({"reshape": {"target_shape": [-1, 4]}}, [6, 2, 4]),
    ({"permute": {"dims": [3, 1, 2]}}, [6, 2, 4]),
]


def bottleneck(filters: int, strides: int, expand: int) -> list[dict]:
    """The layers of an inverted residual block, before its addition."""
    return [
        {"conv2d": {"filters": expand, "kernel_size": 1, "use_bias": False}},
        {"batch_normalization": {}},
        {"re_lu": {"max_value": 6.0}},
        {"depthwise_conv2d": {"kernel_size": 3, "strides": strides, "padding": "same", "use_bias": False}},
        {"batch_normalization": {}},
        {"re_lu": {"max_value": 6.0}},
        {"conv2d": {"filters": filters, "kernel_size": 1, "use_bias": False}},
        {"batch_normalization": {}},
    ]


def twice(filters: int, last: str) -> list[dict]:
    same = {"filters": filters, "kernel_size": 3, "padding": "same", "activation": "relu"}
    return [{"conv2d": same}, {"conv2d": {**same, "name": last}}]


MODELS: list[dict] = [
    {
        "input": [28, 28, 1],
        "layers": [
            {"conv2d": {"filters": 40, "kernel_size": 3}},
            {"conv2d": {"filters": 8, "kernel_size": 3}},
            {"flatten": {}},
            {"dense": {"units": 10}},
        ],
    },
    {
        "input": [32, 48, 3],
        "layers": [
            *twice(8, "fine"),
            {"max_pooling2d": {"pool_size": 2}},
            *twice(16, "coarse"),
            {"max_pooling2d": {"pool_size": 2}},
            *twice(32, "bottom"),
            {"conv2d_transpose": {"filters": 16, "kernel_size": 2, "strides": 2}},
            {"concatenate": {"inputs": ["coarse", "conv2d_transpose"]}},
            *twice(16, "coarse_up"),
            {"up_sampling2d": {"size": 2}},
            {"concatenate": {"inputs": ["fine", "up_sampling2d"]}},
            *twice(8, "fine_up"),
            {"conv2d": {"filters": 2, "kernel_size": 1, "activation": "softmax"}},
        ],
    },
    {
        "input": [33, 33, 3],
        "layers": [
            {
                "conv2d": {
                    "filters": 16,
                    "kernel_size": 3,
                    "strides": 2,
                    "padding": "same",
                    "use_bias": False,
                    "name": "stem",
                }
            },
            *bottleneck(16, 1, 64),
            {"add": {"inputs": ["stem", "batch_normalization_2"]}},
            *bottleneck(24, 2, 96),
            {"global_average_pooling2d": {}},
            {"dropout": {"rate": 0.2}},
            {"dense": {"units": 5, "activation": "softmax"}},
        ],
    },
]


def count(layer: dict, shape: list[int | None]) -> dict:
    ((name, args),) = layer.items()
    built = make(name, **args)
    built.build((None, *shape))
    return {
        "layer": layer,
        "input_shape": shape,
        "output_shape": list(built.compute_output_shape((None, *shape))[1:]),
        **params(built),
    }


def params(counted) -> dict[str, int]:
    trainable = sum(int(np.prod(w.shape)) for w in counted.trainable_weights)
    return {"params": counted.count_params(), "trainable_params": trainable}


def summary(model: dict) -> dict:
    """The rows of Keras's own summary, but for the input's."""
    keras.utils.clear_session()
    maps = {"input": (last := keras.Input(model["input"]))}
    rows = []
    for item in model["layers"]:
        ((kind, args),) = item.items()
        layer = make(kind, **{k: v for k, v in args.items() if k != "inputs"})
        last = layer([maps[n] for n in args["inputs"]] if "inputs" in args else last)
        maps[layer.name] = last
        rows.append([layer.name, type(layer).__name__, list(last.shape), layer.count_params()])
    return {"model": model, "rows": rows, **params(keras.Model(maps["input"], last))}


write_lines(
    "keras_counts",
    {"made_with": MADE_WITH, "layers": [count(*c) for c in COUNTED], "models": [summary(m) for m in MODELS]},
)


# ---------------------------------------------------------------- signatures
for other in (
    "spatial_dropout1d",
    "spatial_dropout3d",
    "gaussian_dropout",
    "alpha_dropout",
    "gaussian_noise",
    "identity",
    "activity_regularization",
):
    used[CLASSES[plain(other)].__name__] = CLASSES[plain(other)]


def signature(kind: type) -> dict:
    positional = [p for p in inspect.signature(kind).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    return {
        "arguments": [[p.name, "<required>" if p.default is p.empty else p.default] for p in positional],
        "aliases": sorted(n for n, c in vars(keras.layers).items() if c is kind and n != kind.__name__),
    }


write_lines("keras_signatures", {name: signature(kind) for name, kind in sorted(used.items())})
