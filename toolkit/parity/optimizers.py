"""Each optimizer and each schedule over 20 steps on every backend: parameters and slots at the end."""

from typing import Any

from cnnkit import optimizers, schedules
from cnnkit.parity.check import Arena, Case, Check
from cnnkit.parity.draw import Draw, draw_normal
from cnnkit.tree import Tree, flatten

STEPS, PER_EPOCH, RATE = 20, 5, 0.05
LOSSES = (1.0, 0.8, 0.9)  # of the validation after each epoch
OPTIMIZERS: dict[str, tuple[str, ...]] = {
    "sgd": (
        "sgd", "sgd:weight_decay=0.1", "sgd:momentum=0.9,weight_decay=0.01", "sgd:momentum=0.8,nesterov=true",
        "sgd:clip_norm=0.5", "sgd:clip_value=0.5,clip_norm=1",
    ),
    "adam": ("adam", "adam:beta1=0.5,beta2=0.9,epsilon=0.001", "adam:weight_decay=0.1", "adam:clip_norm=0.5"),
    "adamw": ("adamw", "adamw:weight_decay=0.3"),
    "rmsprop": ("rmsprop", "rmsprop:decay=0.5,momentum=0.9", "rmsprop:weight_decay=0.1,epsilon=0.0001"),
    "lion": ("lion", "lion:beta1=0.5,weight_decay=0.1"),
    "adagrad": ("adagrad", "adagrad:weight_decay=0.1"),
    "adamax": ("adamax", "adamax:beta2=0.9,weight_decay=0.1"),
    "nadam": ("nadam", "nadam:beta1=0.5,momentum_decay=0.1,weight_decay=0.1"),
    "lamb": ("lamb", "lamb:weight_decay=0.3"),
}  # fmt: skip
SCHEDULES: dict[str, tuple[str, ...]] = {
    "constant": ("constant",),
    "step": ("step:epochs=1,gamma=0.5",),
    "inverse": ("inverse:decay=0.5",),
    "cosine": ("cosine", "cosine:floor=0.1"),
    "onecycle": ("onecycle", "onecycle:warm_up=0.5"),
    "exponential": ("exponential:gamma=0.7",),
    "polynomial": ("polynomial:power=2",),
    "restarts": ("restarts:epochs=1,growth=2",),
    "plateau": ("plateau:gamma=0.5,patience=0",),
    "warmup": ("warmup", "warmup:steps=7,then=cosine", "warmup:steps=5,then=plateau:patience=0"),
}


def _tree(draw: Draw) -> Tree:
    """Return values with nesting, of three sizes: optimizers must find every leaf."""
    return {
        "0": {"weight": draw_normal(draw, 3, 4), "bias": draw_normal(draw, 3, scale=1e-3)},
        "1": {"body": {"weight": draw_normal(draw, 2, 3, scale=10.0)}},
    }


def make(draw: Draw, given: tuple[str, str]) -> Case:
    """Return the case of one optimizer under one schedule. Gradients are given, so that rounding is not amplified."""
    optimizer, schedule = optimizers.parse(given[0]), schedules.parse(given[1])
    start, gradients = _tree(draw), [_tree(draw) for _ in range(STEPS)]

    def run(arena: Arena) -> dict[str, Any]:
        params = arena.tree(start)
        slots = optimizer.init(arena.backend, params, arena.dtype)
        for step, grads in enumerate(gradients):
            rate = RATE * schedule.factor_after(LOSSES[: step // PER_EPOCH], step, STEPS, PER_EPOCH)
            scalars = optimizer.scalars(step + 1, rate)
            params, slots = optimizer.update(arena.backend, params, arena.tree(grads), slots, scalars)
        return flatten({"params": params, **slots})

    return Case(f"{given[0]} under {given[1]}, {STEPS} steps", run)


CHECKS = [
    *(
        Check("optimizers", f"optimizer {name}", make, tuple((text, "constant") for text in texts), drawn=False)
        for name, texts in OPTIMIZERS.items()
    ),
    *(
        Check("optimizers", f"schedule {name}", make, tuple(("sgd", text) for text in texts), drawn=False)
        for name, texts in SCHEDULES.items()
    ),
]
