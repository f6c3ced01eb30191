"""Reads the tensors of an ONNX file: initializers and constants in the order in which nodes use them."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from cnnkit.exporters.core import strict_json
from cnnkit.exporters.core.element_types import carrier
from cnnkit.exporters.core.faults import fault, faults_of
from cnnkit.exporters.core.raw_values import STEP, stream_array
from cnnkit.exporters.core.weight_file import Array, NotRead, Stream, Tensor, WeightFile, numbered_axes
from cnnkit.exporters.onnx.external import ExternalData
from cnnkit.exporters.onnx.model_proto import ModelProto, parse_model
from cnnkit.exporters.onnx.tensor_proto import StoredTensor, read_tensor
from cnnkit.exporters.onnx.usage import Use, find_uses, interpret_use, iterate_graphs, list_inputs
from cnnkit.exporters.onnx.wire import Source
from cnnkit.files.names import printable
from cnnkit.files.stored_file import StoredFile

NAME, PROPERTY = "onnx", "cnnkit"
_STATE = ("mean", "variance")


class _ListedTensor(NamedTuple):
    order: tuple[int, int, int]
    name: str
    file: StoredFile
    stored: StoredTensor
    use: Use | None
    constant: bool


def read_onnx(path: Path, external: bool = False) -> WeightFile:
    """Return the tensors of an ONNX file; values are read later. Raises WeightFileError.

    external: open the files in the same folder that the model names for its values.
    """
    with faults_of(path, NAME):
        file = StoredFile(path)
        with file.open() as stream:
            model = parse_model(Source(stream, file.size))
    listed, not_read = _list_tensors(model, ExternalData(file, external))
    readable = [f for f in listed if f.stored.problem is None]
    not_read += [
        NotRead(f"{printable(f.name)} {f.stored.shape}", 1, printable(f.stored.problem))
        for f in listed
        if f.stored.problem is not None
    ]
    readers = functools.partial(_make_readers, path)
    if PROPERTY in model.properties and len(readable) == len(listed):
        try:
            return _read_ours(path, model, readable, not_read, readers)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            problem = f"metadata property {PROPERTY} does not fit: {printable(str(error))}"
            raise fault(path, problem, format_name=NAME) from error
    tensors = tuple(_build_tensor(f, readers) for f in readable)
    return WeightFile(tensors, None, {"onnx": _describe_model(model)}, not_read=tuple(not_read), file=str(path))


def _list_tensors(model: ModelProto, external: ExternalData) -> tuple[list[_ListedTensor], list[NotRead]]:
    listed, not_read = [], []
    for number, (prefix, graph) in enumerate(iterate_graphs(model.graph)):
        used = find_uses(graph)
        stored_tensors = [(tensor.name, tensor, False) for tensor in graph.initializers]
        for node in graph.nodes:
            if node.op == "Constant" and node.constant is not None and node.outputs:
                stored_tensors.append((node.outputs[0], node.constant, True))
        for position, (name, stored, constant) in enumerate(stored_tensors):
            use = used.get(name)
            order = (number, use.position if use else len(graph.nodes), use.slot if use else position)
            listed.append(_ListedTensor(order, prefix + name, *external.place(stored), use, constant))
        sparse = graph.sparse + sum(node.sparse for node in graph.nodes)
        if sparse:
            not_read.append(NotRead("sparse tensors", sparse, "sparse tensors are not read"))
    if model.functions:
        not_read.append(NotRead("functions", model.functions, "constants inside functions are not looked for"))
    return sorted(listed, key=lambda f: f.order), not_read


def _build_tensor(listed: _ListedTensor, readers: Any) -> Tensor:
    stored = listed.stored
    role, axes = interpret_use(listed.use, len(stored.shape))
    kind = "state" if role in _STATE else "parameter"
    if role == "other" and (listed.constant or not stored.shape or "float" not in stored.dtype):
        kind = "other"
    if axes is None:
        axes = numbered_axes(len(stored.shape))
    layer = listed.name.rpartition(".")[0] or (listed.use.node.name if listed.use else "") or listed.name
    return Tensor(listed.name, layer, kind, role, axes, stored.dtype, stored.shape, *readers(listed))


def _read_ours(
    path: Path, model: ModelProto, listed: list[_ListedTensor], not_read: list[NotRead], readers: Any
) -> WeightFile:
    """Return the WeightFile that cnnkit wrote as this model."""
    about = strict_json.loads(model.properties[PROPERTY].encode("utf-8", "surrogateescape"))
    left = {f.name: f for f in listed}
    tensors = []
    for name, layer, kind, role, axes in about["tensors"]:
        found = left.pop(name)
        parts = name, layer, kind, role, tuple(axes), found.stored.dtype, found.stored.shape
        tensors.append(Tensor(*parts, *readers(found)))
    if left:
        not_read.append(NotRead("constants of operations", len(left), "they are not weights"))
    architecture, metadata = about["architecture"], about["metadata"]
    if not isinstance(architecture, dict) or not isinstance(metadata, dict):
        raise TypeError("architecture and metadata are not objects")
    return WeightFile(tuple(tensors), architecture, metadata, not_read=tuple(not_read), file=str(path))


def _describe_model(model: ModelProto) -> dict[str, Any]:
    graph = model.graph
    return {
        "ir_version": model.ir_version,
        "producer": f"{model.producer} {model.producer_version}".strip(),
        "opsets": model.opsets,
        "graph": graph.name,
        "inputs": list_inputs(graph),
        "outputs": graph.outputs,
    }


def _make_readers(path: Path, listed: _ListedTensor) -> tuple[Callable[[], Array], Stream | None]:
    """Return `Tensor.read` and `Tensor.stream`, the latter only for raw bytes."""
    stored, file = listed.stored, listed.file
    read = functools.partial(_read, path, file, stored)
    if stored.raw is None:
        return read, None
    start, stop = stored.raw
    blocks = functools.partial(file.blocks, start, stop - start, STEP)
    dtype = carrier(stored.dtype).newbyteorder("<")
    return read, functools.partial(stream_array, path, NAME, f"tensor {printable(listed.name)}", blocks, dtype)


def _read(path: Path, file: StoredFile, stored: StoredTensor) -> Array:
    with faults_of(path, NAME):
        return read_tensor(file, stored)
