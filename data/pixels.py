"""Pixels as given: an array of numbers, each finite."""

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from cnnkit.data.refusal import refuse

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


def as_images(given: Any, where: str) -> Images:
    """Return `given` itself if it is an array or a lazy reader of one, else the array that it can be made into.

    Raises DataError for anything that is not an array of numbers.
    """
    if not isinstance(getattr(given, "dtype", None), np.dtype) or isinstance(given, np.ma.MaskedArray):
        given = as_array(given, where)
    images: Images = given
    if images.dtype.kind not in "biuf" or images.dtype.itemsize > 8:
        hint = "give one array of numbers" if images.dtype.kind in "OUS" else ""
        raise refuse(where, "pixels as integers or floats of at most 64 bits", str(images.dtype), hint)
    return images


def as_array(given: Any, where: str) -> npt.NDArray[Any]:
    """Return an array of lists, tensors or data frames.

    Raises DataError where their parts differ in shape, where values are masked, and for what is no array.
    """
    if isinstance(given, np.ma.MaskedArray) and np.ma.is_masked(given):
        raise refuse(where, "an array without masked values", "a masked array", "fill it: array.filled(0)")
    try:
        return np.asarray(given)
    except (ValueError, TypeError, RuntimeError) as error:
        reason = str(error).splitlines()[0] if str(error) else ""
        hint = "all its parts must have one shape" if isinstance(error, ValueError) else "give a NumPy array"
        raise refuse(where, "one array of numbers", f"{type(given).__name__} ({reason})", hint) from None


def chunks(images: Images) -> Iterator[npt.NDArray[Any]]:
    """Yield all images in order, (n, C, H, W), about 16 MiB at a time."""
    image_bytes = int(np.prod(images.shape[1:])) * images.dtype.itemsize
    step = max(1, CHUNK_BYTES // max(1, image_bytes))
    for start in range(0, images.shape[0], step):
        yield np.asarray(images[start : start + step])


def require_finite(images: Images, where: str) -> None:
    """Raise DataError for NaN and infinity, with the image; one pass, one chunk at a time."""
    if images.dtype.kind != "f":
        return
    start = 0
    for chunk in chunks(images):
        finite = np.isfinite(chunk).all(axis=tuple(range(1, chunk.ndim)))
        if not finite.all():
            at = start + int(np.argmin(finite))
            raise refuse(where, "finite pixels", f"NaN or infinity in image {at}", "replace or drop such images")
        start += len(chunk)
