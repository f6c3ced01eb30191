"""What every backend can do, primitive by primitive; convolution, pooling, bias and loss stand beside their gradients.

Conventions: images are NCHW, convolution weights OIHW, Dense weights (out, in), convolution is cross-correlation.
Convolution and pooling take one, two or three spatial axes: signals NCL, images NCHW, volumes NCDHW, written here for
images. `stride`, `dilation` and `window` have a number for each spatial axis; `padding` a pair (begin, end) for each,
such as ((top, bottom), (left, right)), resolved by the layer: uneven, and wider than the window, if need be.
A result may share memory with an argument. Only `assign` (in execution.py, beside `map_samples` and `compile`) and the
updates write to an array that exists; and `add_bias`, after which its x must not be used.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

from cnnkit.backends import cross_entropy
from cnnkit.backends.arrays import Array, Native, Padding, Pair, Scalar, Shape, Sizes
from cnnkit.backends.batch_parts import BatchParts, Parts
from cnnkit.backends.execution import Availability, Execution, Step

__all__ = ["Array", "Availability", "Backend", "Native", "Padding", "Pair", "Parts", "Scalar", "Shape", "Sizes", "Step"]


class Backend(Execution, BatchParts, ABC):
    """The primitives. A new backend must write the abstract ones; the composites have default bodies.

    A backend writes a composite itself where one fused call is measured to be faster.
    """

    # ---- arrays in and out

    @abstractmethod
    def asarray(self, values: Any, dtype: str | None = None) -> Array:
        """Return host `values`, or an array, in a dtype ("float32", ...; None: theirs); they may share memory."""

    @abstractmethod
    def to_numpy(self, x: Array) -> Any:
        """Return x as a numpy.ndarray on the host, bfloat16 as float32; it may share memory with x."""

    @abstractmethod
    def zeros(self, shape: Shape, dtype: str) -> Array:
        """Return an array of zeros."""

    @abstractmethod
    def arange(self, count: int) -> Array:
        """Return 0, 1, ..., count - 1 as int64, made on the device."""

    @abstractmethod
    def uniform(self, key: Pair, step: int | Array, shape: Shape, start: int = 0) -> Array:
        """Return float32 draws in [0, 1): element i is the top 24 bits of Philox4x32-10 word start + i, times 2**-24.

        key: two words of 32 bits. step: counts updates; may live on the device. The generator gives four words for each
        counter: word 4 b + j is number j of counter (b low, b high, step low, step high), so element 0 with start 6 is
        number 2 of counter b = 1. `cnnkit.philox` computes it. Salmon et al. 2011.
        """

    # ---- element by element

    @abstractmethod
    def exp(self, x: Array) -> Array:
        """Return e**x, infinity where that is too large for the dtype, without a warning."""

    @abstractmethod
    def log(self, x: Array) -> Array:
        """Return the natural logarithm."""

    @abstractmethod
    def log1p(self, x: Array) -> Array:
        """Return log(1 + x), accurate for small x."""

    @abstractmethod
    def sqrt(self, x: Array) -> Array:
        """Return the square root."""

    @abstractmethod
    def tanh(self, x: Array) -> Array:
        """Return the hyperbolic tangent."""

    @abstractmethod
    def erf(self, x: Array) -> Array:
        """Return the error function: 2 / sqrt(pi) times the integral of exp(-t^2) for t from 0 to x."""

    def power(self, x: Array, exponent: float) -> Array:
        """Return x ** exponent; NaN for a negative x and an exponent that is no whole number."""
        return x**exponent

    @abstractmethod
    def maximum(self, x: Array, other: Array | float) -> Array:
        """Return the larger one; NaN wins."""

    @abstractmethod
    def where(self, condition: Array, x: Array | float, y: Array | float) -> Array:
        """Return x where condition else y; at least one of x and y is an array, and gives the dtype."""

    # ---- reductions; axis None is all axes

    @abstractmethod
    def sum(self, x: Array, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Array:
        """Return sums of numbers; of booleans the number of true ones, as an integer."""

    @abstractmethod
    def mean(self, x: Array, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Array:
        """Return sum(x) / count."""

    @abstractmethod
    def max(self, x: Array, axis: int | None = None, keepdims: bool = False) -> Array:
        """Return the largest values."""

    @abstractmethod
    def argmax(self, x: Array, axis: int) -> Array:
        """Return the int64 index of the first maximum along axis."""

    # ---- moving and joining

    @abstractmethod
    def take(self, x: Array, indices: Array, axis: int = 0) -> Array:
        """Return the slices of x along axis at the indices, whose axes replace it; 0 <= indices < its length."""

    @abstractmethod
    def transpose(self, x: Array, axes: tuple[int, ...]) -> Array:
        """Return x with its axes in this order."""

    @abstractmethod
    def concatenate(self, arrays: Sequence[Array], axis: int = 0) -> Array:
        """Return the arrays joined along an axis."""

    @abstractmethod
    def matmul(self, x: Array, y: Array) -> Array:
        """Return the matrix product; leading axes are broadcast."""

    # ---- convolution and pooling

    @abstractmethod
    def convolve(self, x: Array, weight: Array, stride: Sizes, padding: Padding, dilation: Sizes, groups: int) -> Array:
        """y[n,o,p,q] = sum over i, a, b of weight[o,i,a,b] x[n, i, p*stride + a*dilation - top, ...].

        x (N, C, H, W), weight (O, C/groups, KH, KW), y (N, O, OH, OW), or other spatial axes; i: channels of o's group.
        """

    @abstractmethod
    def convolve_input_gradient(
        self, dy: Array, weight: Array, x_shape: Shape, stride: Sizes, padding: Padding, dilation: Sizes, groups: int
    ) -> Array:
        """Return dx of x_shape (N, C, H, W): the adjoint of convolve in x."""

    @abstractmethod
    def convolve_weight_gradient(
        self, dy: Array, x: Array, weight_shape: Shape, stride: Sizes, padding: Padding, dilation: Sizes, groups: int
    ) -> Array:
        """Return dweight of weight_shape (O, C/groups, KH, KW): the adjoint of convolve in weight."""

    @abstractmethod
    def max_pool(self, x: Array, window: Sizes, stride: Sizes, padding: Padding, dilation: Sizes) -> tuple[Array, Any]:
        """Return (y, saved): the maximum of each window, padding left out. Only the gradient reads `saved`.

        A window with NaN in it gives NaN. In average_pool too, layers see to it that each window has a pixel.
        """

    @abstractmethod
    def max_pool_gradient(
        self, dy: Array, saved: Any, x_shape: Shape, window: Sizes, stride: Sizes, padding: Padding, dilation: Sizes
    ) -> Array:
        """Return dx: each dy goes to the first maximum of its window in row-major order, never to padding.

        Of a window with NaN in it, the last NaN is the maximum, as in PyTorch.
        """

    @abstractmethod
    def average_pool(
        self, x: Array, window: Sizes, stride: Sizes, padding: Padding, dilation: Sizes, counted: Padding
    ) -> Array:
        """Return the sum of each window divided by the number of its pixels in the image and in `counted`.

        counted: the inner part of the padding, at most all of it, that counts as zeros in the mean; the rest does not
        count. ((0, 0), (0, 0)) gives the mean of the image's own pixels, `padding` the mean of the whole window.
        """

    @abstractmethod
    def average_pool_gradient(
        self, dy: Array, x_shape: Shape, window: Sizes, stride: Sizes, padding: Padding, dilation: Sizes,
        counted: Padding,
    ) -> Array:  # fmt: skip
        """Return dx of x_shape: the adjoint of average_pool."""

    # ---- composites: one call where several small ones would do the same

    def add_bias(self, x: Array, bias: Array, relu: bool = False) -> Array:
        """Return x + bias along axis 1, or max(x + bias, 0) if `relu`; the result may be written into x.

        x (N, O, ...) with any number of axes, bias (O).
        """
        y = x + (bias if x.ndim == 2 else bias.reshape((1, -1) + (1,) * (x.ndim - 2)))
        return self.maximum(y, 0.0) if relu else y

    def add_bias_gradient(self, dy: Array, y: Array, relu: bool = False) -> tuple[Array, Array]:
        """Return (dx, dbias): the adjoint of add_bias, whose result was y; y is read only if `relu`."""
        dx = dy * (y > 0) if relu else dy
        return dx, self.sum_samples(dx, axis=(0, *range(2, dx.ndim)))

    def one_hot(self, labels: Array, like: Array) -> Array:
        """Return zeros like `like` (N, K, ...) with a one along axis 1 at each label (N, ...) that is in [0, K)."""
        return cross_entropy.one_hot(self, labels, like)

    def softmax_cross_entropy(
        self, outputs: Array, targets: Array, label_smoothing: float = 0.0, weights: Array | None = None
    ) -> tuple[Array, Array]:
        """Return (loss, dy): the mean over all samples of -sum of target * log softmax(outputs), and its gradient.

        outputs (N, K); targets int64 labels (N,) or rows of the outputs' shape. label_smoothing: the share of each
        target that is spread evenly over all classes. Labels of -1 are left out. weights (N,): of the samples' losses.
        """
        return cross_entropy.softmax_cross_entropy(self, outputs, targets, label_smoothing, weights)

    def drop_ignored(self, labels: Array, *arrays: Array) -> tuple[Array, ...]:
        """Return (number, *arrays): how many labels of all samples are not -1, or 1; the arrays with 0 where one is.

        labels (N, ...) int64; arrays (N, K, ...) of one dtype, which may be written into; number: 0-d of their dtype.
        """
        return cross_entropy.drop_ignored(self, labels, *arrays)

    def constant(self, values: Any, dtype: str | None = None) -> Array:
        """Return a host array that never changes, as `asarray` does; a device may keep its copy for later calls."""
        return self.asarray(values, dtype)

    def pack(self, arrays: Sequence[Array]) -> Array:
        """Return all values of `arrays`, one array after the other, as one new array of one axis."""
        return self.concatenate([array.reshape((-1,)) for array in arrays])

    # ---- updates: one step of an optimizer; all return the arrays to use from now on, as `assign` does

    def update(
        self, formula: Callable[..., tuple[Array, ...]], parameter: Array, gradient: Array, *slots: Array
    ) -> tuple[Array, ...]:
        """Return (parameter, *slots) holding formula(parameter, gradient, *slots).

        formula: works element by element and returns new arrays. A backend may apply it piece by piece.
        """
        results = formula(parameter, gradient, *slots)
        return tuple(self.assign(old, new) for old, new in zip((parameter, *slots), results, strict=True))

    def sgd_update(
        self, parameter: Array, gradient: Array, velocity: Array | None, rate: Scalar, *,
        momentum: float, nesterov: bool, weight_decay: float,
    ) -> tuple[Array, ...]:  # fmt: skip
        """Return (p, v): g = gradient + weight_decay*p, v = momentum*v + g, p = p - rate*v.

        With Nesterov p = p - rate*(g + momentum*v). Where velocity is None: (p,), p = p - rate*g.
        """

        def formula(p: Array, g: Array, v: Array | None = None) -> tuple[Array, ...]:
            if weight_decay:
                g = g + p * weight_decay
            if v is None:
                return (p - g * rate,)
            v = v * momentum + g
            return p - (g + v * momentum if nesterov else v) * rate, v

        return self.update(formula, parameter, gradient, *(() if velocity is None else (velocity,)))

    def adam_update(
        self, parameter: Array, gradient: Array, first_moment: Array, second_moment: Array,
        rate: Scalar, size: Scalar, correction: Scalar, *,
        beta1: float, beta2: float, epsilon: float, weight_decay: float, decoupled: bool,
    ) -> tuple[Array, ...]:  # fmt: skip
        """Return (p, m, v): m = beta1*m + (1-beta1)*g, v = beta2*v + (1-beta2)*g^2, p = p - size*m / d.

        d = correction*sqrt(v) + epsilon; at step t size = rate / (1 - beta1^t), correction = 1 / sqrt(1 - beta2^t).
        Weight decay comes first: decoupled p = p - rate*weight_decay*p, otherwise g = gradient + weight_decay*p.
        """

        def formula(p: Array, g: Array, m: Array, v: Array) -> tuple[Array, ...]:
            if decoupled:
                p = p - p * (rate * weight_decay)
            elif weight_decay:
                g = g + p * weight_decay
            m = m * beta1 + g * (1 - beta1)
            v = v * beta2 + g * g * (1 - beta2)
            return p - m / (self.sqrt(v) * correction + epsilon) * size, m, v

        return self.update(formula, parameter, gradient, first_moment, second_moment)

    def rmsprop_update(
        self, parameter: Array, gradient: Array, square: Array, velocity: Array | None, rate: Scalar, *,
        decay: float, epsilon: float, momentum: float, weight_decay: float,
    ) -> tuple[Array, ...]:  # fmt: skip
        """Return (p, s, v): s = decay*s + (1-decay)*g^2, v = momentum*v + g / (sqrt(s) + epsilon), p = p - rate*v.

        g = gradient + weight_decay*p. Where velocity is None: (p, s), p = p - rate*g / (sqrt(s) + epsilon).
        """

        def formula(p: Array, g: Array, s: Array, v: Array | None = None) -> tuple[Array, ...]:
            if weight_decay:
                g = g + p * weight_decay
            s = s * decay + g * g * (1 - decay)
            direction = g / (self.sqrt(s) + epsilon)
            if v is None:
                return p - direction * rate, s
            v = v * momentum + direction
            return p - v * rate, s, v

        return self.update(formula, parameter, gradient, square, *(() if velocity is None else (velocity,)))
