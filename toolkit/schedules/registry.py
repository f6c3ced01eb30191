"""The schedules by name."""

from cnnkit.plugins import Registry
from cnnkit.schedules.base import Schedule

SCHEDULES: Registry[Schedule] = Registry(
    "schedule",
    "cnnkit.schedules",
    Schedule,
    {
        "steplr": "step",
        "exponentiallr": "exponential",
        "polynomiallr": "polynomial",
        "poly": "polynomial",
        "cosineannealing": "cosine",
        "cosineannealinglr": "cosine",
        "cosineannealingwarmrestarts": "restarts",
        "warmrestarts": "restarts",
        "sgdr": "restarts",
        "onecyclelr": "onecycle",
        "reducelronplateau": "plateau",
        "none": "constant",
        "inversetime": "inverse",
        "linearwarmup": "warmup",
    },
)
parse, render, register = SCHEDULES.parse, SCHEDULES.render, SCHEDULES.register
