"""Weight files: the model of what a trained net is on disk, and one file a format that reads or writes it."""

from cnnkit.exporters.core.format import Format
from cnnkit.exporters.core.weight_file import NotRead, Tensor, WeightFile
from cnnkit.exporters.registry import Broken, broken, choose, formats, read, write

__all__ = ["Broken", "Format", "NotRead", "Tensor", "WeightFile", "broken", "choose", "formats", "read", "write"]
