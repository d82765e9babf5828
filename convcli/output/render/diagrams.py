"""The graph for programs that draw: Graphviz's dot, and Mermaid's flowcharts.

Names may hold any printable character, so they stand in labels only; the nodes are called n0, n1 and so on.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import cast

from convcli.core.records import Record
from convcli.output.render.formats import PLAIN, TextStyle
from convcli.output.render.model_graph import values
from convcli.output.report import Report
from convcli.output.report.shape import ShapeReport


class DiagramNode(Record):
    """An `input`, a `layer`, a `number` that a layer takes, or an `output`, with the lines of its label."""

    key: str
    kind: str
    lines: tuple[str, ...]


class DiagramEdge(Record):
    """What flows from one node to another, by their keys."""

    source: str
    target: str
    label: str


def render_dot(report: Report, style: TextStyle = PLAIN) -> bytes:
    """A digraph for Graphviz."""
    shape = cast("ShapeReport", report)
    forms = {"layer": "", "number": ", shape=plaintext", "input": ", shape=ellipse", "output": ", shape=ellipse"}
    lines = ["digraph {", f'  label="{_in_dot(shape.summary["name"])}"; labelloc=t;', "  node [shape=box];"]
    for each in _drawn(shape):
        if isinstance(each, DiagramNode):
            label = r"\n".join(map(_in_dot, each.lines))
            lines.append(f'  {each.key} [label="{label}"{forms[each.kind]}];')
        else:
            lines.append(f'  {each.source} -> {each.target} [label="{_in_dot(each.label)}"];')
    return "\n".join([*lines, "}", ""]).encode()


def _in_dot(text: str) -> str:
    """Text within the quotes of a label, where a backslash begins an escape and an ampersand an entity."""
    return text.replace("&", "&amp;").replace("\\", r"\\").replace('"', r"\"")


def render_mermaid(report: Report, style: TextStyle = PLAIN) -> bytes:
    """A flowchart for Mermaid."""
    shape = cast("ShapeReport", report)
    forms = {"layer": ("[", "]"), "number": ("((", "))"), "input": ("([", "])"), "output": ("([", "])")}
    lines = ["flowchart TD"]
    for each in _drawn(shape):
        if isinstance(each, DiagramNode):
            before, after = forms[each.kind]
            lines.append(f'  {each.key}{before}"{"<br>".join(map(_in_mermaid, each.lines))}"{after}')
        else:
            lines.append(f'  {each.source} -->|"{_in_mermaid(each.label)}"| {each.target}')
    return "\n".join([*lines, ""]).encode()


def _in_mermaid(text: str) -> str:
    """Text within the quotes of a label: all that could be HTML, Markdown or syntax by its number."""
    # Even by their numbers a backslash and n break the line, and "fa:fa-" begins an icon; not with nothing between.
    apart = re.sub(r"\\(?=n)|:(?=fa-)", "\\g<0>\u200b", text)
    return re.sub(r"[^\w (),:]|:(?! )", lambda found: f"#{ord(found[0])};", apart)


def _drawn(report: ShapeReport) -> Iterator[DiagramNode | DiagramEdge]:
    """The model from its inputs on: each node, after it the edges that lead to it, and its way out if it has one."""
    graph = values(report)
    keys = {name: f"n{place}" for place, name in enumerate(graph)}
    further = (f"n{place}" for place in itertools.count(len(keys)))
    for value in graph.values():
        key = keys[value.name]
        yield DiagramNode(key, "layer" if value.type else "input", tuple(filter(None, (value.title, value.counted))))
        for place, each in enumerate(value.inputs, 1):
            # The order of several matters to some merges, and a drawing does not keep it.
            order = f"{place}: " if len(value.inputs) > 1 else ""
            if isinstance(each, str) and each in graph:
                yield DiagramEdge(keys[each], key, order + graph[each].shape)
            else:
                number = DiagramNode(next(further), "number", (str(each),))
                yield from (number, DiagramEdge(number.key, key, f"{place}"))
        if value.is_output:
            output = DiagramNode(next(further), "output", ("output",))
            yield from (output, DiagramEdge(key, output.key, value.shape))
