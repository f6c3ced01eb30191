"""The process that reads untrusted HDF5 files, because libhdf5 trusts its input and its crash cannot be caught.

It reads requests, one line of JSON each, and answers in frames: a letter (J JSON, D data, E error, Z end), the length
in eight bytes, the content. It limits its own memory, time and open files, and writes no file.
"""

import contextlib
import json
import math
import os
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO

from cnnkit.files.hdf5_library import load_h5py, translate_errors
from cnnkit.files.hdf5_listing import iterate_values, list_contents
from cnnkit.files.names import printable
from cnnkit.files.unsafe_file import UnsafeFileError

_MEMORY = 512 << 20
_ANSWER = 128 << 20


def main() -> None:
    """Answer requests until standard input ends."""
    requests, replies = sys.stdin.buffer, sys.stdout.buffer
    load_h5py()
    import numpy  # noqa: F401 (loaded before the limits count)

    _limit()
    for line in requests:
        request = json.loads(line)
        _limit_seconds(request["seconds"])
        try:
            for letter, content in _answer(request):
                _send(replies, letter, content)
            _send(replies, b"Z", b"")
        except UnsafeFileError as error:
            _send(replies, b"E", json.dumps([str(error), error.kind]).encode())
        except MemoryError:
            _send(replies, b"E", json.dumps(["reading it takes more memory than allowed", "too_big"]).encode())
        except Exception as error:  # for damaged files h5py raises exceptions beyond those that it documents
            problem = printable(f"damaged HDF5 file: {type(error).__name__}: {error}")
            _send(replies, b"E", json.dumps([problem, "unreadable"]).encode())
        replies.flush()


def _answer(request: dict[str, Any]) -> Iterator[tuple[bytes, Any]]:
    with _opened(request["path"], request["window"]) as file:
        if request["place"] is None:
            content = json.dumps(list_contents(file)).encode()
            if len(content) > _ANSWER:
                raise UnsafeFileError("names and attributes of more than 128 MiB", "too_big")
            yield b"J", content
        else:
            for part in iterate_values(file, request["place"], *request.get("pieces", ())):
                yield b"D", part.reshape(-1).view("u1").data


@contextlib.contextmanager
def _opened(path: str, window: list[int] | None) -> Iterator[Any]:
    """Open an HDF5 file, or the one in `window` = [begin, length] of another file."""
    h5py = load_h5py()
    if not os.path.isfile(path):
        raise UnsafeFileError("not a file" if os.path.exists(path) else "no such file")
    with contextlib.ExitStack() as stack:
        with translate_errors():
            source = path if window is None else stack.enter_context(Window(path, *window))
            file = h5py.File(source, "r", locking=False) if window is None else h5py.File(source, "r")
            stack.callback(file.close)
        yield file


class Window:
    """A part of a file as a file of its own."""

    def __init__(self, path: str, begin: int, length: int) -> None:
        self._stream, self._begin, self._length, self._position = open(path, "rb"), begin, length, 0  # noqa: SIM115

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move to `offset` from the beginning (0), from here (1) or from the end (2)."""
        self._position = (0, self._position, self._length)[whence] + offset
        return self._position

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Fill `buffer` up to the end of the part; return the number of bytes."""
        view = memoryview(buffer).cast("B")
        size = max(min(len(view), self._length - self._position), 0)
        self._stream.seek(self._begin + self._position)
        count = self._stream.readinto(view[:size])
        self._position += count
        return count

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes."""
        remaining = max(self._length - self._position, 0)
        buffer = bytearray(remaining if size < 0 else min(size, remaining))
        return bytes(buffer[: self.readinto(buffer)])

    def __enter__(self) -> "Window":
        return self

    def __exit__(self, *error: object) -> None:
        self._stream.close()


def _send(replies: BinaryIO, letter: bytes, content: bytes) -> None:
    replies.write(letter + len(content).to_bytes(8, "big"))
    replies.write(content)


def _limit() -> None:
    """Limit what reading does not need: memory, files to write, core dumps, open files."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        for kind, most in (
            (resource.RLIMIT_AS, _measure_memory() + _MEMORY),
            (resource.RLIMIT_FSIZE, 0),
            (resource.RLIMIT_CORE, 0),
            (resource.RLIMIT_NOFILE, 32),
        ):
            with contextlib.suppress(OSError, ValueError):
                resource.setrlimit(kind, (most, most))


def _limit_seconds(seconds: float) -> None:
    """End the process when it computes longer than `seconds` from now on: nothing else stops a loop in libhdf5."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        usage = resource.getrusage(resource.RUSAGE_SELF)
        most = math.ceil(usage.ru_utime + usage.ru_stime + seconds)
        resource.setrlimit(resource.RLIMIT_CPU, (most, resource.RLIM_INFINITY))


def _measure_memory() -> int:
    try:
        with open("/proc/self/statm", "rb") as stream:
            return int(stream.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 1 << 30


if __name__ == "__main__":
    main()
