"""Signals of eight shapes, noisy, of any frequency, phase and height: the class is the shape."""

import math

import numpy as np
import numpy.typing as npt

from cnnkit.data.made.draws import Floats, bell, integers, uniform

WAVES = ("sine", "square", "triangle", "sawtooth", "chirp", "beat", "burst", "steps")
LENGTH = 96
_NOISE = 0.25  # standard deviation; a wave has a height of 0.5 to 1.5
_GRID = 1024.0  # values are multiples of 1 / 1024, so that the last bit of a sine does not matter
_LEVELS = 24  # of steps


def make_signals(seed: int, count: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Return signals (N, 1, 96) and the number of the shape of each, in WAVES.

    A phase t counts periods: 2 to 7 of them in a signal.
    """
    labels = integers(seed, "shape", (count,), len(WAVES))
    periods, start = (uniform(seed, name, (count, 1), low, high)
                      for name, low, high in (("periods", 2, 7), ("phase", 0, 1)))  # fmt: skip
    along = np.arange(LENGTH) / LENGTH  # (L,)
    t = periods * along + start  # (N, L)
    part = t - np.floor(t)
    waves = {
        "sine": _sine(t),
        "square": np.where(part < 0.5, 1.0, -1.0),
        "triangle": 4 * np.abs(part - 0.5) - 1,
        "sawtooth": 2 * part - 1,
        "chirp": _sine(periods * along * (0.4 + 0.9 * along) + start),
        "beat": _sine(t) * np.abs(_sine(along * uniform(seed, "beats", (count, 1), 0.5, 1.0) + start)),
        "burst": _sine(2 * t) * (np.abs(along - uniform(seed, "burst", (count, 1), 0.25, 0.75)) < 0.18),
        "steps": _steps(seed, t),
    }
    heights = uniform(seed, "height", (count, 1), 0.5, 1.5) * (1 - 2.0 * integers(seed, "sign", (count, 1), 2))
    clean = np.stack([waves[name] for name in WAVES])[labels, np.arange(count)]
    noisy = heights * clean + _NOISE * bell(seed, "noise", clean.shape)
    return (np.rint(noisy * _GRID) / _GRID).astype(np.float32)[:, None], labels


def _sine(t: Floats) -> Floats:
    return np.sin(2 * math.pi * t)


def _steps(seed: int, t: Floats) -> Floats:
    """Return a level drawn anew every half period."""
    levels = uniform(seed, "levels", (len(t), _LEVELS), -1.0, 1.0)
    return np.take_along_axis(levels, np.floor(2 * t).astype(np.int64) % _LEVELS, axis=1)
