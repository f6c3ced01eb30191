"""Random numbers by address: (key, epoch, sample, transform). No draw depends on another one."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnkit.philox import philox4x32

Indices = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
_WORD = 0xFFFFFFFF
_BYTES = 0x00FF00FF
_TOGETHER = 1 << 14  # blocks that are drawn at a time: their words stay in the second-level cache
_NORMALS = 1 << 20  # the first block of normal draws, behind all uniform ones
# The sum of eight bytes: mean 8 * 127.5, variance 8 * (256**2 - 1) / 12.
_MEAN, _DEVIATION = np.float32(1020), np.float32((8 * (256**2 - 1) / 12) ** 0.5)


@dataclass(frozen=True)
class Draws:
    """The random numbers of some samples for one transform in one epoch.

    key        two words of 32 bits, made of the seed
    epoch      counted from 0
    transform  the number of the transform in its list
    samples    (n,) indices of the samples in their data set
    """

    key: tuple[int, int]
    epoch: int
    transform: int
    samples: Indices

    def of(self, chosen: Any) -> "Draws":
        """Return the random numbers of some of the samples: an index array or a slice."""
        return Draws(self.key, self.epoch, self.transform, self.samples[chosen])

    def uniform(self, count: int, first: int = 0) -> Floats:
        """Return draws in [0, 1), multiples of 2**-24, (n, count); first: the block of four that they begin with."""
        words = self._words(first, (count + 3) // 4, 10).reshape(len(self.samples), (count + 3) // 4 * 4)
        draws: Floats = (words[:, :count] >> 8).astype(np.float64) * 2.0**-24
        return draws

    def normal(self, count: int) -> npt.NDArray[np.float32]:
        """Return draws of mean 0 and deviation 1, (n, count).

        Each is the sum of eight uniform bytes (Irwin-Hall), at most 4.9 deviations: whole numbers, so that the bits are
        the same on every machine, where the logarithms of the Box-Muller method are not. Philox has seven rounds here,
        the fewest that pass all tests of its authors.
        """
        blocks, n = (count + 1) // 2, len(self.samples)
        normals = np.empty((n, blocks, 2), np.float32)
        step = max(1, _TOGETHER // max(1, n))
        for start in range(0, blocks, step):
            end = min(start + step, blocks)
            words = self._words(_NORMALS + start, end - start, 7)
            pairs = (words & _BYTES) + ((words >> 8) & _BYTES)
            pairs = pairs[..., ::2] + pairs[..., 1::2]
            sums = (pairs & 0xFFFF) + (pairs >> 16)
            normals[:, start:end] = (sums.astype(np.float32) - _MEAN) / _DEVIATION
        return normals.reshape(n, 2 * blocks)[:, :count]

    def _words(self, first: int, blocks: int, rounds: int) -> npt.NDArray[np.int64]:
        """Return words of 32 bits, (n, blocks, 4)."""
        samples = self.samples[:, None]
        block = np.arange(first, first + blocks, dtype=np.int64)
        place: Any = (samples >> 32 << 8 ^ self.transform) & _WORD
        epoch = np.array([self.epoch & _WORD], np.int64)
        return np.stack(philox4x32((block, place, samples & _WORD, epoch), self.key, rounds), axis=-1)
