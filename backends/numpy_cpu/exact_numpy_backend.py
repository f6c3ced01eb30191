"""NumPy with exact numerics."""

import numpy as np

from cnnkit.backends.exact import grid
from cnnkit.backends.exact.exact_numerics import ExactNumerics
from cnnkit.backends.numpy_cpu.capture.memory import empty_like
from cnnkit.backends.numpy_cpu.numpy_backend import NumpyBackend
from cnnkit.backends.protocol import Native, Shape


class ExactNumpyBackend(ExactNumerics, NumpyBackend):
    """NumpyBackend with exact sums. A batch is one shard: the grids of weights' gradients belong to all of it."""

    def shard_size(self, x_shape: Shape) -> int:
        return max(1, x_shape[0])

    def narrow(self, x: Native) -> Native:
        y = empty_like(self, x, dtype=np.float32)
        with np.errstate(all="ignore"):
            return np.add(x, 0.0, out=y, casting="same_kind")

    def round_to_grid(self, x: Native, largest: Native, bits: int) -> Native:
        y = empty_like(self, x, dtype=np.float64)
        with np.errstate(all="ignore"):  # an infinity becomes NaN
            shift = self.find_power(largest) * grid.shift_factor(bits)
            np.add(x, shift, out=y)
            return np.subtract(y, shift, out=y)
