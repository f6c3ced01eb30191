"""The pickle behind the header of an NPY array of objects: its arrays become tensors."""

import io
from pathlib import Path

from cnnkit.exporters.core.pickles.content import Content
from cnnkit.exporters.core.pickles.operations import load
from cnnkit.exporters.core.pickles.places import MemorySource, Places
from cnnkit.exporters.core.pickles.walk import explore_named
from cnnkit.exporters.core.pickles.weights import build_tensors
from cnnkit.exporters.core.weight_file import NotRead, Tensor
from cnnkit.files.names import printable


def list_object_arrays(
    path: Path, format_name: str, name: str, data: bytes
) -> tuple[tuple[Tensor, ...], tuple[NotRead, ...]]:
    """Return the tensors and what was not read in the pickle `data` of the array `name`. Raises UnsafeFileError."""
    content: Content = explore_named(load(io.BytesIO(data)), name)
    tensors = build_tensors(path, format_name, content, Places(MemorySource(data)))
    not_read = content.list_not_read()
    if content.values:
        not_read += (
            NotRead(f"values in {printable(name, 60)}", len(content.values), "no arrays, but objects", weights=False),
        )
    if not tensors and not not_read:
        not_read = (NotRead(printable(name, 60), 1, "an array of objects without arrays in it"),)
    return tensors, not_read
