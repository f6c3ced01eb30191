"""What a Graph runs: its nodes as steps, layers fused where one alone reads the other, in segments."""

from collections import Counter
from collections.abc import Collection, Mapping
from typing import NamedTuple

from cnnkit.layers.base import Layer
from cnnkit.layers.frozen_layer import stands_still
from cnnkit.layers.fused_layer import fuse_first
from cnnkit.layers.graph.graph_step import GraphStep, Reference
from cnnkit.layers.graph.node import Node, split_reference
from cnnkit.layers.graph.segment import Segment, make_segment


class GraphPlan(NamedTuple):
    """Segments in their order.

    everything  all values, whose gradients a full backward pass finds
    trained     the values that depend on a parameter: what the parameters' gradients need
    """

    segments: tuple[Segment, ...]
    everything: frozenset[Reference]
    trained: frozenset[Reference]


def plan_graph(
    nodes: tuple[Node, ...], layers: Mapping[str, tuple[str, Layer]], outputs: Collection[Reference],
    training: bool, params: Collection[str], state: Collection[str],
) -> GraphPlan:  # fmt: skip
    """Return the plan of nodes in topological order, of whose layers those in params and state have arrays."""
    steps = _fuse([make_step(node, *layers[node.name]) for node in nodes], set(outputs))
    trained = set[Reference]()
    for step in steps:
        if step.owner in params or trained.intersection(step.inputs):
            trained.update(step.outputs)
    groups: list[list[GraphStep]] = []
    alone: list[bool] = []
    for step in steps:
        couples = training and (step.layer.couples_samples or (step.owner in state and not stands_still(step.layer)))
        single = step.layer.whole_batch or couples
        if groups and not single and not alone[-1]:
            groups[-1].append(step)
        else:
            groups.append([step])
            alone.append(single)
    segments, read_later = list[Segment](), set(outputs)
    for group, single in reversed(list(zip(groups, alone, strict=True))):
        segments.append(make_segment(group, read_later, not single))
        read_later.update(segments[-1].inputs)
    everything = {reference for step in steps for reference in (*step.inputs, *step.outputs)}
    return GraphPlan(tuple(reversed(segments)), frozenset(everything), frozenset(trained))


def make_step(node: Node, owner: str, layer: Layer) -> GraphStep:
    """Return the step of a node whose layer has the weights of `owner`."""
    outputs = tuple((node.name, i) for i in range(layer.output_count))
    return GraphStep(node.name, owner, layer, tuple(map(split_reference, node.inputs)), outputs)


def _fuse(steps: list[GraphStep], kept: set[Reference]) -> list[GraphStep]:
    """Return the steps with a bias, the activation after it and the pooling after that as one, as in a Sequential.

    kept: values that are read outside; a value that two steps read is kept as well.
    """
    readers = Counter(reference for step in steps for reference in step.inputs)
    next_step = {step.inputs[0]: step for step in steps if step.layer.input_count == 1}
    fused: list[GraphStep] = []
    swallowed = set[str]()
    for step in steps:
        if step.name in swallowed:
            continue
        chain = [step]
        while len(chain) < 3 and chain[-1].layer.output_count == 1:
            value = chain[-1].outputs[0]
            if value in kept or readers[value] != 1 or value not in next_step:
                break
            chain.append(next_step[value])
        layer, count = fuse_first(tuple(link.layer for link in chain))
        swallowed.update(link.name for link in chain[1:count])
        fused.append(GraphStep(step.name, step.owner, layer, step.inputs, chain[count - 1].outputs))
    return fused
