"""The CPU simulator of a GPU: kernels compiled by g++, and matrix products by NumPy from the arguments of cuBLAS."""

import importlib.util
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.lib.stride_tricks import as_strided

from cnnkit.backends.cuda.machine import Machine
from cnnkit.backends.cuda.products import MatrixLayout, Product
from cnnkit.backends.cuda.simulator.device_array import on_host
from cnnkit.backends.cuda.simulator.device_arrays import xp
from cnnkit.backends.cuda.simulator.sim_module import SimModule
from cnnkit.backends.cuda.simulator.transfers import transfers
from cnnkit.backends.protocol import Native
from cnnkit.tree import leaves

T = TypeVar("T")


class SimMachine(Machine):
    """Memory that is distinct from the host's; all work is done at once."""

    xp: Any = xp

    def load(self, source: str, options: tuple[str, ...]) -> Any:
        return SimModule(source, options)

    def multiply(self, product: Product, x: Native, y: Native, out: Native, accumulate: bool) -> None:
        m, n, k, count, *layouts = product
        left = _matrices(x, layouts[0], count, m, k)
        right = _matrices(y, layouts[1], count, k, n)
        result = _matrices(out, layouts[2], count, m, n)
        with np.errstate(all="ignore"):
            if left.itemsize == 2:
                left, right = left.astype(np.float32), right.astype(np.float32)
            values = np.matmul(left, right)
            result[...] = result.astype(values.dtype) + values if accumulate else values

    def capture(self, function: Callable[[], T]) -> Callable[[], T]:
        """Return a function that runs `function` each time, and forbids transfers to and from the host meanwhile."""
        results: list[T] = []

        def replay() -> T:
            with transfers.forbidden():
                results.append(function())
                if len(results) > 1:  # like a graph, write to the same memory each time: outdated results must show
                    for old, new in zip(leaves(results[0])[0], leaves(results.pop())[0], strict=True):
                        if old is not new:
                            old[...] = new
            return results[0]

        return replay

    def has_bfloat16(self) -> bool:
        return importlib.util.find_spec("ml_dtypes") is not None and bool(importlib.import_module("ml_dtypes"))

    def free_bytes(self) -> int:
        return 1 << 40

    def synchronize(self) -> None:
        transfers.synchronize()


def _matrices(array: Native, layout: MatrixLayout, count: int, rows: int, columns: int) -> Any:
    """View (count, rows, columns) of the host memory of a device array, by the layout that cuBLAS would get."""
    item = array.itemsize
    steps = (item, layout.leading * item) if layout.transposed else (layout.leading * item, item)
    return as_strided(on_host(array), (count, rows, columns), (layout.step * item, *steps))
