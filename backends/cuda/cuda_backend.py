"""The array code, with CUDA kernels of our own where that code would be slow or would not repeat bit by bit."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy import float64, int32, int64, uint32

from cnnkit.backends.cuda import convolution, pooling
from cnnkit.backends.cuda.capture_device import CudaCaptureDevice
from cnnkit.backends.cuda.convolution import ImageWindows
from cnnkit.backends.cuda.kernels import MOST_BLOCKS, Kernels, blocks, planes
from cnnkit.backends.cuda.machine import Machine
from cnnkit.backends.cuda.products import gemm
from cnnkit.backends.protocol import Native, Padding, Pair, Shape, Sizes, Step
from cnnkit.backends.shared.array_backend import ArrayBackend
from cnnkit.backends.shared.captured_step import CapturedStep
from cnnkit.backends.shared.constants import Constants

MOST_UPDATE_BLOCKS = 2048
MOST_LABELS = 4096  # above, counting those that count in every warp takes longer than the losses
MULTIPLIED = ("float32", "float64", "float16", "bfloat16")  # by cuBLAS
HALF = ("float16", "bfloat16")
SHARES = 32  # blocks that sum the bias gradient of one channel, at most


class CudaBackend(ArrayBackend):
    """The primitives on the arrays of a machine. `kernels.launches` counts kernels and matrix products by name.

    captures: whether compiled steps are captured.
    """

    device = "cuda"
    captures = True

    def __init__(self, machine: Machine) -> None:
        super().__init__(machine.xp)
        self.half_types = ("bfloat16", "float16") if machine.has_bfloat16() else ("float16",)
        self.machine = machine
        self.kernels = Kernels(machine)
        self._counters: list[Native] = []
        self._constants = Constants(self.asarray)

    # ---- arrays

    def to_numpy(self, x: Native) -> Any:
        host = self.xp.asnumpy(x)
        return host.astype("float32") if host.dtype.name == "bfloat16" else host  # NumPy has none of its own

    def sum(self, x: Native, axis: Any = None, keepdims: bool = False) -> Native:
        if x.dtype.name in HALF:
            return x.sum(axis=axis, dtype="float32", keepdims=keepdims).astype(x.dtype)
        return super().sum(x, axis, keepdims)

    def uniform(self, key: Pair, step: Any, shape: Shape, start: int = 0) -> Native:
        draws = self.xp.empty(shape, "float32")
        at = self.xp.asarray(step, "int64")
        words = blocks(draws.size, 4) + 1
        counts = int64(start), int64(draws.size), uint32(key[0]), uint32(key[1])
        self.kernels("uniform", "float32", (blocks(words),) if draws.size else (0,), draws, at, *counts)
        return draws

    def gemm(self, x: Native, y: Native, out: Native = None, accumulate: bool = False) -> Native:
        usual = x.dtype == y.dtype and x.dtype.name in MULTIPLIED and x.ndim >= 2 and y.ndim >= 2
        if not usual or x.shape[-1] != y.shape[-2]:  # cuBLAS would read out of bounds where matmul raises
            return self.xp.matmul(x, y, out=out)
        self.kernels.launches["gemm"] += 1
        return gemm(self.xp, self.machine.multiply, x, y, out, accumulate)

    def constant(self, values: Any, dtype: str | None = None) -> Native:
        return self._constants.get(values, dtype)

    def pack(self, arrays: Sequence[Native]) -> Native:
        if len({array.dtype for array in arrays}) > 1:
            return super().pack(arrays)
        parts = self._contiguous(*arrays)
        flat = self.xp.empty((sum(part.size for part in parts),), parts[0].dtype)
        start = 0
        for first in range(0, len(parts), 8):
            eight = parts[first : first + 8]
            ends = (start + np.cumsum([part.size for part in eight])).tolist()
            ends += [ends[-1]] * (8 - len(eight))
            filled = (*eight, *[eight[-1]] * (8 - len(eight)))
            grid = (min(blocks(ends[-1] - start), MOST_UPDATE_BLOCKS),)
            self.kernels("pack", flat.dtype, grid, flat, int64(start), *filled, *map(int64, ends))
            start = ends[-1]
        return flat

    def _contiguous(self, *arrays: Native) -> list[Native]:
        return [self.xp.ascontiguousarray(array) for array in arrays]

    # ---- convolution and pooling

    def convolve(
        self, x: Native, weight: Native, stride: Sizes, padding: Padding, dilation: Sizes, groups: int
    ) -> Native:
        x, weight = self._contiguous(x, weight)
        windows = ImageWindows.of(x.shape, weight.shape[2:], stride, padding, dilation)
        return convolution.forward(self, x, weight, windows, groups)

    def convolve_input_gradient(
        self, dy: Native, weight: Native, x_shape: Shape, stride: Sizes, padding: Padding, dilation: Sizes, groups: int
    ) -> Native:
        dy, weight = self._contiguous(dy, weight)
        windows = ImageWindows.of(x_shape, weight.shape[2:], stride, padding, dilation)
        return convolution.input_gradient(self, dy, weight, windows, groups)

    def convolve_weight_gradient(
        self, dy: Native, x: Native, weight_shape: Shape, stride: Sizes, padding: Padding, dilation: Sizes, groups: int
    ) -> Native:
        dy, x = self._contiguous(dy, x)
        windows = ImageWindows.of(x.shape, weight_shape[2:], stride, padding, dilation)
        return convolution.weight_gradient(self, dy, x, weight_shape, windows, groups)

    def max_pool(
        self, x: Native, window: Sizes, stride: Sizes, padding: Padding, dilation: Sizes
    ) -> tuple[Native, Any]:
        (x,) = self._contiguous(x)
        return pooling.max_forward(self, x, ImageWindows.of(x.shape, window, stride, padding, dilation))

    def max_pool_gradient(
        self, dy: Native, saved: Any, x_shape: Shape, window: Sizes, stride: Sizes, padding: Padding, dilation: Sizes
    ) -> Native:
        (dy,) = self._contiguous(dy)
        return pooling.max_gradient(self, dy, saved, ImageWindows.of(x_shape, window, stride, padding, dilation))

    def average_pool(
        self, x: Native, window: Sizes, stride: Sizes, padding: Padding, dilation: Sizes, counted: Padding
    ) -> Native:
        (x,) = self._contiguous(x)
        return pooling.average_forward(self, x, ImageWindows.of(x.shape, window, stride, padding, dilation), counted)

    def average_pool_gradient(
        self, dy: Native, x_shape: Shape, window: Sizes, stride: Sizes, padding: Padding, dilation: Sizes,
        counted: Padding,
    ) -> Native:  # fmt: skip
        (dy,) = self._contiguous(dy)
        windows = ImageWindows.of(x_shape, window, stride, padding, dilation)
        return pooling.average_gradient(self, dy, windows, counted)

    # ---- composites

    def add_bias(self, x: Native, bias: Native, relu: bool = False) -> Native:
        x, bias = self._contiguous(x, bias)
        rows, channels = x.shape[:2]
        if x.ndim == 2:
            counts = map(int32, (rows, channels, relu))
            self.kernels("add_bias_rows", x.dtype, (blocks(x.size),), x, bias, *counts)
        else:
            length = math.prod(x.shape[2:])
            counts = map(int32, (rows * channels, length, channels, relu))
            grid = (blocks(length), planes(rows * channels))
            self.kernels("add_bias_images", x.dtype, grid, x, bias, *counts)
        return x

    def add_bias_gradient(self, dy: Native, y: Native, relu: bool = False) -> tuple[Native, Native]:
        if dy.size == 0 or dy.size >= 1 << 31 or dy.shape[1] > MOST_BLOCKS or dy.dtype != y.dtype:
            return super().add_bias_gradient(dy, y, relu)
        dy, y = self._contiguous(dy, y)
        dx = self.xp.empty(dy.shape, dy.dtype) if relu else dy
        samples, channels = dy.shape[:2]
        dbias = self.xp.empty((channels,), dy.dtype)
        if dy.ndim == 2:
            sizes = map(int32, (samples, channels, relu))
            grid = (blocks(channels, 32),)
            self.kernels("bias_gradient_rows", dy.dtype, grid, dy, y, dx, dbias, *sizes, block=(32, 8))
        else:
            length = math.prod(dy.shape[2:])
            shares = min(SHARES, blocks(samples * length, 2048))
            partial = self.xp.empty((channels, shares), "float32" if dy.dtype.name in HALF else dy.dtype)
            arguments = (dy, y, dx, dbias, partial, self._zeros(channels))
            counts = map(uint32, (samples, channels, length))
            self.kernels("bias_gradient_images", dy.dtype, (shares, channels), *arguments, *counts, int32(relu))
        return dx, dbias

    def softmax_cross_entropy(
        self, outputs: Native, targets: Native, label_smoothing: float = 0.0, weights: Native | None = None
    ) -> tuple[Native, Native]:
        fused = targets.ndim == 1 and weights is None and 0 < len(outputs) <= MOST_LABELS and outputs.size
        if not fused or self.parts is not None:
            return super().softmax_cross_entropy(outputs, targets, label_smoothing, weights)
        outputs, targets = self._contiguous(outputs, targets.astype("int64", copy=False))
        dy, losses = self.xp.empty(outputs.shape, outputs.dtype), self.xp.empty((outputs.shape[0],), outputs.dtype)
        loss = self.xp.empty((), outputs.dtype)
        samples, classes = outputs.shape
        arguments = (outputs, targets, dy, losses, loss, self._zeros(1), int32(samples), int32(classes))
        grid = (min(blocks(samples, 8), MOST_UPDATE_BLOCKS),)
        self.kernels("softmax_cross_entropy", outputs.dtype, grid, *arguments, float64(label_smoothing))
        return loss, dy

    def sgd_update(
        self, parameter: Native, gradient: Native, velocity: Native, rate: Any, *,
        momentum: float, nesterov: bool, weight_decay: float,
    ) -> tuple[Native, ...]:  # fmt: skip
        fields: dict[str, Any] = {"momentum": momentum, "nesterov": nesterov, "weight_decay": weight_decay}
        kernel, slots = ("sgd", ()) if velocity is None else ("sgd_momentum", (velocity,))
        if not self._updated_by(kernel, parameter, gradient, slots, (rate,), fields):
            return super().sgd_update(parameter, gradient, velocity, rate, **fields)
        return (parameter, *slots)

    def adam_update(
        self, parameter: Native, gradient: Native, first_moment: Native, second_moment: Native,
        rate: Any, size: Any, correction: Any, *,
        beta1: float, beta2: float, epsilon: float, weight_decay: float, decoupled: bool,
    ) -> tuple[Native, ...]:  # fmt: skip
        fields: dict[str, Any] = {"beta1": beta1, "beta2": beta2, "epsilon": epsilon, "weight_decay": weight_decay}
        slots, numbers = (first_moment, second_moment), (rate, size, correction)
        if not self._updated_by("adamw" if decoupled else "adam", parameter, gradient, slots, numbers, fields):
            return super().adam_update(parameter, gradient, *slots, *numbers, **fields, decoupled=decoupled)
        return (parameter, *slots)

    def rmsprop_update(
        self, parameter: Native, gradient: Native, square: Native, velocity: Native, rate: Any, *,
        decay: float, epsilon: float, momentum: float, weight_decay: float,
    ) -> tuple[Native, ...]:  # fmt: skip
        fields: dict[str, Any] = {
            "decay": decay, "epsilon": epsilon, "momentum": momentum, "weight_decay": weight_decay,
        }  # fmt: skip
        kernel, slots = ("rmsprop", (square,)) if velocity is None else ("rmsprop_momentum", (square, velocity))
        if not self._updated_by(kernel, parameter, gradient, slots, (rate,), fields):
            return super().rmsprop_update(parameter, gradient, square, velocity, rate, **fields)
        return (parameter, *slots)

    def _updated_by(
        self, kernel: str, parameter: Native, gradient: Native, slots: Sequence[Native], numbers: Sequence[Any],
        fields: Mapping[str, float],
    ) -> bool:  # fmt: skip
        """Update parameter and slots in place; False, and nothing done, where the kernel cannot read the arrays."""
        arrays = (parameter, *slots)
        if not all(array.flags.c_contiguous and array.dtype == gradient.dtype for array in arrays):
            return False
        (gradient,) = self._contiguous(gradient)
        read = [self.xp.asarray(number, parameter.dtype) for number in numbers]
        arguments = (parameter, gradient, *slots, *read, int64(parameter.size), *map(float64, fields.values()))
        self.kernels(kernel, parameter.dtype, (min(blocks(parameter.size), MOST_UPDATE_BLOCKS),), *arguments)
        return True

    def _zeros(self, count: int) -> Native:
        """Return counters that are zero; kernels that use them set them to zero again.

        Shorter arrays of counters stay alive, because captured steps may use them.
        """
        if not self._counters or self._counters[-1].size < count:
            self._counters.append(self.xp.zeros((max(count, 4096),), "uint32"))
        return self._counters[-1]

    # ---- running a step

    def compile(self, step: Step, impure: str | None = None) -> Step:
        reason = impure if self.captures else "capturing is switched off"
        step = self._constants.keep(step)
        return CapturedStep(step, CudaCaptureDevice(self.machine, self.kernels), reason)

    def launches(self) -> Mapping[str, int]:
        return dict(sorted(self.kernels.launches.items()))

    def data_bytes(self) -> int:
        return self.machine.free_bytes() // 3

    def synchronize(self) -> None:
        self.machine.synchronize()
