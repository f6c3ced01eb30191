"""What an optimizer is: a rule from gradients to new parameters, and the arrays that it keeps for each of them."""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from cnnkit.backends.protocol import Array, Backend
from cnnkit.contracts import describe, naming_faults, require_array
from cnnkit.errors import ConfigError, ContractError
from cnnkit.optimizers.update_rule import Scalars, UpdateRule

_SHARES = ("momentum", "beta1", "beta2", "decay")  # fields that are shares of a running mean
SMALLEST_NORM = 1e-30  # whose inverse float32 can hold


class Optimizer(UpdateRule, ABC):
    """A rule that works element by element, or tensor by tensor where per_tensor is True.

    Subclasses are frozen dataclasses; `pure` as of layers.

    decay_all    False: weight_decay is 0 for biases and normalisations
    """

    decay_all: bool = True

    def scalars(self, step: int, learning_rate: float) -> dict[str, Any]:
        """Return the numbers of update `step` (counted from 1), computed on the host in float64."""
        return {"rate": learning_rate}

    @abstractmethod
    def step(
        self, backend: Backend, parameter: Array, gradient: Array, slots: Sequence[Array], scalars: Scalars
    ) -> tuple[Array, ...]:
        """Return (parameter, *slots) after one step: the arrays to use from now on, as of Backend.update.

        slots: the arrays that `self.slots` names, in that order, each of the parameter's shape.
        """

    def _checked_step(
        self, backend: Backend, parameter: Array, gradient: Array, slots: Sequence[Array], scalars: Scalars
    ) -> tuple[Array, ...]:
        """Return self.step(...); what an optimizer from outside cnnkit returns is checked."""
        if not self.external:
            return self.step(backend, parameter, gradient, slots, scalars)
        part, known = type(self).__name__, f"the scalars are {{{', '.join(scalars)}}}"
        with naming_faults(part, "step", known, backend.out_of_memory):
            stepped: Any = self.step(backend, parameter, gradient, slots, scalars)
        names = ("parameter", *self.slots)
        if not isinstance(stepped, tuple) or len(stepped) != len(names):
            raise ContractError(part, f"step must return a tuple of {', '.join(names)}, got {describe(stepped)}")
        for name, array in zip(names, stepped, strict=True):
            require_array(part, f"{name} of step", array, tuple(parameter.shape), parameter.dtype)
        return tuple(stepped)

    def step_at(
        self, path: str, backend: Backend, parameter: Array, gradient: Array, slots: Sequence[Array], scalars: Scalars
    ) -> tuple[Array, ...]:
        return self._checked_step(backend, parameter, gradient, slots, scalars)


def require_ranges(optimizer: Any) -> None:
    """Raise ConfigError on a field that is out of its range: rates of decay in [0, 1), the rest >= 0."""
    name = type(optimizer).__name__.lower()
    for field in dataclasses.fields(optimizer):
        value = getattr(optimizer, field.name)
        if isinstance(value, bool):
            continue
        share = field.name in _SHARES
        if not (0 <= value < 1 if share else 0 <= value < float("inf")):
            raise ConfigError(f"{name}: expected {field.name} {'in [0, 1)' if share else '>= 0'}, got {value}")
        if field.name == "clip_norm" and 0 < value < SMALLEST_NORM:
            raise ConfigError(f"{name}: expected clip_norm of 0 or >= {SMALLEST_NORM:g}, got {value}")
