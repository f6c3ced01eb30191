"""Five trainings in exact numerics: small, and of all that a training is made of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cnnkit import Model, Options, Training, architecture, load_data, recipes
from cnnkit.backends.groups import Group
from cnnkit.backends.protocol import Backend

STEPS_PER_EPOCH, SHORT, LONG = 10, 20, 200  # updates
_BASE = {"batch_size": 16, "epochs": LONG // STEPS_PER_EPOCH, "limit": 170, "validation_split": 0.1}
_MLP = {
    "input_shape": [1, 8, 8],
    "layers": [
        {"type": "Flatten"},
        {"type": "Dense", "features": 24},
        {"type": "Tanh"},
        {"type": "Dense", "features": 10},
    ],
}


@dataclass(frozen=True)
class Case:
    """A training of LONG updates; its last batch of an epoch is smaller than the others.

    architecture: None for that of the recipe of the same name.
    """

    name: str
    data: str
    options: Mapping[str, Any]
    architecture: Mapping[str, Any] | None = None

    def begin(
        self,
        backend: str | Backend,
        *,
        threads: int | None = 1,
        device: str | None = None,
        numerics: str = "exact",
        find_group: Callable[[Backend], Group | None] | None = None,
        **options: Any,
    ) -> Training:
        """Return the training at its start; find_group: gives the workers that it is shared with."""
        network, input_shape = architecture.build(self.architecture or recipes.get(self.name).architecture)
        if not isinstance(backend, str):
            threads = None  # it has its own
        model = Model(network, input_shape, backend=backend, device=device, threads=threads, numerics=numerics)
        group = None if find_group is None else find_group(model.backend)
        settings = Options(**_BASE | dict(self.options) | options)
        return Training(model, load_data(self.data), settings, **({} if group is None else {"group": group}))


CASES = {
    case.name: case
    for case in (
        Case("digits-mlp", "digits", {"optimizer": "sgd:momentum=0.9,nesterov=true", "learning_rate": 0.05}, _MLP),
        # dropout, and every picture changed
        Case("digits-cnn", "digits", {"schedule": "cosine", "augment": "crop:1,rotate:10"}),
        # BatchNorm over an axis of time, a learning rate that rises and falls
        Case("signal", "signals", {"optimizer": "adamw", "learning_rate": 0.005, "schedule": "onecycle"}),
        # pictures as targets, two batches an update, an average of the weights
        Case("denoiser", "noisy-digits", {
            "optimizer": "rmsprop", "loss": "mean_squared_error", "batch_size": 8, "accumulate": 2, "ema": 0.9,
        }),
        # BatchNorm over pictures, any of ten classes
        Case("multi-digits", "multi-digits", {"optimizer": "lamb", "loss": "binary_cross_entropy"}),
    )
}  # fmt: skip


def train(training: Training, steps: int) -> Training:
    """Run whole epochs until so many updates are done."""
    for _ in training.epochs():
        if training.position.step >= steps:
            break
    assert training.position.step == steps, f"{steps} updates are no whole number of epochs: {training.position.step}"
    return training
