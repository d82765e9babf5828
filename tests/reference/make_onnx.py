"""Write onnx.json and onnx.npz: what ONNX's operators compute.

Every case runs in ONNX's reference evaluator (float64) and in ONNX Runtime (float64, or float32
for lack of a kernel), which must agree; then the reference's figures are stored. Where only one
follows the operator's specification, `trust` names it.
"""

import numpy as np
import onnx
import onnxruntime
from _store import BATCH, Draw, Store
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

OPSET = 22
AUTO = {"same": "SAME_UPPER", "same_lower": "SAME_LOWER", "valid": "VALID"}
NAMES = {
    "strides": "strides",
    "dilation_rate": "dilations",
    "output_padding": "output_padding",
    "pool_size": "kernel_shape",
}
PLAIN = {"groups": "group", "ceil_mode": "ceil_mode", "count_include_pad": "count_include_pad"}
store = Store()


def attributes(args: dict, rank: int) -> dict:
    """The operator's attributes, of a mapping's arguments."""
    every = {NAMES[k]: v if isinstance(v, list) else [v] * rank for k, v in args.items() if k in NAMES}
    every |= {PLAIN[k]: int(v) for k, v in args.items() if k in PLAIN}
    padding = args.get("padding", 0)
    if isinstance(padding, str):
        return every | {"auto_pad": AUTO[padding]}
    if isinstance(padding, int):
        padding = [padding] * rank
    if rank == 1 and len(padding) == 2:
        padding = [padding]
    pairs = [p if isinstance(p, list) else [p, p] for p in padding]
    return every | {"pads": [p[0] for p in pairs] + [p[1] for p in pairs]}


def feed(arrays: list[np.ndarray], dtype: type = np.float64) -> dict[str, np.ndarray]:
    return {n: a.astype(dtype) for n, a in zip("xwb", arrays, strict=False)}


def model(operator: str, arrays: list[np.ndarray], attributes: dict, kind: int):
    fed = feed(arrays)
    declared = [helper.make_tensor_value_info(n, kind, a.shape) for n, a in fed.items()]
    graph = helper.make_graph(
        [helper.make_node(operator, list(fed), ["y"], **attributes)],
        "case",
        declared,
        [helper.make_tensor_value_info("y", kind, None)],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)


def reference(operator: str, arrays: list[np.ndarray], attributes: dict) -> np.ndarray:
    made = model(operator, arrays, attributes, TensorProto.DOUBLE)
    return ReferenceEvaluator(made).run(None, feed(arrays))[0]


def runtime(operator: str, arrays: list[np.ndarray], attributes: dict) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    for dtype, kind in ((np.float64, TensorProto.DOUBLE), (np.float32, TensorProto.FLOAT)):
        made = model(operator, arrays, attributes, kind).SerializeToString()
        try:
            session = onnxruntime.InferenceSession(made, options, ["CPUExecutionProvider"])
        except onnxruntime.capi.onnxruntime_pybind11_state.NotImplemented:
            continue
        return session.run(None, feed(arrays, dtype))[0]
    raise ValueError(f"no kernel for {operator}")


def compute(name: str, operator: str, arrays: list, attributes: dict, trust: str) -> np.ndarray:
    if trust == "runtime":
        return runtime(operator, arrays, attributes)
    output = reference(operator, arrays, attributes)
    if trust == "both":
        np.testing.assert_allclose(output, runtime(operator, arrays, attributes), atol=1e-5, err_msg=name)
    return output


def case(name: str, layer: str, shape: tuple[int, ...], trust: str = "both", **args) -> None:
    """One case; `shape` is without batch, and its length tells the rank."""
    rank, draw, kind = len(shape) - 1, Draw(name), layer.partition("_")[0]
    x, weights = draw.normal((BATCH, *shape)), {}
    operator = {"max": "MaxPool", "average": "AveragePool"}.get(kind, "Conv")
    if operator == "Conv":
        size, groups, filters = args["kernel_size"], args.get("groups", 1), args["filters"]
        ends = (shape[-1] // groups, filters)
        if layer.endswith("transpose"):
            operator, ends = "ConvTranspose", (filters // groups, shape[-1])
        weights = {"kernel": draw.normal((*size, *ends)), "bias": draw.normal((filters,))}
    arrays = [np.moveaxis(x, -1, 1)]
    arrays += [np.moveaxis(w, (-1, -2), (0, 1)) if w.ndim > 1 else w for w in weights.values()]
    output = compute(name, operator, [np.ascontiguousarray(a) for a in arrays], attributes(args, rank), trust)
    tolerance = 1e-6 if operator == "AveragePool" and output.dtype == np.float32 else None
    store.add(name, {layer: args}, [x], weights, np.moveaxis(output, 1, -1), tolerance)


# ---------------------------------------------------------------- Conv
C1, C2, C3 = "conv1d", "conv2d", "conv3d"
for padding in ("same", "same_lower"):
    word = padding.replace("_", "-")
    case(f"conv1d-{word}-even", C1, (7, 2), filters=2, kernel_size=[4], padding=padding)
    case(f"conv1d-{word}-strides-2-even", C1, (7, 2), filters=2, kernel_size=[2], strides=2, padding=padding)
    case(f"conv1d-{word}-strides-3", C1, (8, 2), filters=2, kernel_size=[3], strides=3, padding=padding)
    case(
        f"conv1d-{word}-strides-past-kernel-integer", C1, (8, 2), filters=2, kernel_size=[1], strides=3, padding=padding
    )
    case(f"conv2d-{word}-strides", C2, (6, 7, 2), filters=2, kernel_size=[3, 2], strides=[2, 3], padding=padding)
    case(
        f"conv2d-{word}-strides-2-even-integer",
        C2,
        (5, 6, 2),
        filters=2,
        kernel_size=[2, 4],
        strides=2,
        padding=padding,
    )
    case(
        f"conv3d-{word}-strides", C3, (5, 4, 5, 1), filters=2, kernel_size=[2, 3, 4], strides=[2, 1, 3], padding=padding
    )
    case(
        f"conv1d-{word}-strides-dilated",
        C1,
        (8, 2),
        "reference",
        filters=2,
        kernel_size=[3],
        strides=2,
        dilation_rate=2,
        padding=padding,
    )
    case(
        f"conv2d-{word}-dilated-even",
        C2,
        (5, 6, 2),
        "reference",
        filters=2,
        kernel_size=[2, 4],
        dilation_rate=[3, 1],
        padding=padding,
    )
case("conv1d-before-after", C1, (7, 2), filters=3, kernel_size=[3], strides=2, padding=[2, 1])
case(
    "conv1d-after-dilated-groups",
    C1,
    (7, 4),
    filters=4,
    kernel_size=[3],
    strides=2,
    padding=[0, 3],
    dilation_rate=2,
    groups=2,
)
case("conv1d-past-kernel-integer", C1, (5, 2), filters=2, kernel_size=[2], padding=[4, 3])
case("conv2d-pairs", C2, (6, 5, 2), filters=3, kernel_size=[3, 2], padding=[[2, 0], [1, 3]])
case(
    "conv2d-pairs-everything-integer",
    C2,
    (6, 7, 4),
    filters=4,
    kernel_size=[3, 2],
    strides=[2, 1],
    padding=[[2, 0], [1, 3]],
    dilation_rate=[1, 2],
    groups=2,
)
case(
    "conv3d-pairs",
    C3,
    (4, 5, 4, 2),
    filters=2,
    kernel_size=[2, 3, 2],
    strides=[2, 1, 2],
    padding=[[1, 0], [0, 2], [1, 1]],
)

# ---------------------------------------------------------------- ConvTranspose
T1, T2, T3 = "conv1d_transpose", "conv2d_transpose", "conv3d_transpose"
for padding in ("same", "same_lower"):
    word = padding.replace("_", "-")
    case(f"conv1d-transpose-{word}-even", T1, (5, 2), filters=2, kernel_size=[4], padding=padding)
    case(f"conv1d-transpose-{word}-strides-2", T1, (4, 2), filters=2, kernel_size=[3], strides=2, padding=padding)
    case(
        f"conv1d-transpose-{word}-strides-2-wide-integer",
        T1,
        (4, 2),
        filters=2,
        kernel_size=[5],
        strides=2,
        padding=padding,
    )
    case(
        f"conv1d-transpose-{word}-dilated",
        T1,
        (4, 2),
        filters=2,
        kernel_size=[3],
        strides=2,
        dilation_rate=2,
        padding=padding,
    )
    case(f"conv2d-transpose-{word}", T2, (4, 3, 2), filters=2, kernel_size=[4, 5], strides=[1, 3], padding=padding)
    case(f"conv3d-transpose-{word}", T3, (3, 2, 2, 1), filters=2, kernel_size=[3, 2, 4], strides=2, padding=padding)
case("conv1d-transpose-before-after", T1, (5, 2), filters=2, kernel_size=[4], strides=2, padding=[1, 0])
case("conv1d-transpose-crops-past-kernel", T1, (6, 2), filters=2, kernel_size=[3], strides=2, padding=[3, 4])
case(
    "conv1d-transpose-groups-everything",
    T1,
    (5, 2),
    "runtime",
    filters=4,
    kernel_size=[3],
    strides=3,
    padding=[0, 2],
    output_padding=1,
    dilation_rate=2,
    groups=2,
)
case(
    "conv1d-transpose-groups-each-integer",
    T1,
    (5, 4),
    "runtime",
    filters=4,
    kernel_size=[3],
    strides=2,
    padding=[2, 1],
    output_padding=1,
    dilation_rate=3,
    groups=4,
)
case(
    "conv2d-transpose-output-padding",
    T2,
    (3, 2, 2),
    filters=2,
    kernel_size=[1, 2],
    strides=[3, 4],
    output_padding=[2, 3],
)
case(
    "conv2d-transpose-pairs",
    T2,
    (4, 3, 2),
    filters=2,
    kernel_size=[3, 4],
    strides=[2, 3],
    padding=[[2, 0], [0, 1]],
    output_padding=[1, 0],
)
case(
    "conv2d-transpose-pairs-groups",
    T2,
    (4, 3, 4),
    "runtime",
    filters=4,
    kernel_size=[3, 2],
    strides=[2, 3],
    padding=[[2, 0], [0, 1]],
    output_padding=[1, 0],
    dilation_rate=[1, 2],
    groups=2,
)
case(
    "conv3d-transpose-pairs-integer",
    T3,
    (2, 3, 2, 2),
    filters=2,
    kernel_size=[2, 3, 2],
    strides=[2, 1, 2],
    padding=[[1, 0], [0, 2], [1, 1]],
)

# ---------------------------------------------------------------- MaxPool
M1, M2, M3 = "max_pooling1d", "max_pooling2d", "max_pooling3d"
case("max-pooling1d-same-lower", M1, (9, 2), "runtime", pool_size=[4], strides=3, padding="same_lower")
case("max-pooling1d-same-lower-strides-1", M1, (6, 2), "runtime", pool_size=[4], strides=1, padding="same_lower")
case(
    "max-pooling2d-same-lower-integer", M2, (6, 7, 2), "runtime", pool_size=[3, 2], strides=[2, 3], padding="same_lower"
)
case("max-pooling3d-same-lower", M3, (5, 4, 5, 1), "runtime", pool_size=[2, 3, 4], strides=2, padding="same_lower")
case("max-pooling1d-same-dilated", M1, (8, 2), "reference", pool_size=[3], strides=2, dilation_rate=2, padding="same")
case("max-pooling1d-before-after", M1, (7, 2), pool_size=[3], strides=2, padding=[2, 1])
case("max-pooling1d-ceil", M1, (7, 2), pool_size=[3], strides=2, padding=[2, 1], ceil_mode=True)
case("max-pooling1d-ceil-dropped", M1, (5, 2), pool_size=[2], strides=2, padding=[0, 1], ceil_mode=True)
case(
    "max-pooling1d-ceil-dilated", M1, (8, 2), pool_size=[3], strides=2, padding=[1, 2], dilation_rate=2, ceil_mode=True
)
case(
    "max-pooling2d-pairs-dilated-integer",
    M2,
    (6, 7, 2),
    pool_size=[3, 2],
    strides=[2, 1],
    padding=[[2, 0], [1, 1]],
    dilation_rate=[1, 2],
)
case(
    "max-pooling3d-pairs-ceil",
    M3,
    (4, 5, 4, 1),
    pool_size=[2, 3, 2],
    strides=[2, 1, 2],
    padding=[[1, 0], [0, 2], [1, 1]],
    ceil_mode=True,
)

# ---------------------------------------------------------------- AveragePool
A1, A2, A3 = "average_pooling1d", "average_pooling2d", "average_pooling3d"
for counted in (False, True):
    word = "-counted" * counted
    case(
        f"average-pooling1d-same-lower{word}",
        A1,
        (9, 2),
        pool_size=[4],
        strides=3,
        padding="same_lower",
        count_include_pad=counted,
    )
    case(
        f"average-pooling1d-before-after{word}",
        A1,
        (7, 2),
        pool_size=[3],
        strides=2,
        padding=[0, 2],
        count_include_pad=counted,
    )
    case(
        f"average-pooling1d-ceil{word}",
        A1,
        (7, 2),
        pool_size=[3],
        strides=2,
        padding=[2, 1],
        ceil_mode=True,
        count_include_pad=counted,
    )
    case(
        f"average-pooling1d-ceil-past-border{word}",
        A1,
        (8, 2),
        "runtime",
        pool_size=[4],
        strides=3,
        padding=[2, 1],
        ceil_mode=True,
        count_include_pad=counted,
    )
    case(
        f"average-pooling1d-dilated{word}",
        A1,
        (8, 2),
        pool_size=[3],
        strides=2,
        padding=[1, 2],
        dilation_rate=2,
        count_include_pad=counted,
    )
    case(
        f"average-pooling1d-ceil-dilated{word}",
        A1,
        (9, 2),
        "runtime",
        pool_size=[2],
        strides=3,
        padding=1,
        dilation_rate=3,
        ceil_mode=True,
        count_include_pad=counted,
    )
    case(
        f"average-pooling2d-same-lower{word}",
        A2,
        (6, 7, 2),
        pool_size=[3, 2],
        strides=[2, 3],
        padding="same_lower",
        count_include_pad=counted,
    )
    case(
        f"average-pooling2d-pairs-dilated{word}",
        A2,
        (6, 7, 2),
        pool_size=[3, 2],
        strides=[2, 1],
        padding=[[2, 0], [1, 1]],
        dilation_rate=[1, 2],
        count_include_pad=counted,
    )
    case(
        f"average-pooling3d-pairs-ceil{word}",
        A3,
        (4, 5, 4, 1),
        pool_size=[2, 3, 2],
        strides=[2, 1, 2],
        padding=[[1, 0], [0, 2], [1, 1]],
        ceil_mode=True,
        count_include_pad=counted,
    )

store.write("onnx", {m.__name__: m.__version__ for m in (onnx, onnxruntime, np)})
