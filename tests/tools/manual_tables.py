"""Make the manual's tables from the registries: `python tests/tools/manual_tables.py --write`.

A page marks a table by the lines `<!-- table: NAME -->` and `<!-- end -->`. A test holds what stands between them equal
to what the registries hold. Without --write, print the names of the pages that are out of date.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import click

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT))

from convcli.cli import COMMANDS, main  # noqa: E402
from convcli.engine.algorithms.table import ALGORITHMS, load_algorithm  # noqa: E402
from convcli.model import filter_bank  # noqa: E402
from convcli.model.activations import ACTIVATIONS  # noqa: E402
from convcli.model.layers import LAYERS  # noqa: E402
from convcli.output.render.formats import FORMATS  # noqa: E402
from convcli.output.report.layers import kind_of, signature  # noqa: E402

CONTEXT = click.Context(main, **main.context_settings)
PAGES = ROOT / "convcli" / "manual"
KINDS = (
    "convolutional",
    "pooling",
    "padding",
    "reshaping",
    "activations",
    "normalization",
    "merging",
    "regularization",
)
REGION = re.compile(r"(<!-- table: (.+?) -->\n).*?(<!-- end -->)", re.DOTALL)
Rows = Iterable[Sequence[str]]


def commands() -> dict[str, click.Command]:
    """Return every command by its name."""
    return {name: command for name in COMMANDS if (command := main.get_command(CONTEXT, name))}


def layers(kind: str) -> Iterator[str]:
    """Yield a table of the layers of one module; layers with equal arguments share a row."""
    signatures: dict[str, list[str]] = {}
    for layer in dict.fromkeys(LAYERS.values()):
        if kind_of(layer) == kind:
            signatures.setdefault(signature(layer), []).append(layer.keras_name())
    return table(("layer", "arguments"), ((codes(names), f"`{text}`") for text, names in signatures.items()))


def activations() -> Iterator[str]:
    """Yield one line with the names of all activations."""
    yield codes(ACTIVATIONS)


def filters() -> Iterator[str]:
    """Yield a table of the filter bank, by groups."""
    rows = (
        (found.group, f"`{name}`", "×".join(map(str, found.shape)), found.recipe.does, found.parameters)
        for name in filter_bank.names()
        for found in [filter_bank.find(name)]
    )
    return table(("group", "filter", "size", "what it does", "parameters"), rows)


def formats() -> Iterator[str]:
    """Yield a table of the output formats with the commands that have them."""
    offered = {
        name: next((option.type.choices for option in command.params if option.name == "format_name"), ())
        for name, command in commands().items()
    }
    rows = (
        (f"`{name}`", codes(form.suffixes), ", ".join(command for command in offered if name in offered[command]))
        for name, form in FORMATS.items()
    )
    return table(("format", "suffixes", "commands"), rows)


def algorithms() -> Iterator[str]:
    """Yield a table of the algorithms with the layers that they suit."""
    return table(("algorithm", "suits"), ((f"`{name}`", load_algorithm(name).FOR) for name in ALGORITHMS))


def options() -> Iterator[str]:
    """Yield a table of all options; commands share the row of an option that is the same in each."""
    texts: dict[str, dict[tuple[str, str], list[str]]] = {}
    for name, command in commands().items():
        context = click.Context(command, parent=CONTEXT)
        for option in command.get_params(context):
            if isinstance(option, click.Option):
                flags, text = option.get_help_record(context) or ("", "")
                flags = "-f, --format FORMAT" if option.name == "format_name" else re.sub(r"\|(?=.*\])", " | ", flags)
                texts.setdefault(option.opts[-1], {}).setdefault((flags, text), []).append(name)
    rows = (
        (f"`{flags}`", _shared(names), text) for option in texts.values() for (flags, text), names in option.items()
    )
    return table(("option", "commands", "what it does"), rows)


def _shared(names: Sequence[str]) -> str:
    missing = [name for name in COMMANDS if name not in names]
    return ", ".join(names) if len(missing) > 1 else f"all but {missing[0]}" if missing else "all"


TABLES: dict[str, Callable[[], Iterator[str]]] = {
    **{f"layers {kind}": partial(layers, kind) for kind in KINDS},
    "activations": activations,
    "filters": filters,
    "formats": formats,
    "algorithms": algorithms,
    "options": options,
}


def codes(names: Iterable[str]) -> str:
    """Return names as code, side by side."""
    return " ".join(f"`{name}`" for name in names)


def table(header: Sequence[str], rows: Rows) -> Iterator[str]:
    """Yield the lines of a Markdown table."""
    for cells in (header, ["---"] * len(header), *rows):
        yield f"| {' | '.join(' '.join(cell.split()).replace('|', chr(92) + '|') for cell in cells)} |"


def filled(page: str) -> str:
    """Return a page with its tables as the registries are now."""
    return REGION.sub(lambda match: match[1] + "".join(f"{line}\n" for line in TABLES[match[2]]()) + match[3], page)


def outdated() -> dict[Path, str]:
    """Return what pages should hold, for those that do not."""
    pages = {path: path.read_text("utf-8") for path in sorted(PAGES.glob("*.md"))}
    return {path: filled(text) for path, text in pages.items() if filled(text) != text}


if __name__ == "__main__":
    for path, text in outdated().items():
        print(path.relative_to(ROOT))
        if "--write" in sys.argv[1:]:
            path.write_text(text, "utf-8")
