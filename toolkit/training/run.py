"""A run and its output file: when two runs are the same, and what the file at the output path holds."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnnkit import architecture, exporters
from cnnkit.data.dataset import Dataset
from cnnkit.errors import ConfigError, WeightFileError
from cnnkit.exporters.core.weight_file import WeightFile
from cnnkit.files.names import last_part, printable
from cnnkit.network import Network
from cnnkit.options import Options


def identity(
    model: Network, dataset: Dataset, options: Options, recipe: str, init_from: str | None = None, tf32: bool = False
) -> dict[str, Any]:
    """Return everything that determines a run's result, as JSON-ready data.

    init_from: SHA-256 of the file that the weights started from.
    """
    return {
        "recipe": recipe,
        "architecture": architecture.describe(model.network, model.input_shape),
        "data": {"name": last_part(dataset.name), "sha256": dataset.fingerprint()},
        "class_names": list(dataset.class_names),
        "options": options.to_json(),
        "backend": model.backend.name,
        "device": model.backend.device,
        "dtype": model.dtype,
        "threads": model.backend.threads,
        "init_from": init_from,
        "tf32": tf32,
    }


def differences(stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, str]:
    """Return the differences between two identities, {name: "name: stored, now wanted"}; each option has its entry.

    An option that the stored identity lacks had its default: a file older than an option can be resumed.
    """
    differs = {}
    options = stored.get("options")
    stored_options = Options().to_json() | dict(options if isinstance(options, Mapping) else {})
    for name, value in wanted["options"].items():
        if stored_options.get(name) != value:
            differs[name] = f"{name}: {stored_options.get(name)}, now {value}"
    missing = {"class_names"} - stored.keys()  # a file may be older than this part of the identity
    for name in wanted.keys() - {"options"} - missing:
        if _content(stored.get(name)) != _content(wanted[name]):
            short = name in ("recipe", "backend", "device", "dtype", "threads", "tf32")
            differs[name] = f"{name}: {stored.get(name)}, now {wanted[name]}" if short else f"another {name}"
    return dict(sorted(differs.items()))


def _content(value: Any) -> Any:
    """Return what decides: of data the SHA-256, whatever their name and place."""
    return value["sha256"] if isinstance(value, Mapping) and "sha256" in value else value


@dataclass(frozen=True)
class Existing:
    """The file at the output path of a run; `file` is None where it is not a weight file.

    same      it holds exactly this run; `finished` says whether to its end
    differs   how it differs from this run, empty where it does not
    """

    file: WeightFile | None
    same: bool
    finished: bool
    differs: Mapping[str, str]


def start_of(path: Path) -> str | None:
    """Return the SHA-256 of the file whose weights the training in `path` started from; None where it drew them."""
    try:
        run = exporters.read(path).metadata.get("run")
    except WeightFileError:
        return None
    start = run.get("init_from") if isinstance(run, Mapping) else None
    return start if isinstance(start, str) else None


def stored_options(metadata: Mapping[str, Any], file: str | None = None) -> Options:
    """Return batch size and optimizer of the training that a weight file tells of, the defaults where it tells none.

    Raises WeightFileError where it tells of some that cannot be.
    """
    run = metadata.get("run")
    options = run.get("options") if isinstance(run, Mapping) else None
    told = options if isinstance(options, Mapping) else {}
    try:
        return Options(**{name: told[name] for name in ("batch_size", "optimizer") if name in told})
    except ConfigError as error:
        raise WeightFileError(f"metadata run: {printable(str(error), 300)}", file=file) from None


def class_names_of(path: Path) -> tuple[str, ...]:
    """Return the names of the classes in a weight file; none where it has none or cannot be read."""
    try:
        names = exporters.read(path).metadata.get("class_names")
    except WeightFileError:
        return ()
    return tuple(names) if isinstance(names, list) and all(isinstance(name, str) for name in names) else ()


def existing(path: Path, wanted: Mapping[str, Any]) -> Existing | None:
    """Return what the file at `path` holds; None where there is no file."""
    if not path.exists():
        return None
    try:
        file = exporters.read(path)
    except WeightFileError as error:
        return Existing(None, False, False, {"file": f"it is not a weight file of cnnkit ({error})"})
    stored = file.metadata.get("run")
    if not isinstance(stored, Mapping):
        return Existing(file, False, False, {"run": "it was not written by a training"})
    differs = differences(stored, wanted)
    finished = bool((file.position or {}).get("finished"))
    return Existing(file, not differs, finished, differs)


def require_resumable(path: Path, existing_file: Existing | None) -> WeightFile:
    """Return the file to resume from.

    Raises ConfigError where it differs from the wanted run by more than epochs and threads.
    """
    if existing_file is None or existing_file.file is None:
        raise ConfigError(f"{path}: expected a training to resume, found none: leave --resume out to start one")
    serious = [text for name, text in existing_file.differs.items() if name not in ("epochs", "threads")]
    if serious:
        raise ConfigError(
            f"{path}: holds another run, so it cannot be resumed ({'; '.join(serious)}): "
            "repeat its options, or --overwrite"
        )
    return existing_file.file
