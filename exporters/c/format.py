"""Format "c": the network as C99 source that computes its outputs."""

from pathlib import Path
from typing import Any

from cnnkit.exporters.c.writer import write_c
from cnnkit.exporters.core.format import Format, Priority
from cnnkit.exporters.core.weight_file import WeightFile


class CFormat(Format):
    """Writes a file that a C compiler makes a program of; it is not read back, its numbers are exact all the same."""

    name = "c"
    suffixes = (".c",)
    description = "C99 source that runs the network: exact weights, a function for each layer"
    priority = Priority.SPECIFIC
    writes = True

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002
        """Return whether the text begins as that of this format does, so that it can be said that it is not read."""
        return head.startswith(b"/*\n * ") and b" parameters, written by cnnkit.\n" in head[:400]

    def write(self, weights: WeightFile, path: Path, **options: Any) -> None:  # noqa: ARG002
        """Write the network. Raises ExportError without an architecture and for a layer that has no C here."""
        write_c(weights, path)

    def losses(self, weights: WeightFile) -> tuple[str, ...]:
        """Return what is not written."""
        kept = {"parameter", "state"}
        lines = ["the metadata, but class names and scaling"] if weights.metadata else []
        lines += ["the position of the training"] if weights.position is not None else []
        others = sorted({tensor.kind for tensor in weights.tensors} - kept)
        return (*lines, *(f"tensors of kind {kind}" for kind in others))
