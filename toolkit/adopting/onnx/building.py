"""Drafts as a Graph, or as a Sequential where they are a chain, with the weights of the file."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from cnnkit.adopting.onnx.operands import FLAT, MOVED, Draft, Flow, Known, Values
from cnnkit.adopting.onnx.refusal import refuse, refuse_node
from cnnkit.exporters.onnx.network import FileNetwork
from cnnkit.files.limits import widen
from cnnkit.layers import Layer, Sequential, Variables
from cnnkit.layers.graph import Graph, Node
from cnnkit.memory import describe_bytes

_FREE_BYTES, _LARGEST_RATIO = 1 << 30, 100  # a vgg19 of constant weights has 548 MiB


def require_layers(file: FileNetwork, drafts: list[Draft]) -> None:
    """Raise WeightFileError for an operation that was to become part of a larger layer, and did not."""
    for draft in drafts:
        if draft.layer is None and draft.node is not None:
            moves = draft.kind in (FLAT, MOVED)
            known = (
                "mixes the batch with other axes, or moves it from the front"
                if moves
                else "cnnkit has it as a part of GELU alone"
            )
            raise refuse_node(file.file, draft.node, known)


def find_sharing(drafts: list[Draft]) -> dict[int, Draft]:
    """Return {serial: the earlier draft} of those with the same layer and the same weights of the file."""
    owners: dict[Any, Draft] = {}
    shares = {}
    for draft in drafts:
        weights = tuple((name, known.key, known.shape) for name, known in (*draft.params.items(), *draft.state.items()))
        if not weights:
            continue
        owner = owners.setdefault((draft.layer, weights), draft)
        if owner is not draft:
            shares[draft.serial] = owner
    return shares


def is_chain(inputs: tuple[Draft, ...], drafts: list[Draft], outputs: tuple[Flow, ...]) -> bool:
    """Return whether each layer takes what the one before gives, and nothing else."""
    previous = inputs[0]
    for draft in drafts:
        if draft.inputs != (Flow(previous),) or len(draft.shapes) > 1:
            return False
        previous = draft
    return len(inputs) == 1 and outputs == (Flow(previous),)


def build_graph(
    inputs: tuple[Draft, ...], drafts: list[Draft], outputs: tuple[Flow, ...], names: Mapping[int, str]
) -> Layer:
    """Return the network; `names` are those of the nodes, for a chain their numbers."""
    shares = find_sharing(drafts)
    if is_chain(inputs, drafts, outputs) and not shares:
        return Sequential(tuple(_layer_of(draft) for draft in drafts))
    nodes = []
    for draft in drafts:
        owner = shares.get(draft.serial)
        references = tuple(_refer(flow, names) for flow in draft.inputs)
        layer = None if owner is not None else _layer_of(draft)
        nodes.append(Node(names[draft.serial], layer, references, names[owner.serial] if owner is not None else None))
    input_names = tuple(names[draft.serial] for draft in inputs)
    return Graph(tuple(nodes), input_names, tuple(_refer(flow, names) for flow in outputs))


def _layer_of(draft: Draft) -> Layer:
    if draft.layer is None:
        raise ValueError(f"{draft.name} is no layer")
    return draft.layer


def _refer(flow: Flow, names: Mapping[int, str]) -> str:
    name = names[flow.draft.serial]
    return name if flow.output == 0 else f"{name}:{flow.output}"


def read_weights(file: FileNetwork, drafts: list[Draft], names: Mapping[int, str]) -> Variables:
    """Return the weights in trees named like the network's, read now.

    Raises WeightFileError where the file makes more weights from a few numbers than a file of its size may.
    """
    shares = find_sharing(drafts)
    owners = [draft for draft in drafts if draft.serial not in shares]
    _require_room(file, owners)
    trees: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
    for draft in owners:
        for tree, weights in zip(trees, (draft.params, draft.state), strict=True):
            if weights:
                tree[names[draft.serial]] = {name: _read(file, draft, name, known) for name, known in weights.items()}
    return Variables(*trees)


def _require_room(file: FileNetwork, owners: list[Draft]) -> None:
    size, seen = 0, set[str]()
    for known in (known for draft in owners for known in (*draft.params.values(), *draft.state.values())):
        if not known.stored or known.key in seen:  # what lies in the file counts when it is used once more
            size += math.prod(known.shape) * 4
        seen.add(known.key)
    limit = widen(max(_FREE_BYTES, _LARGEST_RATIO * file.size))
    if size > limit:
        made, held = describe_bytes(size), describe_bytes(file.size)
        problem = f"makes weights of {made} from a few numbers, in a file of {held}"
        raise refuse(file.file, f"{problem}: CNNKIT_LIMITS=10 in the environment allows ten times as many", "too_big")


def _read(file: FileNetwork, draft: Draft, name: str, known: Known) -> Values:
    """Return a weight as float32, as float64 where the file has that."""
    values = known.values
    if known.varies or tuple(values.shape) != tuple(known.shape):
        problem = f"{name}: expected a constant of shape {known.shape}, got {values.shape}"
        raise refuse(file.file, problem) if draft.node is None else refuse_node(file.file, draft.node, problem)
    return values if values.dtype in (np.float32, np.float64) else values.astype(np.float32)
