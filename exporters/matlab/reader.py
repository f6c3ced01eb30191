"""Reads MAT-files: lists their arrays first, reads values when asked."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cnnkit.exporters.core.faults import fault, faults_of
from cnnkit.exporters.core.hdf5_tensors import Hdf5Tensors
from cnnkit.exporters.core.weight_file import Tensor, WeightFile
from cnnkit.exporters.matlab.level5 import list_level5
from cnnkit.exporters.matlab.level73 import Listed73
from cnnkit.exporters.matlab.meaning import ArrayNames
from cnnkit.exporters.matlab.values import make_readers, turn_axes
from cnnkit.exporters.matlab.versions import find_order, find_version
from cnnkit.files.stored_file import StoredFile

NAME = "matlab"


def read_matlab(path: Path) -> WeightFile:
    """Return the numeric arrays. Raises WeightFileError when the file is damaged, or of MATLAB 4."""
    with faults_of(path, NAME):
        file = StoredFile(path)
        head = file.read(0, min(file.size, 8192)).tobytes()
    version = find_version(head, file.size)
    if version == "4":
        hint = "in MATLAB or Octave: load it, and save it with -v7"
        raise fault(path, "a file of MATLAB 4, which is not read", format_name=NAME, hint=hint)
    return _read_level73(path, head) if version == "7.3" else _read_level5(path, file, head)


def _read_level5(path: Path, file: StoredFile, head: bytes) -> WeightFile:
    with faults_of(path, NAME):
        contents = list_level5(file, find_order(head))
    names, tensors = ArrayNames(contents.texts), []
    for array in contents.arrays:
        what = names.interpret(array.name, len(array.shape))
        readers = make_readers(path, NAME, array)
        tensors.append(Tensor(array.name, *what, array.dtype, array.shape, *readers))
    about = _describe(head, contents.texts)
    return WeightFile(tuple(tensors), None, about, not_read=tuple(contents.not_read), file=str(path))


def _read_level73(path: Path, head: bytes) -> WeightFile:
    file = Hdf5Tensors.open(path, NAME)

    def read_text(place: str) -> str:
        codes = file.tensor(place, place, "", "other", "other", None).read().reshape(-1)
        return codes.astype("<u2").tobytes().decode("utf-16-le", "replace")

    with faults_of(path, NAME):
        contents = Listed73(file.listing, read_text)
    names, tensors = ArrayNames(contents.texts), []
    for array in contents.arrays:
        layer, kind, role, axes = names.interpret(array.name, len(file.dataset(array.place).shape))
        stored = file.tensor(array.place, array.name, layer, kind, role, axes[::-1])
        tensors.append(turn_axes(path, NAME, stored, array.logical))
    about = _describe(head, contents.texts)
    return WeightFile(tuple(tensors), None, about, not_read=tuple(contents.not_read), file=str(path))


def _describe(head: bytes, texts: Mapping[str, str]) -> dict[str, Any]:
    """Return the metadata: the text at the beginning of the file, and the texts in it."""
    heading = {"heading": head[:116].decode("utf-8", "replace").rstrip(" \0")}
    return {NAME: heading | ({"texts": dict(texts)} if texts else {})}
