"""Format "npy": one array in a file, as numpy.save writes it; read only."""

import functools
from pathlib import Path

from cnnkit.exporters.core.faults import fault, gate_faults
from cnnkit.exporters.core.format import Format
from cnnkit.exporters.core.npy_array import HEAD, array_of, header_of, in_order
from cnnkit.exporters.core.raw_values import STEP, streamed
from cnnkit.exporters.core.weight_file import Array, NotRead, Tensor, WeightFile
from cnnkit.files.npy_header import NpyHeader
from cnnkit.files.stored_file import StoredFile

_NAME = "arr_0"  # what NumPy calls an array without a name


class NpyFormat(Format):
    """Reads numbers; an array of objects is a pickle, and is refused."""

    name = "npy"
    suffixes = (".npy",)
    description = "one array by numpy.save"
    reads = True

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002
        """Return whether the file begins with NumPy's mark."""
        return head.startswith(b"\x93NUMPY")

    def read(self, path: Path) -> WeightFile:
        """Return the array as the one tensor "arr_0". Raises WeightFileError when it is damaged or not of numbers."""
        with gate_faults(path, self.name):
            file = StoredFile(path)
            try:
                header = header_of(file.read(0, min(file.size, HEAD)).tobytes(), file.size)
            except ValueError as error:
                raise fault(path, str(error), format_name=self.name) from error
        behind = file.size - header.header_bytes - header.value_bytes
        not_read = (NotRead("bytes behind the array", behind, "not part of it"),) if behind else ()
        axes = tuple(map(str, range(len(header.shape))))
        read = functools.partial(_read, file, header)
        blocks = functools.partial(file.blocks, header.header_bytes, header.value_bytes, STEP)
        stream = functools.partial(streamed, path, self.name, _NAME, blocks, header.dtype)
        tensor = Tensor(
            *(_NAME, "", "parameter", "other", axes, header.dtype.name, header.shape, read),
            stream if in_order(header) else None,
        )
        return WeightFile((tensor,), not_read=not_read, file=str(path))


def _read(file: StoredFile, header: NpyHeader) -> Array:
    with gate_faults(file.path, "npy"):
        data = file.read(header.header_bytes, header.value_bytes)
    try:
        return array_of(data, header)
    except ValueError as error:
        raise fault(file.path, str(error), format_name="npy") from error
