"""A tree of graphs -> one flat list of layers, each call an entry."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from convcli.core.errors import ConvcliError, located
from convcli.readers.keras.graph import Graph, Part
from convcli.readers.keras.nodes import Reference

MOST_CALLS = 100_000


class Flat:
    """Calls graphs, and writes down each call of a layer."""

    def __init__(self, graph: Graph) -> None:
        self.entries: list[dict[str, dict[str, Any]]] = []
        self.names = _names(graph)
        self.calls: Counter[int] = Counter()
        self.made = 0  # calls in all, of graphs too

    def call(self, graph: Graph, inputs: Sequence[str]) -> list[str]:
        """Write down one call of a graph on the values that its inputs take; the names of the values it yields."""
        if len(inputs) != len(graph.inputs):
            raise ConvcliError(f"{graph.name} takes {len(graph.inputs)} inputs, got {len(inputs)}")
        values: dict[Reference, str] = {(name, 0, 0): value for name, value in zip(graph.inputs, inputs, strict=True)}
        for part, number in _in_order(graph):
            with located(f"layer {part.name}"):
                called = part.calls[number]
                operands = [_found(values, each) if isinstance(each, tuple) else each for each in called.operands]
                if part.graph and set(called.names) == set(part.graph.inputs):
                    given = dict(zip(called.names, operands, strict=True))
                    operands = [given[name] for name in part.graph.inputs]
                made = self._made(part, operands)
                values |= {(part.name, number + part.first, place): each for place, each in enumerate(made)}
        return [_found(values, each) for each in graph.outputs]

    def _made(self, part: Part, operands: list[Any]) -> list[str]:
        self.made += 1
        if self.made > MOST_CALLS:
            raise ConvcliError(f"more than {MOST_CALLS:,} calls of layers")
        if part.graph:
            return self.call(part.graph, operands)
        assert part.entry
        ((kind, arguments),) = part.entry.items()
        name = self.names[id(part)]
        self.calls[id(part)] += 1
        again = self.calls[id(part)]
        if again == 1:
            self.entries.append({kind: {**arguments, "name": name, "inputs": operands}})
            return [name]
        self.entries.append({"shared": {"layer": name, "inputs": operands}})
        return [f"{name}#{again}"]


def _names(graph: Graph) -> dict[int, str]:
    """A name for each layer: its own, or where two would clash that of one within another model after the model's.

    The model's inputs have names too.
    """
    leaves = list(graph.leaves())
    choices = [(path[-1], "/".join(path[-2:]), "/".join(path)) for path, _ in leaves]
    taken = [Counter([*each, *graph.inputs]) for each in zip(*choices, strict=True)]
    return {
        id(part): next((name for name, counts in zip(names, taken, strict=True) if counts[name] == 1), names[-1])
        for (_, part), names in zip(leaves, choices, strict=True)
    }


def _in_order(graph: Graph) -> Iterator[tuple[Part, int]]:
    """Every call in the graph after those that it takes from; where that leaves a choice, in Keras's order."""
    places = {
        (part.name, part.first + number): (place, number)
        for place, part in enumerate(graph.parts)
        for number in range(len(part.calls))
    }
    inputs = {(name, 0) for name in graph.inputs}
    waiting: dict[tuple[int, int], int] = {}
    after: dict[tuple[int, int], list[tuple[int, int]]] = {place: [] for place in places.values()}
    for (name, _), place in places.items():
        part = graph.parts[place[0]]
        needed = [each[:2] for each in part.calls[place[1]].operands if isinstance(each, tuple)]
        before = {_place(name, each, places) for each in needed if each not in inputs}
        before |= {(place[0], place[1] - 1)} if place[1] else set()
        waiting[place] = len(before)
        for each in before:
            after[each].append(place)
    ready = [place for place, count in waiting.items() if not count]
    heapq.heapify(ready)
    done = 0
    while ready:
        place = heapq.heappop(ready)
        done += 1
        yield graph.parts[place[0]], place[1]
        for each in after[place]:
            waiting[each] -= 1
            if not waiting[each]:
                heapq.heappush(ready, each)
    if done < len(places):
        stuck = next(graph.parts[place].name for (place, _), count in waiting.items() if count)
        with located(f"layer {stuck}"):
            raise ConvcliError("its inputs lead back to it", "a graph without circles")


def _place(name: str, call: tuple[str, int], places: Mapping[tuple[str, int], tuple[int, int]]) -> tuple[int, int]:
    if call not in places:
        with located(f"layer {name}"):
            raise ConvcliError(f"takes call {call[1]} of {call[0]!r}, which is not in the model")
    return places[call]


def _found(values: Mapping[Reference, str], tensor: Reference) -> str:
    if tensor not in values:
        raise ConvcliError(f"tensor {list(tensor)} is not in the model", "[layer, call, output]")
    return values[tensor]
