"""What the samples of a data set are trained to: a class, several labels, numbers, a map of classes, an array."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from cnnkit.data.labels import IGNORED, MOST_CLASSES, class_indices, require_known
from cnnkit.data.pixels import Images, as_array, as_images, chunks, require_finite
from cnnkit.data.refusal import refuse
from cnnkit.data.scaling import Scaling
from cnnkit.files.names import to_text

CLASS, TAGS, NUMBERS, CLASS_MAP, VALUES, INPUT = KINDS = ("class", "tags", "numbers", "class_map", "values", "input")
OF_CLASSES = (CLASS, TAGS, CLASS_MAP)  # kinds whose names are those of classes
_NOUNS = {
    CLASS: "class labels",
    TAGS: "rows of labels, each 0 or 1,",
    NUMBERS: "rows of numbers",
    CLASS_MAP: "maps of classes",
    VALUES: "arrays",
    INPUT: "the samples themselves",
}


@dataclass(frozen=True)
class TargetSpec:
    """What the targets of a data set are.

    kind   "class" (one label a sample), "tags" (several labels), "numbers", "class_map" (a label for each place),
           "values" (an array, such as an image), or "input" (the sample itself)
    shape  of one sample's target: () of a class, (K,) of tags, (F,) of numbers, (H, W) of a map, (C, H, W) of an image
    names  of the classes of class, tags and class_map; of the columns of numbers, where they have names
    """

    kind: str
    shape: tuple[int, ...] = ()
    names: tuple[str, ...] = ()

    @classmethod
    def of_classes(cls, names: Sequence[str] | int) -> Self:
        """Return the spec of one label a sample, for classes of these names, or for so many."""
        return cls(CLASS, (), tuple(map(str, range(names))) if isinstance(names, int) else tuple(names))

    def to_json(self) -> dict[str, Any]:
        """Return kind, shape and names, as weight files tell what their network gives."""
        return {"kind": self.kind, "shape": list(self.shape), "names": list(self.names)}

    def __str__(self) -> str:
        """Return the spec for messages: "class labels", "rows of numbers of shape (N, 3)"."""
        noun = _NOUNS[self.kind].rstrip(",")
        return noun if self.kind in (CLASS, INPUT) else f"{noun} of shape {('N', *self.shape)}".replace("'N'", "N")


@dataclass(frozen=True, eq=False)
class Targets:
    """The targets of the samples of a split.

    kind     as of TargetSpec
    values   (N, ...): integers for class (N,) and class_map (N, H, W), where -1 is counted nowhere; 0 and 1, or shares
             between them, for tags (N, K); finite numbers for the others, an array or a lazy reader; None for "input"
    names    of classes or columns
    at       how messages name the values: a file, with a member where it has several
    scaling  of "values", to what the network is compared with: bytes become [0, 1], floats stay
    written_as_floats  whether a file holds class labels as floats, as it would hold numbers

    Raises DataError on values of another kind.
    """

    kind: str
    values: Any = None
    names: tuple[str, ...] = ()
    at: str = "targets"
    scaling: Scaling | None = None
    written_as_floats: bool = False

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise refuse(self.at, f"a kind of targets, one of {', '.join(KINDS)}", f"{self.kind!r:.60}")
        names: Any = self.names
        if isinstance(names, str) or not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
            raise refuse(self.at, "names as texts, each once", f"{names!r:.300}")
        object.__setattr__(self, "names", tuple(map(to_text, names)))
        if self.kind == INPUT:
            if self.values is not None:
                raise refuse(self.at, "no values beside samples that are their own targets", type(self.values).__name__)
            return
        object.__setattr__(self, "values", _CHECKS[self.kind](self.values, self.at))
        if self.kind in (CLASS, CLASS_MAP) and self.names:
            require_known(self.values, len(self.names), self.at)
        elif self.kind in (TAGS, NUMBERS) and self.names and len(self.names) != self.values.shape[1]:
            raise refuse(self.at, f"a column for each of {len(self.names)} names", f"{self.values.shape[1]} columns")
        if self.kind == VALUES and self.scaling is None:
            object.__setattr__(self, "scaling", Scaling(0.0, 1 / 255) if self.values.dtype == np.uint8 else Scaling())

    def describe(self, sample_shape: tuple[int, ...]) -> TargetSpec:
        """Return the spec of these targets, for samples of this shape."""
        shape = sample_shape if self.kind == INPUT else tuple(self.values.shape[1:])
        return TargetSpec(self.kind, shape, self.names)

    @property
    def ignores(self) -> bool:
        """Whether a label is -1, so that it counts nowhere."""
        return self.kind in (CLASS, CLASS_MAP) and bool((self.values < 0).any())

    def named(self, names: tuple[str, ...]) -> "Targets":
        """Return the targets with these names. Raises DataError where a label is the number of none of them."""
        return replace(self, names=names)

    def as_numbers(self) -> "Targets":
        """Return class labels that a file holds as floats as rows of one number (N, 1)."""
        return Targets(NUMBERS, self.values.astype(np.float64)[:, None], at=self.at)

    def relabelled(self, numbers: npt.NDArray[np.int64], names: tuple[str, ...]) -> "Targets":
        """Return the targets with class k as numbers[k] of `names`; -1 stays."""
        if self.kind == TAGS:
            moved = np.zeros((len(self.values), len(names)), self.values.dtype)
            moved[:, numbers] = self.values
        else:
            moved = np.append(numbers, IGNORED)[self.values]
        return replace(self, values=moved, names=names)

    def take(self, indices: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the values at these indices (n,) as they are stored, (n, ...)."""
        return np.asarray(self.values[indices])

    def convert(self, raw: npt.NDArray[Any], x: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return stored values as a loss takes them: labels int64, others in the dtype of the network's input x.

        Samples that are their own targets are x itself.
        """
        if self.kind == INPUT:
            return x
        if self.kind in (CLASS, CLASS_MAP):
            return raw.astype(np.int64, copy=False)
        return raw.astype(x.dtype) if self.scaling is None else self.scaling.apply(raw, x.dtype)


def _check_classes(values: Any, at: str) -> npt.NDArray[np.int64]:
    labels = as_array(values, at)
    return class_indices(labels, labels.shape[0] if labels.ndim else 0, at, typed=True, ignored=True)


def _check_tags(values: Any, at: str) -> npt.NDArray[Any]:
    tags = as_array(values, at)
    if tags.ndim != 2 or 0 in tags.shape or tags.dtype.kind not in "biuf":
        raise refuse(at, "rows of labels (N, K), each 0 or 1", f"{tags.dtype} {tags.shape}")
    wrong = ~((tags >= 0) & (tags <= 1)).all(axis=1)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise refuse(
            at, "labels that are 0 or 1, or a share between them", f"{tags[row].tolist()} at index {row}"[:120]
        )
    return tags


def _check_numbers(values: Any, at: str) -> npt.NDArray[Any]:
    numbers = as_array(values, at)
    if numbers.dtype.kind not in "biuf" or numbers.ndim not in (1, 2) or 0 in numbers.shape:
        raise refuse(at, "numbers (N,) or rows of numbers (N, F)", f"{numbers.dtype} {numbers.shape}")
    numbers = numbers[:, None] if numbers.ndim == 1 else numbers
    finite = np.isfinite(numbers).all(axis=1)
    if not finite.all():
        row = int(np.argmin(finite))
        raise refuse(at, "finite numbers", f"{numbers[row].tolist()} at index {row}"[:120])
    return numbers


def _check_map(values: Any, at: str) -> npt.NDArray[Any]:
    maps = as_array(values, at)
    if maps.dtype.kind not in "biu" or maps.ndim < 2 or 0 in maps.shape:
        raise refuse(at, "maps of classes (N, H, W) as whole numbers", f"{maps.dtype} {maps.shape}")
    maps = maps.astype(np.uint8) if maps.dtype == np.bool_ else maps
    lowest, highest = int(maps.min()), int(maps.max())
    if lowest < IGNORED or highest >= MOST_CLASSES:
        wrong = lowest if lowest < IGNORED else highest
        raise refuse(at, f"classes in 0..{MOST_CLASSES - 1}, or -1 where nothing counts", f"{wrong}")
    return maps


def _check_values(values: Any, at: str) -> Images:
    arrays = as_images(values, at)
    if len(arrays.shape) < 2 or 0 in arrays.shape:
        raise refuse(at, "an array for each sample, (N, ...)", f"shape {tuple(arrays.shape)}")
    require_finite(arrays, at)
    return arrays


_CHECKS = {
    CLASS: _check_classes,
    TAGS: _check_tags,
    NUMBERS: _check_numbers,
    CLASS_MAP: _check_map,
    VALUES: _check_values,
}


def list_chunks(targets: Targets) -> Any:
    """Yield the values in order, some MiB at a time; nothing of samples that are their own targets."""
    return () if targets.kind == INPUT else chunks(targets.values)
