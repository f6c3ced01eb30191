"""The order of the images and the batches of an epoch: functions of seed, epoch and batch number, nothing else."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from cnnkit.backends.protocol import Array, Backend
from cnnkit.data.dataset import Dataset
from cnnkit.options import Options
from cnnkit.seeds import Purpose, generator

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


def batches(
    backend: Backend, dataset: Dataset, split: str, order: Indices, size: int, dtype: str, first: int = 0
) -> Iterator[tuple[Array, Array]]:
    """Yield (x, labels) on the backend for batches first, first + 1, ... of `order`; the last one may be smaller."""
    image_bytes = int(np.prod(dataset.image_shape)) * np.dtype(dtype).itemsize
    per_block = max(1, BLOCK_BYTES // image_bytes // size) * size
    for start in range(first * size, len(order), per_block):
        images, labels = dataset.batch(split, order[start : start + per_block], dtype)
        x, y = backend.asarray(images, dtype), backend.asarray(labels)
        for offset in range(0, len(labels), size):
            yield x[offset : offset + size], y[offset : offset + size]


class ResidentImages:
    """Images that stay on the device; batches are taken from them there."""

    def __init__(self, backend: Backend, dataset: Dataset, split: str, chosen: Indices, dtype: str) -> None:
        """Copy the images `chosen`, ascending, to the device."""
        self._backend, self._chosen = backend, chosen
        blocks = list(batches(backend, dataset, split, chosen, UPLOAD, dtype))
        self._images, self._labels = (backend.concatenate(pieces) for pieces in zip(*blocks, strict=True))

    def batches(self, order: Indices, size: int, first: int = 0) -> Iterator[tuple[Array, Array]]:
        """Yield what the function `batches` yields for an order of the chosen images."""
        take, positions = self._backend.take, self._backend.asarray(np.searchsorted(self._chosen, order))
        for start in range(first * size, len(order), size):
            batch = positions[start : start + size]
            yield take(self._images, batch), take(self._labels, batch)


def resident_images(
    backend: Backend, dataset: Dataset, split: str, chosen: Indices, dtype: str
) -> ResidentImages | None:
    """Return the images on the device; None where that gains nothing or they do not fit beside the training."""
    needed = len(chosen) * int(np.prod(dataset.image_shape)) * np.dtype(dtype).itemsize
    return ResidentImages(backend, dataset, split, chosen, dtype) if needed <= backend.data_bytes() else None
