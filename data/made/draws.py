"""Numbers drawn for made data: addressed by (seed, purpose), the same bits on every machine and with every NumPy.

NumPy promises the words of its bit generators for ever, but not what `Generator` makes of them: so the words are used.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[Any]  # float64
Shape = tuple[int, ...]


def _words(seed: int, purpose: str, shape: Shape) -> npt.NDArray[np.uint64]:
    """Return words of 64 bits, in the given shape."""
    sequence = np.random.SeedSequence(seed, spawn_key=tuple(purpose.encode()))
    words: npt.NDArray[np.uint64] = np.random.PCG64(sequence).random_raw(math.prod(shape))
    return words.reshape(shape)


def uniform(seed: int, purpose: str, shape: Shape, low: float = 0.0, high: float = 1.0) -> Floats:
    """Return numbers evenly spread over [low, high), each a multiple of 2^-53 of the width."""
    return low + (high - low) * ((_words(seed, purpose, shape) >> np.uint64(11)) * 2.0**-53)


def integers(seed: int, purpose: str, shape: Shape, count: int) -> npt.NDArray[np.int64]:
    """Return whole numbers evenly spread over 0..count-1, count at most 2^31."""
    return (((_words(seed, purpose, shape) >> np.uint64(32)) * np.uint64(count)) >> np.uint64(32)).astype(np.int64)


def bell(seed: int, purpose: str, shape: Shape) -> Floats:
    """Return numbers of mean 0 and standard deviation 1: the sum of four even ones, so within +-2 sqrt(3).

    A normal distribution would need a logarithm, whose last bit differs between machines.
    """
    first, second, third, fourth = uniform(seed, purpose, (4, *shape), -0.5, 0.5)
    total: Floats = first + second + third + fourth
    return math.sqrt(3.0) * total


def grains(seed: int, purpose: str, shape: Shape) -> npt.NDArray[np.uint8]:
    """Return bytes evenly spread over 0..255, eight of each word: quick where many coarse numbers are needed."""
    words = _words(seed, purpose, (-(-math.prod(shape) // 8),)).astype("<u8")
    return words.view(np.uint8)[: math.prod(shape)].reshape(shape)
