"""A tree of Keras models as one flat list of layers, with an entry for each call."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from convcli.core.errors import ConvcliError, located, short_repr
from convcli.model.layers import UNKNOWN
from convcli.readers.call_form import SHARED
from convcli.readers.keras.inbound_nodes import TensorReference
from convcli.readers.keras.model_tree import KerasLayer, KerasModel

MOST_CALLS = 100_000

LayerEntry = dict[str, dict[str, Any]]  # a layer in the plain mapping: its type, then its arguments
CallKey = tuple[int, int]  # the index of a layer in its model, and which of its calls


class Flattener:
    """Calls models as Keras would, and records each call of a layer as an entry of `layers`.

    `told` holds the shape of a sample of each value, as far as the file tells it where a layer takes the value.
    """

    def __init__(self, model: KerasModel) -> None:
        self.layers: list[LayerEntry] = []
        self.told: dict[str, Sequence[Any]] = {}
        self.names = _unique_names(model)
        self.calls: Counter[int] = Counter()  # of each layer, by its identity
        self.calls_in_all = 0  # of models too

    def call(self, model: KerasModel, inputs: Sequence[str]) -> list[str]:
        """Record one call of a model on the named values, and return the names of its outputs."""
        if len(inputs) != len(model.inputs):
            count = len(model.inputs)
            raise ConvcliError(f"{model.name} takes {count} input{'s' * (count != 1)}, got {len(inputs)}")
        values: dict[TensorReference, str] = {
            (name, 0, 0): value for name, value in zip(model.inputs, inputs, strict=True)
        }
        taken = _taken_tensors(model)
        for layer, number in _calls_in_order(model):
            with located(f"layer {layer.name}"):
                operands = _operands(layer, number, values)
                self._note_shapes(layer, number, values)
                key = (layer.name, number + layer.first_call)
                outputs = self._call_layer(layer, operands)
                values |= {(*key, index): name for index, name in enumerate(outputs)}
                if layer.is_unknown:
                    values |= {item: self._further_output(layer, outputs[0], item[2]) for item in taken[key] if item[2]}
        return [_value(values, output) for output in model.outputs]

    def _note_shapes(self, layer: KerasLayer, number: int, values: Mapping[TensorReference, str]) -> None:
        """Note the shapes of the values that a call takes, as the call tells them or the layer was built on them."""
        call = layer.calls[number]
        tensors = [item for item in call.operands if isinstance(item, tuple)]
        built = layer.input_shapes if len(layer.input_shapes) == len(tensors) else (None,) * len(tensors)
        for tensor, shape in zip(tensors, built, strict=True):
            told = call.shapes.get(tensor, shape)
            if told is not None:
                self.told.setdefault(values[tensor], told)

    def _further_output(self, layer: KerasLayer, first: str, index: int) -> str:
        """Record an output of an unknown layer after its first one, as a layer without weights, and return its name."""
        assert layer.entry
        entry = layer.entry[UNKNOWN]
        name = f"{first}:{index}"
        facts = {key: entry[key] for key in ("class_name", "reason")}
        self.layers.append({UNKNOWN: {**facts, "name": name, "inputs": [first], "weights": []}})
        return name

    def _call_layer(self, layer: KerasLayer, operands: list[Any]) -> list[str]:
        self.calls_in_all += 1
        if self.calls_in_all > MOST_CALLS:
            raise ConvcliError(f"more than {MOST_CALLS:,} calls of layers")
        if layer.model:
            return self.call(layer.model, operands)
        assert layer.entry
        ((layer_type, arguments),) = layer.entry.items()
        name = self.names[id(layer)]
        self.calls[id(layer)] += 1
        call = self.calls[id(layer)]
        if call == 1:
            self.layers.append({layer_type: {**arguments, "name": name, "inputs": operands}})
            return [name]
        if layer.is_unknown:  # whose calls may differ in what they make
            again = {**arguments, "name": f"{name}#{call}", "inputs": operands, "weights": []}
            self.layers.append({UNKNOWN: {key: value for key, value in again.items() if key != "stored_as"}})
        else:
            self.layers.append({SHARED: {"layer": name, "inputs": operands}})
        return [f"{name}#{call}"]


def _operands(layer: KerasLayer, number: int, values: Mapping[TensorReference, str]) -> list[Any]:
    """Return the names and numbers that a call takes, in the order of the layer's inputs."""
    call = layer.calls[number]
    operands = [_value(values, item) if isinstance(item, tuple) else item for item in call.operands]
    if layer.model and len(call.input_names) == len(operands) and set(call.input_names) == set(layer.model.inputs):
        by_name = dict(zip(call.input_names, operands, strict=True))
        return [by_name[name] for name in layer.model.inputs]
    return operands


def _unique_names(model: KerasModel) -> dict[int, str]:
    """Return a name for each layer, by the layer's identity.

    A layer keeps its own name where no other layer or input has it. Else the name of the model around it stands in
    front (`encoder/conv`), or where that is not enough the names of all models around it.
    """
    leaves = list(model.leaves())
    choices = [(path[-1], "/".join(path[-2:]), "/".join(path)) for path, _ in leaves]
    taken = [Counter([*names, *model.inputs]) for names in zip(*choices, strict=True)]
    return {
        id(layer): next((name for name, counts in zip(names, taken, strict=True) if counts[name] == 1), names[-1])
        for (_, layer), names in zip(leaves, choices, strict=True)
    }


def _calls_in_order(model: KerasModel) -> Iterator[tuple[KerasLayer, int]]:
    """Yield every call in a model after the calls that it takes from; among several, in the order of the file.

    Raises `ConvcliError` where calls take from each other in a circle.
    """
    waiting, followers = _dependencies(model)
    ready = [key for key, count in waiting.items() if not count]
    heapq.heapify(ready)
    done = 0
    while ready:
        key = heapq.heappop(ready)
        done += 1
        yield model.layers[key[0]], key[1]
        for follower in followers[key]:
            waiting[follower] -= 1
            if not waiting[follower]:
                heapq.heappush(ready, follower)
    if done < len(waiting):
        stuck = next(model.layers[index].name for (index, _), count in waiting.items() if count)
        with located(f"layer {stuck}"):
            raise ConvcliError("its inputs lead back to it", "a graph without circles")


def _dependencies(model: KerasModel) -> tuple[dict[CallKey, int], dict[CallKey, list[CallKey]]]:
    """Return for each call how many calls must come before it, and which calls wait for it."""
    keys = {
        (layer.name, layer.first_call + number): (index, number)
        for index, layer in enumerate(model.layers)
        for number in range(len(layer.calls))
    }
    inputs = {(name, 0) for name in model.inputs}
    waiting: dict[CallKey, int] = {}
    followers: dict[CallKey, list[CallKey]] = {key: [] for key in keys.values()}
    for index, number in keys.values():
        layer = model.layers[index]
        references = [item[:2] for item in layer.calls[number].operands if isinstance(item, tuple)]
        before = {_call_key(layer.name, call, keys) for call in references if call not in inputs}
        if number:
            before.add((index, number - 1))
        waiting[index, number] = len(before)
        for key in before:
            followers[key].append((index, number))
    return waiting, followers


def _call_key(name: str, call: tuple[str, int], keys: Mapping[tuple[str, int], CallKey]) -> CallKey:
    if call not in keys:
        with located(f"layer {name}"):
            raise ConvcliError(f"takes call {call[1]} of {short_repr(call[0])}, which is not in the model")
    return keys[call]


def _taken_tensors(model: KerasModel) -> dict[tuple[str, int], set[TensorReference]]:
    """Return for each call of a model the tensors of it that are used."""
    operands = (item for layer in model.layers for call in layer.calls for item in call.operands)
    tensors = defaultdict(set)
    for item in (*operands, *model.outputs):
        if isinstance(item, tuple):
            tensors[item[:2]].add(item)
    return tensors


def _value(values: Mapping[TensorReference, str], tensor: TensorReference) -> str:
    if tensor not in values:
        raise ConvcliError(f"tensor {list(tensor)} is not in the model", "[layer, call, output]")
    return values[tensor]
