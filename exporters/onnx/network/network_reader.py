"""Reads the graph of an ONNX file, with its tensors as those whose values are read later."""

import functools
from pathlib import Path

from cnnkit.exporters.core.faults import faults_of
from cnnkit.exporters.core.weight_file import Tensor, numbered_axes
from cnnkit.exporters.onnx.external import ExternalData
from cnnkit.exporters.onnx.network.file_network import FileNetwork, Unreadable
from cnnkit.exporters.onnx.network.network_parser import parse_network
from cnnkit.exporters.onnx.stored_values import NAME, make_readers
from cnnkit.exporters.onnx.tensor_proto import StoredTensor
from cnnkit.exporters.onnx.wire import Source
from cnnkit.files.regular_file import open_regular
from cnnkit.files.stored_file import StoredFile
from cnnkit.files.unsafe_file import UnsafeFileError


def read_network(path: str | Path, external: bool = False) -> FileNetwork:
    """Return the graph of an ONNX file.

    external: open the files in the same folder that the model names for its values.

    Raises WeightFileError when the file cannot be read, is damaged, or holds more than any network.
    """
    path = Path(path)
    with faults_of(path, NAME):
        file = _open(path)
        make = functools.partial(_make_tensor, path, ExternalData(file, external))
        with file.open() as stream:
            parsed = parse_network(Source(stream, file.size), make)
        tensors = {stored.name: make(stored.name, stored) for stored in parsed.initializers}
    return FileNetwork(
        file=str(path),
        nodes=tuple(parsed.nodes),
        inputs=tuple(value for value in parsed.inputs if value.name not in tensors),
        outputs=tuple(parsed.outputs),
        declared={value.name: value for value in parsed.declared},
        tensors=tensors,
        versions={"" if domain == "ai.onnx" else domain: version for domain, version in parsed.versions.items()},
        functions=frozenset(parsed.functions),
        producer=parsed.producer,
        properties=parsed.properties,
        size=file.size,
    )


def _open(path: Path) -> StoredFile:
    try:
        with open_regular(path):
            return StoredFile(path)
    except OSError as error:
        raise UnsafeFileError(f"cannot be read: {error.strerror or error}") from error


def _make_tensor(path: Path, data: ExternalData, name: str, stored: StoredTensor) -> Tensor | Unreadable:
    file, placed = data.place(stored)
    if placed.problem is not None:
        return Unreadable(placed.problem)
    axes = numbered_axes(len(placed.shape))
    readers = make_readers(path, name, file, placed)
    return Tensor(name, "", "other", "other", axes, placed.dtype, placed.shape, *readers)
