"""Format "tflite": TensorFlow Lite (LiteRT) models; read only."""

from pathlib import Path

from cnnkit.exporters.core.format import Format, Priority
from cnnkit.exporters.core.weight_file import WeightFile
from cnnkit.exporters.tflite.reader import NAME, read_tflite

_IDENTIFIER = b"TFL3"


class TfliteFormat(Format):
    """Reads the constant tensors, as stored: the integers of quantised ones, with their scales beside them."""

    name = NAME
    suffixes = (".tflite",)
    priority = Priority.SPECIFIC
    description = "TensorFlow Lite (LiteRT): constant tensors, quantised ones as stored with their scales"
    reads = True

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002
        """Return whether the file has the identifier of a FlatBuffer with such a model."""
        return head[4:8] == _IDENTIFIER

    def read(self, path: Path) -> WeightFile:
        """Return the constants of all graphs. Raises WeightFileError when the file is damaged."""
        return read_tflite(path)
