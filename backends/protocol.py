"""What every backend can do, primitive by primitive, each beside its gradient.

Conventions: images are NCHW, convolution weights OIHW, Dense weights (out, in), convolution is cross-correlation.
`padding` is ((top, bottom), (left, right)), resolved by the layer; `stride`, `dilation`, `window` are (height, width).
A result may share memory with an argument. Only `assign` and the updates write to an array that exists, and `add_bias`,
whose x the caller gives up.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from cnnkit.backends.arrays import Array, Native, Padding, Pair, Scalar, Shape
from cnnkit.backends.execution import Availability, Execution, Step

__all__ = ["Array", "Availability", "Backend", "Native", "Padding", "Pair", "Scalar", "Shape", "Step"]


class Backend(Execution, ABC):
    """The primitives. A new backend must write the abstract ones; the composites have default bodies.

    A backend writes a composite itself where one fused call is measured to be faster.
    """

    # ---- arrays in and out

    @abstractmethod
    def asarray(self, values: Any, dtype: str | None = None) -> Array:
        """Return host `values` as an array of this backend; it may share their memory.

        dtype: "float32", "float64", "int64", ...; None keeps the dtype of `values`.
        """

    @abstractmethod
    def to_numpy(self, x: Array) -> Any:
        """Return x as a numpy.ndarray on the host; it may share memory with x."""

    @abstractmethod
    def zeros(self, shape: Shape, dtype: str) -> Array: ...

    @abstractmethod
    def arange(self, count: int) -> Array:
        """Return 0, 1, ..., count - 1 as int64, made on the device."""

    @abstractmethod
    def uniform(self, key: Pair, step: int | Array, shape: Shape, start: int = 0) -> Array:
        """Return float32 draws in [0, 1): element i is the top 24 bits of Philox4x32-10 word start + i, times 2**-24.

        key: two words of 32 bits. step: counts updates; may live on the device. Word 4 b + j is word j of the counter
        (b low, b high, step low, step high); `cnnkit.backends.shared.philox` computes it on any int64 arrays.
        Salmon et al. 2011.
        """

    # ---- element by element

    @abstractmethod
    def exp(self, x: Array) -> Array:
        """Return e**x, infinity where that is too large for the dtype, without a warning."""

    @abstractmethod
    def log(self, x: Array) -> Array: ...
    @abstractmethod
    def log1p(self, x: Array) -> Array: ...
    @abstractmethod
    def sqrt(self, x: Array) -> Array: ...
    @abstractmethod
    def tanh(self, x: Array) -> Array: ...
    @abstractmethod
    def erf(self, x: Array) -> Array: ...
    @abstractmethod
    def maximum(self, x: Array, other: Array | float) -> Array:
        """Return the larger one; NaN wins."""

    @abstractmethod
    def where(self, condition: Array, x: Array | float, y: Array | float) -> Array:
        """Return x where condition else y; at least one of x and y is an array, and gives the dtype."""

    # ---- reductions; axis None is all axes

    @abstractmethod
    def sum(self, x: Array, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Array:
        """Return sums of numbers; of booleans, how many are true, as whole numbers."""

    @abstractmethod
    def mean(self, x: Array, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Array: ...
    @abstractmethod
    def max(self, x: Array, axis: int | None = None, keepdims: bool = False) -> Array: ...
    @abstractmethod
    def argmax(self, x: Array, axis: int) -> Array:
        """Return the int64 index of the first maximum along axis."""

    # ---- moving and joining

    @abstractmethod
    def take(self, x: Array, indices: Array, axis: int = 0) -> Array:
        """Return slices along axis, whose place the axes of `indices` take; 0 <= indices < the length of axis."""

    @abstractmethod
    def transpose(self, x: Array, axes: tuple[int, ...]) -> Array: ...
    @abstractmethod
    def concatenate(self, arrays: Sequence[Array], axis: int = 0) -> Array: ...
    @abstractmethod
    def matmul(self, x: Array, y: Array) -> Array: ...

    # ---- convolution and pooling

    @abstractmethod
    def conv2d(self, x: Array, weight: Array, stride: Pair, padding: Padding, dilation: Pair, groups: int) -> Array:
        """y[n,o,p,q] = sum over i, a, b of weight[o,i,a,b] x[n, i, p*stride + a*dilation - top, ...].

        x (N, C, H, W), weight (O, C/groups, KH, KW), y (N, O, OH, OW).
        """

    @abstractmethod
    def conv2d_input_gradient(
        self, dy: Array, weight: Array, x_shape: Shape, stride: Pair, padding: Padding, dilation: Pair, groups: int
    ) -> Array:
        """Return dx of x_shape (N, C, H, W): the adjoint of conv2d in x."""

    @abstractmethod
    def conv2d_weight_gradient(
        self, dy: Array, x: Array, weight_shape: Shape, stride: Pair, padding: Padding, dilation: Pair, groups: int
    ) -> Array:
        """Return dweight of weight_shape (O, C/groups, KH, KW): the adjoint of conv2d in weight."""

    @abstractmethod
    def max_pool2d(self, x: Array, window: Pair, stride: Pair, padding: Padding) -> tuple[Array, Any]:
        """Return (y, saved): the maximum of each window; padding never wins. `saved` is for the gradient alone.

        Layers see to it that, here as in average_pool2d, padding is smaller than the window.
        """

    @abstractmethod
    def max_pool2d_gradient(
        self, dy: Array, saved: Any, x_shape: Shape, window: Pair, stride: Pair, padding: Padding
    ) -> Array:
        """Return dx: each dy goes to the first maximum of its window in row-major order."""

    @abstractmethod
    def average_pool2d(self, x: Array, window: Pair, stride: Pair, padding: Padding, count_padding: bool) -> Array:
        """Return the mean of each window; padding counts as zeros, or not at all when count_padding is False."""

    @abstractmethod
    def average_pool2d_gradient(
        self, dy: Array, x_shape: Shape, window: Pair, stride: Pair, padding: Padding, count_padding: bool
    ) -> Array: ...

    # ---- composites: one call where several small ones would do the same

    def add_bias(self, x: Array, bias: Array, relu: bool = False) -> Array:
        """Return x + bias along axis 1, or max(x + bias, 0) if `relu`; the result may be written into x.

        x (N, O) or (N, O, H, W), bias (O).
        """
        y = x + (bias if x.ndim == 2 else bias.reshape((1, -1, 1, 1)))
        return self.maximum(y, 0.0) if relu else y

    def add_bias_gradient(self, dy: Array, y: Array, relu: bool = False) -> tuple[Array, Array]:
        """Return (dx, dbias): the adjoint of add_bias, whose result was y; y is read only if `relu`."""
        dx = dy * (y > 0) if relu else dy
        return dx, self.sum(dx, axis=(0, 2, 3) if dx.ndim == 4 else 0)

    def one_hot(self, labels: Array, like: Array) -> Array:
        """Return an array of the shape (N, K) and dtype of `like`: zeros, and a one at the label (N,) of each row."""
        return self.where(labels.reshape((-1, 1)) == self.arange(like.shape[1]), like * 0 + 1, 0.0)

    def softmax_cross_entropy(
        self, outputs: Array, targets: Array, label_smoothing: float = 0.0
    ) -> tuple[Array, Array]:
        """Return (loss, dy): the mean over samples of -sum of target * log softmax(outputs), and its gradient.

        outputs (N, K); targets int64 labels (N,) or rows of the outputs' shape. label_smoothing: the share of each
        target that is spread evenly over all classes.
        """
        count, classes = outputs.shape
        rows = self.one_hot(targets, outputs) if targets.ndim == 1 else targets
        if label_smoothing:
            rows = rows * (1 - label_smoothing) + label_smoothing / classes
        shifted = outputs - self.max(outputs, axis=1, keepdims=True)
        powers = self.exp(shifted)
        total = self.sum(powers, axis=1, keepdims=True)
        return self.sum(rows * (self.log(total) - shifted)) / count, (powers / total - rows) / count

    def update(
        self, rule: Any, parameter: Array, gradient: Array, slots: dict[str, Array], scalars: Mapping[str, Any]
    ) -> tuple[Array, dict[str, Array]]:
        """Return (parameter, slots) after one step of an optimizer: the arrays to use from now on, as of `assign`.

        scalars: the numbers of this step; each a Python number, or a 0-d array on the device.
        """
        value, values = rule.formula(self, parameter, gradient, slots, scalars)
        return self.assign(parameter, value), {name: self.assign(slots[name], new) for name, new in values.items()}

    def pack(self, arrays: Sequence[Array]) -> Array:
        """Return all values of `arrays`, one array after the other, as one new array of one axis."""
        return self.concatenate([array.reshape((-1,)) for array in arrays])
