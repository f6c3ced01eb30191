"""Format "torch": a state_dict by torch.save, read and written without torch."""

from pathlib import Path
from typing import Any

from cnnkit.errors import ExportError
from cnnkit.exporters.core.format import Format, Priority
from cnnkit.exporters.core.weight_file import WeightFile
from cnnkit.exporters.pytorch.reader import NAME, read_torch
from cnnkit.exporters.pytorch.state_dict import losses, state_dict
from cnnkit.exporters.pytorch.writer import write_torch
from cnnkit.exporters.pytorch.zip_file import PICKLE, SCRIPT
from cnnkit.files.names import printable
from cnnkit.files.zip_gate import member_names


class TorchFormat(Format):
    """Reads state_dicts and checkpoints of all versions; writes what load_state_dict takes. Nothing is unpickled."""

    name = NAME
    suffixes = (".pt", ".pth")
    priority = Priority.SPECIFIC
    description = "a PyTorch state_dict, for torch.load and load_state_dict"
    reads = writes = True

    def recognises(self, path: Path, head: bytes) -> bool:
        """Return whether the file is a pickle, or a zip that holds one where torch puts it."""
        if head[:1] == b"\x80" and head[1:2] in {b"\2", b"\3", b"\4", b"\5"}:
            return True
        return any(f"/{name}".endswith((PICKLE, *SCRIPT)) for name in member_names(path, head))

    def read(self, path: Path) -> WeightFile:
        """Return the tensors. Raises WeightFileError for whatever is no state_dict or checkpoint of tensors."""
        return read_torch(path)

    def write(self, weights: WeightFile, path: Path, **options: Any) -> None:  # noqa: ARG002
        """Write parameters and state; the same weights give the same bytes. Raises ExportError."""
        write_torch(state_dict(weights), path)

    def losses(self, weights: WeightFile) -> tuple[str, ...]:
        """Return a line each for the architecture, the metadata and what is neither parameter nor state."""
        return losses(weights)

    def check(self, weights: WeightFile, path: Path) -> None:
        """Read the fresh file back. Raises ExportError when a value differs."""
        written = state_dict(weights)
        back = {tensor.name: tensor for tensor in self.read(path)} if written else {}
        for name, tensor in written.items():
            copy = back.get(name)
            if copy is None or (copy.dtype, copy.shape, copy.sha256()) != (tensor.dtype, tensor.shape, tensor.sha256()):
                raise ExportError(
                    f"{tensor.kind} {printable(name)}: what was written reads back differently; nothing was saved"
                )
