"""The trainings that are killed and resumed, on PyTorch."""

from functools import partial

from torture.trial import Trial
from torture.trials.kills import kill_trainings

TRIAL = Trial(
    "kills-torch",
    "kill -9 at random moments of a training that saves after each batch, then --resume, on PyTorch",
    "0 unreadable, 0 wrong, 0 left over",
    partial(kill_trainings, backend="torch"),
    short=1,
    usual=200,
    long=10_000,
    needs=("linux", "gcc", "torch"),
)
