"""Images and labels as every reader returns them: raw pixels, read on demand, and their scaling."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from cnnkit.errors import DataError

Labels = npt.NDArray[np.int64]
CHUNK_BYTES = 16 << 20


class Images(Protocol):
    """Pixels of shape (N, C, H, W), indexed on the first axis like an array: an ndarray or a lazy reader."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Return (N, C, H, W)."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """Return the type of a raw pixel."""
        ...

    def __getitem__(self, key: Any, /) -> Any: ...


@dataclass(frozen=True)
class Scaling:
    """Network input = (raw - offset) * factor."""

    offset: float = 0.0
    factor: float = 1.0


@dataclass(frozen=True, eq=False)
class Split:
    """Images (N, C, H, W) and labels (N,) int64: the training or the test images of a data set."""

    images: Images
    labels: Labels

    def __post_init__(self) -> None:
        if len(self.images.shape) != 4 or self.labels.shape != self.images.shape[:1]:
            raise DataError(
                f"expected images (N, C, H, W) and labels (N,), got {self.images.shape} and {self.labels.shape}"
            )

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: npt.ArrayLike) -> tuple[npt.NDArray[Any], Labels]:
        """Return raw images (n, C, H, W) and labels (n,) at `indices` (n,), in any order, with repetitions.

        Raises DataError on an index that is not in 0..N-1.
        """
        chosen = np.atleast_1d(np.asarray(indices))
        if chosen.size == 0:
            chosen = chosen.astype(np.int64)
        if chosen.ndim != 1 or chosen.dtype.kind not in "iu":
            raise DataError(f"expected image indices as whole numbers (n,), got {chosen.dtype} {chosen.shape}")
        if chosen.size and not 0 <= int(chosen.min()) <= int(chosen.max()) < len(self):
            wrong = int(chosen.min()) if chosen.min() < 0 else int(chosen.max())
            raise DataError(f"expected an image index in 0..{len(self) - 1}, got {wrong}")
        return np.asarray(self.images[chosen]), self.labels[chosen]

    def chunks(self) -> Iterator[npt.NDArray[Any]]:
        """Yield all images in order, (n, C, H, W), about 16 MiB at a time."""
        image_bytes = int(np.prod(self.images.shape[1:])) * self.images.dtype.itemsize
        step = max(1, CHUNK_BYTES // max(1, image_bytes))
        for start in range(0, len(self), step):
            yield np.asarray(self.images[start : start + step])


@dataclass(frozen=True, eq=False)
class Dataset:
    """A named data set: a training split, an optional test split, the classes, and the scaling of the raw pixels."""

    name: str
    train: Split
    test: Split | None
    class_names: tuple[str, ...]
    image_shape: tuple[int, int, int]  # (C, H, W)
    scaling: Scaling = field(default_factory=Scaling)
    licence: str | None = None

    def split(self, name: str) -> Split:
        """Return the split called "train" or "test".

        Raises DataError for another name, and where the data set has no test split.
        """
        if name == "train":
            return self.train
        if name != "test":
            raise DataError(f"expected the split train or test, got {name!r}")
        if self.test is None:
            raise DataError(f"{self.name}: has no test split: use the split train, or add test images to the source")
        return self.test

    def batch(
        self, split: Split | str, indices: npt.ArrayLike, dtype: npt.DTypeLike = "float32"
    ) -> tuple[npt.NDArray[Any], Labels]:
        """Return x = (raw - offset) * factor, (n, C, H, W) contiguous in `dtype`, and labels (n,) int64.

        Raises DataError on an index out of range and on an image that cannot be decoded.
        """
        raw, labels = (self.split(split) if isinstance(split, str) else split).take(indices)
        x = raw.astype(dtype, order="C")
        if self.scaling.offset:
            x -= x.dtype.type(self.scaling.offset)
        if self.scaling.factor != 1:
            x *= x.dtype.type(self.scaling.factor)
        return x, labels

    def fingerprint(self) -> str:
        """Return the SHA-256 of pixels, shapes, dtypes, labels and scaling of all splits, for any kind of file.

        The first call reads every image once, one chunk at a time; later calls return the stored result.
        """
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        digest = hashlib.sha256(json.dumps([self.scaling.offset, self.scaling.factor]).encode())
        for name, split in (("train", self.train), ("test", self.test)):
            if split is not None:
                dtype = split.images.dtype.newbyteorder("<")
                digest.update(json.dumps([name, list(split.images.shape), dtype.str]).encode())
                for chunk in split.chunks():
                    digest.update(_bytes(chunk.astype(dtype, copy=False)))
                digest.update(_bytes(split.labels.astype("<i8", copy=False)))
        return digest.hexdigest()


def _bytes(values: npt.NDArray[Any]) -> memoryview:
    return np.ascontiguousarray(values).reshape(-1).view(np.uint8).data
