"""A reader of one kind of source, and what of a Reading it has a use for."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cnnkit.data.dataset import Dataset
from cnnkit.data.reading import Reading


@dataclass(frozen=True)
class Reader:
    """What opens a kind of source.

    open  function of name, path and reading
    kind  the kind of source, for messages
    uses  the fields of a Reading that it follows
    """

    open: Callable[[str, Path, Reading], Dataset]
    kind: str
    uses: tuple[str, ...] = ()

    def read(self, name: str, path: Path, reading: Reading, fallback: Reading) -> Dataset:
        """Return the data set at a path, read as `reading` tells, then as `fallback` does; it says how it was read.

        Raises DataError where `reading` tells what this kind of source has no use for.
        """
        reading.require_used(name, self.uses, self.kind)
        used = reading.over(fallback.only(self.uses))
        dataset = self.open(name, path, used)
        return dataclasses.replace(dataset, reading=dataset.reading.over(used))
