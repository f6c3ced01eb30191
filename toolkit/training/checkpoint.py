"""From a training to a weight file and back: one file holds the weights, the optimizer's slots and the position."""

import math
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from cnnkit import weights
from cnnkit.data.dataset import Dataset
from cnnkit.errors import WeightFileError
from cnnkit.exporters.core.weight_file import LATEST, Tensor, WeightFile
from cnnkit.files.names import printable
from cnnkit.network import Network
from cnnkit.options import Options
from cnnkit.training.position import Best, Position
from cnnkit.training.step import TrainState
from cnnkit.training.training import Training
from cnnkit.tree import Tree, flatten, unflatten

_COUNTS = ("epoch", "batch", "step", "correct", "images", "waited")
_SUMS = ("loss_sum", "seconds")


def to_weights(training: Training) -> WeightFile:
    """Return the model with everything that `resume` needs."""
    model, position = training.model, training.position
    trees = dict(training.variables.slots)  # by the prefix of their names
    if position.best is not None:
        trees |= {f"{LATEST}.params": training.variables.params, f"{LATEST}.state": training.variables.state}
    extra = [
        Tensor.of(f"{prefix}.{name}", array, layer=name.rpartition(".")[0], kind="optimizer", role="slot")
        for prefix, tree in trees.items()
        for name, array in flatten(model.to_host(tree)).items()
    ]
    return weights.to_weights(model, extra, _to_json(position, training.finished))


def _to_json(position: Position, finished: bool) -> dict[str, Any]:
    counts = asdict(replace(position, best=None, history=()))
    best = None if position.best is None else {"epoch": position.best.epoch, "loss": position.best.loss}
    return counts | {"best": best, "history": list(position.history), "finished": finished}


def resume(model: Network, dataset: Dataset, options: Options, file: WeightFile) -> Training:
    """Return the training that `file` holds, ready for its next batch.

    model: made from the same file. Raises WeightFileError when the file holds no training that can be continued.
    """
    if file.position is None:
        raise WeightFileError(
            "the file holds no training to resume: use --init-from to start from its weights", file=file.file
        )
    training = Training(model, dataset, options)
    position = _position(file, training.steps_per_epoch)
    best = file.position["best"]
    stored: dict[str, Any] = {tensor.name: tensor.read() for tensor in file.select("optimizer")}
    params, state = training.variables.params, training.variables.state
    if best is not None:
        position = replace(
            position, best=Best(best["epoch"], best["loss"], model.to_host(params), model.to_host(state))
        )
        params, state = (
            _tree(file, model, stored, f"{LATEST}.{part}", like)
            for part, like in (("params", params), ("state", state))
        )
    slots = {name: _tree(file, model, stored, name, like) for name, like in training.variables.slots.items()}
    training.start_from(TrainState(params, state, slots), position)
    return training


def _position(file: WeightFile, steps_per_epoch: int) -> Position:
    """Return the position in the file, without its best weights. Raises WeightFileError for values out of range."""
    stored = file.position or {}
    checks = {name: ("a whole number >= 0", _is_count(stored.get(name))) for name in _COUNTS}
    checks |= {name: ("a finite number", _is_number(stored.get(name))) for name in _SUMS}
    history, best = stored.get("history"), stored.get("best", "none")
    epochs = isinstance(history, list) and all(isinstance(e, dict) and _is_count(e.get("epoch")) for e in history)
    checks["history"] = ("a list of epochs", epochs)
    scored = isinstance(best, dict) and _is_count(best.get("epoch")) and _is_number(best.get("loss"))
    checks["best"] = ("an epoch and its loss, or null", best is None or scored)
    if _is_count(stored.get("batch")):
        checks["batch"] = (f"below {steps_per_epoch}, the batches of an epoch", stored["batch"] < steps_per_epoch)
    for name, (expected, good) in checks.items():
        if not good:
            got = printable(repr(stored.get(name, "nothing")), 80)
            raise _not_resumable(file, f"position {name}: expected {expected}, got {got}")
    return Position(**{name: stored[name] for name in (*_COUNTS, *_SUMS)}, history=tuple(stored["history"]))


def _not_resumable(file: WeightFile, reason: str) -> WeightFileError:
    return WeightFileError(f"the training cannot be resumed: {reason}", file=file.file)


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _tree(file: WeightFile, model: Network, stored: dict[str, Any], prefix: str, like: Tree) -> Tree:
    """Return the arrays stored under `prefix` as a tree of the names and shapes of `like`, on the backend."""
    flat = {}
    for name, array in flatten(like).items():
        values = stored.get(f"{prefix}.{name}")
        if values is None or values.shape != np.shape(array) or values.dtype.kind != "f":
            raise _not_resumable(file, f"the file lacks {prefix}.{name} of shape {tuple(array.shape)}")
        flat[name] = values
    return model.to_backend(unflatten(flat))
