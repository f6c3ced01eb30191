"""A small valid file, or folder of files, from which mutants are made."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

_MOST_BYTES = 70_000  # of a real file: a larger one makes few mutants a second


@dataclass(frozen=True)
class Seed:
    """A file that is read without a word; one whose name begins with "unread" is refused with good advice instead.

    name   one among all seeds: "npz-deflated". door: "weights" or "data", as in `hostile.case`
    files  {place below the folder: content}; main: the place that is named to cnnkit, "" for the folder itself
    """

    name: str
    door: str
    files: Mapping[str, bytes]
    main: str

    @classmethod
    def of(cls, name: str, door: str, main: str, content: bytes) -> "Seed":
        return cls(name, door, {main: content}, main)

    def mutate(self, place: str, content: bytes) -> "Seed":
        return replace(self, files={**self.files, place: content})

    def write(self, folder: Path) -> Path:
        """Write the files below `folder`; return the path to name."""
        for place, content in self.files.items():
            path = folder / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return folder / self.main


@cache
def load_seeds() -> tuple[Seed, ...]:
    """Return the seeds of every format, and those real files of CNNKIT_CORPUS_DIR that are small."""
    from torture.mutation import seeds_data, seeds_foreign, seeds_own, seeds_shards, seeds_unread  # they import much

    made = (*seeds_own.make(), *seeds_foreign.make(), *seeds_shards.make(), *seeds_unread.make(), *seeds_data.make())
    return (*made, *_find_real())


def _find_real() -> list[Seed]:
    folder = os.environ.get("CNNKIT_CORPUS_DIR")
    paths = sorted(Path(folder).iterdir()) if folder else []
    small = [path for path in paths if path.stat().st_size <= _MOST_BYTES and path.suffix not in {".tsv", ".json"}]
    return [Seed.of(f"real-{path.name}", "weights", path.name, path.read_bytes()) for path in small if _is_read(path)]


def _is_read(path: Path) -> bool:
    from cnnkit.errors import WeightFileError
    from cnnkit.exporters import read

    try:
        return bool(read(path).tensors)
    except WeightFileError:
        return False
