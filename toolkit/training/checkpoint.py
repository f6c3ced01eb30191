"""A training as a weight file and back: one file holds the weights, the optimizer's slots and the position."""

import math
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from cnnkit import weights
from cnnkit.data.dataset import Dataset
from cnnkit.errors import WeightFileError
from cnnkit.exporters.core.weight_file import Tensor, WeightFile
from cnnkit.files.names import printable
from cnnkit.network import Network
from cnnkit.options import Options
from cnnkit.training.position import Best, Position
from cnnkit.training.step import TrainState
from cnnkit.training.training import Training
from cnnkit.tree import Tree, flatten, unflatten

_COUNTS = ("epoch", "batch", "step", "correct", "images", "waited")
_SUMS = ("loss_sum", "seconds")
_LATEST = "latest"  # prefix of the weights that training goes on from, where the file's own are the best ones


def to_weights(training: Training) -> WeightFile:
    """Return the model with all that a resume needs."""
    model, position = training.model, training.position
    tensors = list(weights.tensors(model))
    extra = dict(training.variables.slots)
    if position.best is not None:
        extra |= {f"{_LATEST}.params": training.variables.params, f"{_LATEST}.state": training.variables.state}
    for prefix, tree in extra.items():
        for name, array in flatten(model.to_host(tree)).items():
            layer = name.rpartition(".")[0]
            tensors.append(Tensor.of(f"{prefix}.{name}", array, layer=layer, kind="optimizer", role="slot"))
    return weights.weight_file(model, tuple(tensors), _to_json(position, training.finished))


def _to_json(position: Position, finished: bool) -> dict[str, Any]:
    counts = asdict(replace(position, best=None, history=()))
    best = None if position.best is None else {"epoch": position.best.epoch, "loss": position.best.loss}
    return counts | {"best": best, "history": list(position.history), "finished": finished}


def resume(model: Network, dataset: Dataset, options: Options, file: WeightFile) -> Training:
    """Return the training that `file` holds, ready for its next batch.

    model: made from the same file. Raises WeightFileError when the file holds no training that can go on.
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
            _tree(file, model, stored, f"{_LATEST}.{part}", like)
            for part, like in (("params", params), ("state", state))
        )
    slots = {name: _tree(file, model, stored, name, like) for name, like in training.variables.slots.items()}
    training.start_from(TrainState(params, state, slots), position)
    return training


def _position(file: WeightFile, steps_per_epoch: int) -> Position:
    """Return the position in the file, without its best weights. Raises WeightFileError unless it makes sense."""
    found = file.position or {}
    checks = {name: ("a whole number >= 0", _is_count(found.get(name))) for name in _COUNTS}
    checks |= {name: ("a finite number", _is_number(found.get(name))) for name in _SUMS}
    history, best = found.get("history"), found.get("best", "none")
    epochs = isinstance(history, list) and all(isinstance(e, dict) and _is_count(e.get("epoch")) for e in history)
    checks["history"] = ("a list of epochs", epochs)
    judged = isinstance(best, dict) and _is_count(best.get("epoch")) and _is_number(best.get("loss"))
    checks["best"] = ("an epoch and its loss, or null", best is None or judged)
    for name, (expected, good) in checks.items():
        if not good:
            got = printable(repr(found.get(name, "nothing")), 80)
            raise WeightFileError(
                f"the training cannot go on: position {name}: expected {expected}, got {got}", file=file.file
            )
    if found["batch"] >= steps_per_epoch:
        expected = f"below {steps_per_epoch}, the batches of an epoch"
        raise WeightFileError(
            f"the training cannot go on: position batch: expected {expected}, got {found['batch']}", file=file.file
        )
    return Position(**{name: found[name] for name in (*_COUNTS, *_SUMS)}, history=tuple(found["history"]))


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _tree(file: WeightFile, model: Network, stored: dict[str, Any], prefix: str, like: Tree) -> Tree:
    found = {}
    for name, array in flatten(like).items():
        values = stored.get(f"{prefix}.{name}")
        if values is None or values.shape != np.shape(array) or values.dtype.kind != "f":
            raise WeightFileError(
                f"the training cannot go on: the file lacks {prefix}.{name} of shape {tuple(array.shape)}",
                file=file.file,
            )
        found[name] = values
    return model.to_backend(unflatten(found))
