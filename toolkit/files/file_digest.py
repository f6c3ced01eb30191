"""The SHA-256 of a whole file, or of several in a row, computed in a thread while they are read for other purposes."""

import hashlib
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Self

from cnnkit.files.regular_file import open_regular
from cnnkit.files.threads import start_thread

_BLOCK = 8 << 20  # large, because after each block the thread waits for the interpreter


def sha256_of(*paths: Path) -> str:
    """Return the SHA-256 of a file, or of several in a row as `cat` puts them, in hex, reading it block by block."""
    digest = hashlib.sha256()
    for path in paths:
        with open_regular(path) as stream:
            hashlib.file_digest(stream, lambda: digest)
    return digest.hexdigest()


class FileDigest:
    """Starts hashing. Use it in a `with` block, whose end cancels unfinished work."""

    def __init__(self, *paths: Path) -> None:
        self._paths = paths
        self._cancelled = threading.Event()
        self._beside = ThreadPoolExecutor(1)
        are_files = all(path.is_file() for path in paths)
        # A pipe is not read here: that could wait forever, and would take the bytes from the next reader.
        self._digest: Future[str] | None = start_thread(self._beside.submit, self._compute) if are_files else None

    def result(self) -> str:
        """Return the SHA-256, in hex. Raises OSError when the file cannot be read."""
        return self._compute() if self._digest is None else self._digest.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._cancelled.set()
        self._beside.shutdown()

    def _compute(self) -> str:
        digest, block = hashlib.sha256(), memoryview(bytearray(_BLOCK))
        for path in self._paths:
            with open_regular(path) as stream:
                while (size := stream.readinto(block)) and not self._cancelled.is_set():
                    digest.update(block[:size])
        return digest.hexdigest()
