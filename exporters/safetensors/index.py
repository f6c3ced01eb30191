"""Reads `model.safetensors.index.json`: the names of tensors, each with the file of the same folder that holds it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cnnkit.exporters.core import strict_json
from cnnkit.exporters.core.faults import fault, faults_of
from cnnkit.exporters.core.weight_file import NotRead, WeightFile
from cnnkit.exporters.safetensors.header import SafetensorsHeader, read_header
from cnnkit.exporters.safetensors.reader import NAME, Place, build_foreign
from cnnkit.files.beside import open_beside
from cnnkit.files.names import printable
from cnnkit.files.stored_file import StoredFile
from cnnkit.files.unsafe_file import UnsafeFileError

_LIMIT = 64 << 20
_MOST_FILES = 10_000
_MOST_TENSORS = 1_000_000  # of all files; it bounds the memory
_KEY, _SUFFIX = b'"weight_map"', b".safetensors"


def looks_like_index(head: bytes) -> bool:
    """Return whether a file begins as JSON that maps names to safetensors files."""
    return head.lstrip().startswith(b"{") and _KEY in head and _SUFFIX in head.partition(_KEY)[2]


def read_index(path: Path, external: bool) -> WeightFile:
    """Return the tensors of all files that an index names, or, without `external`, what lies in which file.

    Raises WeightFileError when the index is damaged. A file that is missing, damaged or outside of the folder is in
    `not_read` with the reason.
    """
    with faults_of(path, NAME):
        names, about = _parse_index(strict_json.read_file(path, _LIMIT, most_nodes=strict_json.MOST_NODES))
    shards: dict[str, list[str]] = {}
    for name, shard in names.items():
        shards.setdefault(shard, []).append(name)
    metadata = {"safetensors": about} if about else {}
    if not external:
        listed = [_describe(shard, len(its), "--external reads them") for shard, its in shards.items()]
        return WeightFile((), metadata=metadata, not_read=tuple(listed), file=str(path))
    places: dict[str, Place] = {}
    seen = 0
    not_read: list[NotRead] = []
    for shard, its in shards.items():
        try:
            file, header = _open_shard(path, shard)
        except (UnsafeFileError, ValueError, RecursionError) as error:
            not_read.append(_describe(shard, len(its), str(error) or "nested too deep"))
            continue
        seen += len(header.entries)
        if seen > _MOST_TENSORS:
            raise fault(path, f"more than {_MOST_TENSORS} tensors", kind="too_big", format_name=NAME)
        places |= {name: Place(file, header.entries[name]) for name in header.entries if names.get(name) == shard}
        not_read += _compare(shard, its, header)
    return build_foreign(path, places, metadata, not_read)


def _parse_index(document: Any) -> tuple[dict[str, str], dict[str, Any]]:
    names = document.get("weight_map") if isinstance(document, dict) else None
    if not isinstance(names, dict) or not all(isinstance(shard, str) for shard in names.values()):
        raise ValueError('expected an object with "weight_map": {name: file}')
    if len(set(names.values())) > _MOST_FILES:
        raise UnsafeFileError(f"more than {_MOST_FILES} files", "too_big")
    about = document.get("metadata")
    return names, about if isinstance(about, dict) else {}


def _open_shard(path: Path, shard: str) -> tuple[StoredFile, SafetensorsHeader]:
    file = open_beside(path, shard)
    return file, read_header(file)


def _compare(shard: str, names: list[str], header: SafetensorsHeader) -> Iterator[NotRead]:
    """Yield what index and file do not agree on; `names`: those that the index places in this file."""
    expected = set(names)
    for name in names:
        if name not in header.entries:
            yield NotRead(printable(name), 1, f"{printable(shard, 100)} does not hold it")
    for name in header.entries:
        if name not in expected:
            yield NotRead(printable(name), 1, f"in {printable(shard, 100)}, where the index does not place it")


def _describe(shard: str, count: int, reason: str) -> NotRead:
    return NotRead(f"tensors in {printable(shard, 100)}", count, printable(reason))
