"""Losses, optimizers and schedules of a user's own that cannot be used, or not be saved; each refusal is one line."""

from dataclasses import dataclass, field

import pytest

from cnnkit import Model, Options, Sequential, losses
from cnnkit.errors import ConfigError
from cnnkit.layers import Dense, Flatten
from cnnkit.losses import Loss
from cnnkit.schedules import ConstantRate

pytestmark = pytest.mark.usefixtures("nothing_registered")


@pytest.mark.parametrize("name", ["loss", "optimizer", "schedule"])
def test_neither_text_nor_object(name) -> None:
    base = {"loss": "Loss", "optimizer": "Optimizer", "schedule": "Schedule"}[name]
    with pytest.raises(ConfigError, match=rf"^{name}: expected a text such as 'NAME:key=value' or a {base}, got 3$"):
        Options(**{name: 3})


@dataclass(frozen=True)
class Plain(Loss):
    def value_and_gradient(self, backend, outputs, targets):
        return backend.softmax_cross_entropy(outputs, targets)


@dataclass(frozen=True)
class Many(Plain):
    factors: tuple[float, ...] = field(default=(1.0, 2.0))


class NoDataclass(Loss):
    def __init__(self, factor: float = 1.0) -> None:
        self.factor = factor

    value_and_gradient = Plain.value_and_gradient


class Failing(NoDataclass):
    def __init__(self) -> None:
        raise ValueError("not today")


def test_what_text_cannot_hold_trains_and_is_refused_by_save() -> None:
    for loss in (Many((3.0, 4.0)), NoDataclass(2.0)):
        model = Model(Sequential((Flatten(), Dense(10))), (1, 8, 8), loss=loss)
        model.fit("digits", epochs=1, limit=32)
        with pytest.raises(
            ConfigError, match=f"^loss {type(loss).__name__}: cannot be written as text: make it a data"
        ):
            model.to_weights()
    assert losses.render(NoDataclass()) == "NoDataclass"


def test_a_class_that_cannot_be_made() -> None:
    losses.register(Failing)
    with pytest.raises(ConfigError, match=r"^loss Failing: ValueError: not today$"):
        losses.parse("Failing")


def test_a_name_belongs_to_one_class() -> None:
    taken = type("huber", (Plain,), {})
    message = r"^loss huber: the name belongs to cnnkit\.losses\.absolute_error:Huber: rename the class .*huber$"
    for refused in (lambda: losses.register(taken), lambda: losses.render(taken())):
        with pytest.raises(ConfigError, match=message):
            refused()
    with pytest.raises(ConfigError, match="expected a subclass of"):
        losses.register(ConstantRate)
