"""The oracle with exact numerics: what the loops say, on grids and in float32."""

from typing import Any

import numpy as np

from cnnkit.backends.exact import grid
from cnnkit.backends.exact.exact_numerics import ExactNumerics
from cnnkit.backends.protocol import Native, Pair, Shape, Sizes, Step
from cnnkit.backends.reference.reference_backend import ReferenceBackend
from cnnkit.backends.shared.step_inputs import with_numbers_as_arrays


class ExactReferenceBackend(ExactNumerics, ReferenceBackend):
    """ReferenceBackend with exact sums; arrays have the dtype that is asked for."""

    def asarray(self, values: Any, dtype: str | None = None) -> Native:
        with np.errstate(all="ignore"):  # an infinity where float32 ends is right
            return np.asarray(values, dtype)

    def zeros(self, shape: Shape, dtype: str) -> Native:
        return np.zeros(shape, dtype)

    def uniform(self, key: Pair, step: Any, shape: Shape, start: int = 0) -> Native:
        return self.asarray(super().uniform(key, step, shape, start), "float32")

    def max_pool(self, x: Native, window: Sizes, stride: Sizes, padding: Any, dilation: Sizes) -> tuple[Native, Any]:
        y, saved = super().max_pool(x, window, stride, padding, dilation)
        return self.asarray(y, "float32"), saved

    def max_pool_gradient(
        self, dy: Native, saved: Any, x_shape: Shape, window: Sizes, stride: Sizes, padding: Any, dilation: Sizes
    ) -> Native:
        samples = self.on_own_grid(dy, tuple(range(1, dy.ndim)), grid.bits_of_terms(int(np.prod(window))))
        return self.narrow(self.plain.max_pool_gradient(samples, saved, x_shape, window, stride, padding, dilation))

    def compile(self, step: Step, impure: str | None = None) -> Step:
        return with_numbers_as_arrays(self, super().compile(step, impure))
