"""The model that the arguments of a command name: a file, inline layers, or filters of the bank."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from convcli.cli import completion
from convcli.cli.options import decorate
from convcli.core.records import Record, replace

if TYPE_CHECKING:
    from convcli.core.shapes import DataFormat
    from convcli.model.graph import Model, Node
    from convcli.readers.reader import Document

# Options that set an argument of the layer, where the model is a single layer.
SINGLE_LAYER = {
    "--strides": "the step of the window in cells, 2, or 2,1 for each axis.",
    "--padding": "valid, same, same_lower, causal, full, a number of cells (1, or 1,2), or [[before, after], ...].",
    "--padding-mode": "zeros, reflect, symmetric (SciPy's reflect), replicate or circular.",
    "--dilation-rate": "the distance between cells of the kernel.",
    "--groups": "the number of groups that channels are split into.",
    "--bias": "a number, one for each filter (0,1), or a file; false: no bias.",
    "--activation": "an activation of Keras, such as relu.",
}

COMPLETIONS = {
    "--padding": completion.paddings,
    "--padding-mode": completion.padding_modes,
    "--bias": completion.files,
    "--activation": completion.activations,
}

single_layer_options = decorate(
    *(
        click.option(
            flag,
            metavar="VALUE",
            shell_complete=COMPLETIONS.get(flag, completion.nothing),
            help=f"For one layer: {text}",
        )
        for flag, text in SINGLE_LAYER.items()
    ),
    click.option(
        "--flip-kernel",
        is_flag=True,
        help="For one layer: convolve as in signal processing, with the kernel reversed on every axis.",
    ),
)


def single_layer(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the layer arguments that a command's options set, for a model of one layer."""
    named = [flag.removeprefix("--").replace("-", "_") for flag in SINGLE_LAYER]
    arguments = {name: value_of(options[name]) for name in named if options[name] is not None}
    if isinstance(arguments.get("bias"), str):
        arguments["bias"] = os.path.abspath(arguments["bias"])  # relative to this folder, not to the model's
    return arguments | ({"flip_kernel": True} if options["flip_kernel"] else {})


def value_of(text: str) -> Any:
    """Return what a text stands for: a number, a boolean, a list (`2,1`, `2x1` or JSON), or the text itself."""
    if text in ("True", "False"):  # as Python spells them
        return text == "True"
    listed = text.replace("x", ",") if set(text) <= set("0123456789x") else text
    for candidate in (text, f"[{listed}]"):
        try:
            return json.loads(candidate)
        except (ValueError, RecursionError):
            continue
    return text


class Vocabulary(Record):
    """The words of a model, as options say them: whose they are, and what to do with a printed text.

    `listed_order` takes the parts of a printed model in the order of the text.
    """

    dialect: str | None = None
    listed_order: bool = False


def vocabulary(options: Mapping[str, Any]) -> Vocabulary:
    """Return what the options of a command say about the words of its model."""
    return Vocabulary(options["dialect"], options["listed_order"])


def load_model(
    source: str | None,
    layers: Sequence[str] = (),
    overrides: Mapping[str, Any] | None = None,
    data_format: DataFormat | None = None,
    words: Vocabulary = Vocabulary(),  # noqa: B008
) -> Model:
    """Return the model in a file, or of inline layers; `overrides` are arguments for a model of one layer.

    `data_format` is that of inline layers. A file that does not name one is channels_last.
    """
    from convcli.readers.load import in_words_of
    from convcli.readers.reader import Document

    if source is not None:
        from convcli.readers.formats import read_model_file

        document, data_format = read_model_file(source, words.listed_order), None
    else:
        document = Document({"layers": list(layers)}, "", "model", "--layer")
    return _built(in_words_of(words.dialect, document), overrides, data_format)


def filter_model(
    names: Sequence[str],
    normalize: bool,
    rank: int,
    overrides: Mapping[str, Any],
    data_format: DataFormat | None,
    channels: int,
) -> Model:
    """Return a model that applies the named filters to each channel by itself; their maps come channel by channel.

    Args:
        names: Names of filters of the bank, or files.
        normalize: Whether filters are divided as by `filters --normalize`.
        rank: The rank of filters that take any, where no other filter has a rank of its own.
        overrides: Further arguments of the filters' layers.
        data_format: The model's.
        channels: Of the input, where it is a volume.
    """
    from convcli.core.errors import located
    from convcli.readers.named_filters import filter_layers, named_filters
    from convcli.readers.reader import Document

    with located("--filter"):
        layers = filter_layers(named_filters(names, normalize, rank), overrides, channels)
    model = _built(Document({"layers": layers}, "", "model", "--filter"), None, data_format)
    return replace(model, nodes=tuple(map(_with_map_name, model.nodes)))


def _with_map_name(node: Node) -> Node:
    """Return a node of filters with a name for its maps: those of a gradient's magnitude are called after it."""
    from convcli.model.layers.merging import Hypot

    return replace(node, filter_names=(node.name,)) if isinstance(node.layer, Hypot) else node


def _built(document: Document, overrides: Mapping[str, Any] | None, data_format: DataFormat | None) -> Model:
    from convcli.core.errors import located
    from convcli.readers.load import load_document

    with located(document.source or document.title):
        document = replace(document, mapping=_overridden(document.mapping, overrides))
    return load_document(document, data_format)


def _overridden(mapping: Mapping[str, Any], overrides: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if not overrides:
        return mapping
    from convcli.core.option_choices import KERAS
    from convcli.readers.call_form import keras_config, read_call
    from convcli.readers.dialects import dialect_of

    layers = mapping.get("layers")
    if not isinstance(layers, list) or len(layers) != 1:
        flag = next(iter(overrides)).replace("_", "-")
        raise click.UsageError(f"--{flag} is for a model of one layer; write it in the model")
    call = read_call(layers[0])
    if dialect_of([call], mapping.get("dialect")) != KERAS:
        flag = next(iter(overrides)).replace("_", "-")
        raise click.UsageError(f"--{flag} is an argument in Keras's words; write PyTorch's in the layer")
    layer = keras_config(call)
    return {**mapping, "layers": [{layer.type: {**layer.arguments, **overrides}}]}
