"""What of a weight file is not as the training that it tells of leaves it."""

from dataclasses import dataclass
from typing import Any

from cnnkit.files.names import printable


@dataclass(frozen=True)
class Mismatch:
    """A difference between a file and the replay of its training, or between two parts of the file.

    part     what differs: "parameter", "optimizer", "chain", "history", "options", "data", "position", ...
    problem  expected and got, in one line
    step     updates after which it shows first, None where no update decides it
    after    updates up to which all was the same, where `step` is known by links of a chain alone: it lies after these
    layer, tensor  path of the layer and name of the tensor, where there is one
    """

    part: str
    problem: str
    step: int | None = None
    after: int | None = None
    layer: str | None = None
    tensor: str | None = None

    @property
    def text(self) -> str:
        """One line for people."""
        place = ""
        if self.step is not None:
            exact = self.after is None or self.after + 1 >= self.step
            place = f"step {self.step:,}: " if exact else f"steps {self.after + 1:,} to {self.step:,}: "  # type: ignore[operator]
        tensor = "" if self.tensor is None else f" {printable(self.tensor, 200)}"
        return f"{place}{self.part}{tensor}: {self.problem}"

    def to_json(self) -> dict[str, Any]:
        """Return what `cnnkit verify --json` prints of it."""
        return {name: getattr(self, name) for name in ("part", "problem", "step", "after", "layer", "tensor")}


def order(difference: Mismatch) -> tuple[bool, int, bool]:
    """Return the key that puts what no update decides first, then the earliest updates, and links before figures."""
    return difference.step is not None, difference.step or 0, difference.part != "chain"
