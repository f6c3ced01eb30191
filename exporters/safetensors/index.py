"""Reads `model.safetensors.index.json`: tensors in several files of the same folder, as one."""

from dataclasses import replace
from pathlib import Path

from cnnkit.exporters.core.faults import faults_of
from cnnkit.exporters.core.weight_file import NotRead, WeightFile
from cnnkit.exporters.safetensors.header import SafetensorsHeader, read_header
from cnnkit.exporters.safetensors.reader import NAME, Place, build_foreign, build_ours
from cnnkit.exporters.shards.index import compare_size, open_shards, read_index, require_placed
from cnnkit.files.names import printable
from cnnkit.files.stored_file import StoredFile

SUFFIXES = (".safetensors",)
OURS = "cnnkit"  # key of the index under which cnnkit keeps what the format cannot hold


def read_safetensors_index(path: Path) -> WeightFile:
    """Return the tensors of all shards. Raises WeightFileError when index and shards do not fit together."""
    index = read_index(path, NAME, SUFFIXES)
    opened = open_shards(index, _open_shard)
    require_placed(index, {shard: header.entries for shard, (_, header) in opened.items()})
    places = {name: Place(file, entry) for file, header in opened.values() for name, entry in header.entries.items()}
    notes = [
        NotRead(printable(name), 1, f"occurs twice in the header of {printable(shard, 100)}: its last entry is read")
        for shard, (_, header) in opened.items()
        for name in header.twice
    ]
    notes += compare_size(index, sum(place.entry.size for place in places.values()))
    if OURS in index.document:
        with faults_of(path, NAME):
            texts = index.document[OURS]
            if not isinstance(texts, dict) or not all(isinstance(text, str) for text in texts.values()):
                raise ValueError(f"{OURS} is not an object of texts")
            return replace(build_ours(path, places, texts, tuple(notes)), shards=index.files)
    about = index.document.get("metadata")
    known = {"safetensors": about} if isinstance(about, dict) and about else {}
    return replace(build_foreign(path, places, known, notes), shards=index.files)


def _open_shard(file: StoredFile) -> tuple[StoredFile, SafetensorsHeader]:
    return file, read_header(file)
