"""The `.keras` zip: its configuration, and where the HDF5 file inside it lies."""

from pathlib import Path
from typing import NamedTuple

from cnnkit.exporters.core.faults import fault, faults_of
from cnnkit.exporters.core.weight_file import NotRead
from cnnkit.files.names import printable
from cnnkit.files.zips.gate import open_zip

WEIGHTS = "model.weights.h5"
_PICKLED = "model.weights.npz"
_TEXT = 64 << 20


class Archive(NamedTuple):
    """Texts of the two JSON members, (begin, length) of the HDF5 member in the zip, and what is not read."""

    config: bytes | None
    metadata: bytes | None
    window: tuple[int, int]
    not_read: list[NotRead]


def is_archive(names: tuple[str, ...]) -> bool:
    """Return whether a zip with these members is a Keras 3 model."""
    return "config.json" in names and (WEIGHTS in names or _PICKLED in names)


def open_archive(path: Path, format_name: str) -> Archive:
    """Return the parts of a `.keras` file; the weights have been compared with their checksum.

    Raises WeightFileError when it is damaged, or stores the weights in a form that is not read.
    """
    with faults_of(path, format_name):
        gate = open_zip(path)
        if WEIGHTS not in gate.members:
            problem = f"{_PICKLED} holds pickled dictionaries, which are never loaded"
            raise fault(path, problem, kind="refused", format_name=format_name)
        texts = {}
        for name in ("config.json", "metadata.json"):
            if name in gate.members and gate.members[name].size > _TEXT:
                raise fault(path, f"{name} of more than {_TEXT} bytes", kind="too_big", format_name=format_name)
            texts[name] = gate.read(name).tobytes() if name in gate.members else None
        member = gate.members[WEIGHTS]
        if member.deflated:
            hint = f"unzip it and read {WEIGHTS}"
            raise fault(path, f"{WEIGHTS} is compressed, which Keras does not do", format_name=format_name, hint=hint)
        gate.read(WEIGHTS, 0, 0)
    others = [name for name in gate.members if name not in (*texts, WEIGHTS)]
    not_read = [NotRead(printable(name), 1, "no weights", weights=False) for name in others]
    return Archive(texts["config.json"], texts["metadata.json"], (member.start, member.size), not_read)
