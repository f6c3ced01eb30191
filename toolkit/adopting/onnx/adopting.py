"""An ONNX file as a network of cnnkit's layers, with its weights, ready to run and to train."""

from pathlib import Path
from typing import Any

from cnnkit.adopting.adopted import Adopted, AdoptedNode
from cnnkit.adopting.onnx.building import build_graph, find_sharing, is_chain, read_weights, require_layers
from cnnkit.adopting.onnx.channels_last import drop_input_transposes
from cnnkit.adopting.onnx.converting import Converted, convert
from cnnkit.adopting.onnx.live import find_live
from cnnkit.adopting.onnx.naming import name_drafts
from cnnkit.adopting.onnx.operands import Draft, Flow, Known
from cnnkit.adopting.onnx.refusal import refuse
from cnnkit.adopting.onnx.transposes import cancel_transposes
from cnnkit.errors import CnnkitError, WeightFileError
from cnnkit.exporters.onnx.network import FileNetwork, FileNode, read_network
from cnnkit.files.names import printable
from cnnkit.layers import LAYERS


def adopt_onnx(path: str | Path, external: bool = False) -> Adopted:
    """Return the network of an ONNX file: a Graph, or a Sequential where it is a chain.

    The first axis of every input is the batch; the other axes have numbers. Weights are trained by default.

    external: open the files in the same folder that the model names for its values.

    Raises WeightFileError, one line: the file cannot be read, or holds what cnnkit cannot express; it names the node.
    """
    file = read_network(path, external)
    try:
        return _build(file, convert(file))
    except WeightFileError:
        raise
    except CnnkitError as error:
        raise refuse(file.file, printable(str(error), 400)) from error


def _build(file: FileNetwork, converted: Converted) -> Adopted:
    outputs, replaced = cancel_transposes(converted.outputs)
    outputs = tuple(_pass_on(flow) if flow.draft in converted.inputs else flow for flow in outputs)
    inputs, outputs, turned, channels_last = drop_input_transposes(converted.inputs, outputs)
    replaced = {serial: turned.get(draft.serial, draft) for serial, draft in replaced.items()} | {
        serial: draft for serial, draft in turned.items() if serial not in replaced
    }
    drafts = find_live(outputs)
    require_layers(file, drafts)
    names = name_drafts(inputs, drafts)
    if is_chain(inputs, drafts, outputs) and not find_sharing(drafts):
        names = {draft.serial: str(number) for number, draft in enumerate(drafts)}
    network = build_graph(inputs, drafts, outputs, names)
    shapes: Any = tuple(draft.shapes[0] for draft in inputs)
    return Adopted(
        network,
        shapes[0] if len(shapes) == 1 else shapes,
        read_weights(file, drafts, names),
        tuple(_describe(node, converted, replaced, names) for node in file.nodes),
        {"maker": printable(file.producer, 100)} if file.producer else {},
        channels_last,
    )


def _pass_on(flow: Flow) -> Flow:
    """Return an input of the file as the output of a layer that does nothing."""
    return Flow(Draft(LAYERS["Rescale"](), "Rescale", None, (flow,), (flow.shape,)))


def _describe(node: FileNode, converted: Converted, replaced: dict[int, Draft], names: dict[int, str]) -> AdoptedNode:
    operator = f"{node.domain}.{node.op}" if node.domain else node.op
    made = converted.results.get(node.place)
    if made is None:
        return AdoptedNode(node.name, operator, "", "no output needs it")
    if not made or isinstance(made[0], Known):
        return AdoptedNode(node.name, operator, "", "a constant, computed once")
    draft = made[0].draft
    current = replaced.get(draft.serial, draft)
    result = next(filter(None, node.outputs), "")
    if not current.inputs:
        return AdoptedNode(node.name, operator, "", "does nothing", result)
    if current.serial not in names:
        return AdoptedNode(node.name, operator, "", "part of a layer behind it", result)
    own = current.node is node
    note = "" if own else "part of that layer"
    return AdoptedNode(node.name, operator, names[current.serial], note, result)
