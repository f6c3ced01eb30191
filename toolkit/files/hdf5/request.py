"""Asks the worker about an HDF5 file: opens it, hands it over, and remembers the files that end the worker."""

import contextlib
import json
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from cnnkit.files.hdf5.worker_process import WORKER, WorkerDiedError
from cnnkit.files.hdf5.worker_requests import HANDS_OVER
from cnnkit.files.regular_file import identify, open_regular
from cnnkit.files.unsafe_file import UnsafeFileError

_MOST_DEATHS = 2
_deaths: dict[object, tuple[int, str]] = {}


class Hdf5Place(NamedTuple):
    """An HDF5 file: its path, and (begin, length) where it is a part of the file there."""

    path: str
    window: tuple[int, int] | None = None


def prepare_reading() -> None:
    """Start the worker, which takes a tenth of a second, while this process does something else."""
    WORKER.prepare()


def list_protections() -> tuple[str, ...]:
    """Return what limits the worker on this system, of "files", "memory", "time", "system calls"."""
    request = {"wish": "protections", "seconds": 1.0, "memory": 64 << 20}
    return tuple(json.loads(b"".join(WORKER.ask(request))))


def ask_about(
    place: Hdf5Place, request: dict[str, Any], seconds: float, memory: int, most: int | None = None
) -> list[bytes]:
    """Return a whole answer about a file; it may take `seconds` of work and `memory` bytes.

    A file that has ended the worker twice is not given to it again.

    Raises UnsafeFileError about the file, and when the answer has more than `most` bytes.
    """
    request |= {"window": place.window, "seconds": seconds, "memory": memory}
    with open_hdf5(place.path) as stream:
        key = place, *identify(os.fstat(stream.fileno()))
        deaths, problem = _deaths.get(key, (0, ""))
        if deaths >= _MOST_DEATHS:
            raise UnsafeFileError(problem, "refused")
        try:
            if not HANDS_OVER:
                return _collect(WORKER.ask(request | {"path": place.path}), most)
            return _collect(WORKER.ask(request, stream.fileno()), most)
        except WorkerDiedError as error:
            _deaths[key] = deaths + 1, str(error)
            raise


def _collect(answer: Generator[bytes], most: int | None) -> list[bytes]:
    contents, size = [], 0
    with contextlib.closing(answer):  # who still holds the error would hold the worker's lock too
        for content in answer:
            contents.append(content)
            size += len(content)
            if most is not None and size > most:
                raise UnsafeFileError("the file has changed since it was listed")
    return contents


def open_hdf5(path: str) -> BinaryIO:
    """Return a regular file, open for reading. Raises UnsafeFileError."""
    try:
        return open_regular(Path(path))
    except (FileNotFoundError, ValueError) as error:
        raise UnsafeFileError("no such file") from error
    except OSError as error:
        raise UnsafeFileError(f"cannot be opened: {error.strerror}") from error
