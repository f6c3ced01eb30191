"""A run and its output file: when two runs are the same, and what the file at the output path holds."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from cnnkit import architecture, exporters
from cnnkit.data.class_names import list_classes
from cnnkit.data.dataset import Dataset
from cnnkit.errors import ConfigError, WeightFileError
from cnnkit.exporters.core.weight_file import WeightFile
from cnnkit.files.names import last_part, printable, to_text
from cnnkit.files.shell import write_command
from cnnkit.network import Network
from cnnkit.options import Options

_OPTIONS = tuple(field.name for field in fields(Options))
MAY_CHANGE = ("epochs", "patience", "threads")  # in a resumed training
MAY_CHANGE_IF_EXACT = (*MAY_CHANGE, "backend", "device")  # which then give the same bits


def identity(
    model: Network, dataset: Dataset, options: Options, recipe: str, init_from: str | None = None, tf32: bool = False,
    new_head: str | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Return everything that determines a run's result, as JSON-ready data.

    init_from: SHA-256 of the file that the weights started from. new_head: path of the layer drawn all the same.
    """
    return {
        "recipe": recipe,
        "architecture": architecture.describe(model.network, model.input_shape),
        "data": {"name": to_text(last_part(dataset.name)), "sha256": dataset.fingerprint()},
        "class_names": list(dataset.class_names),
        "options": options.to_json(),
        "backend": model.backend.name,
        "device": model.backend.device,
        "dtype": model.dtype,
        "threads": model.backend.threads,
        "init_from": init_from,
        "new_head": new_head,
        "tf32": tf32,
        "numerics": model.backend.numerics,
    }


def differences(stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, str]:
    """Return the differences between two identities, {name: "name: stored, now wanted"}; each option has its entry.

    An option that the stored identity lacks had its default: a file older than an option can be resumed. Data of
    another name are the same data where their SHA-256 is.
    """
    differs = {}
    options = stored.get("options")
    stored_options = Options().to_json() | dict(options if isinstance(options, Mapping) else {})
    for name, value in wanted["options"].items():
        if stored_options.get(name) != value:
            differs[name] = f"{name}: {stored_options.get(name)}, now {value}"
    stored = {"numerics": "plain"} | dict(stored)
    missing = {"class_names", "new_head"} - stored.keys()  # a file may be older than these parts of the identity
    for name in wanted.keys() - {"options"} - missing:
        if _content(stored.get(name)) != _content(wanted[name]):
            differs[name] = _describe_difference(name, stored.get(name), wanted[name])
    return dict(sorted(differs.items()))


def _describe_difference(name: str, stored: Any, wanted: Any) -> str:
    if name in ("recipe", "backend", "device", "dtype", "threads", "tf32", "numerics"):
        return f"{name}: {stored}, now {wanted}"
    if name == "class_names" and isinstance(stored, list):
        return f"class_names: {list_classes([str(text) for text in stored])}, now {list_classes(wanted)}"
    if name == "data" and isinstance(stored, Mapping):
        called, now = stored.get("name"), wanted["name"]
        return f"data: {now} has other content now" if called == now else f"data: {called}, now {now}"
    return "other first weights (--init-from)" if name == "init_from" else f"another {name}"


def _content(value: Any) -> Any:
    """Return what decides: of data the SHA-256, whatever their name and place."""
    return value["sha256"] if isinstance(value, Mapping) and "sha256" in value else value


def list_serious(differs: Mapping[str, str], stored: Mapping[str, Any]) -> list[str]:
    """Return the differences with which a training of this identity cannot go on."""
    exact = stored.get("numerics", "plain") != "plain"
    return [text for name, text in differs.items() if name not in (MAY_CHANGE_IF_EXACT if exact else MAY_CHANGE)]


def require_possible(file: WeightFile, differs: Mapping[str, str], epochs: int) -> None:
    """Raise ConfigError unless the training in a file can go on with these differences, to that many epochs."""
    serious = list_serious(differs, file.metadata["run"])
    if serious:
        raise ConfigError(
            f"{file.file}: its training goes on only with the settings that it had ({'; '.join(serious)}): leave such "
            "options out, the file holds them; only epochs, patience and threads may change; or --init-from "
            f"{write_command(file.file)} -o OTHER.h5 starts a new training from its weights"
        )
    begun = count_epochs(file)
    if epochs < begun:
        raise ConfigError(f"epochs: {file.file} has begun {begun} epochs: expected at least that many, got {epochs}")


def count_epochs(file: WeightFile) -> int:
    """Return the number of epochs that the training in a file has begun."""
    position = file.position or {}
    epoch, batch = position.get("epoch"), position.get("batch")
    return (epoch if isinstance(epoch, int) else 0) + (isinstance(batch, int) and batch > 0)


@dataclass(frozen=True)
class Existing:
    """The file at the output path of a run; `file` is None where it is not a weight file.

    same       it holds exactly this run; `finished` says whether its training came to its end
    differs    how it differs from this run, empty where it does not
    resumable  this run can continue what it holds
    """

    file: WeightFile | None
    same: bool
    finished: bool
    differs: Mapping[str, str]
    resumable: bool = False


def stored_options(metadata: Mapping[str, Any], file: str | None = None, names: Iterable[str] = _OPTIONS) -> Options:
    """Return these options of the training that a weight file tells of, the defaults where it tells none.

    Raises WeightFileError where it tells of some that cannot be.
    """
    run = metadata.get("run")
    options = run.get("options") if isinstance(run, Mapping) else None
    told = options if isinstance(options, Mapping) else {}
    try:
        return Options(**{name: told[name] for name in names if name in told})
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
    if file.position is None:
        return Existing(file, False, False, {"position": "weights without the state of their training"})
    try:
        stored_options(file.metadata)
        require_possible(file, differs, wanted["options"]["epochs"])
        possible = True
    except (ConfigError, WeightFileError):
        possible = False
    return Existing(file, not differs, bool(file.position.get("finished")), differs, possible)


def read_training(path: Path) -> WeightFile:
    """Return the file of a training that can go on. Raises ConfigError where there is none."""
    if not path.exists():
        raise ConfigError(f"{path}: expected a training to resume, found no file: leave --resume out to start one")
    file = exporters.read(path)
    if not isinstance(file.metadata.get("run"), Mapping) or file.position is None:
        raise ConfigError(
            f"{path}: holds weights without the state of a training, so there is nothing to resume: "
            f"--init-from {write_command(path)} -o OTHER.h5 starts from its weights"
        )
    return file
