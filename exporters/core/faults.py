"""One line about a weight file that cannot be read: which file, what is wrong, and what to do."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from cnnkit.errors import WeightFileError
from cnnkit.files.names import printable
from cnnkit.files.unsafe_file import UnsafeFileError


def fault(
    path: Path, problem: str, *, kind: str = "unreadable", format_name: str | None = None, hint: str | None = None
) -> WeightFileError:
    """Return the error "path: problem" with its parts as attributes."""
    line = f"{printable(str(path))}: {problem}"
    return WeightFileError(line, kind=kind, file=str(path), format=format_name, hint=hint)


@contextlib.contextmanager
def faults_of(path: Path, format_name: str, part: str = "") -> Iterator[None]:
    """Turn an UnsafeFileError, or a ValueError about `part` of the file, into a WeightFileError about `path`."""
    try:
        yield
    except UnsafeFileError as error:
        hint = "the file is cut short: copy or download it again" if "truncated" in str(error) else None
        raise fault(path, str(error), kind=error.kind, format_name=format_name, hint=hint) from error
    except (ValueError, RecursionError) as error:
        problem = "nested too deep" if isinstance(error, RecursionError) else printable(str(error), 400)
        raise fault(path, f"{part}: {problem}" if part else problem, format_name=format_name) from error
