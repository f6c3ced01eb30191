"""Writes safetensors in shards; what the format cannot hold goes into the index, whose readers pass over it."""

from pathlib import Path

from cnnkit.exporters.core.format import ShardNames
from cnnkit.exporters.core.weight_file import Tensor, WeightFile
from cnnkit.exporters.safetensors.index import OURS
from cnnkit.exporters.safetensors.writer import describe, lay_out, make_header, name_tensors, write_values
from cnnkit.exporters.shards.writer import write_shards

SHARDS = ShardNames("model", ".safetensors")
_METADATA = {"format": "pt"}  # transformers refuses a shard without it


def write_safetensors_shards(weights: WeightFile, folder: Path, stem: str, shard_bytes: int) -> Path:
    """Write `weights` into shards of `folder`, and return the path of the index. Raises ExportError as for one file."""
    tensors = name_tensors(weights)
    sums: dict[str, str] = {}

    def write(part: dict[str, Tensor], path: Path) -> None:
        entries = lay_out(part)
        with path.open("wb") as stream:
            stream.write(make_header(_METADATA, entries))
            sums.update(write_values(stream, part, entries))

    return write_shards(
        tensors, folder, SHARDS, stem, shard_bytes, write, lambda: {OURS: describe(weights, tensors, sums)}
    )
