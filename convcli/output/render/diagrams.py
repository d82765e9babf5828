"""The graph of a model for programs that draw: dot for Graphviz, and flowcharts for Mermaid.

A name may hold any printable character, so names stand only in labels. The nodes are identified by n0, n1, and so on.
"""

from __future__ import annotations

import itertools
import re
import warnings
from collections.abc import Iterator
from typing import cast

from convcli.core.records import Record
from convcli.output.render.formats import PLAIN, TextStyle
from convcli.output.render.model_graph import graph_nodes
from convcli.output.report import Report
from convcli.output.report.shape import ShapeReport

ZERO_WIDTH_SPACE = "\u200b"
MAX_EDGES, MAX_CHARACTERS = 500, 50_000  # `maxEdges` and `maxTextSize` of Mermaid


class DiagramNode(Record):
    """A node with the lines of its label: an `input`, a `layer`, a `number` that a layer takes, or an `output`."""

    key: str
    kind: str
    lines: tuple[str, ...]


class DiagramEdge(Record):
    """An arrow between two nodes, by their keys. Its label is the shape of the value that flows."""

    source: str
    target: str
    label: str


def render_dot(report: Report, style: TextStyle = PLAIN) -> bytes:
    """Return the graph as a digraph for Graphviz."""
    shape = cast("ShapeReport", report)
    forms = {"layer": "", "number": ", shape=plaintext", "input": ", shape=ellipse", "output": ", shape=ellipse"}
    lines = ["digraph {", f'  label="{_dot_text(shape.summary["name"])}"; labelloc=t;', "  node [shape=box];"]
    for item in _diagram(shape):
        if isinstance(item, DiagramNode):
            label = r"\n".join(map(_dot_text, item.lines))
            lines.append(f'  {item.key} [label="{label}"{forms[item.kind]}];')
        else:
            lines.append(f'  {item.source} -> {item.target} [label="{_dot_text(item.label)}"];')
    return "\n".join([*lines, "}", ""]).encode()


def _dot_text(text: str) -> str:
    """Return a text for a quoted label, in which a backslash begins an escape and an ampersand an HTML entity."""
    return text.replace("&", "&amp;").replace("\\", r"\\").replace('"', r"\"")


def render_mermaid(report: Report, style: TextStyle = PLAIN) -> bytes:
    """Return the graph as a flowchart for Mermaid; a warning says where it is more than GitHub draws."""
    shape = cast("ShapeReport", report)
    forms = {"layer": ("[", "]"), "number": ("((", "))"), "input": ("([", "])"), "output": ("([", "])")}
    lines = ["flowchart TD"]
    for item in _diagram(shape):
        if isinstance(item, DiagramNode):
            before, after = forms[item.kind]
            lines.append(f'  {item.key}{before}"{"<br>".join(map(_mermaid_text, item.lines))}"{after}')
        else:
            lines.append(f'  {item.source} -->|"{_mermaid_text(item.label)}"| {item.target}')
    text = "\n".join([*lines, ""])
    _warn_of_limits(text)
    return text.encode()


def _warn_of_limits(text: str) -> None:
    """Warn where a flowchart is beyond the limits that Mermaid has by default, and on GitHub."""
    for what, count, most in (("edges", text.count(" -->|"), MAX_EDGES), ("characters", len(text), MAX_CHARACTERS)):
        if count > most:
            warnings.warn(
                f"{count:,} {what}: GitHub and Mermaid by default draw at most {most:,} (-f dot or tree has no limit)",
                stacklevel=2,
            )


def _mermaid_text(text: str) -> str:
    """Return a text for a quoted label, with character codes for all that could be HTML, Markdown or syntax."""
    # Mermaid decodes the codes before it looks for `\n` (a line break) and `fa:fa-` (an icon), so these are split.
    split = re.sub(r"\\(?=n)|:(?=fa-)", rf"\g<0>{ZERO_WIDTH_SPACE}", text)
    return re.sub(r"[^\w (),:]|:(?! )", lambda match: f"#{ord(match[0])};", split)


def _diagram(report: ShapeReport) -> Iterator[DiagramNode | DiagramEdge]:
    """Yield the graph from its inputs on: each node, the edges that lead to it, and its output if it is one."""
    graph = graph_nodes(report)
    keys = {name: f"n{index}" for index, name in enumerate(graph)}
    more_keys = (f"n{index}" for index in itertools.count(len(keys)))
    for node in graph.values():
        key = keys[node.name]
        yield DiagramNode(key, "layer" if node.type else "input", tuple(filter(None, (node.title, node.params_text))))
        for number, operand in enumerate(node.inputs, 1):
            # The order of the inputs matters to some layers, and drawing programs do not keep it.
            order = f"{number}: " if len(node.inputs) > 1 else ""
            if isinstance(operand, str) and operand in graph:
                yield DiagramEdge(keys[operand], key, order + graph[operand].shape)
            else:
                constant = DiagramNode(next(more_keys), "number", (str(operand),))
                yield from (constant, DiagramEdge(constant.key, key, f"{number}"))
        if node.is_output:
            output = DiagramNode(next(more_keys), "output", ("output",))
            yield from (output, DiagramEdge(key, output.key, node.shape))
