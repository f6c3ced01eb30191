"""An NVIDIA GPU through CuPy: kernels by NVRTC, products by cuBLAS, steps captured in CUDA graphs."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from cnnkit.backends.cuda.cublas import Cublas
from cnnkit.backends.cuda.products import Product
from cnnkit.backends.protocol import Native
from cnnkit.backends.shared.capture_device import CaptureError
from cnnkit.errors import first_line

T = TypeVar("T")


class Gpu:
    """The current CUDA device. Work goes to CuPy's current stream, as all of CuPy's own does."""

    def __init__(self) -> None:
        import cupy

        self.xp: Any = cupy
        self.cublas = Cublas(cupy)
        self._recording = cupy.cuda.Stream(non_blocking=True)  # the default stream cannot be captured

    def load(self, source: str, options: tuple[str, ...]) -> Any:
        return self.xp.RawModule(code=source, options=options)

    def multiply(self, product: Product, x: Native, y: Native, out: Native, accumulate: bool) -> None:
        self.cublas.multiply(product, x, y, out, accumulate)

    def capture(self, function: Callable[[], T]) -> Callable[[], T]:
        """Record `function` as a graph.

        Its arrays come from a memory pool of their own, which lives as long as the graph: nobody else may be given
        the memory that the graph writes to.
        """
        cuda, blocks = self.xp.cuda, []

        def kept(size: int) -> Any:  # a pool short of memory gives free blocks back, which earlier nodes still use
            blocks.append(cuda.Memory(size))
            return cuda.MemoryPointer(blocks[-1], 0)

        pool = cuda.MemoryPool(kept)
        self.synchronize()
        self.xp.get_default_memory_pool().free_all_blocks()  # what the first run used is needed once more
        try:
            with self._recording, cuda.using_allocator(pool.malloc):
                self.cublas.follow_stream()
                self._recording.begin_capture()
                try:
                    result = function()
                finally:
                    graph = self._recording.end_capture()
        except Exception as error:  # whatever stops a capture, the step can still run as it is
            raise CaptureError(f"{type(error).__name__}: {first_line(error)}") from error
        return functools.partial(_replay, graph, result, (pool, blocks))

    def free_bytes(self) -> int:
        free, _ = self.xp.cuda.runtime.memGetInfo()
        return int(free) + int(self.xp.get_default_memory_pool().free_bytes())

    def synchronize(self) -> None:
        self.xp.cuda.get_current_stream().synchronize()


def _replay(graph: Any, result: T, _memory: Any) -> T:
    """Launch the graph. `_memory` is held so that it stays the graph's."""
    graph.launch()
    return result
