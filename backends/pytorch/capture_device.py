"""PyTorch steps captured in CUDA graphs."""

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from cnnkit.backends.protocol import Native
from cnnkit.backends.shared.capture_device import CaptureDevice, CaptureError
from cnnkit.errors import first_line

T = TypeVar("T")


class TorchCaptureDevice(CaptureDevice):
    """Inputs in the memory of a CUDA device, and steps captured in CUDA graphs."""

    def __init__(self, torch: Any, device: str) -> None:
        self._torch, self._device = torch, device

    def address(self, array: Native) -> Hashable:
        return int(array.data_ptr()), array.stride()

    def arrange(self, array: Native) -> Native:
        return array

    def allocate_like(self, array: Native) -> Native:
        return self._torch.empty_like(array)

    def allocate_numbers(self, count: int, dtype: Any) -> Native:
        kind = self._torch.int64 if dtype == "int64" else dtype
        return self._torch.empty((count,), dtype=kind, device=self._device)

    def copy(self, target: Native, source: Native) -> None:
        target.copy_(source)

    def set_numbers(self, target: Native, values: list[Any]) -> None:
        host = self._torch.tensor(values, dtype=target.dtype, pin_memory=True)  # PyTorch keeps it until it is copied
        target.copy_(host, non_blocking=True)

    def worthwhile(self, calls: int, seconds: float) -> bool:
        return calls > 0

    def capture(self, function: Callable[..., T], *held: Any) -> Callable[[], T]:
        torch = self._torch
        graph = torch.cuda.CUDAGraph()
        try:  # PyTorch's default capture stream belongs to the first device used
            with torch.cuda.device(self._device), torch.cuda.graph(graph, stream=torch.cuda.Stream(self._device)):
                result = function(*held)
        except Exception as error:  # whatever stops the capture, the step itself still runs
            raise CaptureError(f"{type(error).__name__}: {first_line(error)}") from error

        def replay() -> T:
            graph.replay()
            return result

        return replay
