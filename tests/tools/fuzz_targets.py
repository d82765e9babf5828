"""What `fuzz.py` tries: for each reader, and for whole commands, how an input is made and what is done with it."""

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

import anything
from click.testing import CliRunner

import convcli
from convcli.cli import main
from convcli.cli.model_arguments import value_of
from convcli.core import dtypes
from convcli.core.errors import ConvcliError
from convcli.io import arrays, hdf5, keras_archive, preprocessing, weights_file
from convcli.io.yaml_json import parse
from convcli.learning import checkpoints
from convcli.model import filter_bank
from convcli.model.layers import LAYERS
from convcli.output.report import expectations
from convcli.readers import validate
from convcli.readers.formats import read_value
from convcli.readers.input_shapes import parse_shape

MOST_VALUES = 1 << 20  # of an array in a file of weights that is read


class Target(NamedTuple):
    """How an input is made, and what is done with it: a `ConvcliError` is an answer, any other error a failure.

    What is `made` cannot be any bytes: those that atheris chooses are the seed of it.
    """

    make: Callable[[Random], bytes]
    use: Callable[[bytes], Any]
    made: bool = False


def _file(kind: str) -> Callable[[Random], bytes]:
    """A damaged file behind its suffix and a null byte."""

    def make(random: Random) -> bytes:
        suffix, content = anything.file(random, kind)
        return suffix.encode() + b"\0" + content

    return make


def _split(content: bytes) -> tuple[str, bytes]:
    suffix, _, rest = content.partition(b"\0")
    return suffix.decode("latin-1"), rest


def _text(make: Callable[[Random], str]) -> Callable[[Random], bytes]:
    return lambda random: make(random).encode("utf-8", "surrogatepass")


def _use_array(content: bytes) -> None:
    suffix, rest = _split(content)
    found = arrays.decode(rest, suffix)
    for array in found.values() if isinstance(found, dict) else [found]:
        assert array.dtype.kind in dtypes.REAL_KINDS


def _use_weights(content: bytes) -> None:
    suffix, rest = _split(content)
    for held in weights_file.decode(rest, suffix).values():
        if isinstance(held, hdf5.StoredArray) and prod(held.shape) < MOST_VALUES:
            assert held.read().shape == held.shape


def _use_model(content: bytes) -> None:
    suffix, rest = _split(content)
    if keras_archive.is_keras_archive(rest):
        rest = keras_archive.read_member(rest, keras_archive.CONFIG)
    summarize(read_value(arrays.decode_text(rest, suffix)).mapping)


def summarize(mapping: Any) -> None:
    """Plan a model, on inputs of two axes in space where it does not say."""
    model = validate.build_model(mapping, str(anything.SAMPLES), "model")
    shapes = {name: (8, 8, 2) for name, shape in model.inputs.items() if shape is None}
    convcli.summarize(model, shapes or None, count="detail")


def _use_document(content: bytes) -> None:
    parse(_split(content)[1].decode("utf-8", "replace"))


def _use_call(content: bytes) -> None:
    text = content.decode("utf-8", "replace")
    _first_that_answers(
        *(
            lambda shape=shape: summarize({"layers": [text], "input": shape})
            for shape in ([8, 8, 2], [8, 2], [None, 4, 4, 1])
        )
    )


def _first_that_answers(*uses: Callable[[], Any]) -> None:
    """Try all; an error of the last is an error where none of them had an answer."""
    problems = []
    for use in uses:
        try:
            use()
        except ConvcliError as error:
            problems.append(error)
    if len(problems) == len(uses):
        raise problems[-1]


def _make_plain(random: Random) -> bytes:
    return json.dumps(anything.model(random)).encode()


SUMMARY = convcli.summarize(convcli.load(["Conv2D(40, 3)", "flatten"]), (8, 8, 1), count="detail")


def _use_option(content: bytes) -> None:
    text = content.decode("utf-8", "replace")
    _first_that_answers(
        lambda: parse_shape(text),
        lambda: filter_bank.find(text),
        lambda: expectations.failure(SUMMARY, text),
        lambda: expectations.value(SUMMARY, text),
        lambda: preprocessing.parse_scale_factor(text),
        lambda: parameters(text),
    )


def parameters(text: str) -> None:
    """An option of a single layer."""
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
    return anything.damaged(random, json.dumps(RECORD).encode(), json.dumps(anything.model(random)).encode())


def _use_checkpoint(content: bytes) -> None:
    import numpy as np

    checkpoints.unpack({checkpoints.RECORD: np.frombuffer(content, np.uint8)})


# ---- whole commands ----

FOLDER = tempfile.mkdtemp(prefix="convcli-fuzz-")
atexit.register(rmtree, FOLDER, ignore_errors=True)
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
KINDS = {"A": "arrays", "M": "models", "W": "weights", "P": "pictures"}


def _make_command(random: Random) -> bytes:
    """The arguments of a command, and the files among them."""
    template, options = random.choice(COMMANDS)
    found: dict[str, str] = {}
    arguments = [_filled(random, word, found) for word in template.split()]
    for name in random.sample(options, min(len(options), random.choice((0, 0, 1, 2)))):
        arguments += [name] if name in FLAGS else [name, anything.option(random)]
    if random.random() < 0.5:
        arguments += ["-f", random.choice(("json", "yaml", "csv", "npy", "png", "html", "tree"))]
    return json.dumps({"arguments": arguments, "files": found}).encode()


def _filled(random: Random, word: str, found: dict[str, str]) -> str:
    if word == "L":
        return anything.call(random)
    if word == "O":
        return anything.option(random)
    if word not in KINDS:
        return word
    suffix, content = anything.file(random, KINDS[word], whole=0.8)
    if word == "M" and random.random() < 0.5:
        suffix, content = ".json", _make_plain(random)
    name = f"{len(found)}{suffix}"
    found[name] = content.hex()
    return name


def _use_command(content: bytes) -> None:
    command = json.loads(content)
    os.chdir(FOLDER)
    for name, hexadecimal in command["files"].items():
        with open(name, "wb") as stream:
            stream.write(bytes.fromhex(hexadecimal))
    done = CliRunner().invoke(main, command["arguments"])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    said = [line for line in done.stderr.splitlines() if not line.startswith(("Warning: ", "Usage: ", "Try ")) and line]
    assert done.exit_code in (0, 1, 2), done.exit_code
    differs = command["arguments"][0] == "diff" and done.exit_code == 1
    assert len(said) == (bool(done.exit_code) and not differs), done.stderr
    if done.exit_code:
        raise ConvcliError(done.stderr)
    if "json" in command["arguments"][-1:] and "--get" not in command["arguments"] and done.stdout:
        json.loads(done.stdout, parse_constant=lambda word: 1 / 0)  # there are no such words in JSON


TARGETS = {
    "arrays": Target(_file("arrays"), _use_array),
    "pictures": Target(_file("pictures"), _use_array),
    "weights": Target(_file("weights"), _use_weights),
    "documents": Target(_file("models"), _use_document),
    "models": Target(_file("models"), _use_model),
    "archives": Target(_file("weights"), _use_model),
    "graphs": Target(_make_plain, lambda content: summarize(json.loads(content)), made=True),
    "calls": Target(_text(anything.call), _use_call),
    "options": Target(_text(anything.option), _use_option),
    "checkpoints": Target(_make_checkpoint, _use_checkpoint),
    "commands": Target(_make_command, _use_command, made=True),
}
