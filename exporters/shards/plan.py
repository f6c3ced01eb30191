"""Which tensor goes into which shard: in their order, as many as fit."""

from collections.abc import Mapping

from cnnkit.errors import ExportError
from cnnkit.exporters.core.weight_file import Tensor
from cnnkit.exporters.shards.index import MOST_SHARDS
from cnnkit.files.names import format_count


def plan_shards(tensors: Mapping[str, Tensor], shard_bytes: int) -> list[tuple[str, ...]]:
    """Return the names of each shard: tensors in order, up to `shard_bytes` bytes of values; a larger one alone.

    Raises ExportError when there are more shards than a reader takes.
    """
    shards: list[list[str]] = [[]]
    filled = 0
    for name, tensor in tensors.items():
        if shards[-1] and filled + tensor.nbytes > shard_bytes:
            shards.append([])
            filled = 0
        shards[-1].append(name)
        filled += tensor.nbytes
    if len(shards) > MOST_SHARDS:
        raise ExportError(f"{format_count(len(shards), 'shard')}, more than {MOST_SHARDS}: choose a larger size")
    return [tuple(names) for names in shards]
