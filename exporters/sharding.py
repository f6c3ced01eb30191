"""Writing a weight file in shards: files of a chosen size in a new folder, with an index that maps tensors to them."""

from dataclasses import dataclass
from pathlib import Path

from cnnkit.errors import ExportError
from cnnkit.exporters.core.format import Format, ShardNames
from cnnkit.exporters.core.weight_file import WeightFile
from cnnkit.exporters.registry import check_written, choose, formats
from cnnkit.files.names import printable
from cnnkit.files.writing.advice import explain_failure
from cnnkit.files.writing.folder import write_whole_folder


@dataclass(frozen=True)
class ShardedTarget:
    """Where shards go: their format, the new folder, and what their names begin with."""

    form: Format
    folder: Path
    stem: str

    @property
    def index(self) -> Path:
        """The path of the index."""
        return self.folder / f"{self.stem}{_names_of(self.form).index_suffix}"


def choose_shards(path: str | Path, name: str | None = None) -> ShardedTarget:
    """Return where shards in the format called `name` go: into the folder `path`, or that of the index `path`.

    The name of an index, `model.safetensors.index.json`, tells the format where `name` does not.

    Raises ExportError when the format is not known or not written in shards, or does not fit the index.
    """
    path = Path(path)
    sharded = {key: form for key, form in formats().items() if form.shards is not None}
    named = next((form for form in sharded.values() if path.name.endswith(_names_of(form).index_suffix)), None)
    if name is None and named is None:
        raise ExportError(f"weights in shards: expected a format, {' or '.join(sharded)}: name one")
    form = named if name is None else sharded.get(name)
    if form is None:
        choose("", name)  # explains one that is not known
        raise ExportError(f"weights in shards: expected format {' or '.join(sharded)}, got {printable(str(name))}")
    if named not in (None, form):
        raise ExportError(f"{printable(str(path))}: expected the name of an index of {form.name}, or of a folder")
    if named is None:
        return ShardedTarget(form, path, _names_of(form).stem)
    stem = path.name.removesuffix(_names_of(form).index_suffix)
    if not stem:
        raise ExportError(f"{printable(str(path))}: expected a name before {_names_of(form).index_suffix}")
    return ShardedTarget(form, path.parent, stem)


def write_shards(
    weights: WeightFile,
    path: str | Path,
    shard_bytes: int,
    format: str | None = None,  # noqa: A002 (the word that users see)
) -> Path:
    """Write `weights` in files of up to `shard_bytes` bytes of values into a new folder; return the path of the index.

    path, format: as `choose_shards`. A tensor larger than `shard_bytes` has a file of its own.

    The folder appears completely and verified, or not at all. Raises ExportError when it exists and is not empty, the
    format cannot hold the weights, or it cannot be written.
    """
    target = choose_shards(path, format)
    if shard_bytes < 1:
        raise ExportError(f"shards of {shard_bytes} bytes: expected 1 or more")
    try:
        write_whole_folder(
            target.folder,
            lambda folder: target.form.write_shards(weights, folder, target.stem, shard_bytes),
            lambda folder: check_written(target.form, weights, folder / target.index.name, target.index),
        )
    except OSError as error:
        raise ExportError(f"{printable(str(target.folder))}: cannot be written: {explain_failure(error)}") from error
    return target.index


def _names_of(form: Format) -> ShardNames:
    assert form.shards is not None  # noqa: S101 (for the type checker)
    return form.shards
