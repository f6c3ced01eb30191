"""External data of ONNX: values in files beside the model, opened only when asked for."""

from dataclasses import replace
from pathlib import Path

from cnnkit.exporters.core.element_types import carrier
from cnnkit.exporters.onnx.tensor_proto import StoredTensor
from cnnkit.files.beside import open_beside
from cnnkit.files.names import printable
from cnnkit.files.stored_file import StoredFile
from cnnkit.files.unsafe_file import UnsafeFileError


class ExternalData:
    """The files that a model names for its values. opened: whether the user asked to open them."""

    def __init__(self, model: StoredFile, opened: bool) -> None:
        self._model, self._opened = model, opened
        self._files: dict[str, StoredFile | str] = {}

    def place(self, stored: StoredTensor) -> tuple[StoredFile, StoredTensor]:
        """Return (file, tensor) with the place of the values in that file; `problem` says why there is none."""
        if stored.location is None or stored.problem is not None:
            return self._model, stored
        if not self._opened:
            problem = f"its values lie in {printable(stored.location, 100) or 'another file'}: --external reads them"
            return self._model, replace(stored, problem=problem)
        file = self._open(stored.location)
        if isinstance(file, str):
            return self._model, replace(stored, problem=file)
        need = stored.count * carrier(stored.dtype).itemsize
        start, length = stored.offset, stored.length
        if length is not None and length != need:
            problem = f"{length} bytes of {printable(stored.location, 100)}, where its shape takes {need}"
        elif start + need > file.size:
            problem = f"{printable(stored.location, 100)} ends at byte {file.size}, its values at {start + need}"
        else:
            return file, replace(stored, raw=(start, start + need))
        return self._model, replace(stored, problem=problem)

    def _open(self, location: str) -> StoredFile | str:
        """Return the file, or why it is not opened."""
        if location not in self._files:
            try:
                self._files[location] = open_beside(Path(self._model.path), location)
            except UnsafeFileError as error:
                self._files[location] = str(error)
        return self._files[location]
