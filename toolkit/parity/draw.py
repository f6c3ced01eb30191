"""Random choices for cases, from a seeded generator or from Hypothesis, behind one small interface."""

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

T = TypeVar("T")
Values = npt.NDArray[np.float64]


class Draw(Protocol):
    """Makes the choices of a random case."""

    def integer(self, low: int, high: int) -> int:
        """Return a whole number in low..high."""
        ...

    def choice(self, options: Sequence[T]) -> T:
        """Return one of the options."""
        ...


class SeededDraw:
    """Choices by NumPy's PCG64 from one seed: the same cases on every machine."""

    def __init__(self, *seed: int) -> None:
        self._rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed)))

    def integer(self, low: int, high: int) -> int:
        """Return a whole number in low..high."""
        return int(self._rng.integers(low, high, endpoint=True))

    def choice(self, options: Sequence[T]) -> T:
        """Return one of the options."""
        return options[self.integer(0, len(options) - 1)]


class HypothesisDraw:
    """Choices by Hypothesis, which shrinks failing cases. data: the value of its strategy `data()`."""

    def __init__(self, data: Any) -> None:
        from hypothesis import strategies

        self._data, self._strategies = data, strategies

    def integer(self, low: int, high: int) -> int:
        """Return a whole number in low..high."""
        return int(self._data.draw(self._strategies.integers(low, high)))

    def choice(self, options: Sequence[T]) -> T:
        """Return one of the options."""
        return options[self.integer(0, len(options) - 1)]


def draw_pair(draw: Draw, low: int, high: int) -> tuple[int, int]:
    """Return two whole numbers in low..high."""
    return draw.integer(low, high), draw.integer(low, high)


def draw_sizes(draw: Draw, count: int, low: int, high: int) -> tuple[int, ...]:
    """Return `count` whole numbers in low..high."""
    return tuple(draw.integer(low, high) for _ in range(count))


def draw_generator(draw: Draw) -> np.random.Generator:
    """Return a generator of values with a drawn seed."""
    return np.random.default_rng(draw.integer(0, 2**32 - 1))


def round_to_float32(values: Any) -> Values:
    """Return the values rounded to float32, so that every dtype starts from the same numbers."""
    return np.asarray(values, np.float32).astype(np.float64)


def draw_normal(draw: Draw, *shape: int, scale: float = 1.0) -> Values:
    """Return normal values that float32 holds exactly."""
    return round_to_float32(draw_generator(draw).normal(scale=scale, size=shape))


def draw_tied_values(draw: Draw, *shape: int) -> Values:
    """Return integers from -k to k for a drawn k, mostly small, so that maxima tie."""
    size = draw.choice((1, 2, 3, 10**6))
    return draw_generator(draw).integers(-size, size, shape, endpoint=True).astype(np.float64)


def draw_shape(draw: Draw, least: int = 1, most: int = 4) -> tuple[int, ...]:
    """Return a shape of `least` to `most` axes, each of 1 to 6."""
    return tuple(draw.integer(1, 6) for _ in range(draw.integer(least, most)))
