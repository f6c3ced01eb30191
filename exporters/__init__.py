"""Weight files: the model of what a trained net is on disk, and one file a format that reads or writes it."""

from cnnkit.exporters.formats import Format
from cnnkit.exporters.registry import Broken, broken, choose, formats, read, write
from cnnkit.exporters.weight_file import NotRead, Tensor, WeightFile

__all__ = ["Broken", "Format", "NotRead", "Tensor", "WeightFile", "broken", "choose", "formats", "read", "write"]
