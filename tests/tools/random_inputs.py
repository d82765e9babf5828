"""Random inputs, valid and invalid: damaged files of every format, layers as text, models, options."""

from __future__ import annotations

import io
import json
import zipfile
from ast import literal_eval
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from convcli.model.layers import LAYERS
from convcli.readers.dialect_class import REQUIRED
from convcli.readers.torch.classes import CLASSES

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "samples"
CHECKPOINTS = ROOT / "tests" / "reference" / "checkpoints"
NUMBERS = ("0", "1", "2", "3", "5", "-1", "1.5", "1e-3", "1/255", "10**9", "1000000000", "1" + "0" * 30, "1e400", "nan")
WORDS = (
    *("same", "valid", "full", "causal", "relu", "softmax", "glu"),
    *("bilinear", "circular", "channels_first", "sobel-x"),
)
NAMES = ("filters", "kernel_size", "strides", "padding", "dilation_rate", "groups", "axis", "name", "inputs", "kernel")
ODD = ("", "?", ",", "[", "{}", "=", "\0", "\n", "\x1b[31m", "\ud800", "é", "()", "None", "a" * 5000, "[" * 5000)
ODD_BYTES = (0, 1, 9, 10, 32, 45, 91, 123, 127, 128, 254, 255)


# ---- text ----


def python_value(random: Random, depth: int = 2) -> str:
    """Make a value as Python code writes it, almost always a literal."""
    choice = random.random()
    if depth and choice < 0.25:
        inner = ", ".join(python_value(random, depth - 1) for _ in range(random.randint(0, 4)))
        return random.choice(("[{}]", "({},)", "{{'a': {}}}", "-{}")).format(inner)
    if choice < 0.8:
        return random.choice(NUMBERS[:6] if choice < 0.65 else NUMBERS)
    return random.choice(("True", "False", "None", *map(repr, WORDS), *map(repr, ODD[:13])))


def call(random: Random) -> str:
    """Make a layer in the call form, often a valid one."""
    if random.random() < 0.2:
        return torch_call(random)
    layer = LAYERS[random.choice(sorted(LAYERS))]
    is_valid = random.random() < 0.6
    required = [
        valid_argument(random, name) if is_valid else python_value(random) for name in layer.required_arguments()
    ]
    names = random.sample((*layer.argument_names(), *NAMES), random.choice((0, 0, 1, 2)))
    return f"{layer.__name__}({', '.join([*required, *(f'{name}={python_value(random)}' for name in names)])})"


def torch_call(random: Random) -> str:
    """Make a layer in PyTorch's words, often a valid one."""
    name = random.choice(sorted(CLASSES))
    arguments = CLASSES[name].arguments
    is_valid = random.random() < 0.6
    required = [
        random.choice(("1", "2", "3", "(1, 2)")) if is_valid else python_value(random)
        for argument in arguments
        if argument.default is REQUIRED
    ]
    named = random.sample([argument.name for argument in arguments], min(len(arguments), random.choice((0, 0, 1, 2))))
    text = f"nn.{name}({', '.join([*required, *(f'{key}={python_value(random)}' for key in named)])})"
    return f"nn.Sequential({text}, {text})" if random.random() < 0.1 else text


def valid_argument(random: Random, name: str) -> str:
    """Make a value, as Python code, that suits a required argument."""
    by_name = {"activation": "'relu'", "target_shape": "(-1,)", "dims": "(1, 2)", "rate": "0.5"}
    return by_name.get(name, random.choice(("1", "2", "3")))


def option(random: Random) -> str:
    """Make the value of an option of the command line."""
    choice = random.random()
    if choice < 0.3:
        return random.choice((",", "x", " == ", " <= ", ":size=", "=", ".")).join(
            random.choice((*NUMBERS, *WORDS, "params", "output_shape", "layers", "conv2d", "gaussian", "?"))
            for _ in range(random.randint(1, 3))
        )
    return python_value(random) if choice < 0.7 else random.choice((*NUMBERS, *WORDS, *ODD))


# ---- plain values ----


def model(random: Random) -> dict[str, Any]:
    """Make a model as a plain mapping, with branches and merges."""
    layers: list[Any] = []
    names = ["input", "input"]  # twice, so that it is chosen more often
    rank = random.choice((1, 2, 2, 3))
    types = [name for name in sorted(LAYERS) if LAYERS[name].rank in (None, rank) and name != "permute"]
    for index in range(random.randint(1, 6)):
        layers.append(call(random) if random.random() < 0.3 else _layer(random, index, types, names))
    mapping: dict[str, Any] = {"layers": layers}
    if random.random() < 0.9:
        mapping["input"] = random.choice((*[[8] * rank + [2]] * 9, {"a": [8, 2], "b": [8, 2]}, plain_value(random)))
    if random.random() < 0.2:
        mapping[random.choice(("outputs", "data_format", "name", "else"))] = plain_value(random)
    return mapping


def _layer(random: Random, index: int, types: list[str], names: list[str]) -> dict[str, Any]:
    """Make a layer as a mapping; it may take any of the named outputs, and add its own name to them."""
    layer = LAYERS[random.choice(types)]
    is_valid = random.random() < 0.8
    arguments = {
        name: literal_eval(valid_argument(random, name)) if is_valid else plain_value(random)
        for name in layer.required_arguments()
    }
    arguments |= {name: plain_value(random) for name in random.sample(NAMES, random.choice((0, 0, 0, 1)))}
    if random.random() < 0.7:
        arguments["name"] = f"l{index}"
        names.append(f"l{index}")
    if random.random() < 0.4:
        arguments["inputs"] = random.choices(names, k=random.randint(1, 3))
    return {layer.__name__: arguments}


def plain_value(random: Random, depth: int = 2) -> Any:
    """Make a value as YAML or JSON gives it."""
    choice = random.random()
    if depth and choice < 0.3:
        items = [plain_value(random, depth - 1) for _ in range(random.randint(0, 4))]
        return items if choice < 0.25 else {str(index): item for index, item in enumerate(items)}
    if choice < 0.75:
        return random.choice((0, 1, 2, 2, 3, 3, -1, 1.5, 10**9, 10**30, float("nan"), float("inf")))
    return random.choice((True, False, None, *WORDS, *ODD[:13]))


# ---- files ----


def file(random: Random, kind: str, undamaged: float = 0) -> tuple[str, bytes]:
    """Return the suffix and the content of a file of one kind, damaged except for a share of `undamaged`."""
    suffix, content = random.choice(files(kind))
    if random.random() < undamaged:
        return suffix, content
    return suffix, damaged(random, content, random.choice(files(kind))[1])


def damaged(random: Random, content: bytes, other: bytes) -> bytes:
    """Return a file with a few bytes changed, removed, repeated, or taken from another file."""
    result = bytearray(content)
    for _ in range(random.choice((0, 1, 1, 2, 4, 16))):
        start = random.randrange(len(result) + 1)
        stop = min(len(result), start + random.choice((1, 1, 2, 4, 8, 64)))
        result[start:stop] = random.choice(
            (
                bytes(random.choice(ODD_BYTES) for _ in range(stop - start)),
                random.randbytes(stop - start),
                b"",
                bytes(result[start:stop]) * random.choice((2, 3, 100)),
                other[start : start + random.choice((1, 8, 100))],
                random.choice(("-", *NUMBERS, *ODD)).encode("utf-8", "surrogatepass"),
            )
        )
        if random.random() < 0.05:
            del result[random.randrange(len(result) + 1) :]
    return bytes(result)


@cache
def files(kind: str) -> tuple[tuple[str, bytes], ...]:
    """Return undamaged files of one kind, each with its suffix."""
    return tuple(FILES[kind]())


def npy(array: Any) -> bytes:
    """Return an array as an NPY file."""
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def archive(members: dict[str, bytes]) -> bytes:
    """Return a zip file of these members."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive_file:
        for name, content in members.items():
            archive_file.writestr(name, content)
    return stream.getvalue()


def _arrays() -> list[tuple[str, bytes]]:
    array = np.arange(12.0).reshape(3, 4)
    arrays = [array, array.astype("f4").T, array.astype(">i2"), array > 3, array.astype("f2")[None], np.full(4, np.nan)]
    compressed = io.BytesIO()
    np.savez_compressed(compressed, a=array, b=array)
    texts = [
        "1,2,3\n4,5,6\n",
        "1\t2\n3\t4\n",
        "[[1, 2], [3, .inf]]",
        "data: [1, 2]\ndtype: float32\n",
        "- [1, 2]\n- [3, 4]\n",
    ]
    return [
        *((".npy", npy(each)) for each in arrays),
        (".npz", compressed.getvalue()),
        (".npz", archive({"a.npy": npy(array), "b.npy": npy(array[0])})),
        *((suffix, text.encode()) for suffix in (".csv", ".json", ".yaml") for text in texts),
        *((path.suffix, path.read_bytes()) for path in sorted(SAMPLES.glob("line*"))),
    ]


def _images() -> list[tuple[str, bytes]]:
    from PIL import Image

    result = []
    for mode in ("L", "RGB", "RGBA", "P", "I;16", "1"):
        image = Image.new(mode, (5, 4))
        for name in ("PNG", "TIFF", "GIF", "WEBP", "JPEG"):
            stream = io.BytesIO()
            try:
                image.save(stream, name, **({"save_all": True, "append_images": [image]} if name == "GIF" else {}))
            except OSError:  # the format does not have this mode
                continue
            result.append((f".{name.lower()}", stream.getvalue()))
    return [*result, (".png", (SAMPLES / "house.png").read_bytes()[:20_000])]


def _weights() -> list[tuple[str, bytes]]:
    import h5py
    import safetensors.numpy

    def hdf5(fill: Callable[[Any], Any]) -> bytes:
        stream = io.BytesIO()
        with h5py.File(stream, "w") as hdf5_file:
            fill(hdf5_file)
        return stream.getvalue()

    def keras_2(hdf5_file: Any) -> None:
        hdf5_file.attrs["layer_names"] = [b"conv1d"]
        hdf5_file.create_group("conv1d").attrs["weight_names"] = [b"conv1d/kernel:0"]
        hdf5_file["conv1d"]["conv1d/kernel:0"] = kernel

    kernel = np.arange(3.0, dtype="f4").reshape(3, 1, 1)
    keras_3 = hdf5(lambda file: file.create_dataset("layers/conv1d/vars/0", data=kernel, compression="gzip"))
    return [
        (".h5", keras_3),
        (".h5", hdf5(keras_2)),
        (".keras", archive({"config.json": keras_json(), "model.weights.h5": keras_3})),
        (".safetensors", safetensors.numpy.save({"conv1d/kernel": kernel, "conv1d/bias": kernel[0, 0]})),
        (".npz", archive({"conv1d/kernel.npy": npy(kernel), "conv1d/bias.npy": npy(kernel[0, 0])})),
        *((".pth", path.read_bytes()) for path in sorted(CHECKPOINTS.glob("*.pth"))),
    ]


def keras_json() -> bytes:
    """Return the JSON of a small model as Keras writes it."""
    layer = {
        "module": "keras.layers",
        "class_name": "Conv1D",
        "config": {"name": "conv1d", "filters": 1, "kernel_size": [3]},
    }
    layers = [{"class_name": "InputLayer", "config": {"name": "x", "batch_shape": [None, 8, 1]}}, layer]
    return json.dumps({"class_name": "Sequential", "config": {"name": "m", "layers": layers}}).encode()


def _models() -> list[tuple[str, bytes]]:
    samples = [*sorted(SAMPLES.glob("*.yaml")), *sorted(SAMPLES.glob("*.json"))]
    reference = ROOT / "tests" / "reference"
    keras = [*sorted((reference / "models").glob("*.json")), *sorted((reference / "unknown").glob("*.json"))]
    keras += [reference / "models" / "pictures_2.saved.h5", reference / "unknown" / "text.h5"]
    contents = [(path.suffix, path.read_bytes()) for path in (*samples, *keras)]
    code = b"model = Sequential()\nmodel.add(Input(shape=(8, 1)))\nmodel.add(Conv1D(4, 3, activation=relu))\nflatten\n"
    printed = (
        b"Net(\n  (0): Conv2d(2, 4, kernel_size=(3, 3), padding=same)\n  (1): Sequential(\n    (a): ReLU()\n  )\n)\n"
    )
    chain = b"import torch.nn as nn\nmodel = nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.ReLU(), nn.Flatten(1)))\n"
    texts = [(".txt", code), (".txt", printed), (".txt", printed.replace(b"Net", b"Sequential")), (".py", chain)]
    return [*(each for each in contents if len(each[1]) < 50_000), (".json", keras_json()), *texts]


FILES: dict[str, Callable[[], list[tuple[str, bytes]]]] = {
    "arrays": _arrays,
    "images": _images,
    "weights": _weights,
    "models": _models,
}
