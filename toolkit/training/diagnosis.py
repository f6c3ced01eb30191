"""Why a loss is not finite: the steps since the last good look are run again, and the failing one layer by layer."""

from typing import TYPE_CHECKING

import numpy as np

from cnnkit.errors import TrainingError
from cnnkit.layers import Context
from cnnkit.seeds import Purpose, key
from cnnkit.tree import child, flatten

if TYPE_CHECKING:
    from cnnkit.backends.protocol import Array
    from cnnkit.training.position import Position
    from cnnkit.training.step import TrainState
    from cnnkit.training.training import Training


def explain(training: "Training", safe: "Position", variables: "TrainState", failed: "Position") -> TrainingError:
    """Return the error for the batch after `failed`, whose loss is not finite.

    Training is a function of its arrays and its position, so running from `safe` with its `variables` meets the
    same failure again.
    """
    step = safe.step
    source = training.batches(safe)
    x, labels = next(source)
    while step < failed.step:
        variables, _ = training.step(variables, x, labels, training.scalars(step))
        step += 1
        x, labels = next(source)
    with np.errstate(all="ignore"):  # what arises here is what is looked for
        fault, start = _first_fault(training, variables, x, step)
    options = training.options
    where = f"epoch {failed.epoch + 1}, batch {failed.batch + 1} (step {step + 1})"
    rate = training.learning_rate(step)
    name = options.optimizer.partition(":")[0]
    hint = f"try a lower --learning-rate than {rate:g}, or clip gradients with --optimizer {name}:clip_norm=1"
    if start:
        hint = "start from other weights or data"
    return TrainingError(f"the loss is not finite in {where}: {fault}: {hint}")


def after_epoch(training: "Training", validation_loss: float | None) -> TrainingError | None:
    """Return the error when an epoch ends with weights or a validation loss that are not finite, else None."""
    epoch, rate = training.position.epoch + 1, training.learning_rate(training.position.step - 1)
    hint = f"try a lower --learning-rate than {rate:g}"
    for name, array in flatten({"params": training.variables.params, "state": training.variables.state}).items():
        if not _finite(training, array):
            return TrainingError(f"{name.partition('.')[2]} is not finite at the end of epoch {epoch}: {hint}")
    if validation_loss is not None and not np.isfinite(validation_loss):
        return TrainingError(f"the validation loss is not finite after epoch {epoch}, all weights are: {hint}")
    return None


def _first_fault(training: "Training", variables: "TrainState", x: "Array", step: int) -> tuple[str, bool]:
    """Return what is not finite first, and whether it was so before any update."""
    model = training.model
    for name, array in flatten(variables.params).items():
        if not _finite(training, array):
            return f"{name} is not finite {'since an update before' if step else 'from the start'}", step == 0
    if not _finite(training, x):
        return "an image is not finite", True
    context = Context(model.backend, True, key(training.options.seed, Purpose.DROPOUT), step)
    for i, layer in enumerate(model.network.layers):
        path = str(i)
        params, state = child(variables.params, path), child(variables.state, path)
        x, _ = layer.forward(context.child(path), params, state, x)
        if not _finite(training, x):
            return f"the first output that is not finite is that of layer {path} ({layer.type})", False
    return f"all layers' outputs are finite, the largest is {_largest(training, x):.3g}", False


def _finite(training: "Training", array: "Array") -> bool:
    return bool(np.isfinite(training.model.backend.to_numpy(array)).all())


def _largest(training: "Training", array: "Array") -> float:
    return float(np.abs(training.model.backend.to_numpy(array)).max())
