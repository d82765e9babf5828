"""Markdown and LaTeX: the tables of a report, to be pasted into documents.

Both write the same parts as `table`: lines of text, tables, and grids of numbers. Tables are whole; grids show their
corners where they are large. The LaTeX needs no package.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, groupby

from rich.console import RenderableType
from rich.text import Text

from convcli.output.render.formats import PLAIN, TextStyle
from convcli.output.render.table import renderables
from convcli.output.render.table.fitted_table import FittedTable
from convcli.output.render.table.number_grids import NumberGrid, SideBySide
from convcli.output.report import Report

Rows = Sequence[Sequence[str]]

LATEX_SYMBOLS = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{letter: f"\\{letter}" for letter in "&%$#_{}"},
    **{letter: f"${letter}$" for letter in "<>|"},
    "[": "{[}",  # at the start of a row it would be an option of the line break before it
    "→": r"$\to$",
    "←": r"$\leftarrow$",
    "×": r"$\times$",
    "·": r"$\cdot$",
    "⌊": r"$\lfloor$",
    "⌋": r"$\rfloor$",
    "⌈": r"$\lceil$",
    "⌉": r"$\rceil$",
    "√": r"$\surd$",
    "−": "$-$",
    "≤": r"$\le$",
    "≥": r"$\ge$",
    "–": "--",
    "…": r"\ldots{}",
    "²": "$^2$",
}
OPERATORS = {"·": r"\odot"}  # between grids: cell by cell


def render_markdown(report: Report, style: TextStyle = PLAIN) -> bytes:
    """Return the report in GitHub's Markdown."""
    return _render(report, style, Markdown())


def render_latex(report: Report, style: TextStyle = PLAIN) -> bytes:
    """Return the report as part of a LaTeX document."""
    return _render(report, style, Latex())


def _render(report: Report, style: TextStyle, language: Markup) -> bytes:
    blocks: list[str] = []
    for is_text, parts in groupby(_parts(renderables(report, style)), lambda part: isinstance(part, Text)):
        if is_text:
            blocks += language.texts([part for part in parts if isinstance(part, Text)])
        else:
            blocks += [language.block(part) for part in parts]
    return ("\n\n".join(blocks) + "\n").encode()


def _parts(renderables: Iterable[RenderableType]) -> Iterator[RenderableType]:
    """Yield the parts, and behind a grid that is cut the line on the whole of it."""
    for part in renderables:
        yield part
        for grid in part.grids if isinstance(part, SideBySide) else (part,) if isinstance(part, NumberGrid) else ():
            note = grid.note(_columns(grid))
            if note is not None:
                yield note


def _columns(grid: NumberGrid) -> list[int | None]:
    return next(iter(grid.column_choices()))


def _cells(grid: NumberGrid) -> Rows:
    return [[cell.plain for cell in row] for row in grid.cells(_columns(grid))]


class Markup(ABC):
    """A language of documents: how it writes lines of text, tables, and grids of numbers."""

    def texts(self, lines: Sequence[Text]) -> Iterator[str]:
        """Yield blocks of lines: a heading alone, all others together in a list."""
        for is_heading, group in groupby(lines, lambda line: "bold" in _styles(line)):
            texts = [self.escape(line.plain.strip()) for line in group]
            yield from map(self.heading, texts) if is_heading else [self.list(texts)]

    def block(self, part: RenderableType) -> str:
        """Return a table, a grid, or several grids beside each other."""
        if isinstance(part, FittedTable):
            cells = [[self.escape(cell) for cell in column] for column in part.columns.values()]
            headings = [self.escape(name) for name in part.columns]
            alignments = "".join("r" if part.is_right(name) else "l" for name in part.columns)
            return self.table(headings, list(zip(*cells, strict=True)), alignments)
        if isinstance(part, SideBySide):
            return self.grids(part.grids, part.signs)
        if isinstance(part, NumberGrid):
            return self.grids((part,), ())
        raise TypeError(f"a {type(part).__name__} has no markup")

    @abstractmethod
    def escape(self, text: str) -> str:
        """Return a text without letters that the language would take for its own."""

    @abstractmethod
    def heading(self, text: str) -> str:
        """Return an emphasised line."""

    @abstractmethod
    def list(self, texts: Sequence[str]) -> str:
        """Return lines, each by itself."""

    @abstractmethod
    def table(self, headings: Sequence[str], rows: Rows, alignments: str) -> str:
        """Return a table; `alignments` has l or r for each column."""

    @abstractmethod
    def grids(self, grids: Sequence[NumberGrid], signs: Sequence[str]) -> str:
        """Return grids of numbers with signs between them: `a · b = c`."""


class Markdown(Markup):
    """GitHub's Markdown."""

    def escape(self, text: str) -> str:
        for letter in "\\|*_<>`[]#":
            text = text.replace(letter, f"\\{letter}")
        return text.replace("\n", " ")

    def heading(self, text: str) -> str:
        return f"**{text}**"

    def list(self, texts: Sequence[str]) -> str:
        return "\n".join(f"- {text}" for text in texts)

    def table(self, headings: Sequence[str], rows: Rows, alignments: str) -> str:
        rule = ["---:" if letter == "r" else "---" for letter in alignments]
        return "\n".join(f"| {' | '.join(row)} |" for row in (headings, rule, *rows))

    def grids(self, grids: Sequence[NumberGrid], signs: Sequence[str]) -> str:
        blocks = []
        for sign, grid in zip(("", *signs), grids, strict=True):
            rows = [[self.escape(cell) for cell in row] for row in _cells(grid)]
            empty = [""] * len(rows[0])
            title = self.escape(f"{sign} {grid.title}".strip())
            blocks += [f"{title}:", self.table(empty, rows, "r" * len(empty))]
        return "\n\n".join(blocks)


class Latex(Markup):
    """LaTeX without packages."""

    def escape(self, text: str) -> str:
        return "".join(LATEX_SYMBOLS.get(letter, letter) for letter in text.replace("\n", " "))

    def heading(self, text: str) -> str:
        return f"\\noindent\\textbf{{{text}}}"

    def list(self, texts: Sequence[str]) -> str:
        return "\\noindent " + " \\\\\n".join(texts)

    def table(self, headings: Sequence[str], rows: Rows, alignments: str) -> str:
        lines = [f"\\begin{{tabular}}{{{alignments}}}", "\\hline", _latex_row(headings), "\\hline"]
        return "\n".join([*lines, *map(_latex_row, rows), "\\hline", "\\end{tabular}"])

    def grids(self, grids: Sequence[NumberGrid], signs: Sequence[str]) -> str:
        operators = [rf" {OPERATORS.get(sign, sign)} " for sign in signs]
        titles = ", ".join(self.escape(grid.title) for grid in grids)
        matrices = chain.from_iterable(zip(map(self._matrix, grids), [*operators, ""], strict=True))
        return f"\\noindent {titles}:\n\\[\n{''.join(matrices)}\n\\]"

    def _matrix(self, grid: NumberGrid) -> str:
        rows = _cells(grid)
        body = "\n".join(_latex_row([_latex_number(cell) for cell in row]) for row in rows)
        return f"\\left[\\begin{{array}}{{{'r' * len(rows[0])}}}\n{body}\n\\end{{array}}\\right]"


def _latex_row(cells: Sequence[str]) -> str:
    return f"{' & '.join(cells)} \\\\"


def _latex_number(text: str) -> str:
    """Return a cell of a grid in mathematical mode: `1e-05` becomes a power of ten."""
    text = re.sub(r"e([+-]\d+)", lambda match: rf"\cdot 10^{{{int(match[1])}}}", text)
    return text.replace("…", r"\cdots").replace("[", "{[}")


def _styles(line: Text) -> set[str]:
    return {str(line.style), *(str(span.style) for span in line.spans)}
