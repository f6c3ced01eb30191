"""What a captured step (captured_step.py) needs of a device."""

from collections.abc import Callable, Hashable
from typing import Any, Protocol, TypeVar

from cnnkit.backends.protocol import Native

T = TypeVar("T")


class CaptureError(Exception):
    """Why a step cannot be captured, in one line."""


class CaptureDevice(Protocol):
    """Memory at fixed places, and a way to capture what a function does to it."""

    def address(self, array: Native) -> Hashable:
        """Return where the array lies in the memory of the device, and its strides."""
        ...

    def arrange(self, array: Native) -> Native:
        """Return the array in the memory layout that steps get: itself if it has that layout, else a copy."""

    def allocate_like(self, array: Native) -> Native:
        """Return an uninitialised array of the same shape and dtype, in the memory layout that steps get."""

    def allocate_numbers(self, count: int, dtype: Any) -> Native:
        """Return an uninitialised array of `count` numbers."""

    def copy(self, target: Native, source: Native) -> None:
        """Copy the values of one array of the device to another, without waiting."""

    def set_numbers(self, target: Native, values: list[Any]) -> None:
        """Copy numbers from the host to the device, without waiting."""

    def worthwhile(self, calls: int, seconds: float) -> bool:
        """Return whether to capture a step that has run `calls` times, the fastest of them in `seconds`."""
        ...

    def capture(self, function: Callable[..., T], *held: Any) -> Callable[[], T]:
        """Return a function that does on the device what function(*held) would, its result valid until the next call.

        held: trees of the arrays that the function reads and writes; the captured step works on their memory.
        `function` has run before. Raises CaptureError where it cannot be captured; the returned function raises it
        where it finds that the capture is wrong. In both cases nothing has been changed.
        """
        ...
