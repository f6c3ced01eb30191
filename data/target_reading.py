"""From targets as a program or a file gives them to Targets: their kind follows from type and shape, or is named."""

from typing import Any

import numpy as np
import numpy.typing as npt

from cnnkit.data.labels import IGNORED, MOST_CLASSES, class_indices
from cnnkit.data.pixels import as_array, as_images
from cnnkit.data.refusal import refuse
from cnnkit.data.targets import CLASS, CLASS_MAP, INPUT, KINDS, NUMBERS, TAGS, VALUES, Targets


def read_targets(
    given: Any,
    images: tuple[int, ...],
    at: str,
    *,
    kind: str | None = None,
    names: tuple[str, ...] = (),
    ignore: int | None = None,
    typed: bool = True,
) -> Targets:
    """Return the targets of images of shape (N, ...).

    given   Targets; "input", for samples that are their own targets; or an array, whose kind is, unless named:
            (N,) or (N, 1)   integers: class; floats: numbers
            (N, K)           one-hot: class; all 0 or 1: tags; others: numbers
            (N, *places)     integers for each place of the images (N, C, *places): class_map
            (N, ...)         others: values, such as images
    names   of classes or columns, where the kind has them
    ignore  the class number that counts nowhere
    typed   False for a file, which may hold class labels as floats: whole ones are taken for classes

    Raises DataError for another number of targets than images, and for values that the kind cannot have.
    """
    if isinstance(given, Targets):
        if given.kind != INPUT:
            _require_count(tuple(given.values.shape), images, given.at, given.kind)
        return given
    if isinstance(given, str) and given == INPUT and kind in (None, INPUT):
        return Targets(INPUT, at=at)
    if kind is not None and kind not in KINDS:
        raise refuse(at, f"a kind of targets, one of {', '.join(KINDS)}", f"{kind!r:.60}")
    if kind == VALUES or (kind is None and _holds_values(given, images)):
        arrays = as_images(given, at)
        _require_count(tuple(arrays.shape), images, at, VALUES)
        return Targets(VALUES, arrays, at=at)
    array = as_array(given, at)
    kind = kind or _find_kind(array, images, typed)
    if kind not in (CLASS, NUMBERS):
        _require_count(array.shape, images, at, kind)
    elif kind == NUMBERS and (array.ndim == 0 or array.shape[0] != images[0]):
        raise refuse(at, f"a target for each of the {images[0]} images", f"targets of shape {array.shape}")
    if ignore is not None and kind in (CLASS, CLASS_MAP) and array.dtype.kind in "iuf":
        array = _drop(array, ignore)
    if kind == CLASS:
        floats = array.dtype.kind == "f" and array.size == images[0]
        labels = class_indices(array, images[0], at, typed=typed, ignored=ignore is not None)
        return Targets(CLASS, labels, names, at, written_as_floats=floats)
    return Targets(kind, array, names if kind in (TAGS, CLASS_MAP, NUMBERS) else (), at)


def _holds_values(given: Any, images: tuple[int, ...]) -> bool:
    """Say whether something is an array for each sample that is neither a row nor a map of classes."""
    shape, dtype = getattr(given, "shape", ()), getattr(given, "dtype", None)
    if not isinstance(dtype, np.dtype) or len(shape) < 3 or dtype.kind not in "biuf":
        return False
    return not (dtype.kind in "iu" and tuple(shape) == (images[0], *images[2:]))


def _find_kind(array: npt.NDArray[Any], images: tuple[int, ...], typed: bool) -> str:
    if array.ndim < 2 or array.size == images[0]:
        return NUMBERS if array.dtype.kind == "f" and (typed or not _are_classes(array)) else CLASS
    if array.ndim == 2 and array.dtype.kind in "biuf":
        binary = ((array == 0) | (array == 1)).all()
        return (CLASS if (array.sum(axis=1) == 1).all() else TAGS) if binary else NUMBERS
    whole = array.dtype.kind in "iu" and array.shape == (images[0], *images[2:])
    return CLASS_MAP if whole else VALUES if array.ndim > 2 else CLASS


def _drop(array: npt.NDArray[Any], ignore: int) -> npt.NDArray[Any]:
    """Return labels with -1 for the class `ignore`, in the smallest type with a sign that holds the others.

    Floats that are no labels stay floats, for the kind to refuse.
    """
    if array.dtype.kind == "f":
        kept = np.where(array == ignore, array.dtype.type(IGNORED), array)
        return kept.astype(np.int64) if _are_classes(np.maximum(kept, 0)) and array.ndim > 1 else kept
    if array.dtype == np.uint64:
        array = np.minimum(array, np.uint64(np.iinfo(np.int64).max)).astype(np.int64)
    return np.where(array == ignore, np.int8(IGNORED), array)


def _are_classes(array: npt.NDArray[Any]) -> bool:
    with np.errstate(invalid="ignore", over="ignore"):
        return bool(((array == np.trunc(array)) & (array >= 0) & (array < MOST_CLASSES)).all())


def _require_count(shape: tuple[int, ...], images: tuple[int, ...], at: str, kind: str) -> None:
    if not shape or shape[0] != images[0]:
        what = "label" if kind == CLASS else "target"
        raise refuse(at, f"a {what} for each of the {images[0]} images", f"{what}s of shape {shape}")
    if kind == CLASS_MAP and shape[1:] != images[2:]:
        raise refuse(at, f"maps of classes of the images' size {images[2:]}", f"{shape[1:]}")
