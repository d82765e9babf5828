"""The graph as text: a rail for each value from the layer that makes it down to the last that takes it.

A chain is one rail. A layer that takes a value which others need too stands on a rail of its own; where branches meet,
the rails end in the leftmost, so the trunk stays at the left. Above each layer is a line for each of its inputs in
order, with the shape that flows there, and the name of the value unless it is the one drawn just before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import cast

from rich.text import Text

from convcli.output.render.formats import PLAIN, TextStyle
from convcli.output.render.model_graph import GraphNode, values
from convcli.output.render.table import print_to_bytes
from convcli.output.render.table.layer_table import model_title
from convcli.output.report import Report
from convcli.output.report.shape import ShapeReport


def render_tree(report: Report, style: TextStyle = PLAIN) -> bytes:
    """The model from its inputs down to its outputs, and the shapes on the way."""
    shape = cast("ShapeReport", report)
    return print_to_bytes([model_title(shape.summary), *_Rails(values(shape)).lines()], style)


def downwards(graph: Mapping[str, GraphNode]) -> list[GraphNode]:
    """The values in the order of the drawing: each after what it takes, a branch to its end before the next begins."""
    missing = {name: len(_operands(value, graph)) for name, value in graph.items()}
    takers: dict[str, list[str]] = {name: [] for name in graph}
    for name, value in graph.items():
        for each in _operands(value, graph):
            takers[each].append(name)
    ready = [name for name in reversed([*graph]) if not missing[name]]
    ordered = []
    while ready:
        ordered.append(graph[ready.pop()])
        for taker in reversed(takers[ordered[-1].name]):
            missing[taker] -= 1
            if not missing[taker]:
                ready.append(taker)
    return ordered


def _operands(value: GraphNode, graph: Mapping[str, GraphNode]) -> list[str]:
    """The names of the values that it takes, each once."""
    return [each for each in dict.fromkeys(value.inputs) if isinstance(each, str) and each in graph]


class _Rails:
    """The lines of the drawing, and while they are made the names of what the rails carry, "" on one that is free."""

    def __init__(self, graph: Mapping[str, GraphNode]) -> None:
        self.graph = graph
        self.rails: list[str] = []
        self.uses = Counter(each for value in graph.values() for each in value.inputs)  # that are still to come

    def lines(self) -> Iterator[Text]:
        """For each value a line for each of its inputs, its own, and one where it leaves the model or is not used."""
        before = ""
        for value in downwards(self.graph):
            rail = self._rail_for(value)
            # Nothing but a name tells which of several rails a shape belongs to, unless it is the last.
            named = value.inputs != (before,) or rail < len(self.rails) - 1
            for each in value.inputs:
                yield self._input(each, value.name, rail, named)
            self._set(rail, value.name)
            yield self._node(value, rail)
            used = self.uses[value.name] > 0
            if value.is_output or not used:
                yield self._end(rail, *(("→", "output") if value.is_output else ("─", "unused")), value.shape)
            if not used:
                self._set(rail, "")
            before = value.name

    def _rail_for(self, value: GraphNode) -> int:
        """The leftmost of the rails that end here; where all go on, the first free one to the right of its inputs'."""
        here = Counter(value.inputs)
        taken = {place: name for place, name in enumerate(self.rails) if name in here}
        ending = [place for place, name in taken.items() if self.uses[name] == here[name]]
        if ending:
            return min(ending)
        start = min(taken, default=-1) + 1
        return next((place for place in range(start, len(self.rails)) if not self.rails[place]), len(self.rails))

    def _is_taken(self, rail: int) -> bool:
        return rail < len(self.rails) and self.rails[rail] != ""

    def _set(self, rail: int, name: str) -> None:
        self.rails += [""] * (rail + 1 - len(self.rails))
        self.rails[rail] = name
        while self.rails and not self.rails[-1]:
            self.rails.pop()

    def _input(self, name: str | float, taker: str, rail: int, named: bool) -> Text:
        """The line of one input of the layer that will stand on the rail."""
        begins = not self._is_taken(rail)
        if not isinstance(name, str) or name not in self.graph:
            drawn, what = self._drawn({rail: "╷" if begins else "│"}), str(name)
        else:
            drawn, what = self._connected(name, rail, begins), self.graph[name].shape
            what = f"{name} {what}" if named else what
        if begins:
            self._set(rail, taker)
        return Text.assemble((drawn, "dim"), what)

    def _connected(self, name: str, rail: int, begins: bool) -> str:
        """The rails where a value goes from its own, which may end with it, to another, which may begin with it."""
        source = self.rails.index(name)
        self.uses[name] -= 1
        if source == rail:
            return self._drawn({})
        left, right = sorted((source, rail))
        leaves = "├┤╰╯"[2 * (not self.uses[name]) + (source == right)]
        enters = "├┤╭╮"[2 * begins + (rail == right)]
        drawn = self._drawn({source: leaves, rail: enters}, range(left, right))
        if not self.uses[name]:
            self._set(source, "")
        return drawn

    def _node(self, value: GraphNode, rail: int) -> Text:
        drawn = self._drawn({rail: "●" if value.type else "○"})
        kind = f" ({value.type})" if value.type else ""
        return Text.assemble(
            (drawn, "dim"), (value.name, "cyan"), kind, (value.counted and f", {value.counted}", "green")
        )

    def _end(self, rail: int, tip: str, what: str, shape: str) -> Text:
        """The value goes out past the rails to its right."""
        leaves = "├" if self.uses[self.rails[rail]] else "╰"
        drawn = self._drawn({rail: leaves}, range(rail, len(self.rails)))
        return Text.assemble((f"{drawn[:-1]}{tip} ", "dim"), f"{what} {shape}")

    def _drawn(self, signs: Mapping[int, str], bridge: range = range(0)) -> str:
        """The rails side by side, with these signs on some, and a line to the right of those in `bridge`."""
        cells = []
        for place in range(max(len(self.rails), *(each + 1 for each in (*signs, 0)))):
            behind = "─" if place in bridge else " "
            cells.append(signs.get(place, "│" if self._is_taken(place) else behind) + behind)
        return "".join(cells)
