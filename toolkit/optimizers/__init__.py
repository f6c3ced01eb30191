"""Optimizers: from gradients to new parameters."""

from cnnkit.optimizers.adam import Adam, AdamW
from cnnkit.optimizers.base import Optimizer, Scalars
from cnnkit.optimizers.rmsprop import RMSprop
from cnnkit.optimizers.sgd import SGD
from cnnkit.plugins import Registry

_ELSEWHERE = {
    "momentum": "sgd:momentum=0.9", "nesterov": "sgd:momentum=0.9,nesterov=true", "gd": "sgd",
    "gradientdescent": "sgd", "rms": "rmsprop",
}  # fmt: skip
OPTIMIZERS: Registry[Optimizer] = Registry("optimizer", "cnnkit.optimizers", Optimizer, _ELSEWHERE)
parse, render, register = OPTIMIZERS.parse, OPTIMIZERS.render, OPTIMIZERS.register

__all__ = ["OPTIMIZERS", "SGD", "Adam", "AdamW", "Optimizer", "RMSprop", "Scalars", "parse", "register", "render"]
