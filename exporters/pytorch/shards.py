"""A state_dict in several files: `pytorch_model.bin.index.json`, read as one; nothing is unpickled."""

from dataclasses import replace
from pathlib import Path

from cnnkit.exporters.core.format import ShardNames
from cnnkit.exporters.core.name_conventions import interpret_name
from cnnkit.exporters.core.weight_file import Tensor, WeightFile
from cnnkit.exporters.pytorch.reader import NAME, read_torch
from cnnkit.exporters.pytorch.state_dict import name_for_torch
from cnnkit.exporters.pytorch.writer import write_torch
from cnnkit.exporters.shards.index import compare_size, open_shards, read_index, require_placed
from cnnkit.exporters.shards.writer import write_shards
from cnnkit.files.names import printable
from cnnkit.files.stored_file import StoredFile

SHARDS = ShardNames("pytorch_model", ".bin")
SUFFIXES = (".bin", ".pt", ".pth")


def read_torch_index(path: Path) -> WeightFile:
    """Return the tensors of all shards, in their order. Raises WeightFileError when index and shards do not fit."""
    index = read_index(path, NAME, SUFFIXES)
    opened = open_shards(index, _open_shard)
    require_placed(index, {shard: [tensor.name for tensor in file] for shard, file in opened.items()})
    tensors = [tensor for file in opened.values() for tensor in file]
    shapes = {tensor.name: tensor.shape for tensor in tensors}
    own = sum(tensor.nbytes for tensor in tensors if tensor.shares is None)
    notes = [
        replace(note, what=f"{note.what} in {printable(shard, 100)}")
        for shard, file in opened.items()
        for note in file.not_read
    ]
    about = index.document.get("metadata")
    known = {"index": about} if isinstance(about, dict) and about else {}
    known |= {shard: file.metadata[NAME] for shard, file in opened.items() if NAME in file.metadata}
    return WeightFile(
        tuple(_reinterpret(tensor, shapes) for tensor in tensors),
        metadata={NAME: known} if known else {},
        not_read=(*notes, *compare_size(index, own, sum(tensor.nbytes for tensor in tensors))),
        file=str(path),
        shards=index.files,
    )


def write_torch_shards(weights: WeightFile, folder: Path, stem: str, shard_bytes: int) -> Path:
    """Write a state_dict into shards of `folder`, and return the path of the index. Raises ExportError."""
    return write_shards(name_for_torch(weights), folder, SHARDS, stem, shard_bytes, write_torch)


def _open_shard(file: StoredFile) -> WeightFile:
    return read_torch(file.path)


def _reinterpret(tensor: Tensor, shapes: dict[str, tuple[int, ...]]) -> Tensor:
    """Return a tensor with the role that its neighbours give it, which may lie in other shards."""
    if tensor.kind not in ("parameter", "state"):
        return tensor
    layer, _, role, axes = interpret_name(tensor.name, tensor.dtype, shapes)
    return replace(tensor, layer=layer, role=role, axes=axes)
