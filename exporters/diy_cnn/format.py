"""Format "diy-cnn-json": the weights file of a do-it-yourself CNN in Rust."""

import re
from pathlib import Path
from typing import Any

from cnnkit.exporters.core.format import Format, Priority
from cnnkit.exporters.core.weight_file import WeightFile
from cnnkit.exporters.diy_cnn.reader import ARRAYS, NAME, read_diy_cnn
from cnnkit.exporters.diy_cnn.writer import write_diy_cnn

_BEGIN = re.compile(rb'(\xef\xbb\xbf)?\s*\{\s*"(' + "|".join(ARRAYS).encode() + rb')"\s*:')


class DiyCnnJsonFormat(Format):
    """Reads such a file as the tensors of recipe `diy-cnn`, in float32, and writes that network for its program."""

    name = NAME
    suffixes = (".json",)
    by_name = True
    priority = Priority.SPECIFIC
    description = "pesos.json of the do-it-yourself CNN in Rust (conv_filters, conv_biases, fc_weights, fc_biases)"
    reads = writes = True

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002
        """Return whether the text begins with an object whose first key is one of the four."""
        return _BEGIN.match(head) is not None

    def read(self, path: Path) -> WeightFile:
        """Return the four tensors. Raises WeightFileError for anything but strict JSON of that form."""
        return read_diy_cnn(path)

    def write(self, weights: WeightFile, path: Path, **options: Any) -> None:  # noqa: ARG002
        """Write the network of recipe `diy-cnn`, as serde_json does. Raises ExportError for any other."""
        write_diy_cnn(weights, path)

    def losses(self, weights: WeightFile) -> tuple[str, ...]:
        """Return what is not written: the file holds four arrays."""
        lines = ["the architecture, which its program knows"] if weights.architecture is not None else []
        lines += ["the metadata"] if weights.metadata else []
        return (*lines, *(["the position of the training"] if weights.position is not None else []))
