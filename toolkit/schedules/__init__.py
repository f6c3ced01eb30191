"""What the learning rate is multiplied by at each step."""

from cnnkit.schedules.base import Schedule
from cnnkit.schedules.cosine import Cosine, OneCycle, WarmRestarts
from cnnkit.schedules.decays import ConstantRate, Exponential, InverseTime, Polynomial, Step
from cnnkit.schedules.plateau import Plateau
from cnnkit.schedules.registry import SCHEDULES, parse, register, render
from cnnkit.schedules.warm_up import LinearWarmUp

__all__ = [
    "SCHEDULES", "ConstantRate", "Cosine", "Exponential", "InverseTime", "LinearWarmUp", "OneCycle", "Plateau",
    "Polynomial", "Schedule", "Step", "WarmRestarts", "parse", "register", "render",
]  # fmt: skip
