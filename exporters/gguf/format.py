"""Format "gguf": model files of llama.cpp and ggml; read only."""

from pathlib import Path

from cnnkit.exporters.core.format import Format, Priority
from cnnkit.exporters.core.weight_file import WeightFile
from cnnkit.exporters.gguf.header import MAGIC
from cnnkit.exporters.gguf.reader import NAME, read_gguf


class GgufFormat(Format):
    """Reads tensors of floats and integers; those in quantised blocks are named with their type."""

    name = NAME
    suffixes = (".gguf",)
    priority = Priority.SPECIFIC
    description = "GGUF of llama.cpp and ggml: floats and integers; quantised blocks are named"
    reads = True

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002
        """Return whether the file begins with the mark of GGUF."""
        return head.startswith(MAGIC)

    def read(self, path: Path) -> WeightFile:
        """Return the tensors. Raises WeightFileError when the file is damaged, or of another version."""
        return read_gguf(path)
