"""Arrays read at the places that affine maps name: whole pixels as slices, others bilinear or nearest.

Only sums, products, floor and comparisons of single numbers, in a fixed order: the same bits on every machine.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from cnnkit.data.augmentation.affine import AffineMap

Pixels = npt.NDArray[Any]
Outside = float | None  # what lies outside: a raw value; None: the nearest pixel of the edge
_TOGETHER = 1 << 16  # places that are computed at a time, so that all steps find them in the cache


def working_type(dtype: np.dtype[Any]) -> type[np.floating[Any]]:
    """Return the float in which pixels are computed: one that holds each of their values."""
    return np.float32 if dtype.itemsize <= 2 or dtype == np.float32 else np.float64


def to_pixels(values: Pixels, dtype: np.dtype[Any], white: float | None = None) -> Pixels:
    """Return computed values as pixels: rounded half to even, and within [0, white], where pixels are integers."""
    if dtype.kind == "f":
        return values.astype(dtype, copy=False)
    if dtype.kind == "b":
        return values >= 0.5
    limits = np.iinfo(dtype)
    low, high = (limits.min, limits.max) if white is None else (0, min(white, limits.max))
    return np.clip(np.rint(values), low, high).astype(dtype)


def move(images: Pixels, places: AffineMap, border: Outside) -> Pixels:
    """Return images (n, C, *S) moved by whole pixels, each axis perhaps mirrored; matrices are diagonal, 1 or -1."""
    moved = np.empty_like(images)
    if border is not None:
        moved[...] = to_pixels(np.array(border), images.dtype)
    sizes = images.shape[2:]
    signs = np.stack([places.matrix[:, k, k] for k in range(len(sizes))], axis=1)
    centres = (np.array(sizes) - 1) / 2
    firsts = np.rint(places.offset + centres * (1 - signs)).astype(int).tolist()  # the source of place 0
    for image, result, sign, first in zip(images, moved, signs.tolist(), firsts, strict=True):
        if border is None:
            ranges = [
                np.clip(f + int(s) * np.arange(size), 0, size - 1)
                for f, s, size in zip(first, sign, sizes, strict=True)
            ]
            result[...] = image[(slice(None), *np.ix_(*ranges))]
            continue
        cuts = [_cut(f, s > 0, size) for f, s, size in zip(first, sign, sizes, strict=True)]
        result[(slice(None), *(to for to, _ in cuts))] = image[(slice(None), *(source for _, source in cuts))]
    return moved


def _cut(first: int, upright: bool, size: int) -> tuple[slice, slice]:
    """Return the places of an axis that are inside, and their sources: first, first + 1, ... or downwards."""
    if upright:
        begin, end = min(max(-first, 0), size), max(min(size - first, size), 0)
        return slice(begin, max(begin, end)), slice(begin + first, max(begin, end) + first)
    begin, end = min(max(first - size + 1, 0), size), max(min(first + 1, size), 0)
    end = max(begin, end)
    last = first - end
    return slice(begin, end), slice(first - begin, last if last >= 0 else None, -1) if end > begin else slice(0, 0)


def interpolate(images: Pixels, places: AffineMap, border: Outside) -> Pixels:
    """Return images (n, C, H, W) read at places between pixels: bilinear, the border as if it went on outside."""
    n, channels, height, width = images.shape
    result, dtype = np.empty_like(images), working_type(images.dtype)
    step = max(1, _TOGETHER // (height * width))
    for start in range(0, n, step):
        part = slice(start, start + step)
        y, x = _source_places(places, part, height, width, 1 if border is not None else 0)
        top, left = np.floor(y), np.floor(x)
        down, right = (y - top).astype(dtype), (x - left).astype(dtype)
        pad = (1, 2) if border is not None else (0, 1)
        rows, columns = height + sum(pad), width + sum(pad)
        count = len(y)
        index = (np.arange(count) * (rows * columns))[:, None, None] + (top + pad[0]).astype(np.intp) * columns
        index += (left + pad[0]).astype(np.intp)
        padded = np.empty((count, rows, columns), dtype)
        corners = np.empty((4, count, height, width), dtype)
        for channel in range(channels):
            _pad(images[part, channel], padded, pad, border)
            flat = padded.reshape(-1)
            for corner, shift in zip(corners, (0, 1, columns, columns + 1), strict=True):
                np.take(flat[shift:], index, out=corner, mode="clip")
            upper = corners[0] + right * (corners[1] - corners[0])
            lower = corners[2] + right * (corners[3] - corners[2])
            result[part, channel] = to_pixels(upper + down * (lower - upper), images.dtype)
    return result


def nearest(maps: Pixels, places: AffineMap, outside: int | None) -> Pixels:
    """Return maps (n, H, W) read at the nearest pixel, `outside` where there is none; None: at the edge."""
    n, height, width = maps.shape
    result = np.empty_like(maps)
    step = max(1, _TOGETHER // (height * width))
    for start in range(0, n, step):
        part = slice(start, start + step)
        y, x = (np.floor(c + np.float32(0.5)) for c in _source_places(places, part, height, width, 1))
        rows, columns = np.clip(y, 0, height - 1).astype(np.intp), np.clip(x, 0, width - 1).astype(np.intp)
        found = maps[part][np.arange(len(y))[:, None, None], rows, columns]
        if outside is not None:
            inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
            found = np.where(inside, found, outside)
        result[part] = found
    return result


def _source_places(places: AffineMap, part: slice, height: int, width: int, margin: int) -> tuple[Pixels, Pixels]:
    """Return the sources (y, x) of all places of the samples, (n, H, W) float32, at most `margin` pixels outside."""
    matrix, offset = places.matrix[part].astype(np.float32), places.offset[part].astype(np.float32)
    centre = np.float32((height - 1) / 2), np.float32((width - 1) / 2)
    y, x = np.arange(height, dtype=np.float32) - centre[0], np.arange(width, dtype=np.float32) - centre[1]
    found = []
    for axis, size in ((0, height), (1, width)):
        column = matrix[:, axis, 0, None] * y + (offset[:, axis, None] + centre[axis])
        row = matrix[:, axis, 1, None] * x
        found.append(np.clip(column[:, :, None] + row[:, None, :], -margin, size - 1 + margin))
    return found[0], found[1]


def _pad(images: Pixels, padded: Pixels, pad: tuple[int, int], border: Outside) -> None:
    """Write images (n, H, W) into `padded`, surrounded by the border or by their own edge."""
    before, after = pad
    inside = padded[:, before:-after, before:-after]
    if border is not None:
        padded[...] = border
        inside[...] = images
        return
    inside[...] = images
    padded[:, -after:, :-after] = padded[:, -after - 1 : -after, :-after]
    padded[:, :, -after:] = padded[:, :, -after - 1 : -after]
