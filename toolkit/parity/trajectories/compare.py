"""Train contestants step by step side by side; find where the difference of their weights exceeds its bound."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import partial
from typing import Any

import numpy as np

from cnnkit.architecture import walk_layers
from cnnkit.backends.protocol import Backend
from cnnkit.errors import first_line
from cnnkit.parity.bounds import HALF_ULP_FACTOR, TRAINING, ULP_FACTOR
from cnnkit.parity.check import Arena
from cnnkit.parity.trajectories.dissect import Dissection, dissect
from cnnkit.parity.trajectories.plan import TrainingPlan
from cnnkit.parity.trajectories.runner import Contestant, Weights, train_stepwise
from cnnkit.precision import HALF

NUDGE_SEEDS = (1, 2, 3, 4)  # each draws the directions in which initial weights are moved


@dataclass
class Divergence:
    """The first step, counted from 1, after which a tensor exceeded the bound."""

    step: int
    tensor: str
    layer: str
    error: float
    bound: float


@dataclass
class Trajectory:
    """Two contestants of one training. error: the largest difference of any weight after the last step.

    nudged: the same difference between two trainings of one backend, the second from initial weights that were moved
    by one ulp of the dtype; not in float64.
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
    divergence: Divergence | None = None
    problem: str = ""
    dissection: Dissection | None = None
    history: list[float] = field(default_factory=list, repr=False)

    @property
    def passed(self) -> bool:
        """Whether the final difference is within the bound; NaN is not."""
        return not self.problem and self.error <= self.bound

    @property
    def words(self) -> str:
        """The failure in words, and where it occurred first; "" for a training that passed."""
        if self.passed:
            return ""
        if self.problem or self.divergence is None:
            return self.problem or f"{self.error:.3g} where {self.bound:.1e} is allowed"
        at = self.divergence
        text = f"exceeded its bound at step {at.step} in {at.tensor}, layer {at.layer}"
        text += f", {at.error:.3g} where {at.bound:.1e} is allowed"
        first = self.dissection and self.dissection.first
        return text + (f"; in that step {first.place}, {first.quantity} differs first" if first else "")

    def to_json(self) -> dict[str, Any]:
        """Return the trajectory as JSON-ready data."""
        facts = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("divergence", "dissection")}
        facts |= {"passed": self.passed, "parting": self.divergence and asdict(self.divergence)}
        cut = self.dissection
        quantities = [one._asdict() | {"passed": one.passed} for one in cut.quantities] if cut else []
        return facts | {"explained": cut.explained if cut else "", "parts": quantities}


def compare_recipe(
    plan: TrainingPlan, contestants: Sequence[Contestant], reference: Contestant, yardstick: Backend,
    dtype: str | None = None,
) -> list[Trajectory]:  # fmt: skip
    """Train all contestants and the reference; compare each with the reference and with each other.

    All have one dtype. A contestant that exceeds its bound is dissected: the step where it did so is repeated layer by
    layer, from the reference's weights and inputs at that step.

    yardstick: below float64 this backend trains in float32 as well, once normally and several times from weights moved
    by one ulp of the dtype; choose the fastest backend.
    dtype: of the contestants, None for the reference's.
    """
    dtype = dtype or reference.arena.dtype
    others = [one for one in contestants if one.name != reference.name]
    seeds = () if dtype == "float64" else (None, *NUDGE_SEEDS)
    measured = [_make_moved_contestant(plan, yardstick, seed, dtype) for seed in seeds]
    pairs = [(one, reference) for one in others] + list(itertools.combinations(others, 2))
    trajectories = {
        (a.name, b.name): Trajectory(plan.name, plan.label, dtype, a.name, b.name, plan.steps) for a, b in pairs
    }
    factor = HALF_ULP_FACTOR if dtype in HALF else ULP_FACTOR
    _run_in_lockstep(plan, [reference, *others], measured, trajectories, factor)
    for (name, against), trajectory in trajectories.items():
        if not trajectory.passed and trajectory.divergence and against == reference.name and dtype not in HALF:
            contestant = next(one for one in others if one.name == name)
            trajectory.dissection = dissect(plan, contestant, reference, trajectory.divergence.step - 1)
    return list(trajectories.values())


def _make_moved_contestant(plan: TrainingPlan, yardstick: Backend, seed: int | None, dtype: str) -> Contestant:
    name = f"{yardstick.name} moved by an ulp ({seed})"
    return Contestant(name, Arena(yardstick, "float32"), plan.network, nudge=seed, ulp_of=dtype)


def _run_in_lockstep(
    plan: TrainingPlan,
    everyone: list[Contestant],
    measured: list[Contestant],
    trajectories: dict[tuple[str, str], Trajectory],
    factor: float,
) -> None:
    """Run one step of every contestant at a time; fill in errors, bounds and divergences.

    measured: the yardstick, unmoved, then moved; empty in float64. factor: the bound, in their differences.
    """
    runs = {
        contestant.name: _ContestantRun(partial(train_stepwise, contestant, plan))
        for contestant in (*everyone, *measured)
    }
    allowed = 0.0
    for step in range(1, plan.steps + 1):
        for run in runs.values():
            run.advance()
        moved = [
            find_largest_difference(runs[one.name].weights, runs[measured[0].name].weights)[0] for one in measured[1:]
        ]
        allowed = max([allowed, *moved]) if moved else TRAINING / factor
        for (a, b), trajectory in trajectories.items():
            one, other = runs[a], runs[b]
            if one.problem or other.problem:
                trajectory.problem = trajectory.problem or one.problem or other.problem
                continue
            error, tensor = find_largest_difference(one.weights, other.weights)
            trajectory.error = error
            trajectory.bound = factor * (max(moved) if moved else TRAINING / factor)
            trajectory.nudged = max(moved) if moved else None
            trajectory.history.append(error)
            if trajectory.divergence is None and not error <= factor * allowed:
                trajectory.divergence = Divergence(step, tensor, locate_layer(plan, tensor), error, factor * allowed)


class _ContestantRun:
    """The training of one contestant, one step at a time; an exception ends it and is kept as `problem`."""

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


def find_largest_difference(one: Weights, other: Weights) -> tuple[float, str]:
    """Return the largest difference of any weight, and the name of its tensor; NaN counts as the largest."""
    if one.keys() != other.keys():
        return np.inf, "the names"
    differences = [(float(np.max(np.abs(one[name] - other[name]), initial=0.0)), name) for name in one]
    return max(differences, key=lambda pair: np.inf if np.isnan(pair[0]) else pair[0], default=(np.inf, "nothing"))


def locate_layer(plan: TrainingPlan, tensor: str) -> str:
    """Return the path and type of the layer that a tensor belongs to: `3.body.0 (Conv2D)`."""
    path = tensor.rpartition(".")[0]
    types = {place.path: place.layer.type for place in walk_layers(plan.network, plan.input_shape)}
    return f"{path} ({types.get(path, '?')})"
