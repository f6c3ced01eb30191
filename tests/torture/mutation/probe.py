"""Reads one file as every command would: listing, values, statistics; and says what is wrong with what came."""

import json
import traceback
import warnings
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import cnnkit
from cnnkit.data import load
from cnnkit.errors import CnnkitError, DataError, WeightFileError
from cnnkit.exporters import WeightFile, formats, read
from cnnkit.exporters.core.element_types import carrier
from cnnkit.exporters.core.weight_file import sha256
from cnnkit.files.names import printable
from cnnkit.inspection import inspect

_PACKAGE = str(Path(cnnkit.__file__).parent)
_HEAD = 8192
_LONGEST = 2_000  # characters of a message
_MOST_LOOKED_AT, _MOST_BYTES = 64 << 20, 1 << 30  # of the values of a mutant: an array of zeros may be packed well


class Verdict(NamedTuple):
    """What came: the file was read (and perhaps its weights), or refused; what was wrong with that, in one line.

    accident: where an exception that no reader raised on purpose became the text of a refusal
    """

    read: bool
    fault: str | None = None
    accident: str | None = None
    weights: WeightFile | None = None


def probe(path: Path, door: str) -> Verdict:
    """Read the file or folder at `path`, all of it. door: "weights" or "data"."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        verdict = _probe(path, door)
    if verdict.fault is None and warned:
        last = warned[-1]
        said = f"{last.category.__name__}: {last.message} at {Path(last.filename).name}:{last.lineno}"
        return verdict._replace(fault=said)
    return verdict


def _probe(path: Path, door: str) -> Verdict:
    expected = WeightFileError if door == "weights" else DataError
    try:
        return _probe_weights(path) if door == "weights" else _probe_data(path)
    except expected as error:
        return _judge_refusal(error)
    except Exception as error:
        return Verdict(False, f"{type(error).__name__}: {error} at {_find_place(error.__traceback__)}"[:_LONGEST])


def _probe_weights(path: Path) -> Verdict:
    fault = _ask_formats(path)
    weights = read(path, external=len(list(path.parent.iterdir())) > 1)
    total = sum(tensor.nbytes for tensor in weights)
    if total > _MOST_LOOKED_AT:
        said = f"{path.stat().st_size} bytes hold {total} bytes of values" if total > _MOST_BYTES else None
        return Verdict(True, fault or said)
    for tensor in weights:
        values = tensor.read()
        if values.shape != tensor.shape or values.dtype != carrier(tensor.dtype):
            fault = f"{tensor.name!r}: said {tensor.dtype} {tensor.shape}, came {values.dtype} {values.shape}"
        elif sha256(values) != tensor.sha256():
            fault = f"{tensor.name!r}: read in pieces, its values are others"
    inspection = inspect(weights, optimizer=True)
    for tensor in inspection.tensors:
        computed = inspection.statistics_of(tensor)
        if computed is None or computed.count != tensor.parameters or computed.sha256 != tensor.sha256():
            fault = f"{tensor.name!r}: statistics of other values"
    json.dumps(inspection.to_json(), allow_nan=False).encode()
    return Verdict(True, fault, weights=weights)


def _ask_formats(path: Path) -> str | None:
    """Return what a format raised when asked whether the file is its own, which `read` takes for a no."""
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
    for form in formats().values() if head else ():
        try:
            form.recognises(path, head)
        except Exception as error:
            return f"{form.name}.recognises: {type(error).__name__}: {error} at {_find_place(error.__traceback__)}"
    return None


def _probe_data(path: Path) -> Verdict:
    dataset = load(str(path))
    if len(dataset.fingerprint()) != 64:
        return Verdict(True, "no fingerprint")
    for split in (dataset.train, dataset.test):
        if split is not None and not 0 <= int(split.labels.min()) <= int(split.labels.max()) < len(dataset.class_names):
            return Verdict(True, "a label beyond the classes")
    return Verdict(True)


def _judge_refusal(error: CnnkitError) -> Verdict:
    line = str(error)
    if not line or "\n" in line or printable(line, 10 * _LONGEST) != line:
        return Verdict(False, f"not one clean line: {line!r}"[:_LONGEST])
    if len(line) > _LONGEST:
        return Verdict(False, f"a line of {len(line)} characters: {line[:200]}")
    cause = error.__cause__
    if cause is not None and not isinstance(cause, CnnkitError):
        place = f"{type(cause).__name__}: {printable(str(cause), 100)} at {_find_place(cause.__traceback__)}"
        if "cannot be read as" in line:  # the net below readers of plug-ins
            return Verdict(False, f"masked {place}")
        if not _is_deliberate(cause.__traceback__) and str(cause)[:60] in line:
            return Verdict(False, accident=place)
    return Verdict(False)


def _is_deliberate(trace: TracebackType | None) -> bool:
    """Return whether an exception was raised by a line of cnnkit that says `raise`."""
    last = traceback.extract_tb(trace)[-1]
    return last.filename.startswith(_PACKAGE) and "raise " in (last.line or "")


def _find_place(trace: TracebackType | None) -> str:
    """Return the last line of cnnkit, and the last of all, on the way to an exception."""
    frames = traceback.extract_tb(trace)
    own = [frame for frame in frames if frame.filename.startswith(_PACKAGE)][-1:]
    return " > ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in (*own, *frames[-1:]))
