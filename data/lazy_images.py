"""Images that stay in their file: objects that read chosen indices and are indexed like an array (N, C, H, W)."""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt


class LazyImages(ABC):
    """images[int], images[slice] and images[index array] each become one `read` of those indices."""

    def __init__(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> None:
        self.shape = shape
        self.dtype: np.dtype[Any] = np.dtype(dtype)

    @abstractmethod
    def read(self, indices: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        """Return the images at `indices` (n,), in that order, as (n, *shape[1:])."""

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        indices = _find_indices(key, self.shape[0])
        images = self.read(np.atleast_1d(indices))
        return images if indices.ndim else images[0]


def _find_indices(key: Any, count: int) -> npt.NDArray[np.int64]:
    """Return the indices that an array of `count` would be read at, without listing all. Raises IndexError."""
    if isinstance(key, slice):
        return np.arange(*key.indices(count))
    chosen = np.asarray(key)
    if chosen.dtype == bool:
        if chosen.shape != (count,):
            raise IndexError(f"expected {count} truth values, got shape {chosen.shape}")
        return np.flatnonzero(chosen)
    if chosen.size == 0:
        return chosen.astype(np.int64)
    if chosen.dtype.kind not in "iu" or not -count <= int(chosen.min()) <= int(chosen.max()) < count:
        raise IndexError(f"expected indices of {count} images, got {key!r:.60}")
    return np.where(chosen < 0, chosen + count, chosen).astype(np.int64)
