"""The cases in other programs, as short scripts from file to file: in whichever are installed.

A script is what comes once (imports, loading, weights in the program's own layout) and one expression, the call. For a
whole process the two run one after the other, and the result is saved. In steady state the call alone is timed.
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
    """How a peer does a case on the files of a folder: what comes once, and the call."""

    peer: str
    setup: str
    call: str

    def prepared_call(self) -> Callable[[], Any]:
        """Run the setup and return the call, ready to be timed."""
        variables: dict[str, Any] = {}
        exec(self.setup, variables)
        call: Callable[[], Any] = eval(f"lambda: {self.call}", variables)
        return call

    def program(self, folder: Path) -> str:
        """Return a program that leaves the result in a file of the folder."""
        return f"{self.setup}\nnp.save({str(folder / 'y.npy')!r}, np.ascontiguousarray({self.call}))"


PEERS = {
    "PyTorch": ("torch",),
    "ONNX Runtime": ("onnxruntime", "onnx"),
    "OpenCV": ("cv2",),
    "SciPy": ("scipy",),
    "Keras": ("keras", "tensorflow"),
}  # and the modules that each needs


def installed() -> list[str]:
    """Return the peers that this Python has."""
    return [peer for peer, modules in PEERS.items() if all(map(find_spec, modules))]


def channels_first(case: Case, kernel: np.ndarray) -> np.ndarray:
    """Return Keras's kernel as (filters, in/groups, *window), a transposed one as (in, filters, *window)."""
    if "depthwise" in case.layer:
        kernel = np.swapaxes(kernel, -1, -2)
    return np.ascontiguousarray(np.moveaxis(kernel, (-1, -2), (0, 1)))


def groups_of(case: Case) -> int:
    """Return the number of groups: as many as channels where the convolution is depthwise."""
    return case.input_shape[-1] if "depthwise" in case.layer else case.option("groups", 1)


def write_files(case: Case, folder: Path, peers: list[str]) -> None:
    """Write the files that the scripts of these peers read."""
    x, kernel = case.arrays()
    np.save(folder / "x.npy", x)
    np.save(folder / "x_first.npy", np.ascontiguousarray(np.moveaxis(x, -1, 1)))
    if kernel is not None:
        np.save(folder / "k.npy", kernel)
        np.save(folder / "k_first.npy", channels_first(case, kernel))
    if "ONNX Runtime" in peers:
        (folder / "model.onnx").write_bytes(_onnx(case, kernel))


def _onnx(case: Case, kernel: np.ndarray | None) -> bytes:
    """Return an ONNX file of one node."""
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
        weights = [numpy_helper.from_array(channels_first(case, kernel), "w")]
    node = helper.make_node(kind, ["x", *(tensor.name for tensor in weights)], ["y"], **options)
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * (rank + 2)) for name in "xy"]
    graph = helper.make_graph([node], "case", values[:1], values[1:], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    content: bytes = model.SerializeToString()
    return content


def scripts(case: Case, folder: Path, peers: list[str]) -> list[Script]:
    """Return each peer's scripts for a case: none where it has no such operation, several where it has a choice."""
    makers: Mapping[str, Callable[[Case, Path], Iterator[Script]]] = {
        "PyTorch": _torch,
        "ONNX Runtime": _onnxruntime,
        "OpenCV": _opencv,
        "SciPy": _scipy,
        "Keras": _keras,
    }
    return [script for peer in peers for script in makers[peer](case, folder)]


def _load(folder: Path, name: str) -> str:
    return f"import numpy as np\nx = np.load({str(folder / name)!r})\n"


def _torch(case: Case, folder: Path) -> Iterator[Script]:
    stride, padding, rank = case.option("strides", 1), case.padding, case.rank
    layouts = {1: {"": None}, 2: {"": None, " channels last": "channels_last"}}
    layouts[3] = {"": None, " channels last": "channels_last_3d"}
    for suffix, layout in layouts[rank].items():
        setup = _load(folder, "x_first.npy") + "import torch\nfrom torch.nn import functional as f\n"
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
    setup = _load(folder, "x_first.npy") + "import onnxruntime\n"
    setup += (
        f"session = onnxruntime.InferenceSession({str(folder / 'model.onnx')!r}, providers=['CPUExecutionProvider'])\n"
    )
    yield Script("ONNX Runtime", setup, "session.run(None, {'x': x})[0]")


def _is_single_channel(case: Case) -> bool:
    """Return whether there are one channel, one filter and no strides, as functions for images want it."""
    return case.input_shape[-1] == case.option("filters", 0) == case.option("strides", 1) == 1


def _opencv(case: Case, folder: Path) -> Iterator[Script]:
    if _is_single_channel(case):
        setup = _load(folder, "x.npy") + f"import cv2\nk = np.load({str(folder / 'k.npy')!r})[..., 0, 0]\n"
        setup += "x, k = (a[None] if a.ndim == 1 else a for a in (x[0, ..., 0], k))\n"
        edge = case.option("kernel_size", 1) // 2
        rows = f"{edge}:-{edge}" if case.rank == 2 else ":"
        filtered = "cv2.filter2D(x, cv2.CV_32F, k, borderType=cv2.BORDER_CONSTANT)"
        yield Script("OpenCV", setup, f"{filtered}[{rows}, {edge}:-{edge}]")


def _scipy(case: Case, folder: Path) -> Iterator[Script]:
    if _is_single_channel(case):
        setup = _load(folder, "x.npy") + f"k = np.load({str(folder / 'k.npy')!r})[..., 0, 0]\nx = x[0, ..., 0]\n"
        fourier = setup + "from scipy import signal\nk = np.flip(k).copy()\n"
        yield Script("SciPy oaconvolve", fourier, "signal.oaconvolve(x, k, 'valid')")
        if case.option("kernel_size", 1) < 9:
            yield Script(
                "SciPy ndimage", setup + "from scipy import ndimage\n", "ndimage.correlate(x, k, mode='constant')"
            )


KERAS_LAYERS = {
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
    kind = f"{KERAS_LAYERS[case.layer.removesuffix('_transpose')[:-2]]}{case.rank}D"
    kind += "Transpose" if "transpose" in case.layer else ""
    setup = _load(folder, "x.npy") + "import tensorflow as tf\nfrom keras import layers\nx = tf.constant(x)\n"
    if pad:
        setup += f"x = tf.pad(x, {[[0, 0], *[[pad, pad]] * case.rank, [0, 0]]})\n"
    setup += f"layer = layers.{kind}(**{options!r})\nlayer.build(x.shape)\n"
    if "pool" not in case.layer:
        setup += f"layer.set_weights([np.load({str(folder / 'k.npy')!r})])\n"
    yield Script("Keras", setup + "run = tf.function(layer.call)\n", "run(x).numpy()")
