"""Averages of the weights along a training: a moving one after each update, or the mean after each of the last epochs.

What does not move, frozen parameters and their running statistics, is no part of an average: it stays bit for bit.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from cnnkit.backends.protocol import Array, Backend
from cnnkit.training.freezing import Freezing
from cnnkit.training.position import Position
from cnnkit.tree import Tree, flatten, leaves, map_tree, rebuild, unflatten


@dataclass(frozen=True)
class Averaging(ABC):
    """A rule by which averages of parameters and running statistics follow a training.

    An average is a tree {"params": ..., "state": ...} of what moves. freezing: what does not; None where all moves.
    """

    freezing: Freezing | None

    @abstractmethod
    def is_ready(self, position: Position) -> bool:
        """Return whether there is an average at a position: before, the live weights stand for it."""

    def begin(self, params: Tree, state: Tree) -> Tree:
        """Return an average, in memory of its own, that holds the weights themselves."""
        copied: Tree = map_tree(lambda array: array * 1, self.select(params, state))
        return copied

    def select(self, params: Tree, state: Tree) -> Tree:
        """Return {"params": ..., "state": ...} of what moves; flat trees stay flat where all does."""
        if self.freezing is None:
            return {"params": params, "state": state}
        frozen, still = self.freezing.frozen, self.freezing.still
        return {
            "params": unflatten({name: array for name, array in flatten(params).items() if name not in frozen}),
            "state": unflatten({name: array for name, array in flatten(state).items() if name not in still}),
        }

    def complete(self, average: Tree, params: Tree, state: Tree) -> tuple[Tree, Tree]:
        """Return the whole (params, state) with the average in place of what moves."""
        if self.freezing is None:
            return average["params"], average["state"]
        parts = ((params, average["params"]), (state, average["state"]))
        return tuple(unflatten(flatten(whole) | flatten(part)) for whole, part in parts)  # type: ignore[return-value]


@dataclass(frozen=True)
class MovingAverage(Averaging):
    """average = d*average + (1 - d)*weights after each update, running statistics alike; d = min(decay, (1+n)/(10+n)).

    n counts the updates before; the first average is the weights after the first update. Polyak and Juditsky 1992; the
    lower decay of the first updates is that of TensorFlow's ExponentialMovingAverage(num_updates), the rest as
    torch.optim.swa_utils.AveragedModel with that avg_fn and use_buffers=True.
    """

    decay: float

    def is_ready(self, position: Position) -> bool:
        """Return whether there was an update."""
        return position.step > 0

    def scalars(self, step: int) -> dict[str, float]:
        """Return the numbers of the update `step`, counted from 0, computed in float64."""
        decay = min(self.decay, (1 + step) / (10 + step)) if step else 0.0
        return {"average_keep": decay, "average_take": 1 - decay}

    def follow(self, backend: Backend, average: Tree, params: Tree, state: Tree, scalars: Any) -> Tree:
        """Return the average after the update that led to these weights; in the same arrays where possible."""
        keep, take = scalars["average_keep"], scalars["average_take"]
        return _mix(backend, average, self.select(params, state), keep, take)


@dataclass(frozen=True)
class EpochAverage(Averaging):
    """The mean of the weights that the last epochs ended with, from epoch `first` (counted from 0) on.

    Stochastic weight averaging: Izmailov et al. 2018; as torch.optim.swa_utils.AveragedModel. The running statistics
    are those of the averaged network, computed anew (running_statistics.py).
    """

    first: int

    def is_ready(self, position: Position) -> bool:
        """Return whether an epoch was averaged."""
        return position.epoch > self.first

    def follow(self, backend: Backend, average: Tree, params: Tree, state: Tree, epoch: int) -> Tree:
        """Return the average after `epoch`, from 0, has ended with these weights; before `first` it is unchanged."""
        count = epoch - self.first
        if count < 0:
            return average
        return _mix(backend, average, self.select(params, state), count / (count + 1), 1 / (count + 1))


def make_averaging(ema: float | None, swa: float | None, epochs: int, freezing: Freezing | None) -> Averaging | None:
    """Return the averaging that the options ask for, None where they ask for none."""
    if ema is not None:
        return MovingAverage(freezing, ema)
    return None if swa is None else EpochAverage(freezing, int(swa * epochs))


def _mix(backend: Backend, average: Tree, weights: Tree, keep: Any, take: Any) -> Tree:
    held, structure = leaves(average)
    mixed: Tree = rebuild(
        structure, [_mix_arrays(backend, *pair, keep, take) for pair in zip(held, leaves(weights)[0], strict=True)]
    )
    return mixed


def _mix_arrays(backend: Backend, average: Array, weights: Array, keep: Any, take: Any) -> Array:
    return backend.assign(average, average * keep + weights * take)
