"""A network's outputs and loss on samples of a split, batch by batch: what validation and evaluation are made of.

Workers of a group take turns: each computes every N-th batch, and all get what was found of each, in their order.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from cnnkit.backends.groups import Group
from cnnkit.data.dataset import Dataset
from cnnkit.errors import CnnkitError, DataError
from cnnkit.losses import external_loss
from cnnkit.network import Network, Values
from cnnkit.training.batches import Batch, Indices, Samples

Find = Callable[[Batch, Any], Sequence[Values]]  # of a batch and the outputs for it, on the backend


class BatchResult(NamedTuple):
    """The loss of a batch, a mean over it, its share in a mean over batches, and what was found of it; on the host."""

    loss: float
    share: float
    found: Sequence[Values]


def forward_batches(
    model: Network, dataset: Dataset, split: str, indices: Indices, find: Find, size: int = 256,
    group: Group | None = None,
) -> Iterator[BatchResult]:  # fmt: skip
    """Yield losses and find(batch, outputs) of samples of a split; a loss that is not finite is the caller's to handle.

    Raises what `find` raises; on all workers a DataError where one of them raises a CnnkitError.
    """
    size = model.find_batch(min(size, len(indices)))
    if group is None:
        yield from _compute(model, dataset, split, indices, find, size)
        return
    size = min(group.all_gather_json(size))
    batches = [indices[start : start + size] for start in range(0, len(indices), size)]
    own = batches[group.rank :: group.size]
    results = _compute(model, dataset, split, np.concatenate([indices[:0], *own]), find, size)
    for first in range(0, len(batches), group.size):
        mine = _write(results) if first + group.rank < len(batches) else b""
        yield from (_read(data) for data in group.all_gather_bytes(mine) if data)


def _compute(
    model: Network, dataset: Dataset, split: str, indices: Indices, find: Find, size: int
) -> Iterator[BatchResult]:
    for batch in Samples(model.backend, dataset, split, model.array_dtype).batches(indices, size):
        with np.errstate(all="ignore"):
            outputs = model.forward(batch.x)
            value, _ = external_loss.value_and_gradient(
                model.loss, model.backend, outputs, batch.targets, batch.weights
            )
        loss = float(model.backend.to_numpy(value))
        yield BatchResult(loss, batch.counts.share, find(batch, outputs))


def _write(results: Iterator[BatchResult]) -> bytes:
    """Return the next result, or why there is none, as bytes: a line of JSON, then the arrays."""
    try:
        loss, share, found = next(results)
    except CnnkitError as error:
        return json.dumps({"error": str(error)}).encode() + b"\n"
    arrays = [np.ascontiguousarray(array) for array in found]
    head = {"loss": loss, "share": share, "arrays": [[array.dtype.str, array.shape] for array in arrays]}
    return b"".join([json.dumps(head).encode(), b"\n", *(array.tobytes() for array in arrays)])


def _read(data: bytes) -> BatchResult:
    line, _, rest = data.partition(b"\n")
    head = json.loads(line)
    if "error" in head:
        raise DataError(head["error"])
    found, start = [], 0
    for dtype, shape in head["arrays"]:
        count = int(np.prod(shape, dtype=np.int64))
        found.append(np.frombuffer(rest, np.dtype(dtype), count, start).reshape(shape))
        start += found[-1].nbytes
    return BatchResult(head["loss"], head["share"], found)


@dataclass
class MeanOverBatches:
    """The mean loss of the batches added so far, each by its share; a smaller last batch counts by its samples."""

    total: float = 0.0
    share: float = 0.0

    def add(self, done: BatchResult) -> None:
        """Add the loss of a batch."""
        self.total += done.loss * done.share
        self.share += done.share

    @property
    def value(self) -> float:
        """The mean, 0 of nothing that counts."""
        return self.total / (self.share or 1.0)
