"""What one hostile input is."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

DOORS = ("weights", "data", "image", "model", "map")


@dataclass(frozen=True)
class Case:
    """A file or folder that tries to do harm, or is merely wrong.

    name: a name for a file, with its suffix; one in the whole corpus. door: what kind of option it is given to:
    "weights" (a weight file), "data" (--data), "image" (--image), "model" (--model), "map" (--map).
    write: makes the file or folder at a path. about: what is wrong with it.
    statuses: the exit statuses that are right for the first command of its door (inspect, data show, predict,
    summary, export): 2 for what must be refused.
    """

    name: str
    door: str
    about: str
    write: Callable[[Path], object]
    statuses: tuple[int, ...] = (2,)
