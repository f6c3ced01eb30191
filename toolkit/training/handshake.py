"""At the start of a training by workers: all have the same code, data, options, backend and weights, or none starts."""

import functools
import hashlib
import json
from pathlib import Path
from typing import Any

from cnnkit import weights
from cnnkit.errors import ConfigError
from cnnkit.exporters.core.weight_file import Tensor
from cnnkit.files.names import describe_value
from cnnkit.training.run import identity
from cnnkit.training.setup import TrainingSetup
from cnnkit.training.step import TrainState
from cnnkit.tree import flatten

_LONGEST = 60  # characters of a value that is told, not only compared


def require_same(setup: TrainingSetup, variables: TrainState, step: int) -> None:
    """Raise ConfigError on all workers of a group, in the same words, where one is to train otherwise than rank 0.

    variables, step: where the training begins. Without a group there is nobody to compare with. The data are compared
    by their SHA-256, for which each worker reads them once.
    """
    if setup.group is None:
        return
    told = setup.group.all_gather_json(_describe(setup, variables, step))
    first, size = told[0], setup.group.size
    for rank, of in enumerate(told):
        differs = [_tell(name, of.get(name), first.get(name)) for name in first | of if of.get(name) != first.get(name)]
        if differs:
            raise ConfigError(
                f"worker {rank + 1} of {size} (rank {rank}) is not like rank 0: {'; '.join(differs)}: start all with "
                "the same code, options and data"
            )


def _describe(setup: TrainingSetup, variables: TrainState, step: int) -> dict[str, Any]:
    """Return what must be the same, by name; long values as their SHA-256."""
    run = identity(setup.model, setup.dataset, setup.options, "")
    run |= {"data": run["data"]["sha256"], "device": run["device"].partition(":")[0]}
    versions = weights.describe_origin(setup.model)["versions"]
    own = {"code": hash_sources(), "step": step, "weights": _hash_weights(setup, variables)}
    told = {f"version of {name}": version for name, version in versions.items()} | run.pop("options") | run | own
    return {name: value if len(json.dumps(value)) < _LONGEST else _hash(value) for name, value in told.items()}


def _tell(name: str, value: Any, first: Any) -> str:
    hashed = any(isinstance(of, str) and len(of) == 64 for of in (value, first))
    return f"another {name}" if hashed else f"{name} {describe_value(value)} instead of {describe_value(first)}"


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _hash_weights(setup: TrainingSetup, variables: TrainState) -> str:
    trees = {"params": variables.params, "state": variables.state} | dict(variables.slots)
    hashes = {
        f"{kind}.{name}": Tensor.of(name, array).sha256()
        for kind, tree in trees.items()
        for name, array in flatten(setup.model.to_host(tree)).items()
    }
    return _hash(hashes)


@functools.cache
def hash_sources() -> str:
    """Return the SHA-256 of the source text of this package, in hex."""
    digest, root = hashlib.sha256(), Path(weights.__file__).parent
    for path in sorted(root.rglob("*.py")):
        digest.update(f"{path.relative_to(root)}\n".encode() + path.read_bytes())
    return digest.hexdigest()
