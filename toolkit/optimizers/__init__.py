"""Optimizers: from gradients to new parameters."""

from cnnkit.optimizers.adagrad import Adagrad
from cnnkit.optimizers.adam import Adam, AdamW
from cnnkit.optimizers.adamax import Adamax
from cnnkit.optimizers.base import Optimizer
from cnnkit.optimizers.grouped import GroupedOptimizer
from cnnkit.optimizers.lamb import LAMB
from cnnkit.optimizers.lion import Lion
from cnnkit.optimizers.nadam import NAdam
from cnnkit.optimizers.rmsprop import RMSprop
from cnnkit.optimizers.sgd import SGD
from cnnkit.optimizers.update_rule import Scalars, UpdateRule
from cnnkit.plugins import Registry

_ELSEWHERE = {
    "momentum": "sgd:momentum=0.9", "nesterov": "sgd:momentum=0.9,nesterov=true", "gd": "sgd",
    "gradientdescent": "sgd", "rms": "rmsprop",
}  # fmt: skip
OPTIMIZERS: Registry[Optimizer] = Registry("optimizer", "cnnkit.optimizers", Optimizer, _ELSEWHERE)
parse, render, register = OPTIMIZERS.parse, OPTIMIZERS.render, OPTIMIZERS.register

__all__ = [
    "LAMB", "OPTIMIZERS", "SGD", "Adagrad", "Adam", "AdamW", "Adamax", "GroupedOptimizer", "Lion", "NAdam", "Optimizer",
    "RMSprop", "Scalars", "UpdateRule", "parse", "register", "render",
]  # fmt: skip
