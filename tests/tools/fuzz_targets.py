"""The targets of `fuzz.py`: readers and whole commands, each with the inputs that are tried on it."""

from __future__ import annotations

import atexit
import json
import os
import tempfile
from collections.abc import Callable
from math import prod
from random import Random
from shutil import rmtree
from typing import Any, NamedTuple

import random_inputs
from click.testing import CliRunner

import convcli
from convcli.cli import main
from convcli.cli.model_arguments import value_of
from convcli.core import dtypes
from convcli.core.errors import ConvcliError
from convcli.io import arrays, preprocessing, weights_file
from convcli.io.stored_array import StoredArray
from convcli.io.yaml_json import parse
from convcli.learning import checkpoints
from convcli.model import filter_bank
from convcli.model.layers import LAYERS
from convcli.output.report import expectations
from convcli.readers import validate
from convcli.readers.formats import read_file
from convcli.readers.input_shapes import parse_shape
from convcli.readers.reader import ModelFile

MOST_VALUES = 1 << 20  # arrays of a weights file that are larger are not read


class Target(NamedTuple):
    """A function that makes an input, and one that uses it: a `ConvcliError` is an answer, any other error a failure.

    Where not all bytes are an input (`from_seed`), the bytes that atheris chooses are the seed from which one is made.
    """

    make: Callable[[Random], bytes]
    use: Callable[[bytes], Any]
    from_seed: bool = False


def _file(kind: str) -> Callable[[Random], bytes]:
    """Return the function that makes a damaged file: its suffix, a null byte, its content."""

    def make(random: Random) -> bytes:
        suffix, content = random_inputs.file(random, kind)
        return suffix.encode() + b"\0" + content

    return make


def _split(content: bytes) -> tuple[str, bytes]:
    """Return the suffix and the content of a file that `_file` made."""
    suffix, _, rest = content.partition(b"\0")
    return suffix.decode("latin-1"), rest


def _text(make: Callable[[Random], str]) -> Callable[[Random], bytes]:
    return lambda random: make(random).encode("utf-8", "surrogatepass")


def _use_array(content: bytes) -> None:
    suffix, rest = _split(content)
    result = arrays.decode(rest, suffix)
    for array in result.values() if isinstance(result, dict) else [result]:
        assert array.dtype.kind in dtypes.REAL_KINDS


def _use_weights(content: bytes) -> None:
    suffix, rest = _split(content)
    for array in weights_file.decode(rest, suffix).values():
        if isinstance(array, StoredArray) and prod(array.shape) < MOST_VALUES:
            assert array.read().shape == array.shape


def _use_model(content: bytes) -> None:
    suffix, rest = _split(content)
    summarize(read_file(ModelFile(rest, suffix, "model", "model"), "").mapping)


def summarize(mapping: Any) -> None:
    """Plan a model; inputs whose shape it does not say are 8×8 with two channels."""
    model = validate.build_model(mapping, str(random_inputs.SAMPLES), "model")
    shapes = {name: (8, 8, 2) for name, shape in model.inputs.items() if shape is None}
    convcli.summarize(model, shapes or None, count="detail")


def _use_text(content: bytes) -> None:
    parse(_split(content)[1].decode("utf-8", "replace"))


def _use_call(content: bytes) -> None:
    text = content.decode("utf-8", "replace")
    shapes = ([8, 8, 2], [8, 2], [None, 4, 4, 1])
    _use_all(*(lambda shape=shape: summarize({"layers": [text], "input": shape}) for shape in shapes))


def _use_all(*uses: Callable[[], Any]) -> None:
    """Call all functions; raise the last `ConvcliError` where none of them has an answer."""
    problems = []
    for use in uses:
        try:
            use()
        except ConvcliError as error:
            problems.append(error)
    if len(problems) == len(uses):
        raise problems[-1]


def _make_model(random: Random) -> bytes:
    return json.dumps(random_inputs.model(random)).encode()


SUMMARY = convcli.summarize(convcli.load(["Conv2D(40, 3)", "flatten"]), (8, 8, 1), count="detail")


def _use_option(content: bytes) -> None:
    text = content.decode("utf-8", "replace")
    _use_all(
        lambda: parse_shape(text),
        lambda: filter_bank.find(text),
        lambda: expectations.failure(SUMMARY, text),
        lambda: expectations.value(SUMMARY, text),
        lambda: preprocessing.parse_scale_factor(text),
        lambda: _read_arguments(text),
    )


def _read_arguments(text: str) -> None:
    """Read an option of a single layer as each of some arguments."""
    value = value_of(text)
    for name in ("strides", "padding", "groups", "activation"):
        LAYERS["conv2d"].read_argument(name, value)


RECORD = {
    "settings": {"optimizer": "adam", "freeze": [], "losses": {"dense": "mse"}},
    "epochs": 2,
    "epoch": 1,
    "batch": 0,
    "updates": 3,
    "history": {"loss": [1.0]},
    "sums": {"samples": 1, "loss": 1.0, "right": {}},
    "best": [1.0, 0],
}


def _make_checkpoint(random: Random) -> bytes:
    return random_inputs.damaged(random, json.dumps(RECORD).encode(), json.dumps(random_inputs.model(random)).encode())


def _use_checkpoint(content: bytes) -> None:
    import numpy as np

    checkpoints.unpack({checkpoints.RECORD: np.frombuffer(content, np.uint8)})


# ---- whole commands ----

FOLDER = tempfile.mkdtemp(prefix="convcli-fuzz-")
atexit.register(rmtree, FOLDER, ignore_errors=True)
# Templates of commands, each with the options that may follow. L is a layer, O the value of an option, and the keys of
# KINDS are files.
COMMANDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "apply A -l L",
        ("--strides", "--padding", "--dilation-rate", "--groups", "--bias", "--activation", "--algorithm"),
    ),
    ("apply A M --seed 1", ("--map", "--layer-output", "--scale", "--data-format", "--dtype", "--tolerance")),
    ("apply A --filter O", ("--strides", "--padding", "--padding-mode", "--map")),
    ("apply A -l L --weights W", ("--dtype",)),
    ("apply P M --seed 1", ("--gray", "--all-layers", "--show-weights")),
    ("explain A M --seed 1 --at O", ("--map", "--sample", "--layer-output")),
    ("explain A -l L --seed 1 --walk --limit 5", ("--map",)),
    ("shape M", ("-i", "--at", "--get", "--expect", "--batch", "--count", "--data-format")),
    ("shape -l L -l L -i O", ("--get", "--expect", "--explain", "--at")),
    ("shape -l L -i 8x8x2", ("--get", "--expect", "--explain", "--at")),
    ("filters O", ("--normalize",)),
    ("solve --input 8 --output O", ("--kernel-size", "--strides", "--padding", "--dilation-rate", "--transpose")),
    ("solve M", ("-i", "--output")),
    ("diff M M", ("-i",)),
    ("fit A A -l L --epochs 1 -o out.npz", ("--loss", "--batch-size", "--validation-split", "--freeze", "--optimizer")),
)
FLAGS = ("--gray", "--all-layers", "--show-weights", "--explain", "--normalize", "--transpose")
KINDS = {"A": "arrays", "M": "models", "W": "weights", "P": "images"}


def _make_command(random: Random) -> bytes:
    """Make a command: its arguments, and the contents of the files that they name, as JSON."""
    template, options = random.choice(COMMANDS)
    files: dict[str, str] = {}
    arguments = [_argument(random, word, files) for word in template.split()]
    for name in random.sample(options, min(len(options), random.choice((0, 0, 1, 2)))):
        arguments += [name] if name in FLAGS else [name, random_inputs.option(random)]
    if random.random() < 0.5:
        arguments += ["-f", random.choice(("json", "yaml", "csv", "npy", "png", "html", "tree"))]
    return json.dumps({"arguments": arguments, "files": files}).encode()


def _argument(random: Random, word: str, files: dict[str, str]) -> str:
    """Return a word of a template, or what it stands for: a layer, an option's value, or a new file."""
    if word == "L":
        return random_inputs.call(random)
    if word == "O":
        return random_inputs.option(random)
    if word not in KINDS:
        return word
    suffix, content = random_inputs.file(random, KINDS[word], undamaged=0.8)
    if word == "M" and random.random() < 0.5:
        suffix, content = ".json", _make_model(random)
    name = f"{len(files)}{suffix}"
    files[name] = content.hex()
    return name


def _use_command(content: bytes) -> None:
    command = json.loads(content)
    os.chdir(FOLDER)
    for name, hexadecimal in command["files"].items():
        with open(name, "wb") as stream:
            stream.write(bytes.fromhex(hexadecimal))
    result = CliRunner().invoke(main, command["arguments"])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    others = ("Warning: ", "Usage: ", "Try ")
    errors = [line for line in result.stderr.splitlines() if line and not line.startswith(others)]
    assert result.exit_code in (0, 1, 2), result.exit_code
    differs = command["arguments"][0] == "diff" and result.exit_code == 1
    assert len(errors) == (bool(result.exit_code) and not differs), result.stderr
    if result.exit_code:
        raise ConvcliError(result.stderr)
    if "json" in command["arguments"][-1:] and "--get" not in command["arguments"] and result.stdout:
        json.loads(result.stdout, parse_constant=lambda word: 1 / 0)  # NaN and Infinity are not JSON


TARGETS = {
    "arrays": Target(_file("arrays"), _use_array),
    "images": Target(_file("images"), _use_array),
    "weights": Target(_file("weights"), _use_weights),
    "documents": Target(_file("models"), _use_text),
    "models": Target(_file("models"), _use_model),
    "archives": Target(_file("weights"), _use_model),
    "graphs": Target(_make_model, lambda content: summarize(json.loads(content)), from_seed=True),
    "calls": Target(_text(random_inputs.call), _use_call),
    "options": Target(_text(random_inputs.option), _use_option),
    "checkpoints": Target(_make_checkpoint, _use_checkpoint),
    "commands": Target(_make_command, _use_command, from_seed=True),
}
