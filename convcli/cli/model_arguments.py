"""The model that a command's arguments name: a file, layers given inline, or filters of the bank."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from convcli.cli.options import decorate
from convcli.core.records import replace

if TYPE_CHECKING:
    from convcli.core.shapes import DataFormat
    from convcli.model.graph import Model
    from convcli.readers.reader import Document

# Options that set an argument of a model of one layer.
SINGLE_LAYER = {
    "--strides": "cells between windows: 2, or 2,1 for each axis.",
    "--padding": "valid, same, same_lower, causal, full, cells (1 or 1,2), or [[before, after], ...].",
    "--padding-mode": "zeros, reflect, replicate or circular.",
    "--dilation-rate": "cells between the kernel's cells.",
    "--groups": "groups of channels.",
    "--bias": "a number, one for each filter (0,1), or a file.",
    "--activation": "an activation of Keras, such as relu.",
}

single_layer_options = decorate(
    *(click.option(flag, metavar="VALUE", help=f"One layer: {text}") for flag, text in SINGLE_LAYER.items()),
    click.option(
        "--flip-kernel",
        is_flag=True,
        help="One layer: convolve as in signal processing, the kernel reversed on every axis.",
    ),
)


def single_layer(options: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments among a command's options that change a model of one layer."""
    named = [flag.removeprefix("--").replace("-", "_") for flag in SINGLE_LAYER]
    given = {name: value_of(options[name]) for name in named if options[name] is not None}
    if isinstance(given.get("bias"), str):
        given["bias"] = os.path.abspath(given["bias"])  # a file from here, not from the model's folder
    return given | ({"flip_kernel": True} if options["flip_kernel"] else {})


def value_of(text: str) -> Any:
    """A number, a list (`2,1`, `2x1` or JSON), or the text itself."""
    listed = text.replace("x", ",") if set(text) <= set("0123456789x") else text
    for candidate in (text, f"[{listed}]"):
        try:
            return json.loads(candidate)
        except (ValueError, RecursionError):
            continue
    return text


def load_model(
    source: str | None,
    layers: Sequence[str] = (),
    overrides: Mapping[str, Any] | None = None,
    data_format: DataFormat | None = None,
) -> Model:
    """The model in a file, or of inline layers, with a single layer's options.

    Inline layers are in the data format given; a file that does not say is channels_last.
    """
    from convcli.readers.reader import Document

    if source is not None:
        from convcli.readers.formats import read_model_file

        return _built(read_model_file(source), overrides, None)
    return _built(Document({"layers": list(layers)}, "", "model", "--layer"), overrides, data_format)


def filter_model(
    names: Sequence[str],
    normalize: bool,
    rank: int | None,
    overrides: Mapping[str, Any],
    data_format: DataFormat | None,
) -> Model:
    """Each channel by itself through the named filters, for an array of this rank, where that is known.

    In 3-D, where no layer does that, it is the one channel. `normalize` divides as `filters --normalize` does.
    """
    from convcli.core.errors import located
    from convcli.readers.named_filters import named_filters
    from convcli.readers.reader import Document

    with located("--filter"):
        filters = named_filters(tuple(dict.fromkeys(names)), normalize, 1 if rank == 1 else 2)
    axes = next(iter(filters.values())).ndim
    layer = {"conv3d" if axes == 3 else f"depthwise_conv{axes}d": {"filters": filters}}
    return _built(Document({"layers": [layer]}, "", "model", "--filter"), overrides, data_format)


def _built(document: Document, overrides: Mapping[str, Any] | None, data_format: DataFormat | None) -> Model:
    from convcli.core.errors import located
    from convcli.readers.load import load_document

    with located(document.source or document.title):
        document = replace(document, mapping=_overridden(document.mapping, overrides))
    return load_document(document, data_format)


def _overridden(mapping: Mapping[str, Any], overrides: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if not overrides:
        return mapping
    from convcli.readers.call_form import parse_layer

    layers = mapping.get("layers")
    if not isinstance(layers, list) or len(layers) != 1:
        flag = next(iter(overrides)).replace("_", "-")
        raise click.UsageError(f"--{flag} is for a model of one layer; write it in the model")
    layer = parse_layer(layers[0])
    return {**mapping, "layers": [{layer.type: {**layer.arguments, **overrides}}]}
