"""The same work in other programs, as short scripts from file to file: whichever are installed.

A script is what comes once (imports, loading, weights in the program's own layout) and one expression, the call. For a
whole process the two are run after each other and the result is saved; in steady state the expression alone is timed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from cases import Case

from convcli.core.records import Record


class Script(Record):
    """A peer's way to do a piece of work on the files of a folder."""

    peer: str
    setup: str
    call: str

    def steady(self) -> Callable[[], Any]:
        """The call, ready to be timed."""
        space: dict[str, Any] = {}
        exec(self.setup, space)
        call: Callable[[], Any] = eval(f"lambda: {self.call}", space)
        return call

    def whole(self, folder: Path) -> str:
        """A program that leaves the result in a file."""
        return f"{self.setup}\nnp.save({str(folder / 'y.npy')!r}, np.ascontiguousarray({self.call}))"


NEEDS = {"PyTorch": ("torch",), "ONNX Runtime": ("onnxruntime", "onnx"), "OpenCV": ("cv2",), "SciPy": ("scipy",)}
NEEDS["Keras"] = ("keras", "tensorflow")


def installed() -> list[str]:
    """The peers that this Python has."""
    return [peer for peer, modules in NEEDS.items() if all(map(find_spec, modules))]


def first_channels(case: Case, kernel: np.ndarray) -> np.ndarray:
    """Keras's kernel -> `(filters, in/groups, *k)`, transposed `(in, filters, *k)`."""
    if "depthwise" in case.layer:
        kernel = np.swapaxes(kernel, -1, -2)
    return np.ascontiguousarray(np.moveaxis(kernel, (-1, -2), (0, 1)))


def groups_of(case: Case) -> int:
    return case.input_shape[-1] if "depthwise" in case.layer else case.option("groups", 1)


def write(case: Case, folder: Path, peers: list[str]) -> None:
    """The files that the scripts read."""
    x, kernel = case.arrays()
    np.save(folder / "x.npy", x)
    np.save(folder / "x_first.npy", np.ascontiguousarray(np.moveaxis(x, -1, 1)))
    if kernel is not None:
        np.save(folder / "k.npy", kernel)
        np.save(folder / "k_first.npy", first_channels(case, kernel))
    if "ONNX Runtime" in peers:
        (folder / "model.onnx").write_bytes(_onnx(case, kernel))


def _onnx(case: Case, kernel: np.ndarray | None) -> bytes:
    """A model of one node."""
    from onnx import TensorProto, helper, numpy_helper

    rank, stride, padding = case.rank, case.option("strides", 1), case.padding
    options: dict[str, Any] = {"strides": [stride] * rank, "pads": [padding] * 2 * rank}
    weights = []
    if kernel is None:
        kind = "MaxPool" if "max" in case.layer else "AveragePool"
        options["kernel_shape"] = [case.option("pool_size", 1)] * rank
    else:
        kind = "ConvTranspose" if "transpose" in case.layer else "Conv"
        options |= {"dilations": [case.option("dilation_rate", 1)] * rank, "group": groups_of(case)}
        weights = [numpy_helper.from_array(first_channels(case, kernel), "w")]
    node = helper.make_node(kind, ["x", *(each.name for each in weights)], ["y"], **options)
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * (rank + 2)) for name in "xy"]
    graph = helper.make_graph([node], "case", values[:1], values[1:], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    content: bytes = model.SerializeToString()
    return content


def scripts(case: Case, folder: Path, peers: list[str]) -> list[Script]:
    """Each peer's scripts for a case: none where it has no such operation, several where it has several ways."""
    makers: Mapping[str, Callable[[Case, Path], Iterator[Script]]] = {
        "PyTorch": _torch,
        "ONNX Runtime": _onnxruntime,
        "OpenCV": _opencv,
        "SciPy": _scipy,
        "Keras": _keras,
    }
    return [script for peer in peers for script in makers[peer](case, folder)]


LOAD = "import numpy as np\nx = np.load({x!r})\n"


def _loads(folder: Path, x: str) -> str:
    return LOAD.format(x=str(folder / x))


def _torch(case: Case, folder: Path) -> Iterator[Script]:
    stride, padding, rank = case.option("strides", 1), case.padding, case.rank
    layouts = {1: {"": None}, 2: {"": None, " channels last": "channels_last"}}
    layouts[3] = {"": None, " channels last": "channels_last_3d"}
    for suffix, layout in layouts[rank].items():
        setup = _loads(folder, "x_first.npy") + "import torch\nfrom torch.nn import functional as f\n"
        setup += "torch.set_grad_enabled(False)\nx = torch.from_numpy(x)\n"
        names = ["x"]
        if "pool" in case.layer:
            kind = "max" if "max" in case.layer else "avg"
            call = f"f.{kind}_pool{rank}d(x, {case.option('pool_size', 1)}, {stride})"
        else:
            setup += f"w = torch.from_numpy(np.load({str(folder / 'k_first.npy')!r}))\n"
            names.append("w")
            transposed = "_transpose" if "transpose" in case.layer else ""
            dilation, groups = case.option("dilation_rate", 1), groups_of(case)
            options = f"stride={stride}, padding={padding}, dilation={dilation}, groups={groups}"
            call = f"f.conv{transposed}{rank}d(x, w, {options})"
        if layout:
            setup += "".join(f"{name} = {name}.contiguous(memory_format=torch.{layout})\n" for name in names)
        yield Script(f"PyTorch{suffix}", setup, f"{call}.numpy()")


def _onnxruntime(case: Case, folder: Path) -> Iterator[Script]:
    setup = _loads(folder, "x_first.npy") + "import onnxruntime\n"
    setup += (
        f"session = onnxruntime.InferenceSession({str(folder / 'model.onnx')!r}, providers=['CPUExecutionProvider'])\n"
    )
    yield Script("ONNX Runtime", setup, "session.run(None, {'x': x})[0]")


def _single(case: Case) -> bool:
    return case.input_shape[-1] == case.option("filters", 0) == case.option("strides", 1) == 1


def _opencv(case: Case, folder: Path) -> Iterator[Script]:
    if _single(case):
        setup = _loads(folder, "x.npy") + f"import cv2\nk = np.load({str(folder / 'k.npy')!r})[..., 0, 0]\n"
        setup += "x, k = (each[None] if each.ndim == 1 else each for each in (x[0, ..., 0], k))\n"
        edge = case.option("kernel_size", 1) // 2
        rows = f"{edge}:-{edge}" if case.rank == 2 else ":"
        filtered = "cv2.filter2D(x, cv2.CV_32F, k, borderType=cv2.BORDER_CONSTANT)"
        yield Script("OpenCV", setup, f"{filtered}[{rows}, {edge}:-{edge}]")


def _scipy(case: Case, folder: Path) -> Iterator[Script]:
    if _single(case):
        setup = _loads(folder, "x.npy") + f"k = np.load({str(folder / 'k.npy')!r})[..., 0, 0]\nx = x[0, ..., 0]\n"
        fourier = setup + "from scipy import signal\nk = np.flip(k).copy()\n"
        yield Script("SciPy oaconvolve", fourier, "signal.oaconvolve(x, k, 'valid')")
        if case.option("kernel_size", 1) < 9:
            yield Script(
                "SciPy ndimage", setup + "from scipy import ndimage\n", "ndimage.correlate(x, k, mode='constant')"
            )


KINDS = {
    "conv": "Conv",
    "depthwise_conv": "DepthwiseConv",
    "max_pooling": "MaxPooling",
    "average_pooling": "AveragePooling",
}


def _keras(case: Case, folder: Path) -> Iterator[Script]:
    ((_, options),) = case.spec[0].items()
    options, pad = dict(options), 0
    if isinstance(options.get("padding"), int):
        pad = 0 if "transpose" in case.layer else options["padding"]
        options["padding"] = "valid" if pad else "same"  # the same cells in the transposed case
    kind = f"{KINDS[case.layer.removesuffix('_transpose')[:-2]]}{case.rank}D"
    kind += "Transpose" if "transpose" in case.layer else ""
    setup = _loads(folder, "x.npy") + "import tensorflow as tf\nfrom keras import layers\nx = tf.constant(x)\n"
    if pad:
        setup += f"x = tf.pad(x, {[[0, 0], *[[pad, pad]] * case.rank, [0, 0]]})\n"
    setup += f"layer = layers.{kind}(**{options!r})\nlayer.build(x.shape)\n"
    if "pool" not in case.layer:
        setup += f"layer.set_weights([np.load({str(folder / 'k.npy')!r})])\n"
    yield Script("Keras", setup + "run = tf.function(layer.call)\n", "run(x).numpy()")
