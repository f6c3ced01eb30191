"""Which file is the index of a folder, and of a shard that is read by itself; nothing is opened for it."""

import os
import re
from itertools import islice
from pathlib import Path

from cnnkit.exporters.core.faults import fault
from cnnkit.exporters.core.weight_file import NotRead
from cnnkit.exporters.marks.mark import quote
from cnnkit.files.names import printable

_MOST_NAMES = 100_000
_INDEX = re.compile(r".\.(safetensors|bin)\.index(\.\w+)?\.json$|.\.weights\.json$")
_SHARD = re.compile(r"(?P<stem>.+)-\d{5}-of-\d{5}\.(?P<suffix>safetensors|bin)$")
_KERAS_SHARD = re.compile(r"(?P<stem>.+)_\d{5}\.weights\.h5$")


def find_index(folder: Path) -> Path | None:
    """Return the path of the index in a folder, None where there is none.

    Raises WeightFileError where there are several, and OSError when the folder cannot be listed.
    """
    with os.scandir(folder) as entries:
        found = sorted(entry.name for entry in islice(entries, _MOST_NAMES) if _INDEX.search(entry.name))
    if len(found) > 1:
        named = ", ".join(printable(name, 60) for name in found[:3])
        raise fault(folder, f"{len(found)} indices of shards ({named})", hint=f"name one: {quote(folder / found[0])}")
    return folder / found[0] if found else None


def list_others(path: Path) -> tuple[NotRead, ...]:
    """Return a note about the index of a file that is one shard of a set by its name, if the index lies beside it."""
    if match := _SHARD.fullmatch(path.name):
        index = path.with_name(f"{match['stem']}.{match['suffix']}.index.json")
    elif match := _KERAS_SHARD.fullmatch(path.name):
        index = path.with_name(f"{match['stem']}.weights.json")
    else:
        return ()
    if not index.is_file():
        return ()
    reason = f"this file is one of its shards: cnnkit inspect {quote(index)} reads all"
    return (NotRead("index beside it", 1, reason, weights=False),)
