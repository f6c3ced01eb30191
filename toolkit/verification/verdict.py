"""What a verification found."""

from dataclasses import dataclass
from typing import Any

from cnnkit.verification.mismatch import Mismatch


@dataclass(frozen=True)
class Spot:
    """A sample of the segments of a training, between states that were kept on the way.

    segments    in all; sampled: the numbers of those that were replayed, from 1
    first_only  no state was kept, so that only the first steps were replayed
    """

    segments: int
    sampled: tuple[int, ...]
    first_only: bool = False

    def probability(self, forged: int) -> float:
        """Return how probable it was to sample one of so many forged segments, 0..1: 1 - C(n-m, s) / C(n, s)."""
        missed = 1.0
        for number in range(len(self.sampled)):
            missed *= max(self.segments - forged - number, 0) / (self.segments - number)
        return 1.0 - missed


@dataclass(frozen=True)
class Verdict:
    """What a file's claim and the replay of its training have in common, and what not.

    differences  in the order in which they show; none where all bits are the same
    steps        that the file tells of; replayed: those computed here; first: the step from which the replay began
    tensors, rows, links   compared with the replay: tensors of the file, epochs of the history, links of the chain
    notes        what was not compared, in lines
    spot         which part was sampled, None where all was replayed
    """

    differences: tuple[Mismatch, ...]
    steps: int
    replayed: int = 0
    first: int = 0
    tensors: int = 0
    rows: int = 0
    links: int = 0
    notes: tuple[str, ...] = ()
    spot: Spot | None = None

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not self.differences

    def to_json(self) -> dict[str, Any]:
        """Return what `cnnkit verify --json` prints."""
        counts = {name: getattr(self, name) for name in ("steps", "replayed", "first", "tensors", "rows", "links")}
        spot = None
        if self.spot is not None:
            n = self.spot.segments
            chances = {"one": self.spot.probability(1), "half": self.spot.probability(max(n // 2, 1)), "all": 1.0}
            spot = {
                "segments": n, "sampled": list(self.spot.sampled), "first_only": self.spot.first_only,
                "probability": None if self.spot.first_only else chances,
            }  # fmt: skip
        found = [difference.to_json() for difference in self.differences]
        return {"same": self.same, **counts, "spot": spot, "notes": list(self.notes), "differences": found}
