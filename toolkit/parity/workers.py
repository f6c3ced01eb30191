"""Trainings of several workers, which are threads of this process: any number must give the bits of one process."""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from cnnkit import data
from cnnkit.architecture import build
from cnnkit.backends.groups import Group
from cnnkit.backends.groups.thread_group import run_in_threads
from cnnkit.backends.protocol import Backend, Step
from cnnkit.backends.registry import get_backend
from cnnkit.errors import CnnkitError, first_line
from cnnkit.network import Network
from cnnkit.options import Options
from cnnkit.parity.results import ParityRow
from cnnkit.training import Training
from cnnkit.training.hash_chain import Link, name_arrays

SECTION, ALONE = "workers", "one process"
NUMBERS = (1, 3)  # of workers, by default
NUMERICS = ("plain", "exact")
_LEAF = 2
_OPTIONS = {"batch_size": 8, "leaf": _LEAF, "limit": 36, "epochs": 1, "keep_every": 1, "validation_split": 0.1}
_CONV, _HEAD = {"type": "Conv2D", "features": 3, "window": 3}, ({"type": "Flatten"}, {"type": "Dense", "features": 10})
Join = Callable[[Sequence[Backend], Callable[[Group], Any]], Sequence[Any]]


@dataclass(frozen=True)
class Share:
    """A training that workers share: of the digits that ship with cnnkit, in batches of 8 and leaves of 2."""

    name: str
    layers: tuple[Mapping[str, Any], ...]
    options: Mapping[str, Any]


CASES = (
    Share("convolution", (_CONV, {"type": "ReLU"}, *_HEAD), {}),
    Share("BatchNorm", (_CONV, {"type": "BatchNorm"}, {"type": "ReLU"}, *_HEAD), {}),
    Share("dropout and augmentation", (_CONV, {"type": "ReLU"}, {"type": "Dropout", "rate": 0.3}, *_HEAD),
          {"augment": "flip,crop:1,rotate:9"}),
    Share("accumulated batches", (_CONV, {"type": "BatchNorm"}, *_HEAD), {"accumulate": 2, "ema": 0.9}),
)  # fmt: skip


class Trained(NamedTuple):
    """What a training leaves: a link for each update, the names of the tensors in it, and their last values."""

    links: Sequence[Link]
    names: Sequence[str]
    arrays: Mapping[str, Any]


def name_check(case: Share, numerics: str) -> str:
    """Return the name of a check, as the filter knows it."""
    return f"workers {case.name}" + ("" if numerics == "plain" else f", {numerics}")


def list_checks(backends: Sequence[Backend], quick: bool = False) -> Iterator[tuple[str, Backend, Share, str]]:
    """Yield (name, backend, training, numerics) of every check; quick: of one training."""
    for case in CASES[-1:] if quick else CASES:
        for numerics in NUMERICS:
            yield from ((name_check(case, numerics), backend, case, numerics) for backend in backends)


def make_rows(
    backend: Backend, case: Share, numerics: str, numbers: Sequence[int], join: Join = run_in_threads
) -> list[ParityRow]:
    """Return a row for each number of workers; none where the backend has no such numerics.

    join: runs a function on each rank of a group, given a backend for each, and returns what each gives.
    """
    try:
        _copy_backend(backend, numerics)
    except CnnkitError:
        return []
    place = (SECTION, name_check(case, numerics), "exact", backend.name, "float32", ALONE)
    try:
        alone = _train(case, _copy_backend(backend, numerics))
    except Exception as error:
        return [ParityRow(*place, np.inf, 0.0, 1, _tell_raised(error), ALONE)]
    rows = []
    for number in numbers:
        problem, apart = _compare(backend, case, numerics, number, join, alone)
        worst = f"{number} {'worker' if number == 1 else 'workers'}" if problem else ""
        rows.append(ParityRow(*place, apart, 0.0, len(alone.links) - 1, problem, worst))
    return rows


def _compare(
    backend: Backend, case: Share, numerics: str, number: int, join: Join, alone: Trained
) -> tuple[str, float]:
    """Return (what differs, "" for nothing; the largest difference of the last weights)."""
    backends = [_copy_backend(backend, numerics) for _ in range(number)]
    try:
        results = join(backends, lambda group: _train(case, backends[group.rank], group))
    except Exception as error:
        return _tell_raised(error), np.inf
    for rank, trained in enumerate(results):
        said = find_difference(trained, alone)
        if said:
            return f"{said} on worker {rank + 1} of {number}", _measure(trained.arrays, alone.arrays)
    return "", 0.0


def _tell_raised(error: Exception) -> str:
    return f"raised {type(error).__name__}: {first_line(error)}"[:300]


def find_difference(one: Trained, other: Trained) -> str:
    """Return the first update and the tensors that differ after it, in words; "" where all bits are equal."""
    for update, (mine, theirs) in enumerate(zip(one.links, other.links, strict=False)):
        pairs = zip(one.names, mine.hashes, theirs.hashes, strict=True)
        differing = [name for name, first, second in pairs if first != second]
        if differing:
            more = f" and {len(differing) - 1} more" if len(differing) > 1 else ""
            return f"after update {update}: the bits of {differing[0]}{more} differ"
    return "" if len(one.links) == len(other.links) else f"{len(one.links)} links instead of {len(other.links)}"


def _train(case: Share, backend: Backend, group: Group | None = None) -> Trained:
    network, shape = build({"input_shape": [1, 8, 8], "layers": [dict(layer) for layer in case.layers]})
    model = Network(network, shape, backend=backend, seed=0)
    training = Training(model, data.load("digits"), Options(**(_OPTIONS | dict(case.options))), group)
    for _ in training.epochs():
        pass
    chain = training.chain
    assert chain is not None  # noqa: S101 (keep_every asks for one)
    arrays = {name: backend.to_numpy(array) for name, array in name_arrays(training.variables).items()}
    return Trained(chain.links, chain.names, arrays)


def _copy_backend(backend: Backend, numerics: str) -> Backend:
    """Return another one of its kind, a worker's own. Raises CnnkitError where it has no such numerics.

    Its steps are not captured: threads of one process that share a device would be recorded with each other.
    """
    plain = numerics == backend.numerics
    worker = copy.copy(backend) if plain else get_backend(backend.name, backend.device, 1, numerics=numerics)
    compile_step = worker.compile

    def compile_without_capture(step: Step, impure: str | None = None) -> Step:
        return compile_step(step, impure or "threads share the device")

    worker.compile = compile_without_capture  # type: ignore[method-assign]
    return worker


def _measure(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    return max((float(np.max(np.abs(one[name] - values), initial=0.0)) for name, values in other.items()), default=0.0)
