"""The order of the images and the batches of an epoch: functions of seed, epoch and batch number, nothing else."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cnnkit.backends.protocol import Array, Backend
from cnnkit.seeds import Purpose, generator
from cnnkit.training.options import Options

if TYPE_CHECKING:
    from cnnkit.data.dataset import Dataset

Indices = npt.NDArray[np.int64]
UPLOAD = 4096  # images that are brought to a device at once
BLOCK_BYTES = 8 << 20  # of images fetched together; batches are cut from them


def parts(images: int, options: Options) -> tuple[Indices, Indices]:
    """Return (training, validation): indices of the images to train on and to judge by, both ascending."""
    count = min(images, options.limit or images)
    held_out = int(count * options.validation_split)
    order = generator(options.seed, Purpose.VALIDATION).permutation(count)
    return np.sort(order[held_out:]), np.sort(order[:held_out])


def epoch_order(chosen: Indices, options: Options, epoch: int) -> Indices:
    """Return the training indices in the order of `epoch`, counted from 0."""
    if not options.shuffle:
        return chosen
    return chosen[generator(options.seed, Purpose.SHUFFLE, epoch).permutation(len(chosen))]


def batches(
    backend: Backend, dataset: "Dataset", part: str, order: Indices, size: int, dtype: str, first: int = 0
) -> Iterator[tuple[Array, Array]]:
    """Yield (x, labels) on the backend for batches first, first + 1, ... of `order`; the last one may be smaller."""
    image_bytes = int(np.prod(dataset.image_shape)) * np.dtype(dtype).itemsize
    per_block = max(1, BLOCK_BYTES // image_bytes // size) * size
    for start in range(first * size, len(order), per_block):
        images, labels = dataset.batch(part, order[start : start + per_block], dtype)
        x, y = backend.asarray(images, dtype), backend.asarray(labels)
        for offset in range(0, len(labels), size):
            yield x[offset : offset + size], y[offset : offset + size]


class Resident:
    """Images that stay on the device, from which batches are taken there."""

    def __init__(self, backend: Backend, dataset: "Dataset", part: str, chosen: Indices, dtype: str) -> None:
        """Bring the images `chosen`, ascending, to the device."""
        self._backend, self._chosen = backend, chosen
        blocks = list(batches(backend, dataset, part, chosen, UPLOAD, dtype))
        self._images, self._labels = (backend.concatenate(parts) for parts in zip(*blocks, strict=True))

    def batches(self, order: Indices, size: int, first: int = 0) -> Iterator[tuple[Array, Array]]:
        """Yield what `batches` does for an order of the chosen images."""
        take, places = self._backend.take, self._backend.asarray(np.searchsorted(self._chosen, order))
        for start in range(first * size, len(order), size):
            own = places[start : start + size]
            yield take(self._images, own), take(self._labels, own)


def resident(backend: Backend, dataset: "Dataset", part: str, chosen: Indices, dtype: str) -> Resident | None:
    """Return the images on the device, None where nothing is gained by that or they do not fit beside the training."""
    needed = len(chosen) * int(np.prod(dataset.image_shape)) * np.dtype(dtype).itemsize
    return Resident(backend, dataset, part, chosen, dtype) if needed <= backend.data_bytes() else None


def check_fit(dataset: "Dataset", input_shape: Any) -> str | None:
    """Return what is wrong when the images are not of the network's input shape."""
    if tuple(dataset.image_shape) == tuple(input_shape):
        return None
    return (
        f"{dataset.name}: the images are {tuple(dataset.image_shape)}, the network expects {tuple(input_shape)}: "
        f"a network for them has input_shape = {list(dataset.image_shape)}"
    )
