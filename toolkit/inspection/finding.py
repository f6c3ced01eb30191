"""A finding: a fault of a tensor, or something worth knowing about it."""

from dataclasses import dataclass
from typing import Any

from cnnkit.files.names import printable

SEVERITIES = ("error", "warning", "note")


@dataclass(frozen=True)
class Finding:
    """One finding about one tensor.

    kind      nan, dead_filter, constant, ...
    severity  error: the network cannot work; warning: probably a fault; note: worth knowing
    count     number of values or units concerned
    index     index of the first value, or the numbers of the units
    message   text without the tensor's name
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
            "tensor": self.tensor,
            "finding": self.kind,
            "severity": self.severity,
            "count": self.count,
            "index": list(self.index),
            "message": self.line,
        }
