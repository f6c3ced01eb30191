"""Losses, optimizers and schedules from outside cnnkit that break their contract: one line each."""
# ruff: noqa: ARG005 (each method has the arguments that it is called with)

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from cnnkit import Model
from cnnkit.data.dataset import Dataset
from cnnkit.data.scaling import Scaling
from cnnkit.data.split import Split
from cnnkit.errors import ContractError
from cnnkit.layers import Dense, Flatten, Sequential
from cnnkit.losses import Loss, MeanSquaredError
from cnnkit.optimizers import Optimizer
from cnnkit.schedules import Schedule

DATA = Dataset("made", Split(np.ones((6, 1, 2, 2)), np.arange(6) % 3), None, ("a", "b", "c"), (1, 2, 2), Scaling())


def make(base: type, **members: Any) -> Any:
    return dataclass(frozen=True)(type("Mine", (base,), members))()


def fit(**options: Any) -> None:
    Model(Sequential([Flatten(), Dense(3)]), (1, 2, 2)).fit(DATA, epochs=1, batch_size=3, **options)


def loss(function: Callable[..., Any], **members: Any) -> dict[str, Any]:
    body = lambda self, backend, outputs, targets: function(backend, outputs)  # noqa: E731
    return {"loss": make(Loss, value_and_gradient=body, **members)}


def optimizer(function: Callable[..., Any], **members: Any) -> dict[str, Any]:
    body = lambda self, backend, parameter, gradient, slots, scalars: function(parameter, slots, scalars)  # noqa: E731
    return {"optimizer": make(Optimizer, step=body, **members)}


def schedule(function: Callable[[int], Any]) -> dict[str, Any]:
    return {"schedule": make(Schedule, factor=lambda self, step, total, per_epoch: function(step))}


def mean(backend: Any, outputs: Any) -> tuple[Any, Any]:
    return backend.mean(outputs), outputs * 0


FAULTS = [
    (loss(lambda b, y: b.mean(y)), "value_and_gradient must return (loss, dy), got one array of shape ()"),
    (loss(lambda b, y: None), "value_and_gradient must return (loss, dy), got None: is a return missing?"),
    (loss(lambda b, y: (0.5, y)),
     "loss of value_and_gradient, a mean over the batch, must be an array of the backend, got float 0.5"),
    (loss(lambda b, y: (b.mean(y, axis=1), y)),
     "loss of value_and_gradient, a mean over the batch, must have shape (), got (3,)"),
    (loss(lambda b, y: (b.mean(y), y[:, 0])),
     "dy of value_and_gradient, as the outputs, must have shape (3, 3), got (3,)"),
    (loss(lambda b, y: (b.mean(y), y * np.float64(2))),
     "dy of value_and_gradient, as the outputs, must be float32, got float64: "
     "compute with Python's numbers, not NumPy's"),
    (loss(lambda b, y: {}["rate"]), "value_and_gradient raised KeyError: 'rate'"),
    (loss(lambda b, y: (b.softmax(y), y)),
     "value_and_gradient raised AttributeError: 'NumpyBackend' object has no attribute 'softmax'"),
    (loss(mean, decide=lambda self, b, y: y), "the classes of decide must have shape (3,), got (3, 3)"),
    (optimizer(lambda p, slots, scalars: p), "step must return a tuple of parameter, got one array of shape (15,)"),
    (optimizer(lambda p, slots, scalars: None),
     "step must return a tuple of parameter, got None: is a return missing?"),
    (optimizer(lambda p, slots, scalars: (p,), slots=("velocity",)),
     "step must return a tuple of parameter, velocity, got a tuple of 1"),
    (optimizer(lambda p, slots, scalars: (p[:2],)), "parameter of step must have shape (15,), got (2,)"),
    (optimizer(lambda p, slots, scalars: (p, slots[0][:1]), slots=("velocity",)),
     "velocity of step must have shape (15,), got (1,)"),
    (optimizer(lambda p, slots, scalars: (p * np.float64(1),)),
     "parameter of step must be float32, got float64: compute with Python's numbers, not NumPy's"),
    (optimizer(lambda p, slots, scalars: (p - scalars["lr"],)),
     "step raised KeyError: 'lr': the scalars are {rate, step}"),
    (optimizer(lambda p, slots, scalars: (p,), scalars=lambda self, step, rate: rate),
     "scalars must return a dictionary {name: number}, got float 0.001"),
    (optimizer(lambda p, slots, scalars: (p,), scalars=lambda self, step, rate: {"rate": None}),
     "rate of scalars must be a finite number, got None: is a return missing?"),
    (optimizer(lambda p, slots, scalars: (p,), scalars=lambda self, step, rate: {"rate": 1 / (step - 1)}),
     "scalars raised ZeroDivisionError: float division by zero"),
    (schedule(lambda step: None), "factor of step 0 must be a finite number, got None: is a return missing?"),
    (schedule(lambda step: "half"), "factor of step 0 must be a finite number, got str 'half'"),
    (schedule(lambda step: 1.0 if step < 1 else float("nan")),
     "factor of step 1 must be a finite number, got float nan"),
    (schedule(lambda step: 1 / step), "factor raised ZeroDivisionError: division by zero"),
]  # fmt: skip


@pytest.mark.parametrize(("options", "problem"), FAULTS, ids=[problem[:60] for _, problem in FAULTS])
def test_a_fault_is_one_line(options, problem) -> None:
    with pytest.raises(ContractError) as caught:
        fit(**options)
    assert str(caught.value).replace("float division", "division") == (
        f"Mine: {problem}".replace("float division", "division")
    )


def test_right_parts_pass() -> None:
    fit(**loss(mean))
    fit(**optimizer(lambda p, slots, scalars: (p, *slots), slots=("velocity",)))
    fit(**schedule(lambda step: np.float32(0.5)))


def test_the_scores_of_a_loss_are_checked_where_they_are_read() -> None:
    odd = make(MeanSquaredError, probabilities=lambda self, backend, outputs: outputs[:1])
    model = Model(Sequential([Flatten(), Dense(3)]), (1, 2, 2), loss=odd)
    with pytest.raises(
        ContractError, match=r"Mine: the scores of probabilities must have shape \(6, 3\), got \(1, 3\)"
    ):
        model.probabilities(np.ones((6, 1, 2, 2)))
