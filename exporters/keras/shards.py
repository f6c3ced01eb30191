"""Keras 3 weights in several files: the `.weights.json` of `save_weights(..., max_shard_size=)`, read as one.

Source of the layout: `ShardedH5IOStore` of Keras' saving_lib: the variables of one object may lie in several files.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from cnnkit.exporters.core.hdf5_tensors import Hdf5Tensors
from cnnkit.exporters.core.weight_file import NotRead, Tensor
from cnnkit.exporters.shards.index import ShardIndex, compare_size, open_shards, read_index, require_placed
from cnnkit.files.hdf5.contents import ListedDataset, Listing
from cnnkit.files.names import printable
from cnnkit.files.stored_file import StoredFile

SUFFIXES = (".weights.h5",)


@dataclass(frozen=True)
class KerasShards:
    """Several HDF5 files as one: what readers of Keras files ask `Hdf5Tensors` for.

    owners  {path of a data set: the file that holds it}
    """

    path: Path
    listing: Listing
    files: dict[str, Hdf5Tensors]
    owners: dict[str, Hdf5Tensors]
    index: ShardIndex

    @classmethod
    def open(cls, path: Path, format_name: str) -> "KerasShards":
        """List all shards. Raises WeightFileError when index and shards do not fit together."""
        index = read_index(path, format_name, SUFFIXES)
        files = open_shards(index, lambda file: _open_shard(file, format_name))
        held = {shard: _list_groups(file.listing) for shard, file in files.items()}
        require_placed(index._replace(shards=_strip_slashes(index.shards)), held)
        owners: dict[str, Hdf5Tensors] = {}
        for shard, file in files.items():
            for place in file.listing.datasets:
                if place in owners:
                    shown = f"{printable(shard, 100)} and {printable(owners[place].path.name, 100)}"
                    raise index.fault(f"variable {printable(place, 100)}: in two shards, {shown}")
                owners[place] = file
        return cls(path, _merge([file.listing for file in files.values()]), files, owners, index)

    def dataset(self, place: str) -> ListedDataset:
        """Return the data set at `place`. Raises WeightFileError as `Hdf5Tensors.dataset`."""
        return self.owners[place].dataset(place)

    def tensor(self, place: str, name: str, layer: str, kind: str, role: str, axes: tuple[str, ...] | None) -> Tensor:
        """Return the data set at `place` as a tensor, as `Hdf5Tensors.tensor`."""
        return self.owners[place].tensor(place, name, layer, kind, role, axes)

    def not_read(self) -> list[NotRead]:
        """Return what was not read in any shard, and a note where the index tells another size than that of all."""
        total = sum(dataset.nbytes for dataset in self.listing.datasets.values())
        skipped = [
            replace(note, what=f"{note.what} in {printable(shard, 100)}")
            for shard, file in self.files.items()
            for note in file.not_read()
        ]
        return [*skipped, *compare_size(self.index, total)]


def _open_shard(file: StoredFile, format_name: str) -> Hdf5Tensors:
    return Hdf5Tensors.open(file.path, format_name)


def _strip_slashes(shards: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    return {shard: tuple(name.removeprefix("/") for name in names) for shard, names in shards.items()}


def _list_groups(listing: Listing) -> list[str]:
    """Return the groups in which variables lie, each once."""
    return list(dict.fromkeys(place.rpartition("/")[0] for place in (*listing.datasets, *listing.not_read)))


def _merge(listings: list[Listing]) -> Listing:
    """Return one listing; attributes of a group that occurs in several files are those of the first that has any."""
    groups: dict[str, dict[str, object]] = {}
    for listing in listings:
        for place, attributes in listing.groups.items():
            groups[place] = {**attributes, **groups.get(place, {})}
    return Listing(
        groups,
        {place: dataset for listing in listings for place, dataset in listing.datasets.items()},
        {place: reason for listing in listings for place, reason in listing.not_read.items()},
        tuple(link for listing in listings for link in listing.not_followed),
        {place: found for listing in listings for place, found in listing.references.items()},
        {place: text for listing in listings for place, text in listing.texts.items()},
    )
