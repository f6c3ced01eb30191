"""From a training to a weight file and back: one file holds the weights, the optimizer's slots and the position."""

import copy
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from cnnkit import weights
from cnnkit.backends.groups import Group
from cnnkit.data.dataset import Dataset
from cnnkit.errors import WeightFileError
from cnnkit.exporters.core.weight_file import LATEST, Tensor, WeightFile
from cnnkit.files.names import describe_value
from cnnkit.network import Network
from cnnkit.options import Options
from cnnkit.training.averaging import EpochAverage
from cnnkit.training.finite_weights import list_not_finite
from cnnkit.training.hash_chain import ChainError, HashChain
from cnnkit.training.position import Best
from cnnkit.training.step import TrainState
from cnnkit.training.stored_position import read_plans, read_position, refuse
from cnnkit.training.training import Training
from cnnkit.tree import Tree, flatten, unflatten

_AVERAGE = "average"  # how the names of averaged weights begin


def to_weights(training: Training) -> WeightFile:
    """Return the model with everything that `resume` needs."""
    slots = _list_slots(training, training.position.best is not None)
    return weights.to_weights(training.model, slots, _to_json(training))


def to_epoch_weights(training: Training) -> WeightFile:
    """Return the weights after the last finished epoch, or their average, the best or not.

    Where a chain of hashes is kept, slots and position are there too: a replay may begin here. A training cannot be
    resumed from it, as it lacks the best weights.

    To be called where `epochs` has just yielded a report.
    """
    model, position = copy.copy(training.model), training.position
    model.params, model.state = training.latest(position.epoch)
    model.metadata = model.metadata | {"kept": {"epoch": position.epoch, "batches": 0}}
    if training.chain is None:
        return weights.to_weights(model)
    return weights.to_weights(
        model, _list_slots(training, False), _to_json(training) | {"chain": None, "of_epoch": position.epoch}
    )


def _list_slots(training: Training, best: bool) -> list[Tensor]:
    """Return the optimizer's slots, averages, and the latest weights where those of the model are best or average."""
    trees = dict(training.variables.slots)  # by the prefix of their names
    if best or training.averaging is not None:
        trees |= {f"{LATEST}.params": training.variables.params, f"{LATEST}.state": training.variables.state}
    trees |= {f"{_AVERAGE}.{part}": tree for part, tree in training.variables.average.items()}
    return [
        Tensor.of(f"{prefix}.{name}", array, layer=name.rpartition(".")[0], kind="optimizer", role="slot")
        for prefix, tree in trees.items()
        for name, array in flatten(training.model.to_host(tree)).items()
    ]


def _to_json(training: Training) -> dict[str, Any]:
    position, averaging = training.position, training.averaging
    counts = asdict(replace(position, best=None, history=()))
    best = None if position.best is None else {"epoch": position.best.epoch, "loss": position.best.loss}
    first = averaging.first if isinstance(averaging, EpochAverage) else None
    rest = {"best": best, "history": list(position.history), "finished": training.finished, "average_from": first}
    chain = None if training.chain is None else training.chain.to_json()
    return counts | rest | {"planned": [list(plan) for plan in training.planned], "chain": chain}


def _require_same_average(file: WeightFile, training: Training, epoch: int) -> None:
    """Raise WeightFileError where epochs were averaged from another one on: how many is what the next one counts by."""
    averaging, told = training.averaging, (file.position or {}).get("average_from")
    if isinstance(averaging, EpochAverage) and averaging.first < epoch and told != averaging.first:
        share, epochs = training.options.swa, training.options.epochs
        problem = f"swa {share:g} of {epochs} epochs leaves out {averaging.first}"
        raise refuse(file, f"{problem}, the average in the file {describe_value(told)}: leave epochs as they were")


def resume(
    model: Network, dataset: Dataset, options: Options, file: WeightFile, lacking_best: bool = False,
    group: Group | None = None,
) -> Training:  # fmt: skip
    """Return the training that `file` holds, ready for its next batch.

    model: made from the same file. lacking_best: take a file of `to_epoch_weights` too; what becomes of the training is
    right but for the best weights, where these are of an epoch before. group: of workers that go on together.

    Raises WeightFileError when the file holds no training that can be continued.
    """
    if file.position is None:
        raise WeightFileError(
            "the file holds no training to resume: use --init-from to start from its weights", file=file.file
        )
    of_epoch = file.position.get("of_epoch") is not None
    if of_epoch and not lacking_best:
        raise refuse(file, "it has the weights of an epoch, kept beside the training: resume the training's own file")
    for problem in list_not_finite(model.weights):
        raise refuse(file, problem)
    training = Training(model, dataset, options, group)
    position = read_position(file, training)
    _require_same_average(file, training, position.epoch)
    best = file.position["best"]
    stored: dict[str, Any] = {tensor.name: tensor.read() for tensor in file.select("optimizer")}
    params, state = training.variables.params, training.variables.state
    if best is not None:
        position = replace(
            position, best=Best(best["epoch"], best["loss"], model.to_host(params), model.to_host(state))
        )
    if (best is not None and not of_epoch) or training.averaging is not None:
        params, state = (
            _tree(file, model, stored, f"{LATEST}.{part}", like)
            for part, like in (("params", params), ("state", state))
        )
    slots = {name: _tree(file, model, stored, name, like) for name, like in training.variables.slots.items()}
    average = {
        part: _tree(file, model, stored, f"{_AVERAGE}.{part}", like)
        for part, like in training.variables.average.items()
    }
    training.start_from(TrainState(params, state, slots, average), position)
    training.planned = read_plans(file, options, position.step)
    if training.chain is not None:
        training.chain = _read_chain(file, training.chain, position.step)
    return training


def _read_chain(file: WeightFile, begun: HashChain, step: int) -> HashChain:
    try:
        return HashChain.from_json((file.position or {}).get("chain"), begun.every, begun.names, step)
    except ChainError as fault:
        where = "" if fault.step is None else f" of step {fault.step}"
        raise refuse(file, f"position chain{where}: {fault}") from None


def _tree(file: WeightFile, model: Network, stored: dict[str, Any], prefix: str, like: Tree) -> Tree:
    """Return the arrays stored under `prefix` as a tree of the names and shapes of `like`, on the backend."""
    flat = {}
    for name, array in flatten(like).items():
        values = stored.get(f"{prefix}.{name}")
        if values is None or values.shape != np.shape(array) or values.dtype.kind != "f":
            raise refuse(file, f"the file lacks {prefix}.{name} of shape {tuple(array.shape)}")
        finite = (
            values if prefix.startswith((LATEST, _AVERAGE)) else values[~np.isinf(values)]
        )  # sums of squares may be infinite
        for problem in list_not_finite({f"{prefix}.{name}": finite}):
            raise refuse(file, problem)
        flat[name] = values
    return model.to_backend(unflatten(flat))
