"""Contestants in lockstep: how far apart their weights are after each step, and where they first part."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import partial
from typing import Any

import numpy as np

from cnnkit.backends.protocol import Backend
from cnnkit.errors import first_line
from cnnkit.parity.bounds import TRAINING, ULP_FACTOR
from cnnkit.parity.check import Arena
from cnnkit.parity.trajectories.dissect import Dissection, dissect
from cnnkit.parity.trajectories.plan import Plan
from cnnkit.parity.trajectories.runner import Contestant, Weights, steps

NUDGES = (1, 2, 3, 4)  # seeds of the signs by which initial weights are moved


@dataclass
class Parting:
    """The first step, counted from 1, after which a tensor had left the bound, and by how much it had."""

    step: int
    tensor: str
    layer: str
    error: float
    bound: float


@dataclass
class Trajectory:
    """Two contestants of one training. error: the largest difference of any weight after the last step.

    nudged: how far one backend ended from itself, its initial weights moved by one ulp; float32 only.
    """

    recipe: str
    label: str
    dtype: str
    one: str
    other: str
    steps: int
    error: float = np.inf
    bound: float = TRAINING
    nudged: float | None = None
    parting: Parting | None = None
    problem: str = ""
    dissection: Dissection | None = None
    history: list[float] = field(default_factory=list, repr=False)

    @property
    def passed(self) -> bool:
        """Whether the weights ended within the bound; NaN did not."""
        return not self.problem and self.error <= self.bound

    @property
    def words(self) -> str:
        """What went wrong, and where first; "" where nothing did."""
        if self.passed:
            return ""
        if self.problem or self.parting is None:
            return self.problem or f"{self.error:.3g} where {self.bound:.1e} is allowed"
        text = f"left its bound at step {self.parting.step} in {self.parting.tensor}, layer {self.parting.layer}"
        text += f", {self.parting.error:.3g} where {self.parting.bound:.1e} is allowed"
        first = self.dissection and self.dissection.first
        return text + (f"; in that step {first.place}, {first.quantity} differs first" if first else "")

    def to_json(self) -> dict[str, Any]:
        """Return the trajectory as JSON-ready data."""
        found = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("parting", "dissection")}
        found |= {"passed": self.passed, "parting": self.parting and asdict(self.parting)}
        cut = self.dissection
        parts = [part._asdict() | {"passed": part.passed} for part in cut.parts] if cut else []
        return found | {"explained": cut.explained if cut else "", "parts": parts}


def compare_recipe(
    plan: Plan, contestants: Sequence[Contestant], judge: Contestant, yardstick: Backend
) -> list[Trajectory]:
    """Train all contestants and the judge, and compare each with the judge and with each other.

    All are of one dtype. What ends beyond its bound is dissected: the step where it left it is run again, layer by
    layer, on what the judge had then.

    yardstick: trains once more in float32, and again with weights moved by an ulp; the quickest backend will do.
    """
    dtype = judge.arena.dtype
    others = [who for who in contestants if who.name != judge.name]
    measured = [_moved(plan, yardstick, seed) for seed in (None, *NUDGES)] if dtype == "float32" else []
    pairs = [(who, judge) for who in others] + list(itertools.combinations(others, 2))
    found = {(a.name, b.name): Trajectory(plan.name, plan.label, dtype, a.name, b.name, plan.steps) for a, b in pairs}
    _run(plan, [judge, *others], measured, found)
    for (name, against), comparison in found.items():
        if not comparison.passed and comparison.parting is not None and against == judge.name:
            who = next(c for c in others if c.name == name)
            comparison.dissection = dissect(plan, who, judge, comparison.parting.step - 1)
    return list(found.values())


def _moved(plan: Plan, yardstick: Backend, seed: int | None) -> Contestant:
    name = f"{yardstick.name} moved by an ulp ({seed})"
    return Contestant(name, Arena(yardstick, "float32"), plan.network, nudge=seed)


def _run(
    plan: Plan, everyone: list[Contestant], measured: list[Contestant], found: dict[tuple[str, str], Trajectory]
) -> None:
    """Run everyone in lockstep; fill in errors, bounds and partings. measured: the yardstick, then it again, moved."""
    runs = {who.name: _Run(partial(steps, who, plan)) for who in (*everyone, *measured)}
    allowed = 0.0
    for step in range(1, plan.steps + 1):
        for run in runs.values():
            run.advance()
        moved = [distance(runs[who.name].weights, runs[measured[0].name].weights)[0] for who in measured[1:]]
        allowed = max([allowed, *moved]) if moved else TRAINING / ULP_FACTOR
        for (a, b), comparison in found.items():
            one, other = runs[a], runs[b]
            if one.problem or other.problem:
                comparison.problem = comparison.problem or one.problem or other.problem
                continue
            error, tensor = distance(one.weights, other.weights)
            comparison.error = error
            comparison.bound = ULP_FACTOR * (max(moved) if moved else TRAINING / ULP_FACTOR)
            comparison.nudged = max(moved) if moved else None
            comparison.history.append(error)
            if comparison.parting is None and not error <= ULP_FACTOR * allowed:
                comparison.parting = Parting(step, tensor, layer_of(plan, tensor), error, ULP_FACTOR * allowed)


class _Run:
    """A contestant under way; what it raises is kept."""

    def __init__(self, start: Callable[[], Iterator[Weights]]) -> None:
        self.weights: Weights = {}
        self.problem = ""
        self._steps: Iterator[Weights] | None = None
        self._start = start

    def advance(self) -> None:
        """Do one step."""
        try:
            if self._steps is None:
                self._steps = self._start()
            self.weights = self.weights if self.problem else next(self._steps)
        except Exception as error:
            self.problem = f"raised {type(error).__name__}: {first_line(error)}"[:300]


def distance(one: Weights, other: Weights) -> tuple[float, str]:
    """Return the largest difference of any weight, and the tensor that it is in; NaN, if there is any, wins."""
    if one.keys() != other.keys():
        return np.inf, "the names"
    found = [(float(np.max(np.abs(one[name] - other[name]), initial=0.0)), name) for name in one]
    return max(found, key=lambda pair: np.inf if np.isnan(pair[0]) else pair[0], default=(np.inf, "nothing"))


def layer_of(plan: Plan, tensor: str) -> str:
    """Return the path and type of the layer that a tensor belongs to: `3.body.0 (Conv2D)`."""
    from cnnkit.architecture import walk_layers

    path = tensor.rpartition(".")[0]
    types = {place.path: place.layer.type for place in walk_layers(plan.network, plan.input_shape)}
    return f"{path} ({types.get(path, '?')})"
