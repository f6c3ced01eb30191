"""Format "layer-text": weights and biases of dense layers as text, a heading for each; read only."""

from pathlib import Path

from cnnkit.exporters.core.format import Format, Priority
from cnnkit.exporters.core.weight_file import WeightFile
from cnnkit.exporters.layer_text.reader import HEADING, NAME, read_layer_text


class LayerTextFormat(Format):
    """Reads such a text as the tensors of a net of dense layers, in float64."""

    name = NAME
    suffixes = (".txt",)
    priority = Priority.SPECIFIC
    description = (
        'matrices as text under "Layer 1 Weights:" and "Layer 1 Biases:", as numpy.savetxt or print write them'
    )
    reads = True

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002
        """Return whether the text begins with the heading of a layer's weights."""
        text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
        return HEADING.match(text.split(b"\n", 1)[0].strip()) is not None

    def read(self, path: Path) -> WeightFile:
        """Return weight and bias of each layer. Raises WeightFileError for other text, and for one that NumPy cut."""
        return read_layer_text(path)
