"""Format "diy-cnn-json": the weights file of a do-it-yourself CNN in Rust; read only."""

import re
from pathlib import Path

from cnnkit.exporters.core.format import Format, Priority
from cnnkit.exporters.core.weight_file import WeightFile
from cnnkit.exporters.diy_cnn.reader import ARRAYS, NAME, read_diy_cnn

_BEGIN = re.compile(rb'(\xef\xbb\xbf)?\s*\{\s*"(' + "|".join(ARRAYS).encode() + rb')"\s*:')


class DiyCnnJsonFormat(Format):
    """Reads such a file as the tensors of recipe `diy-cnn`, in float32."""

    name = NAME
    suffixes = (".json",)
    priority = Priority.SPECIFIC
    description = "weights of the do-it-yourself CNN in Rust (conv_filters, conv_biases, fc_weights, fc_biases)"
    reads = True

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002
        """Return whether the text begins with an object whose first key is one of the four."""
        return _BEGIN.match(head) is not None

    def read(self, path: Path) -> WeightFile:
        """Return the four tensors. Raises WeightFileError for anything but strict JSON of that form."""
        return read_diy_cnn(path)
