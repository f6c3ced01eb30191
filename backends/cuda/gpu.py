"""An NVIDIA GPU through CuPy: kernels by NVRTC, products by cuBLAS, steps captured in CUDA graphs."""

import functools
import importlib.util
from collections.abc import Callable
from typing import Any, TypeVar

from cnnkit.backends.cuda.cublas import Cublas
from cnnkit.backends.cuda.machine import Machine
from cnnkit.backends.cuda.products import Product
from cnnkit.backends.protocol import Native
from cnnkit.backends.shared.capture_device import CaptureError
from cnnkit.errors import first_line

T = TypeVar("T")


class Gpu(Machine):
    """The current CUDA device. All work goes to CuPy's current stream, as that of CuPy itself."""

    def __init__(self) -> None:
        import cupy

        self.xp: Any = cupy
        self.cublas = Cublas(cupy)
        self._capture_stream = cupy.cuda.Stream(non_blocking=True)  # the default stream cannot be captured

    def load(self, source: str, options: tuple[str, ...]) -> Any:
        return self.xp.RawModule(code=source, options=options)

    def multiply(self, product: Product, x: Native, y: Native, out: Native, accumulate: bool) -> None:
        self.cublas.multiply(product, x, y, out, accumulate)

    def capture(self, function: Callable[[], T]) -> Callable[[], T]:
        """Capture `function` in a CUDA graph.

        Its arrays come from a memory pool that lives as long as the graph, because nothing else may use the memory that
        the graph writes to.
        """
        cuda, memory_blocks = self.xp.cuda, []

        def allocate(
            size: int,
        ) -> Any:
            # A pool that is short of memory would free blocks that the graph still uses, so they are kept.
            memory_blocks.append(cuda.Memory(size))
            return cuda.MemoryPointer(memory_blocks[-1], 0)

        pool = cuda.MemoryPool(allocate)
        self.synchronize()
        self.xp.get_default_memory_pool().free_all_blocks()  # the capture needs as much memory as the first run used
        try:
            with self._capture_stream, cuda.using_allocator(pool.malloc):
                self.cublas.follow_stream()
                self._capture_stream.begin_capture()
                try:
                    result = function()
                finally:
                    graph = self._capture_stream.end_capture()
        except Exception as error:  # whatever stops the capture, the step itself still runs
            raise CaptureError(f"{type(error).__name__}: {first_line(error)}") from error
        return functools.partial(_replay, graph, result, (pool, memory_blocks))

    def has_bfloat16(self) -> bool:
        return int(self.xp.__version__.split(".")[0]) >= 14 and importlib.util.find_spec("ml_dtypes") is not None

    def free_bytes(self) -> int:
        free, _ = self.xp.cuda.runtime.memGetInfo()
        return int(free) + int(self.xp.get_default_memory_pool().free_bytes())

    def synchronize(self) -> None:
        self.xp.cuda.get_current_stream().synchronize()


def _replay(graph: Any, result: T, _memory: Any) -> T:
    """Launch the graph. `_memory` is a parameter only to keep the memory of the graph alive."""
    graph.launch()
    return result
