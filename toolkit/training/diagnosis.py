"""Why a training is not finite: the steps since the last good position run again, the failing one layer by layer."""

import math
from collections.abc import Iterable

import numpy as np

from cnnkit import optimizers
from cnnkit.backends.protocol import Array, Backend
from cnnkit.errors import TrainingError
from cnnkit.layers import Context
from cnnkit.training.position import Position
from cnnkit.training.setup import TrainingSetup
from cnnkit.training.step import TrainState
from cnnkit.tree import Tree, flatten, leaves


def are_finite(backend: Backend, trees: Iterable[Tree]) -> bool:
    """Return whether all values are finite; one number is read from the device for each array."""
    with np.errstate(all="ignore"):  # 0 times what is not finite is NaN
        sums = [backend.sum(array * 0) for array in leaves(list(trees))[0]]
        return all(math.isfinite(float(backend.to_numpy(total))) for total in sums)


def explain(setup: TrainingSetup, safe: Position, variables: TrainState, failed: Position) -> TrainingError:
    """Return the error for a training whose weights at `failed`, or the loss of the batch after it, are not finite.

    Training is a function of its arrays and its position: running from `safe` with its `variables` fails again in
    the same way.
    """
    ruined = _find_ruined(setup, variables)
    if ruined is not None:
        return TrainingError(f"{ruined} is not finite from the start", hint="start from other weights or data")
    source, epoch, scale = setup.batches(safe), failed.epoch + 1, safe.loss_scale
    for step in range(safe.step, failed.step):
        variables, _, scale = setup.run_step(variables, next(source), step, safe.validation_losses, scale)
        ruined = _find_ruined(setup, variables)
        if ruined is not None:
            batch = safe.batch + step - safe.step + 1
            problem = f"{ruined} is not finite after the update of epoch {epoch}, batch {batch} (step {step + 1})"
            return TrainingError(problem, hint=_advise(setup, failed, step))
    with np.errstate(all="ignore"):  # the warnings are about the values searched for
        following = next(source, None)
        fault, hint = _find_fault(setup, variables, None if following is None else following.x, failed)
    where = f"epoch {epoch}, batch {failed.batch + 1} (step {failed.step + 1})"
    return TrainingError(f"the loss is not finite in {where}: {fault}", hint=hint)


def explain_validation(setup: TrainingSetup, position: Position) -> TrainingError:
    """Return the error for an epoch that ends with a validation loss that is not finite."""
    problem = f"the validation loss is not finite after epoch {position.epoch + 1}, all weights are"
    rate = setup.learning_rate(position.step - 1, position.validation_losses)
    return TrainingError(problem, hint=f"try a lower --learning-rate than {rate:g}")


def _advise(setup: TrainingSetup, position: Position, step: int) -> str:
    name = optimizers.OPTIMIZERS.name_of(type(optimizers.parse(setup.options.optimizer)))
    lower = f"try a lower --learning-rate than {setup.learning_rate(step, position.validation_losses):g}"
    return f"{lower}, or clip gradients with --optimizer {name}:clip_norm=1"


def _find_ruined(setup: TrainingSetup, variables: TrainState) -> str | None:
    """Return the name of the first parameter or statistic that is not finite."""
    if are_finite(setup.model.backend, (variables.params, variables.state)):
        return None
    arrays = [*flatten(variables.params).items(), *flatten(variables.state).items()]
    return next((name for name, array in arrays if not _is_finite(setup, array)), "a weight")


def _find_fault(setup: TrainingSetup, variables: TrainState, x: Array | None, position: Position) -> tuple[str, str]:
    """Return the first thing in a forward pass that is not finite, and what to do."""
    model = setup.model
    if x is None:
        return "it is when the steps run again", _advise(setup, position, position.step - 1)
    if not _is_finite(setup, x):
        return "an image is not finite", "start from other weights or data"
    context = Context(model.backend, True, setup.dropout_key, position.step, half=model.half)
    largest = 0.0
    for path, layer, y in model.network.outputs(context, variables.params, variables.state, x):
        for part in y if isinstance(y, tuple) else (y,):
            if not _is_finite(setup, part):
                problem = f"the first output that is not finite is that of layer {path} ({layer.type})"
                if model.half == "float16":
                    return f"{problem}, beyond the 65,504 of float16", "use --dtype bfloat16, whose range is float32's"
                return problem, _advise(setup, position, position.step)
            largest = float(np.abs(model.backend.to_numpy(part)).max())
    return f"all layers' outputs are finite, the largest is {largest:.3g}", _advise(setup, position, position.step)


def _is_finite(setup: TrainingSetup, array: Array) -> bool:
    return bool(np.isfinite(setup.model.backend.to_numpy(array)).all())
