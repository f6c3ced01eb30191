"""What excites each channel of a layer most: the places of a data set where its values are largest."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cnnkit.data.dataset import Dataset
from cnnkit.explanation.tapping import run_tapped
from cnnkit.explanation.worked import Floats
from cnnkit.network import Network

_BATCH = 128  # samples at a time, or less where these do not fit into memory


class Excitement(NamedTuple):
    """A place where a channel is large: the sample of the split, the position in the layer's output, the value."""

    sample: int
    position: tuple[int, ...]
    value: float


class _Best(NamedTuple):
    """For each channel the largest values so far, (C, count): samples, flat positions and values, the largest first."""

    samples: NDArray[np.int64]
    places: NDArray[np.int64]
    values: Floats


def find_exciting(
    model: Network, dataset: Dataset, split: str, path: str, count: int, samples: Sequence[int]
) -> list[list[Excitement]]:
    """Return for each channel of the layer at `path` the `count` samples in which its largest value is largest.

    A sample counts once, at its first largest value; of equal samples the first comes first; NaN counts as smallest.
    What is kept does not grow with the number of samples.
    """
    size, sizes = model.find_batch(min(_BATCH, len(samples))), tuple[int, ...]()
    best: _Best | None = None
    for start in range(0, len(samples), size):
        indices = np.asarray(samples[start : start + size], np.int64)
        x, _ = dataset.batch(split, indices, model.array_dtype)
        values, places, sizes = _find_largest(model, run_tapped(model, x, path)[path].passes[0].y)
        batch = _Best(np.broadcast_to(indices, values.shape), places, values)
        best = batch if best is None else _Best(*map(_join, best, batch))
        best = _keep(best, count)
    if best is None:
        return []

    def name_place(place: int) -> tuple[int, ...]:
        return tuple(int(i) for i in np.unravel_index(place, sizes)) if sizes else ()

    return [
        [
            Excitement(int(sample), name_place(int(place)), float(value))
            for sample, place, value in zip(*rows, strict=True)
        ]
        for rows in zip(*best, strict=True)
    ]


def _find_largest(model: Network, y: Any) -> tuple[Floats, NDArray[np.int64], tuple[int, ...]]:
    """Return (the largest value of each channel and sample (C, N), where it is, the sizes behind the channels)."""
    backend, sizes = model.backend, tuple(int(n) for n in y.shape[2:])
    rows = y.reshape((y.shape[0], y.shape[1], -1))
    values = np.asarray(backend.to_numpy(backend.max(rows, axis=2))).astype(np.float64)
    places = np.asarray(backend.to_numpy(backend.argmax(rows, axis=2))).astype(np.int64)
    return np.nan_to_num(values, nan=-np.inf).T, places.T, sizes


def _join(one: NDArray[Any], other: NDArray[Any]) -> NDArray[Any]:
    return np.concatenate([one, other], axis=1)


def _keep(best: _Best, count: int) -> _Best:
    """Return the `count` largest of each channel; of equal ones those that stand first."""
    order = np.argsort(-best.values, axis=1, kind="stable")[:, :count]
    samples, places, values = (np.take_along_axis(part, order, axis=1) for part in best)
    return _Best(samples.astype(np.int64), places.astype(np.int64), values.astype(np.float64))


def cut_seen(picture: Floats, seen: tuple[tuple[int, int], ...] | None) -> Floats:
    """Return what is seen of a picture (C, H, W), NaN where that lies beyond its edge; all of it for None."""
    if seen is None:
        return picture
    (top, bottom), (left, right) = seen
    _, height, width = picture.shape
    cut = np.full((len(picture), bottom - top, right - left), np.nan)
    rows, columns = slice(max(top, 0), min(bottom, height)), slice(max(left, 0), min(right, width))
    inside = picture[:, rows, columns]
    first_row, first_column = max(-top, 0), max(-left, 0)
    cut[:, first_row : first_row + inside.shape[1], first_column : first_column + inside.shape[2]] = inside
    return cut
