"""PyTorch: the primitives on its native operations, on the CPU, an NVIDIA GPU or an Apple GPU. Autograd is not used."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnkit.backends.engine import describe_processor
from cnnkit.backends.execution import require_threads
from cnnkit.backends.groups.finding import find_launcher
from cnnkit.backends.protocol import Availability, Backend, Native, Padding, Pair, Shape, Sizes, Step
from cnnkit.backends.pytorch import composites as torch_composites
from cnnkit.backends.pytorch import convolution, pooling
from cnnkit.backends.pytorch.capture_device import TorchCaptureDevice
from cnnkit.backends.pytorch.pooling import TorchWindows
from cnnkit.backends.shared.captured_step import CapturedStep
from cnnkit.backends.shared.constants import Constants
from cnnkit.errors import BackendUnavailableError
from cnnkit.philox import counters, philox4x32


class TorchBackend(Backend):
    """The primitives on torch.Tensor.

    device: "cpu", "cuda", "cuda:1", "mps"; None takes the best one available. Of several workers on a machine, each
    takes its own "cuda". threads: of the CPU operations.
    TF32 is switched off: by default PyTorch's convolutions on CUDA round to it.
    """

    name = "torch"
    half_types = ("bfloat16", "float16")

    def __init__(self, device: str | None = None, threads: int | None = None) -> None:
        import torch

        self.torch = torch
        present = _devices(torch)
        self.device = device or present[0]
        if self.device.split(":")[0] not in present:
            missing = f"PyTorch {torch.__version__} finds no such device here"
            expected = f"expected device {' or '.join(present)}, got {device!r}"
            raise BackendUnavailableError(f"backend torch: {expected}: {missing}")
        launcher = find_launcher()
        if self.device == "cuda" and launcher and launcher.local_rank:
            self.device = f"cuda:{launcher.local_rank % torch.cuda.device_count()}"
        wanted = require_threads(threads)
        if wanted is not None:
            torch.set_num_threads(wanted)
        self.threads = torch.get_num_threads()
        self._tf32(False)
        self._constants = Constants(self.asarray)

    @classmethod
    def availability(cls) -> Availability:
        try:
            import torch
        except ImportError:
            return Availability(False, "PyTorch is not installed", "pip install 'cnnkit[torch]'", ())
        return Availability(True, devices=_devices(torch))

    def describe_engine(self) -> dict[str, str]:
        torch = self.torch
        if self.device.startswith("cuda"):
            cudnn = str(torch.backends.cudnn.version())
            return {"gpu": torch.cuda.get_device_name(self.device), "cuda": str(torch.version.cuda), "cudnn": cudnn}
        return describe_processor() | {"kernels": torch.backends.cpu.get_cpu_capability()}

    def asarray(self, values: Any, dtype: str | None = None) -> Native:
        if not isinstance(values, self.torch.Tensor):
            # PyTorch warns about read-only memory, and refuses negative strides
            known = None if dtype == "bfloat16" else dtype  # a type that NumPy lacks
            host = np.require(np.asarray(values, known), requirements=("C", "W"))
            values = self.torch.from_numpy(host.copy() if min(host.strides, default=0) < 0 else host)
        return values.to(self.device, self._dtype(dtype))

    def to_numpy(self, x: Native) -> Any:
        host = x.detach().cpu()
        return (host.float() if host.dtype == self.torch.bfloat16 else host).numpy()  # NumPy has no bfloat16

    def zeros(self, shape: Shape, dtype: str) -> Native:
        return self.torch.zeros(shape, dtype=self._dtype(dtype), device=self.device)

    def _dtype(self, dtype: str | None) -> Any:
        if dtype == "float64" and self.device == "mps":
            raise BackendUnavailableError("backend torch on mps: has no float64: use --dtype float32, or --device cpu")
        return None if dtype is None else getattr(self.torch, dtype)

    def arange(self, count: int) -> Native:
        return self.torch.arange(count, device=self.device)

    def uniform(self, key: Pair, step: Any, shape: Shape, start: int = 0) -> Native:
        torch = self.torch
        size = math.prod(shape)
        blocks = torch.arange(start // 4, (start + size + 3) // 4, dtype=torch.int64, device=self.device)
        steps = torch.as_tensor(step, dtype=torch.int64, device=self.device).reshape((1,))
        words = torch.broadcast_tensors(*philox4x32(counters(blocks, steps), key))
        draws = torch.stack(words, dim=1).reshape((-1,))[start % 4 : start % 4 + size]
        return ((draws >> 8).to(torch.float32) * 2**-24).reshape(shape)

    def exp(self, x: Native) -> Native:
        return self.torch.exp(x)

    def log(self, x: Native) -> Native:
        return self.torch.log(x)

    def log1p(self, x: Native) -> Native:
        return self.torch.log1p(x)

    def sqrt(self, x: Native) -> Native:
        return self.torch.sqrt(x)

    def tanh(self, x: Native) -> Native:
        return self.torch.tanh(x)

    def erf(self, x: Native) -> Native:
        return self.torch.erf(x)

    def maximum(self, x: Native, other: Native) -> Native:
        return self.torch.maximum(x, other) if isinstance(other, self.torch.Tensor) else x.clamp(min=other)

    def where(self, condition: Native, x: Native, y: Native) -> Native:
        return self.torch.where(condition, x, y)

    def sum(self, x: Native, axis: Any = None, keepdims: bool = False) -> Native:
        return self.torch.sum(x, dim=axis, keepdim=keepdims)

    def mean(self, x: Native, axis: Any = None, keepdims: bool = False) -> Native:
        return self.torch.mean(x, dim=axis, keepdim=keepdims)

    def max(self, x: Native, axis: int | None = None, keepdims: bool = False) -> Native:
        return self.torch.amax(x, dim=() if axis is None else axis, keepdim=keepdims)

    def argmax(self, x: Native, axis: int) -> Native:
        return self.torch.argmax(x, dim=axis)

    def take(self, x: Native, indices: Native, axis: int = 0) -> Native:
        places = indices.reshape((-1,))
        if 0 < axis == x.ndim - 1:  # along the last axis index_select copies value by value, 5 times as slow on a CPU
            y = self.torch.gather(x, axis, places.expand((*x.shape[:-1], -1)))
        else:
            y = self.torch.index_select(x, axis, places)
        return y.reshape((*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]))

    def transpose(self, x: Native, axes: tuple[int, ...]) -> Native:
        return x.permute(axes)

    def concatenate(self, arrays: Sequence[Native], axis: int = 0) -> Native:
        return self.torch.cat(tuple(arrays), dim=axis)

    def matmul(self, x: Native, y: Native) -> Native:
        return self.torch.matmul(x, y)

    # ---- convolution and pooling

    def convolve(
        self, x: Native, weight: Native, stride: Sizes, padding: Padding, dilation: Sizes, groups: int
    ) -> Native:
        return convolution.forward(self.torch, x, weight, stride, padding, dilation, groups)

    def convolve_input_gradient(
        self, dy: Native, weight: Native, x_shape: Shape, stride: Sizes, padding: Padding, dilation: Sizes, groups: int
    ) -> Native:
        return convolution.input_gradient(self.torch, dy, weight, x_shape, stride, padding, dilation, groups)

    def convolve_weight_gradient(
        self, dy: Native, x: Native, weight_shape: Shape, stride: Sizes, padding: Padding, dilation: Sizes, groups: int
    ) -> Native:
        return convolution.weight_gradient(self.torch, dy, x, weight_shape, stride, padding, dilation, groups)

    def max_pool(
        self, x: Native, window: Sizes, stride: Sizes, padding: Padding, dilation: Sizes
    ) -> tuple[Native, Any]:
        return pooling.max_forward(self.torch, x, TorchWindows(window, stride, padding, dilation))

    def max_pool_gradient(
        self, dy: Native, saved: Any, x_shape: Shape, window: Sizes, stride: Sizes, padding: Padding, dilation: Sizes
    ) -> Native:
        return pooling.max_gradient(self.torch, dy, saved, x_shape, TorchWindows(window, stride, padding, dilation))

    def average_pool(
        self, x: Native, window: Sizes, stride: Sizes, padding: Padding, dilation: Sizes, counted: Padding
    ) -> Native:
        return pooling.average_forward(self.torch, x, TorchWindows(window, stride, padding, dilation), counted)

    def average_pool_gradient(
        self, dy: Native, x_shape: Shape, window: Sizes, stride: Sizes, padding: Padding, dilation: Sizes,
        counted: Padding,
    ) -> Native:  # fmt: skip
        windows = TorchWindows(window, stride, padding, dilation)
        return pooling.average_gradient(self.torch, dy, x_shape, windows, counted)

    # ---- composites

    def add_bias(self, x: Native, bias: Native, relu: bool = False) -> Native:
        return torch_composites.add_bias(x, bias, relu)

    def add_bias_gradient(self, dy: Native, y: Native, relu: bool = False) -> tuple[Native, Native]:
        return torch_composites.add_bias_gradient(self.torch, dy, y, relu)

    def softmax_cross_entropy(
        self, outputs: Native, targets: Native, label_smoothing: float = 0.0, weights: Native | None = None
    ) -> tuple[Native, Native]:
        if self.parts is not None:
            return super().softmax_cross_entropy(outputs, targets, label_smoothing, weights)
        labelled = targets.ndim == 1
        rows = self.one_hot(targets, outputs) if labelled else targets
        counted = (targets >= 0).to(outputs.dtype).reshape((-1, 1)) if labelled else None
        return torch_composites.softmax_cross_entropy(self.torch, outputs, rows, label_smoothing, counted, weights)

    def constant(self, values: Any, dtype: str | None = None) -> Native:
        return self._constants.get(values, dtype)

    def one_hot(self, labels: Native, like: Native) -> Native:
        count, classes, *places = like.shape
        positions = self.arange(classes).reshape((classes, *(1 for _ in places)))
        return (labels.reshape((count, 1, *places)) == positions).to(like.dtype)

    def sgd_update(
        self, parameter: Native, gradient: Native, velocity: Native, rate: Any, *,
        momentum: float, nesterov: bool, weight_decay: float,
    ) -> tuple[Native, ...]:  # fmt: skip
        run = torch_composites.sgd_update if isinstance(rate, float) else super().sgd_update
        return run(parameter, gradient, velocity, rate, momentum=momentum, nesterov=nesterov, weight_decay=weight_decay)

    def adam_update(
        self, parameter: Native, gradient: Native, first_moment: Native, second_moment: Native,
        rate: Any, size: Any, correction: Any, *,
        beta1: float, beta2: float, epsilon: float, weight_decay: float, decoupled: bool,
    ) -> tuple[Native, ...]:  # fmt: skip
        numbers = rate, size, correction
        run = torch_composites.adam_update if all(isinstance(n, float) for n in numbers) else super().adam_update
        fields = {"beta1": beta1, "beta2": beta2, "epsilon": epsilon, "weight_decay": weight_decay}
        return run(parameter, gradient, first_moment, second_moment, *numbers, **fields, decoupled=decoupled)

    def assign(self, target: Native, value: Native) -> Native:
        return target.copy_(value)

    def compile(self, step: Step, impure: str | None = None) -> Step:
        if not self.device.startswith("cuda"):
            return step
        step = self._constants.keep(step)
        return CapturedStep(step, TorchCaptureDevice(self.torch, self.device), impure)

    def data_bytes(self) -> int:
        return self.torch.cuda.mem_get_info(self.device)[0] // 3 if self.device.startswith("cuda") else 0

    def out_of_memory(self, error: BaseException) -> bool:
        return isinstance(error, MemoryError | self.torch.OutOfMemoryError)

    def allow_tf32(self) -> None:
        if not self.device.startswith("cuda"):
            super().allow_tf32()
        self._tf32(True)

    def _tf32(self, allowed: bool) -> None:
        self.torch.backends.cudnn.allow_tf32 = self.torch.backends.cuda.matmul.allow_tf32 = allowed

    def synchronize(self) -> None:
        if self.device.startswith("cuda"):
            self.torch.cuda.synchronize(self.device)
        elif self.device == "mps":
            self.torch.mps.synchronize()


def _devices(torch: Any) -> tuple[str, ...]:
    """Return the kinds of device available, best first."""
    devices = ["cuda"] if torch.cuda.is_available() else []
    if torch.backends.mps.is_available():
        devices.append("mps")
    return (*devices, "cpu")
