"""Random inputs: damaged files of every format, layers as text, models, options, whole commands."""

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

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "samples"
NUMBERS = ("0", "1", "2", "3", "5", "-1", "1.5", "1e-3", "1/255", "10**9", "1000000000", "1" + "0" * 30, "1e400", "nan")
WORDS = (
    "same",
    "valid",
    "full",
    "causal",
    "relu",
    "softmax",
    "glu",
    "bilinear",
    "circular",
    "channels_first",
    "sobel-x",
)
NAMES = ("filters", "kernel_size", "strides", "padding", "dilation_rate", "groups", "axis", "name", "inputs", "kernel")
ODD = ("", "?", ",", "[", "{}", "=", "\0", "\n", "\x1b[31m", "\ud800", "é", "()", "None", "a" * 5000, "[" * 5000)
INTERESTING = (0, 1, 9, 10, 32, 45, 91, 123, 127, 128, 254, 255)


# ---- text ----


def value(random: Random, depth: int = 2) -> str:
    """A value as it stands in Python code, nearly always."""
    kind = random.random()
    if depth and kind < 0.25:
        inner = ", ".join(value(random, depth - 1) for _ in range(random.randint(0, 4)))
        return random.choice(("[{}]", "({},)", "{{'a': {}}}", "-{}")).format(inner)
    if kind < 0.8:
        return random.choice(NUMBERS[:6] if kind < 0.65 else NUMBERS)
    return random.choice(("True", "False", "None", *map(repr, WORDS), *map(repr, ODD[:13])))


def call(random: Random) -> str:
    """A layer in the call form, nearly always, and often one that can be."""
    layer = LAYERS[random.choice(sorted(LAYERS))]
    tame = random.random() < 0.6
    given = [sound(random, name) if tame else value(random) for name in layer.required_arguments()]
    names = random.sample((*layer.argument_names(), *NAMES), random.choice((0, 0, 1, 2)))
    return f"{layer.__name__}({', '.join([*given, *(f'{name}={value(random)}' for name in names)])})"


def sound(random: Random, name: str) -> str:
    """What a required argument may well be, as it stands in Python code."""
    return {"activation": "'relu'", "target_shape": "(-1,)", "dims": "(1, 2)", "rate": "0.5"}.get(
        name, random.choice(("1", "2", "3"))
    )


def model(random: Random) -> dict[str, Any]:
    """A model as plain values, with branches and merges."""
    layers: list[Any] = []
    names = ["input", "input"]
    rank = random.choice((1, 2, 2, 3))
    fitting = [name for name in sorted(LAYERS) if LAYERS[name].rank in (None, rank) and name != "permute"]
    for place in range(random.randint(1, 6)):
        if random.random() < 0.3:
            layers.append(call(random))
            continue
        layer = LAYERS[random.choice(fitting)]
        tame = random.random() < 0.8
        given = {
            name: literal_eval(sound(random, name)) if tame else plain(random) for name in layer.required_arguments()
        }
        given |= {name: plain(random) for name in random.sample(NAMES, random.choice((0, 0, 0, 1)))}
        if random.random() < 0.7:
            given["name"] = f"l{place}"
            names.append(f"l{place}")
        if random.random() < 0.4:
            given["inputs"] = random.choices(names, k=random.randint(1, 3))
        layers.append({layer.__name__: given})
    whole: dict[str, Any] = {"layers": layers}
    if random.random() < 0.9:
        whole["input"] = random.choice((*[[8] * rank + [2]] * 9, {"a": [8, 2], "b": [8, 2]}, plain(random)))
    if random.random() < 0.2:
        whole[random.choice(("outputs", "data_format", "name", "else"))] = plain(random)
    return whole


def plain(random: Random, depth: int = 2) -> Any:
    """A value as YAML or JSON gives it."""
    kind = random.random()
    if depth and kind < 0.3:
        each = [plain(random, depth - 1) for _ in range(random.randint(0, 4))]
        return each if kind < 0.25 else {str(place): one for place, one in enumerate(each)}
    if kind < 0.75:
        return random.choice((0, 1, 2, 2, 3, 3, -1, 1.5, 10**9, 10**30, float("nan"), float("inf")))
    return random.choice((True, False, None, *WORDS, *ODD[:13]))


def option(random: Random) -> str:
    """What may stand behind an option."""
    kind = random.random()
    if kind < 0.3:
        return random.choice((",", "x", " == ", " <= ", ":size=", "=", ".")).join(
            random.choice((*NUMBERS, *WORDS, "params", "output_shape", "layers", "conv2d", "gaussian", "?"))
            for _ in range(random.randint(1, 3))
        )
    return value(random) if kind < 0.7 else random.choice((*NUMBERS, *WORDS, *ODD))


# ---- files ----


def damaged(random: Random, content: bytes, other: bytes) -> bytes:
    """A file with a few of its bytes changed, left out, repeated, or taken from another one."""
    found = bytearray(content)
    for _ in range(random.choice((0, 1, 1, 2, 4, 16))):
        start = random.randrange(len(found) + 1)
        stop = min(len(found), start + random.choice((1, 1, 2, 4, 8, 64)))
        found[start:stop] = random.choice(
            (
                bytes(random.choice(INTERESTING) for _ in range(stop - start)),
                random.randbytes(stop - start),
                b"",
                bytes(found[start:stop]) * random.choice((2, 3, 100)),
                other[start : start + random.choice((1, 8, 100))],
                random.choice(("-", *NUMBERS, *ODD)).encode("utf-8", "surrogatepass"),
            )
        )
        if random.random() < 0.05:
            del found[random.randrange(len(found) + 1) :]
    return bytes(found)


@cache
def files(kind: str) -> tuple[tuple[str, bytes], ...]:
    """Sound files of a kind with their suffixes, to be damaged."""
    return tuple(FILES[kind]())


def npy(array: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def _arrays() -> list[tuple[str, bytes]]:
    array = np.arange(12.0).reshape(3, 4)
    made = [array, array.astype("f4").T, array.astype(">i2"), array > 3, array.astype("f2")[None], np.full(4, np.nan)]
    packed = io.BytesIO()
    np.savez_compressed(packed, a=array, b=array)
    text = [
        "1,2,3\n4,5,6\n",
        "1\t2\n3\t4\n",
        "[[1, 2], [3, .inf]]",
        "data: [1, 2]\ndtype: float32\n",
        "- [1, 2]\n- [3, 4]\n",
    ]
    return [
        *((".npy", npy(each)) for each in made),
        *((".npz", each) for each in (packed.getvalue(), archive({"a.npy": npy(array), "b.npy": npy(array[0])}))),
        *((suffix, each.encode()) for suffix in (".csv", ".json", ".yaml") for each in text),
        *((each.suffix, each.read_bytes()) for each in sorted(SAMPLES.glob("line*"))),
    ]


def archive(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
    return stream.getvalue()


def _pictures() -> list[tuple[str, bytes]]:
    from PIL import Image

    found = []
    for mode in ("L", "RGB", "RGBA", "P", "I;16", "1"):
        picture = Image.new(mode, (5, 4))
        for kind in ("PNG", "TIFF", "GIF", "WEBP", "JPEG"):
            stream = io.BytesIO()
            try:
                picture.save(stream, kind, **({"save_all": True, "append_images": [picture]} if kind == "GIF" else {}))
            except OSError:  # a mode that the format has not
                continue
            found.append((f".{kind.lower()}", stream.getvalue()))
    return [*found, (".png", (SAMPLES / "house.png").read_bytes()[:20_000])]


def _weights() -> list[tuple[str, bytes]]:
    import h5py
    import safetensors.numpy

    def hdf5(fill: Callable[[Any], Any]) -> bytes:
        stream = io.BytesIO()
        with h5py.File(stream, "w") as file:
            fill(file)
        return stream.getvalue()

    def keras_2(file: Any) -> None:
        file.attrs["layer_names"] = [b"conv1d"]
        file.create_group("conv1d").attrs["weight_names"] = [b"conv1d/kernel:0"]
        file["conv1d"]["conv1d/kernel:0"] = kernel

    kernel = np.arange(3.0, dtype="f4").reshape(3, 1, 1)
    keras_3 = hdf5(lambda file: file.create_dataset("layers/conv1d/vars/0", data=kernel, compression="gzip"))
    return [
        (".h5", keras_3),
        (".h5", hdf5(keras_2)),
        (".keras", archive({"config.json": keras_json(), "model.weights.h5": keras_3})),
        (".safetensors", safetensors.numpy.save({"conv1d/kernel": kernel, "conv1d/bias": kernel[0, 0]})),
        (".npz", archive({"conv1d/kernel.npy": npy(kernel), "conv1d/bias.npy": npy(kernel[0, 0])})),
    ]


def keras_json() -> bytes:
    """What Keras writes of a small model."""
    layer = {
        "module": "keras.layers",
        "class_name": "Conv1D",
        "config": {"name": "conv1d", "filters": 1, "kernel_size": [3]},
    }
    layers = [{"class_name": "InputLayer", "config": {"name": "x", "batch_shape": [None, 8, 1]}}, layer]
    return json.dumps({"class_name": "Sequential", "config": {"name": "m", "layers": layers}}).encode()


def _models() -> list[tuple[str, bytes]]:
    written = [*sorted(SAMPLES.glob("*.yaml")), *sorted(SAMPLES.glob("*.json"))]
    keras = sorted((ROOT / "tests" / "reference" / "models").glob("*.json"))
    found = [(each.suffix, each.read_bytes()) for each in (*written, *keras)]
    return [*(each for each in found if len(each[1]) < 50_000), (".json", keras_json())]


FILES: dict[str, Callable[[], list[tuple[str, bytes]]]] = {
    "arrays": _arrays,
    "pictures": _pictures,
    "weights": _weights,
    "models": _models,
}


def file(random: Random, kind: str, whole: float = 0) -> tuple[str, bytes]:
    """A suffix and the content of a file of a kind, damaged but for a share of them."""
    suffix, content = random.choice(files(kind))
    if random.random() < whole:
        return suffix, content
    return suffix, damaged(random, content, random.choice(files(kind))[1])
