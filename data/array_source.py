"""Arrays by name, as .npz, .h5 and folders of .npy hold them: samples, targets of one or several outputs, weights."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnkit.data.assembly import RawSplit, assemble
from cnnkit.data.dataset import Dataset
from cnnkit.data.layout import arrange_axes, choose_layout
from cnnkit.data.pixels import Images
from cnnkit.data.reading import Reading
from cnnkit.data.refusal import refuse
from cnnkit.data.split import read_weights
from cnnkit.data.target_reading import read_targets
from cnnkit.data.targets import CLASS, NUMBERS, VALUES, Targets
from cnnkit.files.names import printable

TRAIN, TEST = "train", "test"
FIRST = "x_train"
_MOST_OUTPUTS = 1000


class ArraySource(ABC):
    """The arrays of a file or a folder."""

    names: Collection[str]
    where: Path

    @abstractmethod
    def read_samples(self, key: str) -> Images:
        """Return an array of samples (N, ...), or a lazy reader of one. Raises DataError where it cannot be read."""

    @abstractmethod
    def read_targets(self, key: str, samples: int) -> Images:
        """Return an array of targets as `read_samples` does. Raises DataError where it is not of `samples` targets."""

    @abstractmethod
    def locate(self, key: str) -> str:
        """Return how messages name an array."""

    def refuse_missing(self, key: str) -> Exception:
        """Return the error for an array that is not there."""
        got = ", ".join(printable(name, 60) for name in sorted(self.names)[:8]) or "(none)"
        hint = "numpy.savez(FILE, x_train=images, y_train=labels) names them so"
        return refuse(self.where, f"an array {key}", f"arrays {got}", hint)


def list_wanted(names: Collection[str]) -> list[str]:
    """Return the names that are read: x_train, y_train, y_train_NAME for several outputs, w_train; of test alike."""
    wanted = [f"{letter}_{part}" for part in (TRAIN, TEST) for letter in "xyw"]
    return [name for name in names if name in wanted or name.startswith(("y_train_", "y_test_"))]


def read_arrays(name: str, source: ArraySource, reading: Reading, **facts: Any) -> Dataset:
    """Return the data set of these arrays; layout, kinds of targets and classes follow from them and from `reading`.

    Raises DataError on missing arrays, and on shapes that do not fit together.
    """
    layout, splits, notes = reading.layout, {}, []
    for part in (TRAIN, TEST):
        targets = _find_targets(source, part)
        x = f"x_{part}"
        if part == TEST and x not in source.names and not targets:
            continue
        for key in (x, *([] if targets else [f"y_{part}"])):
            if key not in source.names:
                raise source.refuse_missing(key)
        stored = source.read_samples(x)
        layout = layout or choose_layout(tuple(stored.shape), reading.sample, source.locate(x))
        images = arrange_axes(stored, layout, source.locate(x))
        shape = tuple(images.shape)
        read = {out: _read(source, key, shape, layout, reading) for out, key in targets.items()}
        weights = _read_weights(source, part, shape[0])
        made: Any = read.get("", read)
        where = source.locate(f"y_{part}")
        splits[part] = RawSplit(images, made, source.locate(x), where, True, weights)
        if part == TRAIN and tuple(stored.shape) != shape:
            notes.append(f"{printable(name, 400)}: samples {tuple(stored.shape[1:])} are read as {layout}, {shape[1:]}")
    said = () if layout in ("HW", "HWC") and reading.sample is None else tuple(notes)
    return assemble(name, splits[TRAIN], splits.get(TEST), notes=said, **facts)


def _find_targets(source: ArraySource, part: str) -> Mapping[str, str]:
    """Return {output: array}, of a single output {"": array}. Raises DataError where both kinds are there."""
    alone, prefix = f"y_{part}", f"y_{part}_"
    several = {
        key.removeprefix(prefix): key for key in sorted(source.names) if key.startswith(prefix) and key != prefix
    }
    if alone in source.names and several:
        got = f"{alone} and {printable(next(iter(several.values())), 60)}"
        raise refuse(source.where, f"targets of one output, {alone}, or of several, {prefix}NAME", got)
    if len(several) > _MOST_OUTPUTS:
        raise refuse(source.where, f"targets of at most {_MOST_OUTPUTS} outputs", f"{len(several)}")
    return {"": alone} if alone in source.names else several


def _read(source: ArraySource, key: str, images: tuple[int, ...], layout: str, reading: Reading) -> Targets:
    stored, where = source.read_targets(key, images[0]), source.locate(key)
    kind = _choose_kind(stored, images, reading)
    if kind == VALUES and len(stored.shape) == len(layout) + 1 and layout not in ("F", "L"):
        stored = arrange_axes(stored, layout, where)
    elif kind != VALUES and not isinstance(stored, np.ndarray):
        stored = stored[:]
    ignore = reading.ignore if kind in (None, CLASS) else None
    return read_targets(stored, images, where, kind=kind, ignore=ignore, typed=False)


def _choose_kind(stored: Images, images: tuple[int, ...], reading: Reading) -> str | None:
    """Return the kind of targets where shape, type and the loss decide it; None leaves it to the values."""
    shape, axes = tuple(stored.shape), len(stored.shape)
    if axes < 3:
        floats = stored.dtype.kind == "f" and shape in ((images[0],), (images[0], 1))
        return NUMBERS if floats and reading.numbers else None
    of_places = stored.dtype.kind in "iu" and shape == (images[0], *images[2:])
    return None if of_places and not reading.numbers else VALUES


def _read_weights(source: ArraySource, part: str, samples: int) -> npt.NDArray[Any] | None:
    key = f"w_{part}"
    if key not in source.names or part == TEST:
        return None
    stored = source.read_targets(key, samples)
    weights: npt.NDArray[Any] = stored if isinstance(stored, np.ndarray) else stored[:]
    if weights.shape not in ((samples,), (samples, 1)):
        raise refuse(source.locate(key), f"weights ({samples},)", f"shape {weights.shape}")
    return read_weights(weights.reshape(samples), samples, source.locate(key))
