"""Runs the calls of a model in order, models inside it as well, and lets each layer add its nodes to the network."""

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cnnkit.adopting.adopted import AdoptedNode
from cnnkit.adopting.keras.arguments import (
    Arguments,
    Reference,
    StoredCall,
    iterate_references,
    parse_calls,
    parse_references,
)
from cnnkit.adopting.keras.conversion import convert_call
from cnnkit.adopting.keras.entries import get_fields, get_name, is_functional, is_model, is_sequential, list_entries
from cnnkit.adopting.keras.graph_builder import KerasGraphBuilder
from cnnkit.adopting.keras.keras1 import modernise
from cnnkit.adopting.keras.layer_call import LayerCall, Made
from cnnkit.adopting.keras.saved_weights import Path, SavedWeights
from cnnkit.adopting.keras.values import Value
from cnnkit.files.names import printable

_DEEPEST = 16
_MOST_CALLS = 20_000
Key = tuple[str, int]


@dataclass
class ModelWalk:
    """What all models of a file share while they are walked."""

    builder: KerasGraphBuilder
    weights: SavedWeights
    version: tuple[int, ...]
    nodes: list[AdoptedNode] = field(default_factory=list)
    _made: dict[Path, Made] = field(default_factory=dict)
    _graphs: dict[Path, "CallGraph"] = field(default_factory=dict)

    def run_model(self, entry: Mapping[str, Any], inputs: Sequence[Value], path: Path, shared: bool) -> list[Value]:
        """Return the outputs of a model, called on `inputs`. shared: whether it is called elsewhere too.

        Raises WeightFileError for what cnnkit has no layers for, and for a configuration that makes no sense.
        """
        if len(path) > _DEEPEST:
            raise self.builder.fault(f"models inside models, more than {_DEEPEST} deep")
        if is_sequential(entry):
            return self._run_chain(entry, inputs, path, shared)
        return self._run_graph(entry, inputs, path, shared)

    def _run_chain(self, entry: Mapping[str, Any], inputs: Sequence[Value], path: Path, shared: bool) -> list[Value]:
        values = list(inputs)
        for layer in list_entries(entry, self.builder.fault):
            if layer["class_name"] != "InputLayer":
                values = self._run_layer(layer, Arguments(tuple(values)), path, shared)
        return values

    def _run_graph(self, entry: Mapping[str, Any], inputs: Sequence[Value], path: Path, shared: bool) -> list[Value]:
        if path not in self._graphs:
            self._graphs[path] = CallGraph.parse(entry, self.builder.fault)
        graph = self._graphs[path]
        if len(graph.inputs) != len(inputs):
            where = f"model {printable('/'.join(path))}: " if path else ""
            raise self.builder.fault(f"{where}expected {len(graph.inputs)} inputs, got {len(inputs)}")
        known: dict[Key, list[Value]] = {
            (ref.layer, ref.call): [value] for ref, value in zip(graph.inputs, inputs, strict=True)
        }
        needed = graph.order_calls()
        counts: dict[str, int] = {}
        for name, _ in needed:
            counts[name] = counts.get(name, 0) + 1
        for key in needed:
            call = graph.calls[key]
            arguments = self._resolve(call, known)
            often = shared or counts[key[0]] > 1
            known[key] = self._run_layer(graph.entries[key[0]], arguments, path, often)
        return [self._look_up(reference, known) for reference in graph.outputs]

    def _run_layer(self, entry: Mapping[str, Any], arguments: Arguments, path: Path, shared: bool) -> list[Value]:
        if len(self.nodes) > _MOST_CALLS:
            raise self.builder.fault(f"a model of more than {_MOST_CALLS:,} layers")
        inside = (*path, get_name(entry))
        if is_model(entry):
            self.nodes.append(AdoptedNode("/".join(inside), _operator(entry), "", "a model, its layers follow"))
            return self.run_model(entry, arguments.values, inside, shared)
        kind, fields = modernise(entry["class_name"], get_fields(entry))
        made = self._made.setdefault(inside, Made())
        call = LayerCall(
            kind, inside, fields, arguments, self.builder, self.weights, self.version, shared, made
        )  # fmt: skip
        before = len(self.builder.nodes)
        values = convert_call(call)
        added = self.builder.nodes[before:]
        became = next((node.name for node in added if node.name.startswith(call.name)), "")
        # Comparable is what Keras knows by its name alone, and the network has in the same sequence.
        known = bool(added) and len(inside) == 1 and not shared and len(values) == 1 and not values[0].blocks
        result, gives = (inside[0], values[0].ref) if known else ("", "")
        note = "; ".join(call.notes)
        row = AdoptedNode("/".join(inside), _operator(entry), became, note, result, "" if gives == became else gives)
        self.nodes.append(row)
        return values

    def _resolve(self, call: StoredCall, known: Mapping[Key, list[Value]]) -> Arguments:
        """Return the arguments of a call with the tensors that stand for its references."""
        positional = [part for given in call.positional for part in self._flatten(given, known)]
        keywords = {name: self._replace(given, known) for name, given in call.keywords.items()}
        return Arguments(tuple(positional), keywords)

    def _flatten(self, given: Any, known: Mapping[Key, list[Value]]) -> Iterator[Any]:
        if isinstance(given, list | dict) and next(iterate_references(given), None) is not None:
            for item in given.values() if isinstance(given, dict) else given:
                yield from self._flatten(item, known)
        else:
            yield self._replace(given, known)

    def _replace(self, given: Any, known: Mapping[Key, list[Value]]) -> Any:
        if isinstance(given, Reference):
            return self._look_up(given, known)
        return [self._replace(item, known) for item in given] if isinstance(given, list) else given

    def _look_up(self, reference: Reference, known: Mapping[Key, list[Value]]) -> Value:
        values = known.get((reference.layer, reference.call), [])
        if not 0 <= reference.output < len(values):
            raise self.builder.fault(f"layer {printable(reference.layer)} has no output {reference.output}")
        return values[reference.output]


@dataclass(frozen=True)
class CallGraph:
    """The calls of a functional model by (layer, number), in the file's order."""

    entries: Mapping[str, Mapping[str, Any]]
    calls: Mapping[Key, StoredCall]
    inputs: Sequence[Reference]
    outputs: Sequence[Reference]
    fault: Any

    @classmethod
    def parse(cls, entry: Mapping[str, Any], fault: Any) -> "CallGraph":
        """Return the calls of a model. Raises WeightFileError when its parts do not fit together."""
        fields = get_fields(entry)
        entries: dict[str, Mapping[str, Any]] = {}
        listed: dict[str, list[StoredCall]] = {}
        for layer in list_entries(entry, fault):
            name = get_name(layer)
            if name in entries:
                raise fault(f"two layers are called {printable(name)}")
            entries[name], listed[name] = layer, parse_calls(layer, fault)
        inputs = parse_references(fields.get("input_layers"), fault)
        outputs = parse_references(fields.get("output_layers"), fault)
        if not inputs or not outputs:
            raise fault("a model without input_layers or output_layers")
        inner = [ref for calls in listed.values() for call in calls for ref in iterate_references(list(call))]
        new = any(isinstance(node, dict) for layer in entries.values() for node in layer.get("inbound_nodes") or ())
        inner_shift = {ref.layer for ref in inner if _exceeds(ref, entries, listed)}
        outer_shift = {ref.layer for ref in outputs if _exceeds(ref, entries, listed)}
        if new:  # Keras 3 counts the calls of a functional model from 1 here, and from 0 there
            outer_shift |= {ref.layer for ref in outputs if is_functional(entries.get(ref.layer, {}))}
        else:
            inner_shift = outer_shift = inner_shift | outer_shift
        calls = {
            (name, i): StoredCall(*_shift(list(call), inner_shift))
            for name, found in listed.items()
            for i, call in enumerate(found)
        }
        return cls(entries, calls, inputs, _shift(outputs, outer_shift), fault)

    def order_calls(self) -> list[Key]:
        """Return the calls that the outputs need, each after those that it needs, otherwise in the file's order."""
        given = {(ref.layer, ref.call) for ref in self.inputs}
        needs: dict[Key, set[Key]] = {}
        waiting = [(ref.layer, ref.call) for ref in self.outputs]
        while waiting:
            key = waiting.pop()
            if key in needs or key in given:
                continue
            if key not in self.calls:
                raise self.fault(f"call {key[1]} of layer {printable(key[0])} is used, but the model has no such call")
            needs[key] = {(ref.layer, ref.call) for ref in iterate_references(list(self.calls[key]))} - given
            waiting += needs[key]
        place = {key: i for i, key in enumerate(self.calls)}
        users: dict[Key, list[Key]] = {}
        for key, before in needs.items():
            for one in before:
                users.setdefault(one, []).append(key)
        left = {key: len(before) for key, before in needs.items()}
        ready = [(place[key], key) for key, count in left.items() if not count]
        heapq.heapify(ready)
        ordered = []
        while ready:
            _, key = heapq.heappop(ready)
            ordered.append(key)
            for user in users.get(key, ()):
                left[user] -= 1
                if not left[user]:
                    heapq.heappush(ready, (place[user], user))
        if len(ordered) < len(needs):
            stuck = min((place[key], key) for key, count in left.items() if count)[1]
            raise self.fault(f"layer {printable(stuck[0])} needs its own output: the model goes in a circle")
        return ordered


def _exceeds(ref: Reference, entries: Mapping[str, Any], listed: Mapping[str, list[StoredCall]]) -> bool:
    """Return whether a reference counts the calls of a model from 1: its first one is that of its own inputs."""
    return is_model(entries.get(ref.layer, {})) and ref.call == len(listed[ref.layer])


def _shift(given: Any, layers: set[str]) -> Any:
    """Return arguments with the calls of some layers counted from 0 instead of 1."""
    if isinstance(given, Reference):
        return given._replace(call=given.call - 1) if given.layer in layers else given
    if isinstance(given, list):
        return [_shift(item, layers) for item in given]
    return {key: _shift(item, layers) for key, item in given.items()} if isinstance(given, dict) else given


def _operator(entry: Mapping[str, Any]) -> str:
    return printable(f"keras.{entry['class_name']}", 80)
