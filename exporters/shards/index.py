"""The index of weights in several files: {"metadata": {"total_size": bytes}, "weight_map": {name: file}}.

Sources of the layout: the `*.index.json` of huggingface_hub and transformers, whose names are those of tensors; the
`.weights.json` of Keras 3, whose names are those of groups of HDF5, each in one file or in several.
"""

import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from cnnkit.errors import WeightFileError
from cnnkit.exporters.core import strict_json
from cnnkit.exporters.core.faults import fault, faults_of
from cnnkit.exporters.core.weight_file import NotRead
from cnnkit.files.beside import open_beside
from cnnkit.files.limits import require_few
from cnnkit.files.names import printable
from cnnkit.files.natural_order import natural_key
from cnnkit.files.regular_file import open_regular
from cnnkit.files.stored_file import StoredFile
from cnnkit.files.unsafe_file import UnsafeFileError

MOST_SHARDS = 10_000
MOST_TENSORS = 1_000_000  # of all shards; it bounds the memory
_LARGEST = 64 << 20
_HEAD = 8192
_KEY = b'"weight_map"'
T = TypeVar("T")


class ShardIndex(NamedTuple):
    """An index: its path, and the format of its shards for errors.

    shards      {file: names that it must hold}, files in natural order
    total_size  bytes of all tensors as the index says, None where it does not
    document    the JSON object as it is
    """

    path: Path
    format_name: str
    shards: dict[str, tuple[str, ...]]
    total_size: int | None
    document: Mapping[str, Any]

    @property
    def files(self) -> tuple[str, ...]:
        """The paths of the shards."""
        return tuple(str(self.path.parent / shard) for shard in self.shards)

    def fault(
        self,
        problem: str,
        kind: str = "unreadable",
        hint: str | None = "the files are not those of one save: copy or download all of them again",
    ) -> WeightFileError:
        """Return the error about the index and what it names."""
        return fault(self.path, problem, kind=kind, format_name=self.format_name, hint=hint)


def looks_like_index(head: bytes, suffixes: tuple[str, ...]) -> bool:
    """Return whether a file begins as JSON that maps names to files with one of these suffixes."""
    after = head.partition(_KEY)[2]
    is_object = head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and b"\0" not in head[:8]
    return is_object and any(f'{end}"'.encode() in after for end in suffixes)


def is_index(path: Path, suffixes: tuple[str, ...]) -> bool:
    """Return `looks_like_index` of the file at `path`."""
    with open_regular(path) as stream:
        return looks_like_index(stream.read(_HEAD), suffixes)


def read_index(path: Path, format_name: str, suffixes: tuple[str, ...]) -> ShardIndex:
    """Return the index at `path`, whose shards must have one of `suffixes`. No shard is opened.

    Raises WeightFileError when it is damaged or too large, or names a file of another kind.
    """
    with faults_of(path, format_name):
        document = strict_json.read_file(path, _LARGEST, most_nodes=strict_json.MOST_NODES)
        names = document.get("weight_map") if isinstance(document, dict) else None
        if not isinstance(names, dict):
            raise ValueError('expected an object with "weight_map": {name: file}')
        shards: dict[str, list[str]] = {}
        for name, files in names.items():
            for shard in _list_files(name, files, suffixes):
                shards.setdefault(shard, []).append(name)
        require_few(len(shards), MOST_SHARDS, "shards")
        total = _read_total(document.get("metadata"))
    ordered = {shard: tuple(shards[shard]) for shard in sorted(shards, key=natural_key)}
    return ShardIndex(path, format_name, ordered, total, document)


def _list_files(name: str, files: Any, suffixes: tuple[str, ...]) -> list[str]:
    listed = files if isinstance(files, list) else [files]
    if not listed or not all(isinstance(file, str) for file in listed) or len({*listed}) != len(listed):
        raise ValueError(f'weight_map: {printable(name, 100)}: expected the name of a file, as in "model{suffixes[0]}"')
    for file in listed:
        if not file.lower().endswith(suffixes):
            wanted = " or ".join(suffixes)
            shown = f"{printable(name, 100)} in {printable(file, 100)}"
            raise UnsafeFileError(f"weight_map: {shown}: expected a file in {wanted}: not opened", "refused")
    return listed


def _read_total(about: Any) -> int | None:
    total = about.get("total_size") if isinstance(about, dict) else None
    if type(total) is float and total.is_integer():  # as Keras writes it
        return int(total)
    return total if type(total) is int and total >= 0 else None


def open_shards(index: ShardIndex, read: Callable[[StoredFile], T]) -> dict[str, T]:
    """Return {shard: what `read` makes of it}.

    Raises WeightFileError, which names index and shard, for one that is missing, no regular file, outside of the
    folder of the index, by its name or by a link, or that `read` cannot read.
    """
    opened = {}
    for shard, names in index.shards.items():
        first, *others = names
        more = f" and {len(others)} more" if others else ""
        where = f"{printable(first, 100)}{more} in shard {printable(shard, 100)}"
        try:
            file = open_beside(index.path, shard)
        except UnsafeFileError as error:
            raise index.fault(f"{where}: {error}", error.kind, hint=None) from error
        with _faults_of_shard(index, shard, where):
            opened[shard] = read(file)
    return opened


@contextlib.contextmanager
def _faults_of_shard(index: ShardIndex, shard: str, where: str) -> Iterator[None]:
    """Turn an error about a shard into one about the index, which says `where` the shard is named."""
    hint = f"copy or download {printable(shard, 100)} again"
    try:
        yield
    except UnsafeFileError as error:
        raise index.fault(f"{where}: {error}", error.kind, hint if error.kind != "refused" else None) from error
    except WeightFileError as error:
        problem = str(error).removeprefix(f"{printable(error.file or '')}: ")
        kind = error.kind or "unreadable"
        raise index.fault(f"{where}: {problem}", kind, hint if kind != "refused" else None) from error
    except (ValueError, RecursionError) as error:
        problem = "nested too deep" if isinstance(error, RecursionError) else printable(str(error), 400)
        raise index.fault(f"{where}: {problem}", hint=hint) from error


def require_placed(index: ShardIndex, held: Mapping[str, Collection[str]]) -> None:
    """Compare the names that each shard holds with those that the index places there.

    Raises WeightFileError for the first name that is missing, or is where the index does not place it.
    """
    if sum(map(len, held.values())) > MOST_TENSORS:
        raise index.fault(f"more than {MOST_TENSORS} tensors", "too_big")
    for shard, expected in index.shards.items():
        there, wanted = {*held[shard]}, {*expected}
        shown = printable(shard, 100)
        for name in expected:
            if name not in there:
                raise index.fault(f"tensor {printable(name, 100)}: shard {shown} does not hold it")
        for name in held[shard]:
            if name not in wanted:
                other = next((printable(s, 100) for s, names in index.shards.items() if name in names), "no shard")
                raise index.fault(f"tensor {printable(name, 100)}: in shard {shown}, the index places it in {other}")


def compare_size(index: ShardIndex, *sizes: int) -> tuple[NotRead, ...]:
    """Return a note where the index tells another total than all these, in bytes."""
    if index.total_size is None or index.total_size in sizes:
        return ()
    reason = f"says {index.total_size} bytes, the tensors have {sizes[0]}"
    return (NotRead("total_size of the index", 1, reason, weights=False),)
