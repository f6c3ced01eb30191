"""What the CUDA backend needs of the machine that it runs on: a GPU through CuPy, or the CPU simulator."""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from cnnkit.backends.cuda.products import Product
from cnnkit.backends.protocol import Native

T = TypeVar("T")
Function = Callable[[tuple[int, ...], tuple[int, ...], tuple[Any, ...]], None]  # (grid, block, arguments)


class Machine(Protocol):
    """Memory, kernels, products and captured steps."""

    xp: Any  # the array module: cupy or one with its interface

    def load(self, source: str, options: tuple[str, ...]) -> Any:
        """Compile CUDA source; the result's get_function(name) is a Function."""

    def multiply(self, product: Product, x: Native, y: Native, out: Native, accumulate: bool) -> None:
        """Write the product to `out` or add it; each array starts with its first matrix."""

    def capture(self, function: Callable[[], T]) -> Callable[[], T]:
        """Return a function that does on the device what `function` would; its result is valid until the next call.

        `function` has run before. Raises CaptureError (of capture_device) where it cannot be captured.
        """
        ...

    def has_bfloat16(self) -> bool:
        """Return whether its arrays can be of bfloat16, a type of the package ml_dtypes."""
        ...

    def free_bytes(self) -> int:
        """Return how many bytes are free for new arrays."""
        ...

    def synchronize(self) -> None:
        """Wait until all work given to the device is done."""
