"""Why a loss is not finite: the steps since the last safe position run again, and the failing one layer by layer."""

import numpy as np

from cnnkit import optimizers
from cnnkit.backends.protocol import Array
from cnnkit.errors import TrainingError
from cnnkit.layers import Context
from cnnkit.training.position import Position
from cnnkit.training.setup import TrainingSetup
from cnnkit.training.step import TrainState
from cnnkit.tree import child, flatten


def explain(setup: TrainingSetup, safe: Position, variables: TrainState, failed: Position) -> TrainingError:
    """Return the error for the batch after `failed`, whose loss is not finite.

    Training is a function of its arrays and its position: running from `safe` with its `variables` fails again in
    the same way.
    """
    step = safe.step
    source = setup.batches(safe)
    x, labels = next(source)
    while step < failed.step:
        variables, _ = setup.step(variables, x, labels, setup.scalars(step))
        step += 1
        x, labels = next(source)
    with np.errstate(all="ignore"):  # the warnings are about the values searched for
        fault, from_start = _first_fault(setup, variables, x, step)
    where = f"epoch {failed.epoch + 1}, batch {failed.batch + 1} (step {step + 1})"
    rate = setup.learning_rate(step)
    name = optimizers.OPTIMIZERS.name_of(type(setup.optimizer))
    hint = f"try a lower --learning-rate than {rate:g}, or clip gradients with --optimizer {name}:clip_norm=1"
    if from_start:
        hint = "start from other weights or data"
    return TrainingError(f"the loss is not finite in {where}: {fault}: {hint}")


def after_epoch(
    setup: TrainingSetup, variables: TrainState, position: Position, validation_loss: float | None
) -> TrainingError | None:
    """Return the error when an epoch ends with weights or a validation loss that are not finite, else None."""
    epoch, rate = position.epoch + 1, setup.learning_rate(position.step - 1)
    hint = f"try a lower --learning-rate than {rate:g}"
    for name, array in flatten({"params": variables.params, "state": variables.state}).items():
        if not _is_finite(setup, array):
            return TrainingError(f"{name.partition('.')[2]} is not finite at the end of epoch {epoch}: {hint}")
    if validation_loss is not None and not np.isfinite(validation_loss):
        return TrainingError(f"the validation loss is not finite after epoch {epoch}, all weights are: {hint}")
    return None


def _first_fault(setup: TrainingSetup, variables: TrainState, x: Array, step: int) -> tuple[str, bool]:
    """Return the first thing that is not finite, and whether it was so before any update."""
    model = setup.model
    for name, array in flatten(variables.params).items():
        if not _is_finite(setup, array):
            return f"{name} is not finite {'since an update before' if step else 'from the start'}", step == 0
    if not _is_finite(setup, x):
        return "an image is not finite", True
    context = Context(model.backend, True, setup.dropout_key, step)
    for i, layer in enumerate(model.network.layers):
        path = str(i)
        params, state = child(variables.params, path), child(variables.state, path)
        x, _ = layer.forward(context.child(path), params, state, x)
        if not _is_finite(setup, x):
            return f"the first output that is not finite is that of layer {path} ({layer.type})", False
    largest = float(np.abs(model.backend.to_numpy(x)).max())
    return f"all layers' outputs are finite, the largest is {largest:.3g}", False


def _is_finite(setup: TrainingSetup, array: Array) -> bool:
    return bool(np.isfinite(setup.model.backend.to_numpy(array)).all())
