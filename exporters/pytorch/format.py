"""Format "torch": a state_dict by torch.save, read and written without torch."""

from pathlib import Path
from typing import Any

from cnnkit.exporters.core.format import Format, Priority, changed_value
from cnnkit.exporters.core.pickles.torch_stream import MAGIC
from cnnkit.exporters.core.weight_file import WeightFile
from cnnkit.exporters.pytorch.exported_program import is_exported
from cnnkit.exporters.pytorch.reader import NAME, read_torch
from cnnkit.exporters.pytorch.shards import SHARDS, SUFFIXES, read_torch_index, write_torch_shards
from cnnkit.exporters.pytorch.state_dict import list_losses, name_for_torch
from cnnkit.exporters.pytorch.writer import write_torch
from cnnkit.exporters.pytorch.zip_file import OLD_SCRIPT, PACKAGE, PICKLE
from cnnkit.exporters.shards.index import is_index, looks_like_index
from cnnkit.files.zips.gate import read_member_names

_MAGIC = MAGIC.to_bytes(10, "little")
_MARKS = (PICKLE, OLD_SCRIPT, PACKAGE)


class TorchFormat(Format):
    """Reads state_dicts and checkpoints of all versions; writes what load_state_dict takes. Nothing is unpickled."""

    name = NAME
    suffixes = (".pt", ".pth")
    priority = Priority.SPECIFIC
    description = "a PyTorch state_dict, for torch.load and load_state_dict"
    reads = writes = True
    shards = SHARDS

    def recognises(self, path: Path, head: bytes) -> bool:
        """Return whether it begins with torch's number, pickled, is a zip as torch makes them, or an index of such."""
        if looks_like_index(head, SUFFIXES):
            return True
        if head[:1] == b"\x80" and _MAGIC in head[:32]:
            return True
        names = read_member_names(path, head)
        return is_exported(dict.fromkeys(names)) or any(f"/{name}".endswith(_MARKS) for name in names)

    def read(self, path: Path) -> WeightFile:
        """Return the tensors. Raises WeightFileError for anything but a state_dict or checkpoint of tensors."""
        return read_torch_index(path) if is_index(path, SUFFIXES) else read_torch(path)

    def write(self, weights: WeightFile, path: Path, **options: Any) -> None:  # noqa: ARG002
        """Write parameters and state; the same weights give the same bytes. Raises ExportError."""
        write_torch(name_for_torch(weights), path)

    def write_shards(self, weights: WeightFile, folder: Path, stem: str, shard_bytes: int) -> Path:
        """Write `stem`-00001-of-00002.bin and so on, and their index. Raises ExportError as `write`."""
        return write_torch_shards(weights, folder, stem, shard_bytes)

    def losses(self, weights: WeightFile) -> tuple[str, ...]:
        """Return one line each for the architecture, the metadata, and tensors that are neither parameter nor state."""
        return list_losses(weights)

    def check(self, weights: WeightFile, path: Path) -> None:
        """Read the new file back. Raises ExportError when a value differs."""
        written = name_for_torch(weights)
        back = {tensor.name: tensor for tensor in self.read(path)} if written else {}
        for name, tensor in written.items():
            copy = back.get(name)
            if copy is None or (copy.dtype, copy.shape, copy.sha256()) != (tensor.dtype, tensor.shape, tensor.sha256()):
                raise changed_value(tensor.kind, name)
