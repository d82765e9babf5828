"""The words that the shell completes: files, folders, values of options, and names in the model on the line.

Each function takes what Click gives it, `(context, parameter, incomplete)`, and returns the words that go on with
`incomplete`. Nothing is imported before a word is completed.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from convcli.core.errors import ConvcliError
from convcli.io.files import STANDARD_STREAM

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from convcli.model.graph import Model

FEWEST = {"apply": 2, "explain": 2, "fit": 3}  # arguments of which the last is MODEL
PADDINGS = ("valid", "same", "same_lower", "causal", "full")


def files(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Let the shell complete the name of a file."""
    return [_item(incomplete, "file")]


def nothing(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete nothing: the value is a number."""
    return []


def folders(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Let the shell complete the name of a folder."""
    return [_item(incomplete, "dir")]


def filters(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the name of a filter of the bank, or else of a file."""
    from convcli.model import filter_bank

    return _beginning(filter_bank.names(), incomplete) or files(context, parameter, incomplete)


def layers(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the type of a layer: as a class, or as a YAML key where it begins with a small letter."""
    from convcli.model.layers import LAYERS, snake_case

    classes = {layer.__name__ for layer in LAYERS.values()}
    return _beginning(map(snake_case, classes) if incomplete[:1].islower() else classes, incomplete)


def activations(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the name of an activation."""
    from convcli.model.activations import ACTIVATIONS

    return _beginning(ACTIVATIONS, incomplete)


def paddings(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete a word for the padding of a layer."""
    return _beginning(PADDINGS, incomplete)


def padding_modes(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the mode of the padding of a layer."""
    from typing import get_args

    from convcli.model.padding_modes import PaddingMode

    return _beginning(get_args(PaddingMode), incomplete)


def layer_names(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the name of a layer of the model on the line."""
    return _beginning(_names(context), incomplete)


def keys(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete a key of the JSON answer of `shape`, with the names of the layers of the model on the line."""
    from convcli.core.option_choices import COUNTS
    from convcli.output.report.shape import SummaryOptions, model_summary
    from convcli.readers.load import load_model

    example = load_model({"input": [3, 3, 1], "layers": ["Conv2D(1, 3)"]})
    answer = model_summary(example, None, None, SummaryOptions(count=COUNTS[-1], memory=True))
    layer = answer["layers"][0]
    own = [f"layers.{name}.{key}" for name in _names(context) for key in layer]
    return _beginning([*(key for key in answer if key != "layers"), *own], incomplete)


def topics(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete a topic of the manual, or a command."""
    from convcli import manual

    commands = context.find_root().command
    assert isinstance(commands, click.Group)
    return _beginning((*manual.TOPICS, *commands.list_commands(context)), incomplete)


def _names(context: click.Context) -> list[str]:
    """Return the names of the layers of the model on the line; none where it cannot be read, or is not there yet."""
    model = _model(context)
    return [] if model is None else [node.name for node in model.nodes]


def _model(context: click.Context) -> Model | None:
    from convcli.readers.load import load_model

    inline: tuple[str, ...] = context.params.get("layers") or ()
    # Click leaves the arguments unread where the line ends in an option whose value is missing.
    arguments: list[str] = [*(context.params.get("arguments") or ()), *context.args]
    source = context.params.get("source")
    if not inline and source is None and len(arguments) >= FEWEST.get(context.info_name or "", 1):
        source = arguments[-1]
    if source == STANDARD_STREAM or (source is None and not inline):
        return None
    try:
        with warnings.catch_warnings(action="ignore"):
            return load_model(list(inline) if source is None else source)
    except (ConvcliError, MemoryError, RecursionError):
        return None


def _beginning(words: Iterable[str], incomplete: str) -> list[CompletionItem]:
    return [_item(word) for word in sorted(words) if word.startswith(incomplete)]


def _item(word: str, kind: str = "plain") -> CompletionItem:
    from click.shell_completion import CompletionItem

    return CompletionItem(word, type=kind)
