"""A network's outputs and loss on samples of a split, batch by batch: what validation and evaluation are made of."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from cnnkit.data.dataset import Dataset
from cnnkit.losses import external_loss
from cnnkit.network import Network
from cnnkit.training.batches import Batch, Indices, Samples


class ForwardBatch(NamedTuple):
    """A batch, the network's outputs on the backend, and its loss, a mean over the batch, on the host."""

    batch: Batch
    outputs: Any
    loss: float


def forward_batches(
    model: Network, dataset: Dataset, split: str, indices: Indices, size: int = 256
) -> Iterator[ForwardBatch]:
    """Yield outputs and losses for samples of a split; a loss that is not finite is the caller's to handle."""
    size = model.find_batch(min(size, len(indices)))
    for batch in Samples(model.backend, dataset, split, model.array_dtype).batches(indices, size):
        with np.errstate(all="ignore"):
            outputs = model.forward(batch.x)
            value, _ = external_loss.value_and_gradient(
                model.loss, model.backend, outputs, batch.targets, batch.weights
            )
        yield ForwardBatch(batch, outputs, float(model.backend.to_numpy(value)))


@dataclass
class MeanOverBatches:
    """The mean loss of the batches added so far, each by its share; a smaller last batch counts by its samples."""

    total: float = 0.0
    share: float = 0.0

    def add(self, done: ForwardBatch) -> None:
        """Add the loss of a batch."""
        self.total += done.loss * done.batch.counts.share
        self.share += done.batch.counts.share

    @property
    def value(self) -> float:
        """The mean, 0 of nothing that counts."""
        return self.total / (self.share or 1.0)
