"""The SHA-256 of a whole file, worked out in a thread while the file is looked at."""

import hashlib
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Self

_BLOCK = 8 << 20  # large, because after each the thread waits for its turn


def sha256_of(path: Path) -> str:
    """Return the sum, in hex, without reading the file whole."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


class FileDigest:
    """Use it in a `with` block: what is not finished at its end is given up."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._given_up = threading.Event()
        self._beside = ThreadPoolExecutor(1)
        # Of a pipe nothing is taken: it would be waited for without end, and what reads it next would miss it.
        self._sum: Future[str] | None = self._beside.submit(self._work) if path.is_file() else None

    def result(self) -> str:
        """Return the sum, in hex. Raises OSError when the file cannot be read."""
        return self._work() if self._sum is None else self._sum.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._given_up.set()
        self._beside.shutdown()

    def _work(self) -> str:
        digest, block = hashlib.sha256(), memoryview(bytearray(_BLOCK))
        with self._path.open("rb", buffering=0) as stream:
            while (size := stream.readinto(block)) and not self._given_up.is_set():
                digest.update(block[:size])
        return digest.hexdigest()
