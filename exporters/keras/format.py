"""Format "keras": weights of Keras of all generations, read; those of Keras 3, written."""

from pathlib import Path
from typing import Any

from cnnkit.exporters.core.claims import select_network_tensors
from cnnkit.exporters.core.format import Format, Priority
from cnnkit.exporters.core.weight_file import WeightFile
from cnnkit.exporters.keras.archive import is_archive
from cnnkit.exporters.keras.legacy_reader import is_legacy
from cnnkit.exporters.keras.reader import NAME, read_archive, read_hdf5, read_shards
from cnnkit.exporters.keras.shards import SUFFIXES
from cnnkit.exporters.keras.weights_reader import is_saved
from cnnkit.exporters.keras.writer import require_same, write_keras
from cnnkit.exporters.shards.index import is_index, looks_like_index
from cnnkit.files.hdf5.cage import list_hdf5
from cnnkit.files.hdf5.mark import is_hdf5
from cnnkit.files.unsafe_file import UnsafeFileError
from cnnkit.files.zips.gate import is_zip, read_member_names


class KerasFormat(Format):
    """Reads `.h5` of Keras 0 to 3, `.weights.h5` and `.keras`; writes `.weights.h5` of Keras 3."""

    name = NAME
    suffixes = (".weights.h5",)
    priority = Priority.SPECIFIC
    description = "Keras: .h5 of all generations, .weights.h5, .keras, and shards by their .weights.json"
    reads = writes = True

    def recognises(self, path: Path, head: bytes) -> bool:
        """Return whether it is a Keras 3 zip, HDF5 with attributes or names as Keras writes, or an index of such."""
        if looks_like_index(head, SUFFIXES):
            return True
        if not is_hdf5(head):
            return is_archive(read_member_names(path, head))
        try:
            listing = list_hdf5(path)
        except UnsafeFileError:
            return False
        return is_legacy(listing) or is_saved(listing)

    def read(self, path: Path) -> WeightFile:
        """Return what a Keras file holds, the configuration in metadata["keras"]. Raises WeightFileError."""
        if is_index(path, SUFFIXES):
            return read_shards(path)
        return read_archive(path) if is_zip(path) else read_hdf5(path)

    def write(self, weights: WeightFile, path: Path, **options: Any) -> None:  # noqa: ARG002
        """Write the weights for the equivalent Keras model. Raises ExportError for what Keras cannot express."""
        write_keras(weights, path)

    def losses(self, weights: WeightFile) -> tuple[str, ...]:
        """Return what is not written: Keras's configuration replaces the architecture, only the network is kept."""
        others = len(weights) - len(select_network_tensors(weights))
        lines = [f"{others} tensors that are neither parameters nor state"] if others else []
        lines += ["the architecture as cnnkit reads it (Keras's configuration of it is kept)"]
        lines += ["the metadata"] if weights.metadata else []
        return (*lines, *(["the position of the training"] if weights.position is not None else []))

    def check(self, weights: WeightFile, path: Path) -> None:
        """Read the file back. Raises ExportError when a variable differs."""
        require_same(weights, self.read(path))
