"""Every node of a file as constants or layers, one after the other."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnnkit.adopting.onnx.folding import FOLDS, FoldBudget, FoldError, fold
from cnnkit.adopting.onnx.operands import BATCHES, MOVED, Draft, Flow, Known, Operand
from cnnkit.adopting.onnx.operation import Operation
from cnnkit.adopting.onnx.operators import OPERATORS
from cnnkit.adopting.onnx.ordering import order_nodes
from cnnkit.adopting.onnx.refusal import describe_node, refuse, refuse_node
from cnnkit.backends.protocol import Shape
from cnnkit.exporters.core.weight_file import Tensor
from cnnkit.exporters.onnx.network import FileNetwork, FileNode, FileValue
from cnnkit.files.names import printable

FIRST_VERSION, LAST_VERSION = 7, 28  # of ONNX's operator set
_SHAPES = frozenset(("Shape", "Size"))
_MOST_ENDS = 256  # inputs of a network, and outputs


@dataclass
class Converted:
    """The network of a file as drafts of layers.

    inputs   drafts of the file's inputs, in its order
    outputs  what its outputs are
    results  {place of a node: what its outputs are}; nodes that no output needs are not in it
    """

    inputs: tuple[Draft, ...]
    outputs: tuple[Flow, ...]
    results: Mapping[int, tuple[Operand, ...]]


def convert(file: FileNetwork) -> Converted:
    """Return the layers of a file's network. Raises WeightFileError, one line that names the node and the reason."""
    nodes, uses = order_nodes(file)
    _require_version(file)
    inputs = tuple(_make_input(file, value) for value in file.inputs)
    values: dict[str, Operand] = {draft.name: Flow(draft) for draft in inputs}
    results: dict[int, tuple[Operand, ...]] = {}
    budget = FoldBudget(file.size)
    for node in nodes:
        operands = [_find_operand(file, node, name, values) for name in node.inputs]
        while operands and operands[-1] is None:
            operands.pop()
        operation = Operation(file, node, operands, uses)
        made = _convert_node(operation, budget)
        results[node.place] = made
        for index, name in enumerate(node.outputs):
            if index < len(made) and name:
                values[name] = made[index]
                _require_declared(operation, name, made[index])
            elif name and uses.get(name):
                raise operation.refuse(f"output {index} is not computed")
    return Converted(inputs, tuple(_find_output(file, value, values) for value in file.outputs), results)


def _require_version(file: FileNetwork) -> None:
    version = file.versions.get("")
    if version is None or not FIRST_VERSION <= version <= LAST_VERSION:
        stated = "no version of ONNX's operators" if version is None else f"operator set {version}"
        problem = f"{stated}, where cnnkit knows those from {FIRST_VERSION} to {LAST_VERSION}"
        raise refuse(file.file, f"{problem}: convert it with onnx.version_converter")
    if not file.inputs:
        raise refuse(file.file, "a network without an input")
    if not file.outputs:
        raise refuse(file.file, "a network without an output")
    for what, count in (("inputs", len(file.inputs)), ("outputs", len(file.outputs))):
        if count > _MOST_ENDS:
            raise refuse(file.file, f"{count} {what}, where cnnkit takes at most {_MOST_ENDS}")


def _make_input(file: FileNetwork, value: FileValue) -> Draft:
    """Return an input, whose first axis is that of the batch. Raises WeightFileError without a shape in numbers."""
    where = f"input {printable(value.name, 80)}"
    if value.shape is None or not value.dtype:
        raise refuse(file.file, f"{where}: has no shape or no type of numbers, so that no layer can be built on it")
    if len(value.shape) < 2:
        raise refuse(file.file, f"{where}: expected the axis of the batch and at least one more, got {value.shape}")
    shape: list[int] = []
    for axis, extent in enumerate(value.shape[1:], 1):
        if not isinstance(extent, int) or extent < 1:
            shown = printable(str(extent), 40) if extent is not None else "open"
            problem = f"axis {axis} is {shown}, where layers need a number: export it with one size of image"
            raise refuse(file.file, f"{where}: {problem}")
        shape.append(extent)
    if "float" not in value.dtype and not _is_cast(file, value.name):
        raise refuse(file.file, f"{where}: of type {value.dtype}, where layers compute in floats")
    return Draft(None, value.name, None, (), (tuple(shape),))


def _is_cast(file: FileNetwork, name: str) -> bool:
    """Return whether every node that reads this input makes floats of it first."""
    return all(node.op == "Cast" for node in file.nodes if name in node.inputs)


def _find_operand(file: FileNetwork, node: FileNode, name: str, values: dict[str, Operand]) -> Operand | None:
    if not name:
        return None
    if name not in values:
        tensor = file.tensors[name]  # order_nodes has seen that something gives every value
        if not isinstance(tensor, Tensor):
            raise refuse_node(file.file, node, f"tensor {printable(name, 80)}: {printable(tensor.reason, 200)}")
        values[name] = Known.of_tensor(tensor, f"={name}")
    return values[name]


def _convert_node(operation: Operation, budget: FoldBudget) -> tuple[Operand, ...]:
    """Return what the outputs of a node are."""
    node, operands = operation.node, operation.operands
    if (node.domain, node.op) in operation.file.functions:
        raise operation.refuse("is a function of the model's own, which cnnkit does not follow: export it inlined")
    flows = any(isinstance(operand, Flow) for operand in operands)
    try:
        only_shapes = node.op in _SHAPES or (node.op == "CastLike" and isinstance(operands[0], Known))
        if not node.domain and (only_shapes or not flows) and node.op in FOLDS:
            known = [_stand_in(operand) for operand in operands]
            return tuple(fold(FOLDS[node.op], node, operation.version, known, budget))
        _require_operator(operation, flows)
        made = OPERATORS[node.op](operation)
    except FoldError as error:
        raise operation.refuse(printable(str(error), 300)) from None
    return made if isinstance(made, tuple) else (made,)


def _require_operator(operation: Operation, flows: bool) -> None:
    node = operation.node
    if any(getattr(value, "reason", "") in ("a graph", "graphs") for value in node.attributes.values()):
        raise operation.refuse("holds a graph of its own, which cnnkit does not follow")
    if node.domain or node.op not in OPERATORS:
        raise operation.refuse("cnnkit has no such operation" + ("" if node.domain else _explain(node.op)))
    if not flows:
        raise operation.refuse("computes constants, which cnnkit does by no such operation")


def _explain(op: str) -> str:
    """Return a few words about operators of which strangers will ask."""
    if "Quantize" in op or op.startswith("QLinear") or op.endswith("Integer"):
        return ": it holds a quantised network; adopt the one of floats that it was made from"
    return ""


def _stand_in(operand: Operand | None) -> Known | None:
    """Return a constant of the shape of an activation, of which nothing but the shape is read."""
    if not isinstance(operand, Flow):
        return operand
    shapes = [(batch, *operand.shape) for batch in BATCHES]
    zeros = tuple(np.broadcast_to(np.float32(0), shape) for shape in shapes)
    return Known("shape", shapes[0], "float32", lambda: zeros)


def _require_declared(operation: Operation, name: str, made: Operand) -> None:
    """Raise WeightFileError where the file declares another shape than this; the batch is left open."""
    declared = operation.file.declared.get(name)
    if declared is not None and isinstance(made, Flow) and made.kind != MOVED:
        _compare(operation, declared, made.shape)


def _compare(operation: Operation, declared: FileValue, shape: Shape) -> None:
    if declared.shape is None:
        return
    fits = len(declared.shape) == len(shape) + 1 and all(
        not isinstance(extent, int) or extent == own for extent, own in zip(declared.shape[1:], shape, strict=True)
    )
    if not fits:
        shown = "(" + ", ".join(printable(str(extent), 20) for extent in declared.shape) + ")"
        raise operation.refuse(f"gives samples of shape {shape}, where the file declares {shown}")


def _find_output(file: FileNetwork, value: FileValue, values: Mapping[str, Any]) -> Flow:
    found = values.get(value.name)
    where = f"output {printable(value.name, 80)}"
    if not isinstance(found, Flow):
        raise refuse(file.file, f"{where}: is the same for all samples, so that no layer gives it")
    if value.shape is not None and len(value.shape) != found.rank:
        raise refuse(file.file, f"{where}: declared with {len(value.shape)} axes, computed with {found.rank}")
    fixed = zip((value.shape or ())[1:], found.shape, strict=False)
    if any(isinstance(extent, int) and extent != own for extent, own in fixed):
        raise refuse(file.file, f"{where}: computed with samples of shape {found.shape}, declared otherwise")
    return found


__all__ = ["Converted", "convert", "describe_node"]
