"""A network up to its scores: without the softmax behind them, and without what the deciding output does not need."""

from typing import NamedTuple

from cnnkit.layers import Graph, Layer, Sequential
from cnnkit.layers.activations.softmax import SoftmaxLayer
from cnnkit.layers.graph.node import Node, split_reference
from cnnkit.layers.graph.ordering import find_layers
from cnnkit.network import Network
from cnnkit.tree import Tree


class ScoredNetwork(NamedTuple):
    """A layer that gives scores (N, K, ...), and the parameters and state of the model that it has."""

    layer: Layer
    params: Tree
    state: Tree


def find_scores(model: Network) -> ScoredNetwork:
    """Return the model's network up to the scores of its first output.

    A last Softmax or LogSoftmax is left out: its gradient of one class mixes in all others, and vanishes where the
    class is certain (Simonyan et al. 2013, section 3).
    """
    network = model.network
    layer = _cut_graph(network) if isinstance(network, Graph) else _cut_chain(network)
    names = {name for name, _, _ in layer.children(model.input_shape)}
    kept = [{key: tree[key] for key in tree if key in names} for tree in (model.params, model.state)]
    return ScoredNetwork(layer, *kept)


def _cut_chain(network: Layer) -> Layer:
    if isinstance(network, Sequential) and len(network.layers) > 1 and isinstance(network.layers[-1], SoftmaxLayer):
        return Sequential(network.layers[:-1])
    return network


def _cut_graph(network: Graph) -> Graph:
    """Return the nodes that the first output needs, without a softmax at its end."""
    nodes, layers = {node.name: node for node in network.nodes}, find_layers(network.nodes)
    end = network.output_names[0]
    name = split_reference(end)[0]
    while (
        name in nodes and isinstance(layers[name][1], SoftmaxLayer) and nodes[name].inputs[0] not in network.input_names
    ):
        end = nodes[name].inputs[0]
        name = split_reference(end)[0]
    return Graph(_list_needed(nodes, name), network.input_names, (end,))


def _list_needed(nodes: dict[str, Node], end: str) -> tuple[Node, ...]:
    """Return the nodes that lead to `end`, and those whose layers they share."""
    needed, open_ones = set[str](), [end]
    while open_ones:
        name = open_ones.pop()
        if name in nodes and name not in needed:
            needed.add(name)
            node = nodes[name]
            open_ones += [split_reference(reference)[0] for reference in node.inputs]
            open_ones += [node.shares] if node.shares is not None else []
    return tuple(node for name, node in nodes.items() if name in needed)
