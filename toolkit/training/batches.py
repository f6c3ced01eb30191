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
from cnnkit.training.sharing import Sharing

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
    """Samples on the backend: all of an update, or those of one of its workers.

    x        None where this worker has none, and the targets then
    targets  an array; a tuple for several outputs
    weights  (n,), or (n, H, W) for maps, with a mean of 1, by which samples count in the loss; None: all alike
    counts   of the whole update
    """

    x: Any
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
    sharing        of the batches among workers: no sample of others is read; None: all are this process's
    """

    def __init__(
        self, backend: Backend, dataset: Dataset, split: str, dtype: str, class_weights: Numbers | None = None,
        sharing: Sharing | None = None,
    ) -> None:  # fmt: skip
        self.backend, self.dataset, self.dtype = backend, dataset, dtype
        self.split = dataset.split(split)
        self._decisions = list_decisions(self.split)
        self.class_weights, self.sharing = class_weights, sharing

    def batches(self, order: Indices, size: int, first: int = 0) -> Iterator[Batch]:
        """Yield batches first, first + 1, ... of `order`; the last one may be smaller."""
        per_block = self.count_together(size, BLOCK_BYTES)
        for start in range(first * size, len(order), per_block):
            block = order[start : start + per_block]
            yield from self.cut(block, *self.upload(self.pick_own(block, size)), size)

    def count_together(self, size: int, most_bytes: int) -> int:
        """Return how many samples are read together: whole batches of `size`."""
        image_bytes = int(np.prod(self.dataset.image_shape)) * np.dtype(self.dtype).itemsize
        return max(1, most_bytes // image_bytes // size) * size

    def find_own(self, size: int) -> Any:
        """Return what picks this worker's of the samples of a batch."""
        return slice(None) if self.sharing is None else self.sharing.find_positions(size)

    def pick_own(self, block: Indices, size: int) -> Indices:
        """Return this worker's of the samples of a block of batches."""
        if self.sharing is None:
            return block
        batches = (block[start : start + size] for start in range(0, len(block), size))
        return np.concatenate([batch[self.find_own(len(batch))] for batch in batches])

    def cut(
        self, block: Indices, x: Any, targets: Any, size: int,
        count: Callable[[slice, int], Counted | None] | None = None,
    ) -> Iterator[Batch]:  # fmt: skip
        """Yield the batches of a block of samples; x and targets of this worker's among them are on the backend.

        count: returns what the samples of a batch count, where they were changed: it gets the slice of this worker's
        and the number of all
        """
        stop = 0
        for offset in range(0, len(block), size):
            batch = block[offset : offset + size]
            part = slice(stop, stop := stop + len(self.pick_own(batch, size)))
            counted = None if count is None else count(part, len(batch))
            own_x, own_targets = (_map(lambda y: y[part], values) for values in (x, targets))  # noqa: B023
            yield self.make_batch(batch, own_x, own_targets, counted)

    def upload(self, indices: Indices) -> tuple[Any, Any]:
        """Return x and targets of these samples on the backend; None of none."""
        if not len(indices):
            return None, None
        return self.move(*self.dataset.batch(self.split, indices, self.dtype))

    def move(self, x: npt.NDArray[Any], targets: Any) -> tuple[Array, Any]:
        """Return x and targets, as `Dataset.batch` returns them, on the backend."""
        moved = self.backend.asarray(x, self.dtype)
        return moved, _map(lambda part: moved if part is x else self.backend.asarray(part), targets)

    def make_batch(self, indices: Indices, x: Any, targets: Any, counted: Counted | None = None) -> Batch:
        """Return the batch of these samples; x and targets of this worker's among them are on the backend.

        counted: where the samples were changed, and with them what they count
        """
        weights, share, decisions = self._count(indices) if counted is None else counted
        counts, own = Counts(len(indices), decisions, share), self.find_own(len(indices))
        weighing = None if weights is None else self.backend.asarray(np.ascontiguousarray(weights[own]), self.dtype)
        return Batch(x, targets, weighing, counts)

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
        starts = range(first * size, len(order), size)
        blocks = (positions[start : start + size] for start in starts)
        own = [block[self._samples.find_own(len(block))] for block in blocks]
        on_device, begin = self._samples.backend.asarray(np.concatenate(own)), 0
        for start, part in zip(starts, own, strict=True):
            batch, at = order[start : start + size], on_device[begin : begin + len(part)]
            begin += len(part)
            x, targets = take(self._x, at), _map(lambda part: take(part, at), self._targets)  # noqa: B023
            yield self._samples.make_batch(batch, x, targets)


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
    """Return the change of an array, or of each in a tuple; None of None."""
    if targets is None:
        return None
    return tuple(map(change, targets)) if isinstance(targets, tuple) else change(targets)
