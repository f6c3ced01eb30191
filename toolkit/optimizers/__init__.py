"""Optimizers: from gradients to new parameters."""

from cnnkit import specs
from cnnkit.optimizers.adam import Adam, AdamW
from cnnkit.optimizers.base import Optimizer, Scalars
from cnnkit.optimizers.rmsprop import RMSprop
from cnnkit.optimizers.sgd import SGD

OPTIMIZERS: dict[str, type[Optimizer]] = {"sgd": SGD, "adam": Adam, "adamw": AdamW, "rmsprop": RMSprop}


def parse(text: str) -> Optimizer:
    """Return the optimizer that `NAME:key=value,...` names. Raises ConfigError."""
    return specs.parse("optimizer", text, OPTIMIZERS)


def render(optimizer: Optimizer) -> str:
    """Return the text that `parse` reads back."""
    return specs.render(optimizer, OPTIMIZERS)


__all__ = ["OPTIMIZERS", "SGD", "Adam", "AdamW", "Optimizer", "RMSprop", "Scalars", "parse", "render"]
