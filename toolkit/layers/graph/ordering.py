"""The nodes of a Graph in an order in which each comes after what it takes, and checks of what they name."""

import heapq
from collections.abc import Iterable, Mapping

from cnnkit.errors import ConfigError
from cnnkit.files.names import describe_value
from cnnkit.layers.base import Layer
from cnnkit.layers.graph.node import Node, require_name, split_reference

MOST_NODES = 100_000


def sort_nodes(nodes: tuple[Node, ...], input_names: tuple[str, ...]) -> tuple[Node, ...]:
    """Return the nodes in topological order, that given wherever it is one.

    Raises ConfigError for a name that two have, an input that nothing gives, and nodes that wait for each other.
    """
    if len(nodes) > MOST_NODES:
        raise ConfigError(f"Graph: expected at most {MOST_NODES} nodes, got {len(nodes)}")
    position = {node.name: i for i, node in enumerate(nodes)}
    _require_unique([*input_names, *(node.name for node in nodes)])
    entries = set(input_names)
    waiting, users = [0] * len(nodes), [list[int]() for _ in nodes]
    for i, node in enumerate(nodes):
        for source in {split_reference(reference)[0] for reference in node.inputs}:
            if source in position:
                waiting[i] += 1
                users[position[source]].append(i)
            elif source not in entries:
                raise ConfigError(f"node {node.name}: no node and no input of the graph has the name {_shown(source)}")
    ready = [i for i, count in enumerate(waiting) if not count]
    heapq.heapify(ready)
    order: list[int] = []
    while ready:
        order.append(heapq.heappop(ready))
        for user in users[order[-1]]:
            waiting[user] -= 1
            if not waiting[user]:
                heapq.heappush(ready, user)
    if len(order) < len(nodes):
        stuck = [node.name for node, count in zip(nodes, waiting, strict=True) if count]
        shown = ", ".join(stuck[:5]) + (", ..." if len(stuck) > 5 else "")
        raise ConfigError(f"Graph: the nodes {shown} wait for each other: a graph must have no cycle")
    return nodes if order == sorted(order) else tuple(nodes[i] for i in order)


def find_layers(nodes: Iterable[Node]) -> dict[str, tuple[str, Layer]]:
    """Return {name of a node: (name of the node that has its weights, its layer)}.

    Raises ConfigError for a node that shares one without a layer of its own.
    """
    owners = {node.name: node.layer for node in nodes if node.layer is not None}
    found = {}
    for node in nodes:
        owner = node.shares or node.name
        layer = owners.get(owner)
        if layer is None:
            raise ConfigError(f"node {node.name}: expected shares to name a node with a layer, got {_shown(owner)}")
        found[node.name] = owner, layer
    return found


def require_references(
    nodes: Iterable[Node], layers: Mapping[str, tuple[str, Layer]], input_names: tuple[str, ...], outputs: Iterable[str]
) -> None:
    """Raise ConfigError for a wrong number of inputs or outputs, and for a node that nothing uses."""
    used, entries = set(), frozenset(input_names)
    for reference in outputs:
        used.add(_require_output("Graph: output_names", reference, layers, entries))
    for node in nodes:
        wanted = layers[node.name][1].input_count
        if wanted is not None and len(node.inputs) != wanted:
            kind = layers[node.name][1].type
            raise ConfigError(f"node {node.name} ({kind}): expected {wanted} inputs, got {len(node.inputs)}")
        for reference in node.inputs:
            used.add(_require_output(f"node {node.name}", reference, layers, entries))
    for node in nodes:
        if node.name not in used:
            hint = "name it in output_names, or leave it out"
            raise ConfigError(f"node {node.name}: nothing uses it and it is no output of the graph: {hint}")


def _require_output(
    where: str, reference: str, layers: Mapping[str, tuple[str, Layer]], input_names: frozenset[str]
) -> str:
    """Return the name in a reference to one output of a node or to an input of the graph."""
    name, number = split_reference(reference)
    if name not in layers and name not in input_names:
        raise ConfigError(f"{where}: no node and no input of the graph has the name {_shown(name)}")
    count = layers[name][1].output_count if name in layers else 1
    if number >= count:
        raise ConfigError(f"{where}: {_shown(reference)}: {_shown(name)} has {count} outputs, counted from 0")
    return name


def _require_unique(names: list[str]) -> None:
    seen = set()
    for name in names:
        require_name("Graph: input_names", name)
        if name in seen:
            raise ConfigError(f"Graph: two nodes or inputs have the name {_shown(name)}")
        seen.add(name)


def _shown(name: str) -> str:
    return describe_value(name)
