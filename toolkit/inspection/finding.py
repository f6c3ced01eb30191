"""Something about a tensor that its owner should know."""

from dataclasses import dataclass
from typing import Any

from cnnkit.files.names import printable

SEVERITIES = ("error", "warning", "note")


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    kind      what it is: nan, dead_filter, constant, ...
    severity  error: the net cannot work; warning: probably a fault; note: worth knowing
    count     how many values or units it concerns
    index     where the first of them is, or the numbers of the units
    message   without the tensor's name
    """

    tensor: str
    kind: str
    severity: str
    count: int
    index: tuple[int, ...]
    message: str

    @property
    def line(self) -> str:
        """The finding in one line, safe to print."""
        return f"{printable(self.tensor)}: {self.message}"

    def to_json(self) -> dict[str, Any]:
        """Return the keys that `cnnkit inspect --json` prints."""
        return {
            "tensor": printable(self.tensor),
            "finding": self.kind,
            "severity": self.severity,
            "count": self.count,
            "index": list(self.index),
            "message": self.line,
        }
