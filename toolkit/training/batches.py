"""The order of the images and the batches of an epoch: functions of seed, epoch and batch number, nothing else."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cnnkit.backends.protocol import Array, Backend
from cnnkit.data.dataset import Dataset
from cnnkit.data.targets import CLASS, CLASS_MAP, INPUT
from cnnkit.options import Options
from cnnkit.seeds import Purpose, generator
from cnnkit.training.decisions import list_decisions
from cnnkit.training.sample_weights import Numbers, weigh_samples

Indices = npt.NDArray[np.int64]
UPLOAD = 4096  # images that are copied to a device together
BLOCK_BYTES = 8 << 20  # images that are read together; batches are cut from them


def split_images(images: int, options: Options, seed: int) -> tuple[Indices, Indices]:
    """Return (training, validation): indices of the images to train on and to validate with, both ascending."""
    count = min(images, options.limit or images)
    held_out = int(count * options.validation_split)
    order = generator(seed, Purpose.VALIDATION).permutation(count)
    return np.sort(order[held_out:]), np.sort(order[:held_out])


def epoch_order(chosen: Indices, seed: int, epoch: int) -> Indices:
    """Return the training indices shuffled for `epoch`, counted from 0."""
    return chosen[generator(seed, Purpose.SHUFFLE, epoch).permutation(len(chosen))]


class Counts(NamedTuple):
    """What a batch counts: its samples, the decisions that they ask for, and its share in a mean of losses."""

    size: int
    decisions: int
    share: float


class Counted(NamedTuple):
    """What samples count: weights, as in Batch; their share in a mean of losses; the decisions that they ask for."""

    weights: Numbers | None
    share: float
    decisions: int


class Batch(NamedTuple):
    """Samples on the backend.

    targets  an array; a tuple for several outputs
    weights  (n,), or (n, H, W) for maps, with a mean of 1, by which samples count in the loss; None: all alike
    """

    x: Array
    targets: Any
    weights: Array | None
    counts: Counts

    def shorten(self, size: int) -> "Batch":
        """Return the first samples alone; what they count is not changed."""
        cut = None if self.weights is None else self.weights[:size]
        return self._replace(x=self.x[:size], targets=_map(lambda part: part[:size], self.targets), weights=cut)


class Samples:
    """The samples of a split, from which batches are made.

    dtype          of x, and of targets that are not labels
    class_weights  (K,) by which classes count in the loss; None: all alike
    """

    def __init__(
        self, backend: Backend, dataset: Dataset, split: str, dtype: str, class_weights: Numbers | None = None
    ) -> None:
        self.backend, self.dataset, self.dtype = backend, dataset, dtype
        self.split = dataset.split(split)
        self._decisions = list_decisions(self.split)
        self.class_weights = class_weights

    def batches(self, order: Indices, size: int, first: int = 0) -> Iterator[Batch]:
        """Yield batches first, first + 1, ... of `order`; the last one may be smaller."""
        image_bytes = int(np.prod(self.dataset.image_shape)) * np.dtype(self.dtype).itemsize
        per_block = max(1, BLOCK_BYTES // image_bytes // size) * size
        for start in range(first * size, len(order), per_block):
            block = order[start : start + per_block]
            yield from self.cut(block, *self.upload(block), size)

    def cut(
        self, block: Indices, x: Array, targets: Any, size: int, count: Callable[[slice], Counted | None] | None = None
    ) -> Iterator[Batch]:
        """Yield the batches of a block of samples, whose x and targets are on the backend.

        count: returns what the samples of a slice count, where they were changed
        """
        for offset in range(0, len(block), size):
            part = slice(offset, offset + size)
            counted = None if count is None else count(part)
            yield self.make_batch(block[part], x[part], _map(lambda y: y[part], targets), counted)  # noqa: B023

    def upload(self, indices: Indices) -> tuple[Array, Any]:
        """Return x and targets of these samples on the backend."""
        return self.move(*self.dataset.batch(self.split, indices, self.dtype))

    def move(self, x: npt.NDArray[Any], targets: Any) -> tuple[Array, Any]:
        """Return x and targets, as `Dataset.batch` returns them, on the backend."""
        moved = self.backend.asarray(x, self.dtype)
        return moved, _map(lambda part: moved if part is x else self.backend.asarray(part), targets)

    def make_batch(self, indices: Indices, x: Array, targets: Any, counted: Counted | None = None) -> Batch:
        """Return the batch of these samples, whose x and targets are on the backend.

        counted: where the samples were changed, and with them what they count
        """
        weights, share, decisions = self._count(indices) if counted is None else counted
        counts = Counts(len(indices), decisions, share)
        return Batch(x, targets, None if weights is None else self.backend.asarray(weights, self.dtype), counts)

    def _count(self, indices: Indices) -> Counted:
        return Counted(*weigh_samples(self.split, self.class_weights, indices), int(self._decisions[indices].sum()))


class ResidentSamples:
    """Samples whose images and targets stay on the device; batches are taken from them there."""

    def __init__(self, samples: Samples, chosen: Indices) -> None:
        """Copy the samples `chosen`, ascending, to the device."""
        self._samples, self._chosen, concatenate = samples, chosen, samples.backend.concatenate
        blocks = [samples.upload(chosen[start : start + UPLOAD]) for start in range(0, len(chosen), UPLOAD)]
        self._x = concatenate([x for x, _ in blocks])
        several = isinstance(blocks[0][1], tuple)
        columns = zip(*(y if several else (y,) for _, y in blocks), strict=True)
        parts = tuple(
            self._x if part.kind == INPUT else concatenate(list(column))
            for part, column in zip(samples.split.parts, columns, strict=True)
        )
        self._targets: Any = parts if several else parts[0]

    def batches(self, order: Indices, size: int, first: int = 0) -> Iterator[Batch]:
        """Yield what `Samples.batches` yields for an order of the chosen samples."""
        take, positions = self._samples.backend.take, np.searchsorted(self._chosen, order)
        on_device = self._samples.backend.asarray(positions)
        for start in range(first * size, len(order), size):
            at = on_device[start : start + size]
            x, targets = take(self._x, at), _map(lambda part: take(part, at), self._targets)  # noqa: B023
            yield self._samples.make_batch(order[start : start + size], x, targets)


def resident_samples(samples: Samples, chosen: Indices) -> ResidentSamples | None:
    """Return the samples on the device; None where that gains nothing or they do not fit beside the training."""
    itemsize = np.dtype(samples.dtype).itemsize
    sample_bytes = int(np.prod(samples.dataset.image_shape)) * itemsize
    for part in samples.split.parts:
        label_bytes = np.dtype(np.int64).itemsize if part.kind in (CLASS, CLASS_MAP) else itemsize
        sample_bytes += 0 if part.kind == INPUT else int(np.prod(part.values.shape[1:])) * label_bytes
    needed = len(chosen) * sample_bytes
    return ResidentSamples(samples, chosen) if needed <= samples.backend.data_bytes() else None


def _map(change: Callable[[Any], Any], targets: Any) -> Any:
    """Return the change of an array, or of each in a tuple."""
    return tuple(map(change, targets)) if isinstance(targets, tuple) else change(targets)
