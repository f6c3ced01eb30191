"""Images and targets as every reader returns them: raw pixels, read on demand, and their scaling."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnkit.data.notebook import MOST_PICTURES, ClassRow, describe_dataset
from cnnkit.data.reading import Reading
from cnnkit.data.refusal import refuse
from cnnkit.data.scaling import Scaling
from cnnkit.data.split import Split
from cnnkit.data.targets import CLASS, OF_CLASSES, TargetSpec, list_chunks
from cnnkit.errors import DataError
from cnnkit.files.names import printable, to_text


@dataclass(frozen=True, eq=False)
class Dataset:
    """A named data set: a training split, an optional test split, the classes, and the scaling of the raw pixels.

    class_names  of the labels, in single targets and in maps; () where targets are numbers or arrays, or where there
                 are several outputs, whose targets have their own
    notes        what a reader changed or decided, a line each, for people
    reading      how the source was read where that was told, so that a weight file can say it

    Raises DataError on images of another shape, on labels that are the number of no class, and on splits whose targets
    differ in kind.
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
        for name in ("train", "test"):
            split = getattr(self, name)
            if split is not None or name == "train":
                object.__setattr__(self, name, self._checked(split))
        if self.test is not None and _describe(self.test) != _describe(self.train):
            expected = f"test targets as those of training, {_list(_describe(self.train))}"
            raise refuse(self.test.parts[0].at, expected, _list(_describe(self.test)))
        if not self.class_names and isinstance(self.target, TargetSpec) and self.target.kind in OF_CLASSES:
            object.__setattr__(self, "class_names", self.target.names)

    def _checked(self, split: Any) -> Split:
        """Return a split with the names of the classes in its targets."""
        if not isinstance(split, Split):
            raise refuse(self.name, "splits as Split(images, labels)", type(split).__name__)
        if tuple(split.images.shape[1:]) != tuple(self.image_shape):
            got = f"images of shape {tuple(split.images.shape[1:])}"
            raise refuse(split.images_at, f"images (C, H, W) of shape {tuple(self.image_shape)}", got)
        if isinstance(split.targets, Mapping):
            return split
        of_classes = split.targets.kind in OF_CLASSES
        if of_classes and not (self.class_names or split.targets.names):
            raise refuse(self.name, "the names of the classes", "none")
        if self.class_names and not of_classes:
            hint = "labels.astype(int) if they are class numbers, class_names=() if not"
            got = str(split.targets.describe(self.image_shape))
            raise refuse(split.targets.at, "labels as whole numbers beside class names", got, hint)
        if self.class_names in ((), split.targets.names):
            return split
        return split.with_targets(split.targets.named(self.class_names))

    @property
    def target(self) -> TargetSpec | Mapping[str, TargetSpec]:
        """What the targets are; of several outputs by their names."""
        return _describe(self.train)

    def _repr_html_(self) -> str:
        """Return figures, classes with a picture of each, and notes, as a notebook displays them."""
        splits = {"training": self.train} | ({"test": self.test} if self.test is not None else {})
        facts = [f"{len(split):,} {name} images" for name, split in splits.items()]
        facts += [" × ".join(map(str, self.image_shape)) + f" {self.train.images.dtype}", f"scaled {self.scaling}"]
        return describe_dataset(self.name, facts, list(self._class_rows()), self.notes)

    def _class_rows(self) -> Iterator[ClassRow]:
        if not self.has_labels:
            return
        train, test = self.train.labels, None if self.test is None else self.test.labels
        for number, name in enumerate(self.class_names):
            first = np.flatnonzero(train == number)[: int(number < MOST_PICTURES)]
            picture = self.batch("train", first)[0][0] if len(first) else None
            held_out = None if test is None else int(np.count_nonzero(test == number))
            yield ClassRow(name, int(np.count_nonzero(train == number)), held_out, picture)

    @property
    def has_labels(self) -> bool:
        """Whether each sample has one class, so that `split.labels` are there."""
        return isinstance(self.target, TargetSpec) and self.target.kind == CLASS

    @property
    def absent(self) -> str | None:
        """A line that names the classes without a training image, which no network can learn; None without such."""
        if not self.has_labels:
            return None
        labels = self.train.labels
        counts = np.bincount(labels[labels >= 0], minlength=len(self.class_names))
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
    ) -> tuple[npt.NDArray[Any], Any]:
        """Return x = (raw - offset) * factor, (n, C, H, W) contiguous in `dtype`, and the targets of these samples.

        Labels are int64, (n,) or (n, H, W); other targets are in `dtype`; of several outputs there is a tuple.

        Raises DataError on an index out of range and on an image that cannot be decoded.
        """
        part = self.split(split) if isinstance(split, str) else split
        raw, targets = part.take(indices)
        return self.convert(part, raw, targets, dtype)

    def convert(self, split: Split, raw: npt.NDArray[Any], targets: Any, dtype: npt.DTypeLike) -> tuple[Any, Any]:
        """Return what `batch` does, of raw images and targets as `split.take` returns them."""
        x = self.scaling.apply(raw, dtype)
        if isinstance(split.targets, Mapping):
            return x, tuple(part.convert(y, x) for part, y in zip(split.parts, targets, strict=True))
        return x, split.targets.convert(targets, x)

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
                _add_targets(digest, split)
        return digest.hexdigest()


def _bytes(values: npt.NDArray[Any]) -> memoryview:
    return np.ascontiguousarray(values).reshape(-1).view(np.uint8).data


def name_targets(dataset: Dataset) -> Mapping[str, TargetSpec]:
    """Return what the targets are by the names of the outputs; of a single one by "output"."""
    return {"output": dataset.target} if isinstance(dataset.target, TargetSpec) else dataset.target


def _add_targets(digest: "hashlib._Hash", split: Split) -> None:
    """Add kinds, shapes and values of targets to a SHA-256; of class labels the values alone."""
    named = split.targets if isinstance(split.targets, Mapping) else {"": split.targets}
    for name, part in named.items():
        if part.kind == CLASS and not name:
            digest.update(_bytes(part.values.astype("<i8", copy=False)))
            continue
        scaling = None if part.scaling is None else [*part.scaling.to_json().values()]
        spec = part.describe(tuple(split.images.shape[1:]))
        digest.update(json.dumps([name, spec.kind, spec.shape, scaling]).encode())
        for chunk in list_chunks(part):
            digest.update(_bytes(chunk.astype("<i8" if chunk.dtype.kind in "biu" else "<f8", copy=False)))
    if split.weights is not None:
        digest.update(b"weights" + bytes(_bytes(split.weights.astype("<f8", copy=False))))


def _describe(split: Split) -> TargetSpec | Mapping[str, TargetSpec]:
    shape = tuple(split.images.shape[1:])
    if isinstance(split.targets, Mapping):
        return {name: part.describe(shape) for name, part in split.targets.items()}
    spec: TargetSpec = split.targets.describe(shape)
    return spec


def _list(target: TargetSpec | Mapping[str, TargetSpec]) -> str:
    if isinstance(target, TargetSpec):
        return str(target)
    return ", ".join(f"{printable(name, 60)}: {spec}" for name, spec in target.items())
