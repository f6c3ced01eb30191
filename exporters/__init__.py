"""Weight files: what a trained net is on disk, and one folder per format that reads or writes it."""

from cnnkit.exporters.core.format import Format, Priority
from cnnkit.exporters.core.weight_file import NotRead, Tensor, WeightFile
from cnnkit.exporters.registry import Broken, broken, choose, formats, read, write
from cnnkit.exporters.sharding import choose_shards, write_shards

__all__ = [
    "Broken",
    "Format",
    "NotRead",
    "Priority",
    "Tensor",
    "WeightFile",
    "broken",
    "choose",
    "choose_shards",
    "formats",
    "read",
    "write",
    "write_shards",
]
