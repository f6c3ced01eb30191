"""The data set that a weight file was trained on: how a file names it, and how it is found again.

A file is handed on, so it tells the name and the SHA-256 of its data, and where they lie seen from the file, but no
path of the machine that made it.
"""

import itertools
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnkit.cli.output import Output
from cnnkit.errors import ConfigError, DataError
from cnnkit.files.beside import leads_out
from cnnkit.files.names import from_text, last_part, printable, to_text

if TYPE_CHECKING:
    from cnnkit.data import Dataset, Reading
    from cnnkit.exporters import WeightFile

_MOST_BYTES = 64 << 20  # of images that are read again to compare their SHA-256, which takes about a second


def describe_source(source: str, dataset: "Dataset", out: Path) -> dict[str, Any]:
    """Return how the weight file `out` names its data: name, sha256, how it was read if that was told, and a path.

    The path is from the file's folder, and told where file and data lie in a folder of their own: the way from one to
    the other then names neither the user's home nor anything above it.
    """
    from cnnkit import data

    facts: dict[str, Any] = {"name": to_text(last_part(source)), "sha256": dataset.fingerprint()}
    facts |= dataset.reading.as_entry()
    if data.is_known(source):
        return facts
    found = data.find(source)
    path = None if found is None or not os.path.exists(source) else _relative(found, out.parent)
    return facts | ({"path": path} if path is not None else {})


def _relative(target: Path, folder: Path) -> str | None:
    target, folder = target.resolve(), folder.resolve()
    try:
        home = Path.home().resolve()
    except RuntimeError:  # the user has none
        home = Path(target.anchor)
    try:
        shared = Path(os.path.commonpath([target, folder]))
    except ValueError:  # two drives
        return None
    if shared == Path(shared.anchor) or (home.is_relative_to(shared) and home != shared):
        return None
    path = Path(os.path.relpath(target, folder)).as_posix()
    return None if home.name in Path(path).parts else to_text(path)


def public_names() -> frozenset[str]:
    """Return the names of data sets that tell nothing of who trained on them."""
    from cnnkit import data

    return frozenset(entry.name for entry in data.KNOWN)


def load_data(output: Output, source: str | None, file: "WeightFile", reading: "Reading | None" = None) -> "Dataset":
    """Return the data set that --data names, by default the one that a weight file was trained on.

    It is read as `reading` tells, and where that tells nothing, as in the training.

    A weight file may come from elsewhere, so what it names itself is opened only in its own folder, or by a name alone
    in the current folder and in CNNKIT_DATA_DIR; and no link is followed out of a folder.

    Raises ConfigError where the file names none, DataError where it is not found, lies elsewhere, or cannot be used.
    """
    from cnnkit import data

    recorded, as_trained = file.metadata.get("data"), read_recorded(file)
    if source is not None:
        return data.load(source, reading, as_trained)
    name = recorded.get("name") if isinstance(recorded, dict) else None
    if not isinstance(recorded, dict) or not isinstance(name, str) or not name:
        raise ConfigError(f"{file.file}: does not name its training data: name a data set with --data")
    dataset = data.load(_locate(Path(file.file or ""), name, recorded.get("path")), reading, as_trained)
    _compare(output, dataset, recorded.get("sha256"))
    return dataset


def read_recorded(file: "WeightFile") -> "Reading":
    """Return how a weight file says that its training data were read. Raises DataError where it says nonsense."""
    from cnnkit.data import Reading

    recorded = file.metadata.get("data")
    kept = recorded.get("reading") if isinstance(recorded, dict) else None
    try:
        return Reading() if kept is None else Reading.from_json(kept)
    except DataError as error:
        raise DataError(f"{file.file}: metadata data: {error}") from None


def require_inside(model: Path, source: str) -> str:
    """Return the data set that a model file names: a name, or a path in the current folder.

    Raises ConfigError for a path elsewhere: a model file may come from elsewhere too.
    """
    if last_part(source) != source and not _is_inside(Path(), source):
        where = printable(source, 200)
    elif os.path.exists(source) and not _is_inside(Path(), source):
        where = f"{printable(source, 200)}, a link"
    else:
        return source
    raise ConfigError(f"{model}: names data outside of the current folder ({where}): opened only where --data does")


def name_data(dataset: "Dataset", origin: Mapping[str, Any], out: Path) -> tuple[str, ...]:
    """Return the option that a command about the weight file `out` needs to find its data; () where it needs none."""
    try:
        _locate(out, str(origin.get("name")), origin.get("path"))
    except DataError:
        return "--data", dataset.name
    return ()


def _locate(file: Path, name: str, path: Any) -> str:
    """Return the source to load: a path in the folder of a weight file, or a name.

    Raises DataError that says what was tried.
    """
    from cnnkit import data
    from cnnkit.data.arrays import ARRAYS

    short = last_part(name)
    if data.is_known(name) and path is None:
        return name
    told = path if isinstance(path, str) and path and "\0" not in path else name
    tried = list(dict.fromkeys(place for place in (told, short) if _is_inside(file.parent, place)))
    for place in itertools.chain.from_iterable((place, from_text(place)) for place in tried):
        if os.path.exists(file.parent / place) and _is_inside(file.parent, place):
            return os.path.join(file.parent, place)
    if data.find(short) is not None and (data.find(short) != Path(short) or _is_inside(Path(), short)):
        return short
    if short == ARRAYS:
        raise DataError(f"{file}: was trained on arrays of a program: name a data set with --data PATH")
    if told not in tried and "\0" not in told:
        elsewhere = printable(os.path.normpath(file.parent / told), 200)
        raise DataError(
            f"{file}: was trained on {printable(short, 100)}, which it places outside of its folder ({elsewhere}): "
            "opened only where --data PATH names it"
        )
    places = ", ".join(printable(os.path.join(file.parent, place), 200) for place in tried)
    raise DataError(
        f"{file}: was trained on {printable(short, 100)}, which is not here (looked for {places}, and for "
        f"{printable(short, 100)} in CNNKIT_DATA_DIR): name the data with --data PATH"
    )


def _is_inside(folder: Path, place: str) -> bool:
    """Return whether a path lies in the folder, by itself and with all links followed."""
    if leads_out(place):
        return False
    try:
        return (folder / place).resolve().is_relative_to(folder.resolve())
    except (OSError, ValueError, RuntimeError):  # RuntimeError: links in a circle, before Python 3.13
        return False


def _compare(output: Output, dataset: "Dataset", sha256: Any) -> None:
    """Note where the data are not those of the training, as far as that is found out quickly."""
    images = [split.images for split in (dataset.train, dataset.test) if split is not None]
    size = sum(math.prod(pixels.shape) * pixels.dtype.itemsize for pixels in images)
    if isinstance(sha256, str) and size <= _MOST_BYTES and dataset.fingerprint() != sha256:
        output.note(
            f"{printable(dataset.name, 400)}: other images, labels or scaling than in training (another SHA-256)"
        )
