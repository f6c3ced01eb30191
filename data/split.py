"""The training or the test samples of a data set, with their targets."""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnkit.data.labels import Labels
from cnnkit.data.pixels import Images, as_array, as_images, chunks, require_finite
from cnnkit.data.refusal import refuse
from cnnkit.data.target_reading import read_targets
from cnnkit.data.targets import CLASS, INPUT, OF_CLASSES, Targets
from cnnkit.errors import DataError
from cnnkit.files.names import printable

Raw = npt.NDArray[Any] | tuple[npt.NDArray[Any], ...]


@dataclass(frozen=True, eq=False)
class Split:
    """Images (N, C, H, W) and their targets: the training or the test images of a data set.

    targets    Targets; labels as integers (N,), (N, 1), or one-hot (N, K), and what else `read_targets` takes; or
               one of these for each output of a network by its name, {name: targets}
    images_at  how messages name the images: a file, with a member where it has several
    any_shape  whether samples may have other axes too: rows (F,), signals (C, L), volumes (C, D, H, W)
    weights    (N,) numbers >= 0 by which samples count in the loss; None: all alike

    Raises DataError on another layout, on pixels that are not finite numbers, and on targets that are none.
    """

    images: Images
    targets: Any
    images_at: str = "images"
    any_shape: bool = False
    weights: npt.NDArray[Any] | None = None

    def __post_init__(self) -> None:
        images = as_images(self.images, self.images_at)
        if 0 in images.shape or not (len(images.shape) == 4 or (self.any_shape and len(images.shape) > 1)):
            hint = "cnnkit.data.from_arrays takes (N, H, W) and (N, H, W, C) too" if len(images.shape) == 3 else ""
            raise refuse(self.images_at, "at least one image, (N, C, H, W)", f"shape {tuple(images.shape)}", hint)
        require_finite(images, self.images_at)
        object.__setattr__(self, "images", images)
        object.__setattr__(self, "targets", self._read_targets())
        if self.weights is not None:
            object.__setattr__(self, "weights", read_weights(self.weights, len(self)))

    def _read_targets(self) -> Any:
        if not isinstance(self.targets, Mapping):
            return read_targets(self.targets, tuple(self.images.shape), "labels")
        if not self.targets or not all(isinstance(name, str) for name in self.targets):
            raise refuse("targets", "targets by the name of their output", f"{list(self.targets)!r:.100}")
        return {name: read_targets(part, tuple(self.images.shape), name) for name, part in self.targets.items()}

    def __len__(self) -> int:
        return int(self.images.shape[0])

    @property
    def parts(self) -> tuple[Targets, ...]:
        """The targets of each output, or the only ones."""
        return tuple(self.targets.values()) if isinstance(self.targets, Mapping) else (self.targets,)

    @property
    def labels(self) -> Labels:
        """The class of each sample (N,). Raises DataError where the targets are no classes."""
        if isinstance(self.targets, Mapping):
            names = printable(", ".join(self.targets), 200)
            raise DataError(f"{self.images_at}: expected a class for each sample, got targets of the outputs {names}")
        if self.targets.kind != CLASS:
            got = self.targets.describe(tuple(self.images.shape[1:]))
            raise DataError(f"{self.targets.at}: expected a class for each sample, got {got}")
        labels: Labels = self.targets.values
        return labels

    def with_targets(self, targets: Any) -> "Split":
        """Return the split with other targets; the images, which were checked, are the same."""
        changed = copy.copy(self)
        object.__setattr__(changed, "targets", targets)
        return changed

    def relabelled(self, numbers: Labels, names: tuple[str, ...]) -> "Split":
        """Return the split with class k as numbers[k] of `names`."""
        if isinstance(self.targets, Mapping) or self.targets.kind not in OF_CLASSES:
            return self
        return self.with_targets(self.targets.relabelled(numbers, names))

    def take(self, indices: npt.ArrayLike) -> tuple[npt.NDArray[Any], Any]:
        """Return raw images (n, C, H, W) and targets (n, ...) at `indices` (n,), in any order, with repetitions.

        Targets of several outputs are a tuple; those that are the samples themselves are the raw images.

        Raises DataError on an index that is not in 0..N-1.
        """
        chosen = self.require_indices(indices)
        raw = np.asarray(self.images[chosen])
        taken = tuple(raw if part.kind == INPUT else part.take(chosen) for part in self.parts)
        return raw, taken if isinstance(self.targets, Mapping) else taken[0]

    def require_indices(self, indices: npt.ArrayLike) -> npt.NDArray[Any]:
        """Return `indices` as an array (n,). Raises DataError on one that is not in 0..N-1."""
        chosen = np.atleast_1d(np.asarray(indices))
        if chosen.size == 0:
            chosen = chosen.astype(np.int64)
        if chosen.ndim != 1 or chosen.dtype.kind not in "iu":
            raise DataError(f"expected image indices as whole numbers (n,), got {chosen.dtype} {chosen.shape}")
        if chosen.size and not 0 <= int(chosen.min()) <= int(chosen.max()) < len(self):
            wrong = int(chosen.min()) if chosen.min() < 0 else int(chosen.max())
            raise DataError(f"expected an image index in 0..{len(self) - 1}, got {wrong}")
        return chosen

    def chunks(self) -> Iterator[npt.NDArray[Any]]:
        """Yield all images in order, (n, C, H, W), about 16 MiB at a time."""
        return chunks(self.images)


def read_weights(given: Any, samples: int, at: str = "weights") -> npt.NDArray[Any]:
    """Return the weights of so many samples, float64 (N,). Raises DataError, which names them `at`, on others."""
    weights = as_array(given, at)
    if weights.dtype.kind not in "biuf" or weights.shape != (samples,):
        raise refuse(at, f"a number for each of the {samples} samples", f"{weights.dtype} {weights.shape}")
    wrong = ~((weights >= 0) & np.isfinite(weights))
    if wrong.any():
        first = int(np.argmax(wrong))
        raise refuse(at, "finite numbers >= 0", f"{weights[first]} at index {first}")
    if not weights.any():
        raise refuse(at, "a number above 0", "zeros alone")
    return weights.astype(np.float64)
