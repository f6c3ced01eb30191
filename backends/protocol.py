"""What every backend can do, primitive by primitive, each beside its gradient.

Conventions: images are NCHW, convolution weights OIHW, Dense weights (out, in), convolution is cross-correlation.
`padding` is ((top, bottom), (left, right)), resolved by the layer; `stride`, `dilation`, `window` are (height, width).
A result may share memory with an argument; nothing but `assign` and `update` changes an array that exists
(and `add_bias`, which is given its x for good).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from cnnkit.backends import composite
from cnnkit.backends.composite import Rule
from cnnkit.errors import BackendUnavailableError

Shape = tuple[int, ...]
Pair = tuple[int, int]
Padding = tuple[Pair, Pair]
Native = Any  # what a backend's own library calls an array; layers see it as Array
T = TypeVar("T")
Step = Callable[..., Any]


class Array(Protocol):  # noqa: PLW1641 (arrays compare element by element and have no hash)
    """What numpy.ndarray, cupy.ndarray and torch.Tensor have in common; nothing else is portable.

    No float(), int(), len() or iteration: they would read the device. No other methods: they differ.
    """

    @property
    def shape(self) -> Shape: ...
    @property
    def ndim(self) -> int: ...
    @property
    def dtype(self) -> Any: ...
    def reshape(self, shape: Shape, /) -> "Array": ...
    def __getitem__(self, key: Any, /) -> "Array": ...
    def __add__(self, other: Any, /) -> "Array": ...
    def __radd__(self, other: Any, /) -> "Array": ...
    def __sub__(self, other: Any, /) -> "Array": ...
    def __rsub__(self, other: Any, /) -> "Array": ...
    def __mul__(self, other: Any, /) -> "Array": ...
    def __rmul__(self, other: Any, /) -> "Array": ...
    def __truediv__(self, other: Any, /) -> "Array": ...
    def __rtruediv__(self, other: Any, /) -> "Array": ...
    def __pow__(self, other: Any, /) -> "Array": ...
    def __neg__(self) -> "Array": ...
    def __lt__(self, other: Any, /) -> "Array": ...
    def __le__(self, other: Any, /) -> "Array": ...
    def __gt__(self, other: Any, /) -> "Array": ...
    def __ge__(self, other: Any, /) -> "Array": ...
    def __eq__(self, other: Any, /) -> "Array": ...  # type: ignore[override]
    def __ne__(self, other: Any, /) -> "Array": ...  # type: ignore[override]


@dataclass(frozen=True)
class Availability:
    """Whether a backend can run on this machine; if not, why, and the command that would install it."""

    usable: bool
    reason: str = ""
    install: str = ""
    devices: tuple[str, ...] = ("cpu",)


class Backend(ABC):
    """The primitives. Abstract ones are the whole duty of a new backend; the rest have default bodies.

    It is made as Class(device=None, threads=None), None leaving the choice to it. `threads` then says how many of the
    CPU it uses; a backend that cannot steer them need not obey.
    """

    name: str
    device: str = "cpu"
    threads: int = 1

    @classmethod
    def availability(cls) -> Availability:
        """Say whether this machine can run the backend, without raising."""
        return Availability(usable=True)

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
        """Return x + bias along axis 1, and of that max(., 0) if `relu`; x is given up, its memory may hold the result.

        x (N, O) or (N, O, H, W), bias (O).
        """
        return composite.add_bias(self, x, bias, relu)

    def add_bias_gradient(self, dy: Array, y: Array, relu: bool = False) -> tuple[Array, Array]:
        """Return (dx, dbias): the adjoint of add_bias, whose result was y; y is looked at only if `relu`."""
        return composite.add_bias_gradient(self, dy, y, relu)

    def one_hot(self, labels: Array, like: Array) -> Array:
        """Return an array of the shape (N, K) and dtype of `like`: zeros, and a one at the label (N,) of each row."""
        return composite.one_hot(self, labels, like)

    def softmax_cross_entropy(
        self, outputs: Array, targets: Array, label_smoothing: float = 0.0
    ) -> tuple[Array, Array]:
        """Return (loss, dy): the mean over samples of -sum of target * log softmax(outputs), and its gradient.

        outputs (N, K); targets int64 labels (N,) or rows of the outputs' shape. label_smoothing: that much of each
        target is shared out evenly over all classes.
        """
        return composite.softmax_cross_entropy(self, outputs, targets, label_smoothing)

    def update(
        self, rule: Rule, parameter: Array, gradient: Array, slots: dict[str, Array], scalars: Mapping[str, Any]
    ) -> tuple[Array, dict[str, Array]]:
        """Return (parameter, slots) after one step of an optimizer: the arrays to use from now on, as of `assign`.

        scalars: the numbers of this step; each a Python number, or a 0-d array on the device.
        """
        return composite.update(self, rule, parameter, gradient, slots, scalars)

    def pack(self, arrays: Sequence[Array]) -> Array:
        """Return all values of `arrays`, one array after the other, as one new array of one axis."""
        return composite.pack(self, arrays)

    # ---- running a step

    def assign(self, target: Array, value: Array) -> Array:
        """Return the array to use for `target` from now on, holding `value`; mutable arrays are written in place."""
        return value

    def shard_size(self, x_shape: Shape) -> int:
        """Return into pieces of how many samples a batch of images x_shape (N, C, H, W) is best cut.

        It depends on the shape alone, never on the number of threads. The default is the whole batch.
        """
        return x_shape[0]

    def map_samples(self, function: Callable[..., T], size: int, *arrays: Array, label: str = "") -> list[T]:
        """Return [function(first, *shards), ...] over shards of `size` samples, in order.

        first: position of the shard's first sample in the batch. label: tells kinds of work apart.
        """
        count = arrays[0].shape[0]
        if count <= size:
            return [function(0, *arrays)]
        firsts = range(0, count, size)
        return [function(first, *(array[first : first + size] for array in arrays)) for first in firsts]

    def compile(self, step: Step, impure: str | None = None) -> Step:
        """Return a function that does what `step` does, captured for replay perhaps, if nothing in it is `impure`.

        step(variables, *inputs) -> (variables, report): trees of dictionaries (some are cnnkit.flat_tree.FlatTree),
        tuples and NamedTuples; variables of arrays, inputs of arrays and numbers. Variables are written in place where
        arrays can be. Inputs may be copied to a fixed place on the device, numbers becoming 0-d arrays (whole ones
        int64, others of the dtype of the real arrays). Results are valid until the next call.
        A model's forward pass is compiled as well: it returns no variables, so those given stay in use.
        """
        return step

    def launches(self) -> Mapping[str, int]:
        """Return how often each kernel was launched from the host, by name; nothing where a backend does not count."""
        return {}

    def data_bytes(self) -> int:
        """Return how many bytes of data may stay on the device from step to step; 0 where nothing is gained by it."""
        return 0

    def out_of_memory(self, error: BaseException) -> bool:
        """Return whether this error says that memory has run out."""
        return isinstance(error, MemoryError)

    def allow_tf32(self) -> None:
        """Let products round their factors to TF32. Raises BackendUnavailableError where the device knows no TF32."""
        raise BackendUnavailableError(f"backend {self.name} on {self.device}: has no TF32: leave tf32 out")

    def synchronize(self) -> None:
        """Wait until all work given to the device is done."""
        return
