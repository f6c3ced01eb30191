"""Reads HDF5 of other programs: every numeric data set by its path, with a role only where its name gives one."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from cnnkit.exporters.core.faults import fault
from cnnkit.exporters.core.hdf5_tensors import Hdf5Tensors
from cnnkit.exporters.core.name_conventions import find_word_role
from cnnkit.exporters.core.weight_file import Tensor, WeightFile
from cnnkit.files.hdf5.contents import ListedDataset
from cnnkit.files.natural_order import natural_key

NAME = "plain-hdf5"
_JULIA = b"HDF5-based Julia Data Format"  # JLD2
_ADVICE = 'an object of Julia, its arrays behind references: in Julia, NPZ.npzwrite("w.npz", Dict("name" => array))'
# In files of Sony's nnabla the last group of the path names the kind of layer.
_NNABLA = {
    ("conv", 4): ("o", "i", "kh", "kw"), ("conv", 1): ("o",), ("affine", 2): ("in", "out"), ("affine", 1): ("out",),
}  # fmt: skip


def read_plain_hdf5(path: Path) -> WeightFile:
    """Return the numeric data sets. Raises WeightFileError when the file is damaged, or holds nothing at all."""
    file = Hdf5Tensors.open(path, NAME)
    listing = file.listing
    if not listing.datasets and not listing.not_read and not listing.not_followed:
        raise fault(path, "HDF5 file without any data set", format_name=NAME)
    tensors = tuple(_build_tensor(file, place, stored) for place, stored in _sort(listing.datasets))
    not_read = file.not_read()
    if file.file.size >= 512 and file.file.read(0, len(_JULIA)).tobytes() == _JULIA:
        not_read = [replace(item, reason=_ADVICE) if "compound" in item.reason else item for item in not_read]
    metadata = {"attributes": dict(listing.attributes)} if listing.attributes else {}
    return WeightFile(tensors, None, metadata, not_read=tuple(not_read), file=str(path))


def _sort(datasets: Mapping[str, ListedDataset]) -> list[tuple[str, ListedDataset]]:
    def key(item: tuple[str, ListedDataset]) -> tuple[bool, float, object]:
        index = item[1].attributes.get("index")
        return not isinstance(index, int), index if isinstance(index, int) else 0, natural_key(item[0])

    return sorted(datasets.items(), key=key)


def _build_tensor(file: Hdf5Tensors, place: str, stored: ListedDataset) -> Tensor:
    layer, _, last = place.rpartition("/")
    kind, role = find_word_role(last)
    axes = _NNABLA.get((layer.rpartition("/")[2], len(stored.shape))) if "need_grad" in stored.attributes else None
    return file.tensor(place, place, layer, kind, role, axes)
