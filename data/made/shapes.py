"""Colour pictures (3, 32, 32) of ten shapes, of any colour, texture, size, place and angle, over clutter.

Colours, textures and clutter say nothing about the class, so a net that remembers them overfits: there are few pictures
for what varies, and flips, shifts and crops of them help, as with photographs. Every operation on pixels is one that
IEEE 754 rounds correctly, so the bits are the same on every machine; sines and cosines of angles are rounded.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cnnkit.data.made.draws import Floats, grains, integers, uniform

SIDE = 32
_BLOCK = 100  # pictures made at once, which fit a processor's cache
_CLUTTER = 2  # bars behind the shape
_GRID = 5  # values along each side between which blobs are interpolated
_NOISE = 0.06  # largest, where the range of a channel is 1
_ROUNDING = 4096.0  # of a sine or cosine
Plane = npt.NDArray[Any]  # float32 (N, 32, 32), or (N, 1, 1) for a value of each picture
Mask = npt.NDArray[np.bool_]

# Where a shape is, for u and v about -1 to 1.
FIGURES: dict[str, Callable[[Plane, Plane], Mask]] = {
    "disc": lambda u, v: u * u + v * v < 0.8,
    "ring": lambda u, v: np.abs(u * u + v * v - 0.62) < 0.28,
    "square": lambda u, v: np.maximum(np.abs(u), np.abs(v)) < 0.75,
    "frame": lambda u, v: np.abs(np.maximum(np.abs(u), np.abs(v)) - 0.65) < 0.18,
    "triangle": lambda u, v: (v > -0.6) & (1.75 * np.abs(u) + v < 1),
    "cross": lambda u, v: (np.minimum(np.abs(u), np.abs(v)) < 0.28) & (np.maximum(np.abs(u), np.abs(v)) < 0.9),
    "star": lambda u, v: np.sqrt(np.abs(u)) + np.sqrt(np.abs(v)) < 1.1,
    "crescent": lambda u, v: (u * u + v * v < 0.85) & ((u - 0.5) * (u - 0.5) + v * v > 0.5),
    "bars": lambda u, v: (np.abs(np.abs(u) - 0.5) < 0.22) & (np.abs(v) < 0.85),
    "arrow": lambda u, v: (np.abs(v + 0.3 - np.abs(u)) < 0.3) & (np.abs(u) < 0.85),
}
SHAPES = tuple(FIGURES)


def make_shapes(seed: int, count: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Return pictures (N, 3, 32, 32) and the number of the shape in each, in SHAPES."""
    blocks = [_make_block((seed << 16) + block) for block in range(-(-count // _BLOCK))]
    pictures, labels = (np.concatenate(parts)[:count] for parts in zip(*blocks, strict=True))
    return pictures, labels


def _make_block(seed: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Return _BLOCK pictures and their labels."""
    count = _BLOCK
    labels = integers(seed, "shape", (count,), len(SHAPES))
    u, v = _Frame.draw(seed, "shape", count, (8.0, 13.0)).coordinates()
    shape = np.empty((count, SIDE, SIDE), bool)
    for number, covers in enumerate(FIGURES.values()):
        rows = labels == number
        shape[rows] = covers(u[rows], v[rows])
    bars = [_draw_bar(seed, f"bar {k}", count) for k in range(_CLUTTER)]
    ground, ink = _texture(seed, "ground", count), _texture(seed, "ink", count)
    noise = grains(seed, "noise", (count, 3, SIDE, SIDE))
    pictures = np.empty((count, 3, SIDE, SIDE), np.uint8)
    for channel in range(3):
        base = _values(seed, f"colour {channel}", count, 0, 1)
        other = base + _values(seed, f"contrast {channel}", count, 0.3, 0.7)
        values = base + ground
        for k, bar in enumerate(bars):
            values = np.where(bar, _values(seed, f"bar {k} {channel}", count, 0, 1), values)
        values = np.where(shape, other - np.floor(other) + ink, values)
        values += (noise[:, channel] - np.float32(127.5)) * np.float32(_NOISE / 127.5)
        pictures[:, channel] = np.rint(np.clip(values, 0, 1) * np.float32(255))
    return pictures, labels


class _Frame(NamedTuple):
    """A centre, and one axis (of two at right angles) divided by its length; all (N, 1, 1)."""

    row: Plane
    column: Plane
    cosine: Plane
    sine: Plane
    lengths: tuple[Plane, Plane]

    @classmethod
    def draw(cls, seed: int, name: str, count: int, lengths: tuple[float, float]) -> "_Frame":
        """Return a frame for each picture, its axes of any direction and of lengths between the two, in pixels."""
        turns = uniform(seed, f"{name} angle", (count, 1, 1), 0, 2 * math.pi)
        row, column = (_values(seed, f"{name} {axis}", count, 9, SIDE - 9) for axis in ("row", "column"))
        size = _values(seed, f"{name} size", count, *lengths)
        long = size * _values(seed, f"{name} stretch", count, 0.85, 1.15)
        return cls(row, column, _rounded(np.cos(turns)), _rounded(np.sin(turns)), (size, long))

    def coordinates(self) -> tuple[Plane, Plane]:
        """Return u and v of every pixel, (N, 32, 32) each."""
        along = np.arange(SIDE, dtype=np.float32)
        y, x = along[:, None] - self.row, along - self.column
        return ((self.cosine * x + self.sine * y) / self.lengths[0],
                (self.cosine * y - self.sine * x) / self.lengths[1])  # fmt: skip


def _draw_bar(seed: int, name: str, count: int) -> Mask:
    u, v = _Frame.draw(seed, name, count, (3.0, 8.0)).coordinates()
    return (np.abs(u) < 1) & (np.abs(v) < 0.25)


def _texture(seed: int, name: str, count: int) -> Plane:
    """Return stripes and blobs about 0, (N, 32, 32)."""
    along = np.arange(SIDE, dtype=np.float32)
    down, across = (_values(seed, f"{name} {axis}", count, -0.2, 0.2) for axis in ("down", "across"))
    phase = down * along[:, None] + across * along + _values(seed, f"{name} phase", count, 0, 1)
    stripes = np.abs(phase - np.floor(phase) - np.float32(0.5)) - np.float32(0.25)
    texture: Plane = _values(seed, f"{name} stripes", count, 0, 0.5) * stripes + _blobs(seed, name, count)
    return texture


def _blobs(seed: int, name: str, count: int) -> Plane:
    """Return bilinear interpolations of 5 x 5 values of -0.15 to 0.15, (N, 32, 32)."""
    grid = uniform(seed, f"{name} blobs", (count, _GRID, _GRID), -0.15, 0.15).astype(np.float32)
    places = np.arange(SIDE, dtype=np.float32) * np.float32((_GRID - 1) / SIDE)
    low = places.astype(np.int64)
    part = places - low
    rows = grid[:, low] * (1 - part)[:, None] + grid[:, low + 1] * part[:, None]
    blobs: Plane = rows[:, :, low] * (1 - part) + rows[:, :, low + 1] * part
    return blobs


def _values(seed: int, purpose: str, count: int, low: float, high: float) -> Plane:
    return uniform(seed, purpose, (count, 1, 1), low, high).astype(np.float32)


def _rounded(values: Floats) -> Plane:
    return (np.rint(values * _ROUNDING) / _ROUNDING).astype(np.float32)
