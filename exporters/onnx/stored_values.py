"""How the values of a tensor of an ONNX file are read later: whole, or piece by piece where they lie in one piece."""

import functools
from collections.abc import Callable
from pathlib import Path

from cnnkit.exporters.core.faults import faults_of
from cnnkit.exporters.core.file_values import FileValues
from cnnkit.exporters.core.weight_file import Array, Stream
from cnnkit.exporters.onnx.tensor_proto import StoredTensor, read_tensor
from cnnkit.files.stored_file import StoredFile

NAME = "onnx"


def make_readers(
    path: Path, name: str, file: StoredFile, stored: StoredTensor
) -> tuple[Callable[[], Array], Stream | None]:
    """Return `Tensor.read` and `Tensor.stream` of the tensor `name`, the latter only for raw bytes.

    path: of the model, for errors. file: in which the values lie.
    """
    if stored.raw is None:
        return functools.partial(_read, path, file, stored), None
    start, stop = stored.raw
    values = FileValues(file, NAME, name, start, stop - start, stored.dtype, stored.shape)
    return values.read, values.stream


def _read(path: Path, file: StoredFile, stored: StoredTensor) -> Array:
    with faults_of(path, NAME):
        return read_tensor(file, stored)
