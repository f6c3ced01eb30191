"""Hinge losses: a cost only where a score is not right by a margin."""

from dataclasses import dataclass

from cnnkit.backends.protocol import Array, Backend
from cnnkit.errors import ConfigError
from cnnkit.losses.binary import decide_binary, squash
from cnnkit.losses.classes import CLASSES
from cnnkit.losses.fitting import name_loss
from cnnkit.losses.mean import MeanLoss, weigh


@dataclass(frozen=True)
class MarginLoss(MeanLoss):
    """Base of hinge losses: cost(m) = max(0, m)**power of a margin m that is missing. power: 1 or 2."""

    margin: float = 1.0
    power: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.margin < float("inf"):
            raise ConfigError(f"{name_loss(self)}: expected margin > 0, got {self.margin}")
        if self.power not in (1, 2):
            raise ConfigError(f"{name_loss(self)}: expected power 1 or 2, got {self.power}")

    def cost(self, backend: Backend, missing: Array) -> tuple[Array, Array]:
        """Return the cost of each margin that is missing, and its derivative."""
        lack = backend.maximum(missing, 0.0)
        if self.power == 2:
            return lack * lack, lack * 2
        return lack, backend.where(missing > 0, missing * 0 + 1, 0.0)


@dataclass(frozen=True)
class Hinge(MarginLoss):
    """loss = mean over samples of 1/K * sum over wrong classes j of max(0, margin - z[right] + z[j])**power.

    z: the K outputs. The sum form of the multi-class hinge, of Weston and Watkins 1999; Crammer and Singer 2001 take
    the largest term alone. It is the MultiMarginLoss of PyTorch.
    """

    kinds = CLASSES

    def terms(self, backend: Backend, outputs: Array, wanted: Array) -> tuple[Array, Array]:
        right = backend.sum(weigh(backend, wanted, outputs), axis=1, keepdims=True)
        cost, slope = self.cost(backend, self.margin - right + outputs)
        wrong = (1 - wanted) / outputs.shape[1]
        pull = slope * wrong
        costs = backend.sum(cost * wrong, axis=1, keepdims=True)
        return costs, pull - wanted * backend.sum(pull, axis=1, keepdims=True)


@dataclass(frozen=True)
class BinaryHinge(MarginLoss):
    """loss = mean over samples and outputs of max(0, margin - s * output)**power, s = 2 * target - 1.

    Targets are 0 and 1: tags, one-hot labels, or labels of two classes for one output. Vapnik 1995.
    """

    kinds = ("class", "tags", "class_map", "values")
    one_for_two = True

    def terms(self, backend: Backend, outputs: Array, wanted: Array) -> tuple[Array, Array]:
        side = 2 * wanted - 1
        cost, slope = self.cost(backend, self.margin - side * outputs)
        return cost, -(slope * side)

    def probabilities(self, backend: Backend, outputs: Array) -> Array:
        """Return sigmoid(outputs), no probabilities, but 1/2 where a decision turns; one output becomes two."""
        return squash(backend, outputs)

    def decide(self, backend: Backend, outputs: Array) -> Array:
        return decide_binary(backend, outputs)
