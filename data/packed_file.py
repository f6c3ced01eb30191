"""A file that may be packed by gzip, as its first bytes tell."""

import gzip
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cnnkit.data.refusal import refuse
from cnnkit.files.regular_file import open_regular


@contextmanager
def open_unpacked(path: Path) -> Iterator[tuple[Any, int | None]]:
    """Yield the file, open for reading and unpacked, and its packed bytes, None where it is not packed.

    Raises OSError when it cannot be opened, DataError when what the block reads is no complete gzip file.
    """
    with open_regular(path) as packed:
        zipped = packed.read(2) == b"\x1f\x8b"
        packed.seek(0)
        try:
            if not zipped:
                yield packed, None
                return
            with gzip.GzipFile(fileobj=packed) as unpacked:
                yield unpacked, os.fstat(packed.fileno()).st_size
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise refuse(path, "a complete gzip file", str(error), "download it again") from None
