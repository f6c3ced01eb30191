"""Short ways to write the tables of cases."""

from collections.abc import Callable, Iterable
from pathlib import Path

from hostile.case import Case

Content = bytes | Callable[[], bytes]
Row = tuple[str, str, Content] | tuple[str, str, Content, tuple[int, ...]]

READ = (0,)  # for the statuses of a case: nothing of it is dangerous, and what is odd is said
SECRET = "secret-3f9b2c7e41"  # the content of files that no command may open: it must be in no output
CANARY = "cnnkit-was-here"  # the file that code in a hostile file makes, where it runs


def make_cases(door: str, rows: Iterable[Row]) -> tuple[Case, ...]:
    """Return the cases of a table: name, what is wrong, content (or what makes it), statuses if not (2,)."""
    return tuple(Case(row[0], door, row[1], make_writer(row[2]), *row[3:]) for row in rows)


def make_writer(content: Content) -> Callable[[Path], object]:
    """Return what writes a file of that content."""
    return lambda path: path.write_bytes(content if isinstance(content, bytes) else content())


def write_secret(path: Path) -> Path:
    """Write a file, beside the one at `path`, that no command may open; return its path."""
    secret = path.with_name("secret.txt")
    secret.write_text(SECRET * 4)
    return secret
