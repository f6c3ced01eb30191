"""What a log of epochs is: a file beside the weights that gets a record after each epoch."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

Entry = Mapping[str, Any]  # of the history: {"epoch": 1, "loss": 0.7, "validation_loss": None, ...}
Entries = Sequence[Entry]


class EpochLog(ABC):
    """Records of epochs, each written whole or not at all.

    A training that was killed and goes on computes the epochs after its last save again. Their records of before are
    dropped, so that no epoch is told twice.
    """

    @abstractmethod
    def require_writable(self) -> None:
        """Raise OSError or ConfigError if no record can be written: now, rather than after hours of work."""

    @abstractmethod
    def write(self, entry: Entry) -> None:
        """Write the record of an epoch. Raises OSError with the name of the file."""
