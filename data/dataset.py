"""Images and labels as every reader returns them: raw pixels, read on demand, and their scaling."""

import copy
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnkit.data.labels import Labels, class_indices, require_known
from cnnkit.data.notebook import MOST_PICTURES, ClassRow, describe_dataset
from cnnkit.data.pixels import Images, as_array, as_images, chunks, require_finite
from cnnkit.data.reading import Reading
from cnnkit.data.refusal import refuse
from cnnkit.data.scaling import Scaling
from cnnkit.errors import DataError
from cnnkit.files.names import printable, to_text


@dataclass(frozen=True, eq=False)
class Split:
    """Images (N, C, H, W) and labels (N,) int64: the training or the test images of a data set.

    Labels may be given as integers (N,), (N, 1), or one-hot (N, K).
    images_at, labels_at  how messages name the two: a file, with a member where it has several
    float_labels          whether a file stores the labels as floats, as it would store numbers to be predicted
    any_shape             whether samples may have other axes too: rows (F,), signals (C, L), volumes (C, D, H, W)

    Raises DataError on another layout, on pixels that are not finite numbers, and on labels that are not classes.
    """

    images: Images
    labels: Labels
    images_at: str = "images"
    labels_at: str = "labels"
    float_labels: bool = False
    any_shape: bool = False

    def __post_init__(self) -> None:
        images = as_images(self.images, self.images_at)
        labels = as_array(self.labels, self.labels_at)
        if 0 in images.shape or not (len(images.shape) == 4 or (self.any_shape and len(images.shape) > 1)):
            hint = "cnnkit.data.from_arrays takes (N, H, W) and (N, H, W, C) too" if len(images.shape) == 3 else ""
            raise refuse(self.images_at, "at least one image, (N, C, H, W)", f"shape {tuple(images.shape)}", hint)
        require_finite(images, self.images_at)
        object.__setattr__(self, "images", images)
        object.__setattr__(self, "labels", class_indices(labels, images.shape[0], self.labels_at, typed=True))

    def __len__(self) -> int:
        return len(self.labels)

    def relabelled(self, numbers: Labels) -> "Split":
        """Return the split with label k as numbers[k]; the images, which were checked, are the same."""
        changed = copy.copy(self)
        object.__setattr__(changed, "labels", numbers[self.labels])
        return changed

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
        return chunks(self.images)


@dataclass(frozen=True, eq=False)
class Dataset:
    """A named data set: a training split, an optional test split, the classes, and the scaling of the raw pixels.

    notes: what a reader changed or decided, a line each, for people
    reading: how the source was read where that was told, so that a weight file can say it

    Raises DataError on images of another shape, and on labels that are the number of no class.
    """

    name: str
    train: Split
    test: Split | None
    class_names: tuple[str, ...]
    image_shape: tuple[int, ...]  # (C, H, W), or what a sample has in a Split of any shape
    scaling: Scaling = field(default_factory=Scaling)
    licence: str | None = None
    notes: tuple[str, ...] = ()
    reading: Reading = field(default_factory=Reading)

    def __post_init__(self) -> None:
        names: Any = self.class_names
        if isinstance(names, str) or not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
            raise refuse(self.name, "class names as texts, each once", f"{names!r}")
        object.__setattr__(self, "class_names", tuple(map(to_text, names)))
        if not isinstance(self.scaling, Scaling):
            raise refuse(self.name, "a scaling such as Scaling(0, 1 / 255)", f"{self.scaling!r}")
        for split in (self.train, *([] if self.test is None else [self.test])):
            if not isinstance(split, Split):
                raise refuse(self.name, "splits as Split(images, labels)", type(split).__name__)
            if tuple(split.images.shape[1:]) != tuple(self.image_shape):
                got = f"images of shape {tuple(split.images.shape[1:])}"
                raise refuse(split.images_at, f"images (C, H, W) of shape {tuple(self.image_shape)}", got)
            require_known(split.labels, len(self.class_names), split.labels_at)

    def _repr_html_(self) -> str:
        """Return figures, classes with a picture of each, and notes, as a notebook displays them."""
        splits = {"training": self.train} | ({"test": self.test} if self.test is not None else {})
        facts = [f"{len(split):,} {name} images" for name, split in splits.items()]
        facts += [" × ".join(map(str, self.image_shape)) + f" {self.train.images.dtype}", f"scaled {self.scaling}"]
        return describe_dataset(self.name, facts, list(self._class_rows()), self.notes)

    def _class_rows(self) -> Iterator[ClassRow]:
        train, test = self.train.labels, None if self.test is None else self.test.labels
        for number, name in enumerate(self.class_names):
            first = np.flatnonzero(train == number)[: int(number < MOST_PICTURES)]
            picture = self.batch("train", first)[0][0] if len(first) else None
            held_out = None if test is None else int(np.count_nonzero(test == number))
            yield ClassRow(name, int(np.count_nonzero(train == number)), held_out, picture)

    @property
    def absent(self) -> str | None:
        """A line that names the classes without a training image, which no network can learn; None without such."""
        counts = np.bincount(self.train.labels, minlength=len(self.class_names))
        names = [printable(name, 40) for name, count in zip(self.class_names, counts, strict=True) if not count]
        if not names:
            return None
        shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        line = f"{printable(self.name, 400)}: no training image of class {shown}, so it cannot be learned"
        return f"{line}; if labels count from 1, subtract 1" if counts[0] == 0 and len(names) == 1 else line

    def split(self, name: str) -> Split:
        """Return the split called "train" or "test".

        Raises DataError for another name, and where the data set has no test split.
        """
        if name == "train":
            return self.train
        if name != "test":
            raise DataError(f"expected the split train or test, got {name!r}")
        if self.test is None:
            raise DataError(f"{self.name}: has no test split: name the split train (--split train), or add test images")
        return self.test

    def batch(
        self, split: Split | str, indices: npt.ArrayLike, dtype: npt.DTypeLike = "float32"
    ) -> tuple[npt.NDArray[Any], Labels]:
        """Return x = (raw - offset) * factor, (n, C, H, W) contiguous in `dtype`, and labels (n,) int64.

        Raises DataError on an index out of range and on an image that cannot be decoded.
        """
        raw, labels = (self.split(split) if isinstance(split, str) else split).take(indices)
        return self.scaling.apply(raw, dtype), labels

    def fingerprint(self) -> str:
        """Return the SHA-256 of pixels, shapes, dtypes, labels and scaling of all splits, for any kind of file.

        The first call reads every image once, one chunk at a time; later calls return the stored result.
        """
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        digest = hashlib.sha256(json.dumps([*self.scaling.to_json().values()]).encode())
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
