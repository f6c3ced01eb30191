"""Format "onnx": networks of ONNX, read without executing anything, and written for any runtime."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from cnnkit.exporters.core.claims import select_network_tensors
from cnnkit.exporters.core.format import Format, Priority, verify
from cnnkit.exporters.core.weight_file import WeightFile
from cnnkit.exporters.onnx.float64 import describe_rounding
from cnnkit.exporters.onnx.model_proto import looks_like_model
from cnnkit.exporters.onnx.reader import read_onnx
from cnnkit.exporters.onnx.stored_values import NAME
from cnnkit.exporters.onnx.writer import write_onnx


class OnnxFormat(Format):
    """Reads the tensors of any ONNX file; writes networks of cnnkit's own layers."""

    name = NAME
    suffixes = (".onnx",)
    priority = Priority.SPECIFIC
    description = "ONNX: the network with its weights, which onnxruntime and others run"
    reads = writes = True

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002
        """Return whether the file begins as a model in protocol buffers does; ONNX has no mark of its own."""
        return looks_like_model(head)

    def read(self, path: Path) -> WeightFile:
        """Return what the file holds. Raises WeightFileError when it is damaged."""
        return read_onnx(path)

    def read_external(self, path: Path) -> WeightFile:
        """Return what the file and those that it names hold. Raises as `read`."""
        return read_onnx(path, external=True)

    def write(self, weights: WeightFile, path: Path, **options: Any) -> None:  # noqa: ARG002
        """Write the network; the same weights give the same bytes. Raises ExportError as `write_onnx`."""
        write_onnx(weights, path)

    def losses(self, weights: WeightFile) -> tuple[str, ...]:
        """Return what is not written: what only training needs, and float64 where runtimes do not compute in it."""
        others = len(weights) - len(select_network_tensors(weights))
        lines = [f"{others} tensors that are neither parameters nor state"] if others else []
        lines += describe_rounding(weights)
        return (*lines, *(["the position of the training"] if weights.position is not None else []))

    def check(self, weights: WeightFile, path: Path) -> None:
        """Read the file back. Raises ExportError when a tensor of the network differs."""
        verify(self.read, replace(weights, tensors=select_network_tensors(weights)), path)
