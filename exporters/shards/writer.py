"""Writes the shards of a format that a function writes, and the index of them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cnnkit.exporters.core import strict_json
from cnnkit.exporters.core.format import ShardNames
from cnnkit.exporters.core.weight_file import Tensor
from cnnkit.exporters.shards.plan import plan_shards


def write_shards(
    tensors: Mapping[str, Tensor],
    folder: Path,
    shards: ShardNames,
    stem: str,
    shard_bytes: int,
    write: Callable[[dict[str, Tensor], Path], object],
    describe: Callable[[], Mapping[str, Any]] = dict,
) -> Path:
    """Write {name: tensor} into shards of `folder` by `write`, then their index; return the path of the index.

    shard_bytes: of the values in a shard; a larger tensor has a shard of its own.
    describe: what the index holds besides, asked for when all shards are written.

    Raises ExportError when there are too many shards, and what `write` raises.
    """
    planned = plan_shards(tensors, shard_bytes)
    places: dict[str, str] = {}
    for number, names in enumerate(planned, 1):
        file = shards.name_shard(stem, number, len(planned))
        write({name: tensors[name] for name in names}, folder / file)
        places |= dict.fromkeys(names, file)
    document = {
        "metadata": {"total_size": sum(tensor.nbytes for tensor in tensors.values())},
        "weight_map": places,
        **describe(),
    }
    index = folder / f"{stem}{shards.index_suffix}"
    index.write_bytes(strict_json.dumps("the index of the shards", document, indent=2).encode() + b"\n")
    return index
