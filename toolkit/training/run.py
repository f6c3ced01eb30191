"""A run and its file: what makes two runs the same, and what stands where the result shall go."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnnkit import architecture, exporters
from cnnkit.data.dataset import Dataset
from cnnkit.errors import ConfigError, WeightFileError
from cnnkit.exporters.core.weight_file import WeightFile
from cnnkit.network import Network
from cnnkit.options import Options


def identity(
    model: Network, dataset: Dataset, options: Options, recipe: str, init_from: str | None = None, tf32: bool = False
) -> dict[str, Any]:
    """Return all that decides a run's result, as JSON-ready data.

    init_from: SHA-256 of the file that the weights started from.
    """
    return {
        "recipe": recipe,
        "architecture": architecture.describe(model.network, model.input_shape),
        "data": {"name": dataset.name, "sha256": dataset.fingerprint()},
        "options": options.to_json(),
        "backend": model.backend.name,
        "device": model.backend.device,
        "dtype": model.dtype,
        "threads": model.backend.threads,
        "init_from": init_from,
        "tf32": tf32,
    }


def differences(stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, str]:
    """Return what differs between two identities, {what: "what: stored, now wanted"}; options stand by their names."""
    found = {}
    options = stored.get("options")
    mine = options if isinstance(options, Mapping) else {}
    for name, value in wanted["options"].items():
        if mine.get(name) != value:
            found[name] = f"{name}: {mine.get(name)}, now {value}"
    for name in wanted.keys() - {"options"}:
        if stored.get(name) != wanted[name]:
            short = name in ("recipe", "backend", "device", "dtype", "threads", "tf32")
            found[name] = f"{name}: {stored.get(name)}, now {wanted[name]}" if short else f"another {name}"
    return dict(sorted(found.items()))


@dataclass(frozen=True)
class Existing:
    """What stands at the place of the result.

    same      it is this very run; finished says whether to its end
    differs   otherwise, how it differs from this run
    """

    file: WeightFile | None
    same: bool
    finished: bool
    differs: Mapping[str, str]


def start_of(path: Path) -> str | None:
    """Return the SHA-256 of the file that the training in `path` started from; None when it started afresh."""
    try:
        run = exporters.read(path).metadata.get("run")
    except WeightFileError:
        return None
    start = run.get("init_from") if isinstance(run, Mapping) else None
    return start if isinstance(start, str) else None


def existing(path: Path, wanted: Mapping[str, Any]) -> Existing | None:
    """Return what stands at `path`, None when nothing does."""
    if not path.exists():
        return None
    try:
        file = exporters.read(path)
    except WeightFileError as error:
        return Existing(None, False, False, {"file": f"it is no weight file of cnnkit ({error})"})
    stored = file.metadata.get("run")
    if not isinstance(stored, Mapping):
        return Existing(file, False, False, {"run": "it was not written by a training"})
    differs = differences(stored, wanted)
    finished = bool((file.position or {}).get("finished"))
    return Existing(file, not differs, finished, differs)


def require_resumable(path: Path, found: Existing | None) -> WeightFile:
    """Return the file to resume from.

    Raises ConfigError unless it differs from the wanted run by epochs or threads alone.
    """
    if found is None or found.file is None:
        raise ConfigError(f"{path}: expected a training to resume, found none: leave --resume out to start one")
    serious = [text for name, text in found.differs.items() if name not in ("epochs", "threads")]
    if serious:
        raise ConfigError(
            f"{path}: holds another run, so it cannot be resumed ({'; '.join(serious)}): "
            "repeat its options, or --overwrite"
        )
    return found.file
