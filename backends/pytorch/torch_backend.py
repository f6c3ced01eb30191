"""PyTorch: the primitives on its native operations, on the CPU, an NVIDIA GPU or an Apple GPU. Autograd is not used."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnkit.backends.execution import require_threads
from cnnkit.backends.protocol import Availability, Backend, Native, Padding, Pair, Shape, Step
from cnnkit.backends.pytorch import composites as torch_composites
from cnnkit.backends.pytorch.capture_device import TorchCaptureDevice
from cnnkit.backends.pytorch.padding import cut_out, even_shape, keep_inside, make_even, pad
from cnnkit.backends.shared.captured_step import CapturedStep
from cnnkit.backends.shared.philox import counters, philox4x32
from cnnkit.errors import BackendUnavailableError


class TorchBackend(Backend):
    """The primitives on torch.Tensor.

    device: "cpu", "cuda", "cuda:1", "mps"; None takes the best one available. threads: of the CPU operations.
    TF32 is switched off: by default PyTorch's convolutions on CUDA round to it.
    """

    name = "torch"

    def __init__(self, device: str | None = None, threads: int | None = None) -> None:
        import torch

        self.torch = torch
        present = _devices(torch)
        self.device = device or present[0]
        if self.device.split(":")[0] not in present:
            missing = f"PyTorch {torch.__version__} finds no such device here"
            expected = f"expected device {' or '.join(present)}, got {device!r}"
            raise BackendUnavailableError(f"backend torch: {expected}: {missing}")
        wanted = require_threads(threads)
        if wanted is not None:
            torch.set_num_threads(wanted)
        self.threads = torch.get_num_threads()
        self._tf32(False)

    @classmethod
    def availability(cls) -> Availability:
        try:
            import torch
        except ImportError:
            return Availability(False, "PyTorch is not installed", "pip install 'cnnkit[torch]'", ())
        return Availability(True, devices=_devices(torch))

    def asarray(self, values: Any, dtype: str | None = None) -> Native:
        if not isinstance(values, self.torch.Tensor):
            # PyTorch warns about read-only memory, and refuses negative strides
            host = np.require(np.asarray(values, dtype), requirements=("C", "W"))
            values = self.torch.from_numpy(host.copy() if min(host.strides, default=0) < 0 else host)
        return values.to(self.device, self._dtype(dtype))

    def to_numpy(self, x: Native) -> Any:
        return x.detach().cpu().numpy()

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
        return self.torch.index_select(x, axis, indices.reshape((-1,))).reshape(
            (*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])
        )

    def transpose(self, x: Native, axes: tuple[int, ...]) -> Native:
        return x.permute(axes)

    def concatenate(self, arrays: Sequence[Native], axis: int = 0) -> Native:
        return self.torch.cat(tuple(arrays), dim=axis)

    def matmul(self, x: Native, y: Native) -> Native:
        return self.torch.matmul(x, y)

    def conv2d(self, x: Native, weight: Native, stride: Pair, padding: Padding, dilation: Pair, groups: int) -> Native:
        x, even = make_even(self.torch, x, padding, 0)
        return self.torch.conv2d(x, self._channels_last(weight), None, stride, even, dilation, groups)

    def conv2d_input_gradient(
        self, dy: Native, weight: Native, x_shape: Shape, stride: Pair, padding: Padding, dilation: Pair, groups: int
    ) -> Native:
        shape, even = even_shape(x_shape, padding)
        x = dy.new_empty((1,)).expand(shape)  # only its shape is used
        weight = self._channels_last(weight)
        dx = self._convolution_gradient(dy, x, weight, stride, even, dilation, groups, (True, False, False))[0]
        return dx if shape == x_shape else cut_out(dx, x_shape, padding)

    def conv2d_weight_gradient(
        self, dy: Native, x: Native, weight_shape: Shape, stride: Pair, padding: Padding, dilation: Pair, groups: int
    ) -> Native:
        x, even = make_even(self.torch, x, padding, 0)
        if weight_shape[2:] == (1, 1) and even == (0, 0) and stride != (1, 1):
            # oneDNN's own code for this writes past its memory on processors with AVX2 (its issue 6035).
            x, stride = x[:, :, :: stride[0], :: stride[1]], (1, 1)
        weight = self._channels_last(dy.new_empty((1,)).expand(weight_shape))  # only its shape and layout are used
        return self._convolution_gradient(dy, x, weight, stride, even, dilation, groups, (False, True, False))[1]

    def _channels_last(self, weight: Native) -> Native:
        """Return the weight in the layout that gives outputs with channels last on a CPU, which is faster there."""
        if self.device != "cpu":
            return weight
        # Copied even where one channel makes both layouts the same memory: PyTorch looks at the strides.
        return self.torch.empty_like(weight, memory_format=self.torch.channels_last).copy_(weight)

    def _convolution_gradient(
        self, dy: Native, x: Native, weight: Native, stride: Pair, even: Pair, dilation: Pair, groups: int, mask: Any
    ) -> Any:
        return self.torch.ops.aten.convolution_backward(
            dy, x, weight, None, stride, even, dilation, False, (0, 0), groups, mask
        )

    def max_pool2d(self, x: Native, window: Pair, stride: Pair, padding: Padding) -> tuple[Native, Any]:
        framed, even = make_even(self.torch, x, padding, -self.torch.inf, largest=(window[0] // 2, window[1] // 2))
        y, indices = self.torch.ops.aten.max_pool2d_with_indices(framed, window, stride, even)
        if framed is not x:
            indices = keep_inside(indices, framed.shape, x.shape, padding)
        return y, (framed, even, indices)

    def max_pool2d_gradient(
        self, dy: Native, saved: Any, x_shape: Shape, window: Pair, stride: Pair, padding: Padding
    ) -> Native:
        framed, even, indices = saved
        if framed.is_contiguous(memory_format=self.torch.channels_last):  # else PyTorch copies all of dx twice
            dy = dy.contiguous(memory_format=self.torch.channels_last)
        dx = self.torch.ops.aten.max_pool2d_with_indices_backward(
            dy, framed, window, stride, even, (1, 1), False, indices
        )
        return dx if dx.shape == x_shape else cut_out(dx, x_shape, padding)

    def average_pool2d(self, x: Native, window: Pair, stride: Pair, padding: Padding, count_padding: bool) -> Native:
        framed, scale = self._framed_average(x, window, stride, padding, count_padding)
        y = self.torch.nn.functional.avg_pool2d(framed, window, stride)
        return y if scale is None else y * scale

    def average_pool2d_gradient(
        self, dy: Native, x_shape: Shape, window: Pair, stride: Pair, padding: Padding, count_padding: bool
    ) -> Native:
        x = dy.new_zeros(x_shape)
        framed, scale = self._framed_average(x, window, stride, padding, count_padding)
        dframed = self.torch.ops.aten.avg_pool2d_backward(
            dy if scale is None else dy * scale, framed, window, stride, (0, 0), False, True, None
        )
        return dframed if dframed.shape == x_shape else cut_out(dframed, x_shape, padding)

    def _framed_average(
        self, x: Native, window: Pair, stride: Pair, padding: Padding, count_padding: bool
    ) -> tuple[Native, Any]:
        """Return x padded with zeros, and the factor of the mean where zeros do not count, None where there is none."""
        framed = pad(self.torch, x, padding, 0)
        if count_padding or framed is x:
            return framed, None
        inside = pad(self.torch, x.new_ones((1, 1, *x.shape[2:])), padding, 0)
        return framed, 1 / self.torch.nn.functional.avg_pool2d(inside, window, stride)

    # ---- composites

    def add_bias(self, x: Native, bias: Native, relu: bool = False) -> Native:
        return torch_composites.add_bias(x, bias, relu)

    def add_bias_gradient(self, dy: Native, y: Native, relu: bool = False) -> tuple[Native, Native]:
        return torch_composites.add_bias_gradient(self.torch, dy, y, relu)

    def softmax_cross_entropy(
        self, outputs: Native, targets: Native, label_smoothing: float = 0.0
    ) -> tuple[Native, Native]:
        rows = self.one_hot(targets, outputs) if targets.ndim == 1 else targets
        return torch_composites.softmax_cross_entropy(self.torch, outputs, rows, label_smoothing)

    def one_hot(self, labels: Native, like: Native) -> Native:
        return (labels.reshape((-1, 1)) == self.arange(like.shape[1])).to(like.dtype)

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
