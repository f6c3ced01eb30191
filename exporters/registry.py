"""The installed formats, and reading and writing with the one that fits."""

import stat
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from cnnkit import plugins
from cnnkit.errors import CnnkitError, ExportError, first_line
from cnnkit.exporters.core.faults import fault
from cnnkit.exporters.core.format import Format, Priority
from cnnkit.exporters.core.weight_file import WeightFile
from cnnkit.exporters.marks.recognition import explain_file, explain_folder
from cnnkit.exporters.notebook import NotebookWeightFile
from cnnkit.exporters.shards.folder import find_index, list_others
from cnnkit.files.holes import require_stored
from cnnkit.files.names import printable
from cnnkit.files.regular_file import open_regular
from cnnkit.files.unsafe_file import UnsafeFileError
from cnnkit.files.writing.advice import explain_failure
from cnnkit.files.writing.atomic import write_whole

GROUP = "cnnkit.exporters"
_HEAD = 8192


@dataclass(frozen=True)
class Broken:
    """A registered format that cannot be used: its name, its entry point, and the reason."""

    name: str
    target: str
    reason: str


def formats() -> dict[str, Format]:
    """Return {name: format} of all that work: cnnkit's own first, then plug-ins, each by name."""
    return _load_all()[0]


def broken() -> tuple[Broken, ...]:
    """Return the registered formats that do not work."""
    return _load_all()[1]


def read(path: str | Path, external: bool = False) -> WeightFile:
    """Return what a weight file of any format holds; the format is recognised by content, in the order of `Priority`.

    path: a file, or a folder with the index of shards; an index is read with its shards, as one file.

    external: open the files in the same folder in which the file says that values lie; otherwise `not_read` lists them.

    Raises WeightFileError when there is no such file, no format knows it, or it is damaged or unsafe.
    """
    path = _find_file(Path(path))
    head = _read_head(path)
    installed = formats()
    in_order = sorted(installed.values(), key=lambda form: (form.priority, form.name))
    form = next((form for form in in_order if _recognises(form, path, head)), None)
    if form is None:
        raise explain_file(path, head, ", ".join(name for name, form in installed.items() if form.reads))
    try:
        held = (form.read_external if external else form.read)(path)
        return NotebookWeightFile.of(
            replace(held, file=str(path), format=form.name, not_read=(*held.not_read, *list_others(path)))
        )
    except (CnnkitError, BlockingIOError):  # the latter: no process or thread can be started
        raise
    except Exception as error:  # a plug-in need not know cnnkit's errors
        line = printable(f"{type(error).__name__}: {error}".partition("\n")[0])
        raise fault(path, f"cannot be read as {form.name}: {line}", format_name=form.name) from error


def choose(path: str | Path, name: str | None = None) -> Format:
    """Return the format to write: the one called `name`, or else the one with the longest suffix that `path` ends with.

    Raises ExportError when there is none, or when it can only be read.
    """
    writers = {key: form for key, form in formats().items() if form.writes}
    if name is not None:
        if name not in writers:
            problem = "can only be read" if name in formats() else "is not known"
            raise ExportError(f"format {printable(name)} {problem}: choose one of {', '.join(writers)}")
        _require_suffix(writers[name], path)
        return writers[name]
    candidates = [form for form in writers.values() if not form.by_name]
    fitting = [(len(suffix), form) for form in candidates for suffix in form.suffixes if _ends_with(path, suffix)]
    if not fitting:
        raise ExportError(f"{printable(str(path))}: no format has this suffix: name one of {', '.join(writers)}")
    return max(fitting, key=lambda pair: pair[0])[1]


def write(
    weights: WeightFile,
    path: str | Path,
    format: str | None = None,  # noqa: A002 (the word that users see)
    overwrite: bool = False,
    **options: Any,
) -> None:
    """Write `weights` to `path`, completely and verified, or not at all.

    Raises ExportError when the format or an option is not known, the format cannot hold them, the file exists
    and `overwrite` is False, or it cannot be written.
    """
    path = Path(path)
    form = choose(path, format)
    _require_options(form, options)
    if not overwrite and path.exists():
        raise ExportError(f"{printable(str(path))}: already exists: choose another name or --overwrite")
    try:
        write_whole(
            path,
            lambda temporary: form.write(weights, temporary, **options),
            lambda temporary: check_written(form, weights, temporary, path),
        )
    except OSError as error:
        raise ExportError(f"{printable(str(path))}: cannot be written: {explain_failure(error)}") from error


def check_written(form: Format, weights: WeightFile, temporary: Path, path: Path) -> None:
    """Read the new file back, which is to be at `path`.

    Raises ExportError as `Format.check`, InterruptedError where a signal prevented it.
    """
    try:
        form.check(weights, temporary)
    except CnnkitError as error:
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, InterruptedError):
                raise cause from error
            cause = cause.__cause__ or cause.__context__
        if getattr(error, "file", None) != str(temporary):  # the weights lie in a file too, which may be at fault
            raise
        reason = str(error).replace(str(temporary), "the new file")
        raise ExportError(
            f"{printable(str(path))}: cannot be read back after writing, so nothing was saved: {reason}"
        ) from error


def _load_all() -> tuple[dict[str, Format], tuple[Broken, ...]]:
    working: dict[str, Format] = {}
    faulty: list[Broken] = []
    for entry in plugins.points(GROUP):
        try:
            if entry.name in working:
                raise ValueError("the name is taken")
            working[entry.name] = _load(entry)
        except Exception as error:
            reason = first_line(error) or type(error).__name__
            faulty.append(Broken(printable(entry.name), printable(entry.value), printable(reason)))
    return working, tuple(faulty)


def _load(entry: EntryPoint) -> Format:
    form = entry.load()()
    if not isinstance(form, Format):
        raise TypeError("not a cnnkit.exporters.Format")
    if form.name != entry.name:
        raise ValueError(f"registered as {entry.name}, calls itself {form.name}")
    Priority(form.priority)
    return form


def _find_file(path: Path) -> Path:
    """Return the index of shards in a folder, or the path itself. Raises WeightFileError for another folder."""
    try:
        if not path.is_dir():
            return path
        index = find_index(path)
        if index is None:
            raise explain_folder(path)
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise fault(path, f"cannot be opened: {printable(reason)}") from error
    return index


def _read_head(path: Path) -> bytes:
    try:
        status = path.stat()
        mode = status.st_mode
        if not stat.S_ISREG(mode):
            raise fault(path, "not a file")
        with open_regular(path) as stream:
            head = stream.read(_HEAD)
    except FileNotFoundError as error:
        raise fault(path, "no such file", hint="`cnnkit train` makes weights.h5 in the current folder") from error
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise fault(path, f"cannot be opened: {printable(reason)}") from error
    if head.strip(b"\0"):  # else it is recognised as what holds nothing
        try:
            require_stored(status)
        except UnsafeFileError as error:
            raise fault(path, str(error), kind=error.kind) from error
    if not head:
        raise fault(path, "empty file", hint="copy or download it again")
    return head


def _recognises(form: Format, path: Path, head: bytes) -> bool:
    try:
        return form.recognises(path, head)
    except Exception:
        return False


def _require_options(form: Format, options: dict[str, Any]) -> None:
    for option in options:
        if option not in form.options:
            raise ExportError(f"format {form.name} has no option {option}: it has {', '.join(form.options) or 'none'}")


def _require_suffix(form: Format, path: str | Path) -> None:
    """Raise ExportError where the path's suffix is that of another format."""
    others = {suffix for other in formats().values() for suffix in other.suffixes} | {".keras"}  # read, never written
    named = any(_ends_with(path, suffix) for suffix in others)
    if named and form.suffixes and not any(_ends_with(path, suffix) for suffix in form.suffixes):
        wanted = " or ".join(form.suffixes)
        raise ExportError(f"{printable(str(path))}: expected a name in {wanted} for format {form.name}: choose another")


def _ends_with(path: str | Path, suffix: str) -> bool:
    return Path(path).name.lower().endswith(suffix)
