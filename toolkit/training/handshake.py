"""At the start of a training by workers: all have the same code, data, options, backend and weights, or none starts."""

import functools
import hashlib
import json
from collections.abc import Sequence
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


def require_same(setup: TrainingSetup, variables: TrainState, step: int) -> str | None:
    """Raise ConfigError on all workers of a group, in the same words, where one is to train otherwise than rank 0.

    Return what is otherwise and allowed, in one line: processors and kernels, which plain numerics take bits from.

    variables, step: where the training begins. Without a group there is nobody to compare with. The data are compared
    by their SHA-256, for which each worker reads them once.
    """
    if setup.group is None:
        return None
    engine = setup.model.backend.describe_engine()
    told = setup.group.all_gather_json([_describe(setup, variables, step), engine])
    unlike = find_unlike([of for of, _ in told])
    if unlike is not None:
        raise ConfigError(f"{unlike}: start all with the same code, options and data")
    unlike = find_unlike([of for _, of in told])
    if unlike is None or setup.model.backend.numerics != "plain":
        return None
    return f"{unlike}: the bits depend on the number of workers; those of --exact do not"


def find_unlike(told: Sequence[dict[str, Any]]) -> str | None:
    """Return which worker differs from rank 0 first, and in what; None where all told the same."""
    for rank, of in enumerate(told):
        names = told[0] | of
        differs = [_tell(name, of.get(name), told[0].get(name)) for name in names if of.get(name) != told[0].get(name)]
        if differs:
            return f"worker {rank + 1} of {len(told)} (rank {rank}) is not like rank 0: {'; '.join(differs)}"
    return None


def _describe(setup: TrainingSetup, variables: TrainState, step: int) -> dict[str, Any]:
    """Return what must be the same, by name; long values as their SHA-256."""
    run = identity(setup.model, setup.dataset, setup.options, "")
    run |= {"data": run["data"]["sha256"], "device": run["device"].partition(":")[0]}
    versions = weights.describe_origin(setup.model)["versions"]
    own = {"code": hash_sources(), "step": step, "weights": _hash_weights(setup, variables)}
    told = {f"version of {name}": version for name, version in versions.items()} | run.pop("options") | run | own
    return {name: value if len(json.dumps(value)) < _LONGEST else _hash(value) for name, value in told.items()}


def _tell(name: str, value: Any, first: Any) -> str:
    hashed = any(len(str(of)) >= _LONGEST for of in (value, first))
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
