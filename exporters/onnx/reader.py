"""Reads the tensors of an ONNX file: initializers and constants in the order in which nodes use them."""

from pathlib import Path
from typing import Any, NamedTuple

from cnnkit.exporters.core import strict_json
from cnnkit.exporters.core.faults import fault, faults_of
from cnnkit.exporters.core.weight_file import NotRead, Tensor, WeightFile, numbered_axes
from cnnkit.exporters.onnx.external import ExternalData
from cnnkit.exporters.onnx.listing import ListedTensor, describe, list_tensors
from cnnkit.exporters.onnx.model_proto import ModelProto, parse_model
from cnnkit.exporters.onnx.stored_values import NAME, make_readers
from cnnkit.exporters.onnx.tensor_proto import StoredTensor
from cnnkit.exporters.onnx.usage import interpret_use, list_inputs
from cnnkit.exporters.onnx.wire import Source
from cnnkit.files.names import printable
from cnnkit.files.stored_file import StoredFile

PROPERTY = "cnnkit"
_STATE = ("mean", "variance")


class _Readable(NamedTuple):
    """A tensor and the file in which its values lie."""

    listed: ListedTensor
    file: StoredFile
    stored: StoredTensor


def read_onnx(path: Path, external: bool = False) -> WeightFile:
    """Return the tensors of an ONNX file; values are read later. Raises WeightFileError.

    external: open the files in the same folder that the model names for its values.
    """
    with faults_of(path, NAME):
        file = StoredFile(path)
        with file.open() as stream:
            model = parse_model(Source(stream, file.size))
    listed, not_read = list_tensors(model)
    data = ExternalData(file, external)
    placed = [_Readable(item, *data.place(item.stored)) for item in listed]
    readable = [item for item in placed if item.stored.problem is None]
    not_read += [describe(item.listed.name, item.stored) for item in placed if item.stored.problem is not None]
    if PROPERTY in model.properties and len(readable) == len(placed):
        try:
            return _read_ours(path, model, readable, not_read)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
            problem = f"metadata property {PROPERTY} does not fit: {printable(reason)}"
            raise fault(path, problem, format_name=NAME) from error
    tensors = tuple(_build_tensor(path, item) for item in readable)
    return WeightFile(tensors, None, {"onnx": _describe_model(model)}, not_read=tuple(not_read), file=str(path))


def _build_tensor(path: Path, readable: _Readable) -> Tensor:
    listed, stored = readable.listed, readable.stored
    role, axes = interpret_use(listed.use, len(stored.shape))
    role = listed.role or role
    kind = listed.kind if listed.role is not None else None
    if kind is None:
        kind = "state" if role in _STATE else "parameter"
        if role == "other" and (listed.kind == "other" or not stored.shape or "float" not in stored.dtype):
            kind = "other"
    if axes is None:
        axes = numbered_axes(len(stored.shape))
    layer = listed.layer or listed.name.rpartition(".")[0] or (listed.use.node.name if listed.use else "")
    return Tensor(
        *(listed.name, layer or listed.name, kind, role, axes, stored.dtype, stored.shape),
        *make_readers(path, listed.name, readable.file, stored),
    )


def _read_ours(path: Path, model: ModelProto, readable: list[_Readable], not_read: list[NotRead]) -> WeightFile:
    """Return the WeightFile that cnnkit wrote as this model."""
    about = strict_json.loads(model.properties[PROPERTY].encode("utf-8", "surrogateescape"), lone=True)
    left = {item.listed.name: item for item in readable}
    tensors = []
    for name, layer, kind, role, axes in about["tensors"]:
        if name not in left:
            raise ValueError(f"it lists {printable(name, 60)}, which is no tensor of the model")
        found = left.pop(name)
        parts = name, layer, kind, role, tuple(axes), found.stored.dtype, found.stored.shape
        tensors.append(Tensor(*parts, *make_readers(path, name, found.file, found.stored)))
    if left:
        not_read.append(NotRead("constants of operations", len(left), "they are not weights", weights=False))
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
