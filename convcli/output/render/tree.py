"""The graph of a model as text: a rail carries each value from the layer that makes it down to the last that takes it.

A chain is one rail. A layer gets a new rail if other layers still need its input. Where branches meet, the rails end in
the leftmost one, so the trunk stays at the left. Above each layer stands a line for each of its inputs, in order, with
the shape that flows there. It begins with the input's name, unless that is the layer drawn just before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import cast

from rich.text import Text

from convcli.core.records import replace
from convcli.output.render.formats import PLAIN, TextStyle
from convcli.output.render.model_graph import GraphNode, graph_nodes
from convcli.output.render.table import print_to_bytes
from convcli.output.render.table.layer_table import model_title
from convcli.output.report import Report
from convcli.output.report.shape import ShapeReport


def render_tree(report: Report, style: TextStyle = PLAIN) -> bytes:
    """Return the graph from its inputs down to its outputs, with the shapes that flow between the layers."""
    shape = cast("ShapeReport", report)
    whole = replace(style, width=None)  # wrapped lines would tear the rails apart
    return print_to_bytes([model_title(shape.summary), *_Rails(graph_nodes(shape)).lines()], whole)


def drawing_order(graph: Mapping[str, GraphNode]) -> list[GraphNode]:
    """Return the nodes from top to bottom: each after its inputs, and a branch to its end before the next begins."""
    waits_for = {name: len(_operands(node, graph)) for name, node in graph.items()}
    takers: dict[str, list[str]] = {name: [] for name in graph}
    for name, node in graph.items():
        for operand in _operands(node, graph):
            takers[operand].append(name)
    ready = [name for name in reversed([*graph]) if not waits_for[name]]
    order = []
    while ready:
        order.append(graph[ready.pop()])
        for taker in reversed(takers[order[-1].name]):
            waits_for[taker] -= 1
            if not waits_for[taker]:
                ready.append(taker)
    return order


def _operands(node: GraphNode, graph: Mapping[str, GraphNode]) -> list[str]:
    """Return the names of the nodes that a node takes, each once."""
    return [operand for operand in dict.fromkeys(node.inputs) if isinstance(operand, str) and operand in graph]


class _Rails:
    """Draws the lines from top to bottom. While it does, `rails` holds the name of the value on each rail, or ""."""

    def __init__(self, graph: Mapping[str, GraphNode]) -> None:
        self.graph = graph
        self.rails: list[str] = []
        self.remaining_uses = Counter(operand for node in graph.values() for operand in node.inputs)

    def lines(self) -> Iterator[Text]:
        """Yield for each node a line for each input, its own line, and one if it is an output or is not used."""
        previous = ""
        for node in drawing_order(self.graph):
            rail = self._rail_for(node)
            # Among several rails only a name says which one a shape belongs to, except on the rightmost.
            is_named = node.inputs != (previous,) or rail < len(self.rails) - 1
            for operand in node.inputs:
                yield self._input_line(operand, node.name, rail, is_named)
            self._put(node.name, rail)
            yield self._node_line(node, rail)
            is_used = self.remaining_uses[node.name] > 0
            if node.is_output or not is_used:
                yield self._end_line(rail, *(("→", "output") if node.is_output else ("─", "unused")), node.shape)
            if not is_used:
                self._put("", rail)
            previous = node.name

    def _rail_for(self, node: GraphNode) -> int:
        """Return the rail that a node stands on.

        It is the leftmost of the rails that end in it. If all its inputs are needed further down, it is the first free
        rail to the right of one of them.
        """
        uses = Counter(node.inputs)
        carrying = {rail: name for rail, name in enumerate(self.rails) if name in uses}
        ending = [rail for rail, name in carrying.items() if self.remaining_uses[name] == uses[name]]
        if ending:
            return min(ending)
        start = min(carrying, default=-1) + 1
        return next((rail for rail in range(start, len(self.rails)) if not self.rails[rail]), len(self.rails))

    def _is_taken(self, rail: int) -> bool:
        return rail < len(self.rails) and self.rails[rail] != ""

    def _put(self, name: str, rail: int) -> None:
        """Put a value on a rail, or free it with the name ""; free rails at the right are dropped."""
        self.rails += [""] * (rail + 1 - len(self.rails))
        self.rails[rail] = name
        while self.rails and not self.rails[-1]:
            self.rails.pop()

    # ---- lines ----

    def _input_line(self, operand: str | float, taker: str, rail: int, is_named: bool) -> Text:
        """Return the line of one input of the layer that will stand on a rail."""
        begins = not self._is_taken(rail)
        if not isinstance(operand, str) or operand not in self.graph:
            drawing, label = self._drawing({rail: "╷" if begins else "│"}), str(operand)
        else:
            drawing, label = self._connection(operand, rail, begins), self.graph[operand].shape
            label = f"{operand} {label}" if is_named else label
        if begins:
            self._put(taker, rail)
        return Text.assemble((drawing, "dim"), label)

    def _connection(self, name: str, rail: int, begins: bool) -> str:
        """Return the rails with a line from a value's own rail, which may end, to a rail that may begin with it."""
        source = self.rails.index(name)
        self.remaining_uses[name] -= 1
        if source == rail:
            return self._drawing({})
        left, right = sorted((source, rail))
        ends = not self.remaining_uses[name]
        leaving = "├┤╰╯"[2 * ends + (source == right)]
        entering = "├┤╭╮"[2 * begins + (rail == right)]
        drawing = self._drawing({source: leaving, rail: entering}, range(left, right))
        if ends:
            self._put("", source)
        return drawing

    def _node_line(self, node: GraphNode, rail: int) -> Text:
        drawing = self._drawing({rail: "●" if node.type else "○"})
        type_ = f" ({node.type})" if node.type else ""
        params = node.params_text and f", {node.params_text}"
        return Text.assemble((drawing, "dim"), (node.name, "cyan"), type_, (params, "green"))

    def _end_line(self, rail: int, tip: str, label: str, shape: str) -> Text:
        """Return a line on which a value leaves to the right, past all other rails."""
        leaving = "├" if self.remaining_uses[self.rails[rail]] else "╰"
        drawing = self._drawing({rail: leaving}, range(rail, len(self.rails)))
        return Text.assemble((f"{drawing[:-1]}{tip} ", "dim"), f"{label} {shape}")

    def _drawing(self, signs: Mapping[int, str], bridge: range = range(0)) -> str:
        """Return the rails side by side, with other signs on some, and a horizontal line right of those in `bridge`."""
        cells = []
        count = max(len(self.rails), *(rail + 1 for rail in (*signs, 0)))
        for rail in range(count):
            behind = "─" if rail in bridge else " "
            cells.append(signs.get(rail, "│" if self._is_taken(rail) else behind) + behind)
        return "".join(cells)
