"""A network with its arrays on a backend: forward passes, scores and decisions."""

from collections.abc import Iterator, Mapping, Sequence
from numbers import Integral
from typing import Any

import numpy as np

from cnnkit import losses
from cnnkit.backends.protocol import Array, Backend
from cnnkit.backends.registry import get_backend
from cnnkit.budget import PassBudget
from cnnkit.constants import require_constants
from cnnkit.contracts import describe
from cnnkit.data.scaling import Scaling
from cnnkit.errors import ConfigError
from cnnkit.files.names import describe_value
from cnnkit.layers import Context, Graph, Layer, Sequential, Variables
from cnnkit.layers.base import list_shapes
from cnnkit.layers.drawing import draw
from cnnkit.layers.fields import require_input_shapes
from cnnkit.layers.half_layer import widen
from cnnkit.losses import Loss, external_loss
from cnnkit.notebook_tables import draw_caption
from cnnkit.precision import DTYPES, HALF, array_dtype, find_itemsize, round_values
from cnnkit.purity import impurity
from cnnkit.seeds import Purpose, generator
from cnnkit.summary import summarise
from cnnkit.tree import Tree, flatten, map_leaves
from cnnkit.values import SEED_BITS

Values = np.ndarray[Any, np.dtype[Any]]


class Network:
    """A layer with its parameters and state on a backend, and what its outputs mean.

    network      a layer; anything but a Sequential or a Graph is put into a Sequential
    input_shape  of one sample: (C, H, W) or (F,); a tuple of shapes for a Graph of several inputs
    backend      a name, or a Backend object
    numerics     "plain", or "exact": the same bits on every backend and machine, from float32
    seed         the one seed: of the initial weights here, of shuffling and dropout in training
    dtype        "float32" or "float64"; "bfloat16" or "float16" for half precision (cnnkit.precision), in which a
                 backend that cannot compute in it has only its parameters rounded
    loss         turns outputs into probabilities and decisions, and is what a training minimises; for a Graph of
                 several outputs one for each: "main=softmax_cross_entropy;aux=0.3*huber", of which the first decides
    scaling      network input = (raw pixel - offset) * factor
    metadata     JSON that is stored in the weight file: recipe, data, history, ...
    variables    NumPy arrays to use instead of newly drawn ones

    `params` and `state` are trees of the backend's arrays.

    Raises ShapeError when layers do not fit together, BackendUnavailableError when the backend cannot run here.
    """

    def __init__(
        self,
        network: Layer,
        input_shape: Any,
        *,
        backend: str | Backend = "numpy",
        device: str | None = None,
        threads: int | None = None,
        numerics: str = "plain",
        dtype: str = "float32",
        seed: int = 0,
        loss: str | Loss = "softmax_cross_entropy",
        class_names: Sequence[str] = (),
        scaling: Scaling | None = None,
        metadata: Mapping[str, Any] | None = None,
        variables: Variables | None = None,
    ) -> None:
        require_dtype(dtype)
        _require_seed(seed)
        if isinstance(network, list | tuple):
            raise ConfigError(f"network: expected a layer, got a {type(network).__name__}: write Sequential([...])")
        self.network = network if isinstance(network, Sequential | Graph) else Sequential((network,))
        self.input_shape = require_input_shapes(input_shape, self.network.input_count)
        self.output_shape = self.network.output_shape(self.input_shape)
        self.backend = get_backend(backend, device, threads, numerics=numerics)
        _require_numerics(self.backend, dtype)
        self.dtype, self.array_dtype = dtype, array_dtype(dtype)
        self.half = dtype if dtype in self.backend.half_types else None
        self.seed = int(seed)
        self.loss = losses.fit_outputs(losses.parse(loss), self.output_names)
        require_constants(dtype, self.network, self.loss)
        self.class_names = tuple(map(str, class_names))
        self.scaling = scaling or Scaling()
        self.metadata = dict(metadata or {})
        if variables is not None and not isinstance(variables, Variables):
            raise ConfigError(f"variables: expected Variables(params, state), got {type(variables).__name__}")
        variables = variables or draw(self.network, generator(seed, Purpose.WEIGHTS), self.input_shape)
        params = variables.params
        if self.stores_half:
            params = map_leaves(lambda values: round_values(values, dtype), params)
        self.params, self.state = self.to_backend(params), self.to_backend(variables.state)
        self._forward = self.backend.compile(self._outputs, impurity(self.network))

    def _repr_html_(self) -> str:
        """Return the table of layers that a notebook displays."""
        summary = summarise(self.network, self.input_shape)
        where = f"{summary.describe()}; {self.backend.name} on {self.backend.device}, {self.dtype}"
        return f"<div>{draw_caption(type(self).__name__, where)}{summary.draw_layers()}</div>"

    # ---- arrays

    def to_backend(self, tree: Mapping[str, Any]) -> Tree:
        """Return a tree of host arrays as new arrays of the backend, in the type of the parameters."""
        with np.errstate(over="ignore"):  # what becomes infinite is told where it matters
            return map_leaves(
                lambda values: self.backend.asarray(np.array(values, self.array_dtype), self.array_dtype), tree
            )

    def to_host(self, tree: Mapping[str, Any]) -> Tree:
        """Return a tree of the backend's arrays as NumPy arrays that share no memory with them."""
        return map_leaves(lambda array: np.array(self.backend.to_numpy(array)), tree)

    @property
    def itemsize(self) -> int:
        """The bytes of a value between layers."""
        return find_itemsize(self.half or self.array_dtype)

    @property
    def stores_half(self) -> bool:
        """Whether only the parameters are of a 16-bit type: the backend computes with them in float32."""
        return self.dtype in HALF and self.half is None

    @property
    def output_names(self) -> tuple[str, ...]:
        """The names of the outputs, which losses of their own are given by."""
        return self.network.output_names if isinstance(self.network, Graph) else ("output",)

    @property
    def weights(self) -> dict[str, Values]:
        """Every parameter and running statistic as a NumPy array, by dotted name."""
        return flatten(self.to_host(self.params)) | flatten(self.to_host(self.state))

    @property
    def parameters(self) -> int:
        """The number of trained values."""
        return sum(int(np.prod(p.shape)) for p in flatten(self.params).values())

    # ---- passes

    def _outputs(self, params: Tree, state: Tree, x: Any) -> Any:
        context = Context(self.backend, keeps_caches=False, half=self.half)
        outputs = self.network.forward(context, params, state, x)[0]
        return outputs if self.half is None else widen(self.backend, outputs)

    def find_batch(self, most: int) -> int:
        """Return how many samples to compute at a time: `most`, or less where these do not fit into memory.

        Raises ConfigError where not even one does.
        """
        budget = PassBudget(self.backend, self.network, self.input_shape, self.itemsize)
        images = budget.find_largest(most)
        if not images:
            budget.require_room(1)
        return images

    def forward(self, x: Any) -> Any:
        """Return the raw outputs for a batch x (N, *input_shape) of the backend's arrays.

        x is a tuple of arrays for several inputs, and the result one for several outputs.
        """
        result = self._forward(self.params, self.state, x)
        # a copy: the next call may overwrite the compiled step's result
        return tuple(y * 1 for y in result) if isinstance(result, tuple) else result * 1

    def outputs(self, x: Any, batch_size: int = 256) -> Any:
        """Return the raw outputs for samples x (N, *input_shape), scaled or raw whole numbers, as (N, K).

        x is a tuple of arrays for several inputs, and the result one for several outputs.
        """
        to_numpy = self.backend.to_numpy
        with np.errstate(all="ignore"):
            if len(self.output_names) == 1:
                return np.concatenate([np.array(to_numpy(y)) for y in self._batches(x, batch_size)])
            batches = [[np.array(to_numpy(part)) for part in y] for y in self._batches(x, batch_size)]
        return tuple(map(np.concatenate, zip(*batches, strict=True)))

    @np.errstate(all="ignore")
    def probabilities(self, x: Values, batch_size: int = 256) -> Values:
        """Return one score per class for scaled samples x, (N, K): the outputs as the loss reads them."""
        scores = (external_loss.probabilities(self.loss, self.backend, y) for y in self._batches(x, batch_size))
        return np.concatenate([np.array(self.backend.to_numpy(p)) for p in scores])

    @np.errstate(all="ignore")
    def predict(self, x: Values, batch_size: int = 256) -> Values:
        """Return the class of each scaled sample x (N, *input_shape) as int64 (N,)."""
        classes = (external_loss.decide(self.loss, self.backend, y) for y in self._batches(x, batch_size))
        return np.concatenate([np.array(self.backend.to_numpy(c)) for c in classes])

    def _batches(self, x: Any, batch_size: Any) -> Iterator[Any]:
        """Yield the raw outputs of x, batch by batch; whole numbers are raw pixels and are scaled as in training."""
        single = self.network.input_count == 1
        given = self._require_inputs((x,) if single else x)
        if isinstance(batch_size, bool) or not isinstance(batch_size, Integral) or int(batch_size) < 1:
            raise ConfigError(f"batch_size: expected a whole number >= 1, got {describe_value(batch_size)}")
        count = len(given[0])
        batch_size = self.find_batch(min(int(batch_size), count))
        for start in range(0, count, batch_size):
            batches = tuple(self._upload(values[start : start + batch_size]) for values in given)
            yield self.forward(batches[0] if single else batches)

    def _upload(self, values: Values) -> Array:
        batch = np.ascontiguousarray(values)
        if values.dtype.kind in "iu":
            batch = self.scaling.apply(batch, self.array_dtype)
        return self.backend.asarray(batch, self.array_dtype)

    def _require_inputs(self, x: Any) -> tuple[Values, ...]:
        """Return the samples of each input, equally many. Raises ConfigError."""
        shapes = list_shapes(self.input_shape)
        if not isinstance(x, tuple | list) or len(x) != len(shapes):
            raise ConfigError(f"model: expected x as a tuple of {len(shapes)} arrays, got {describe(x)}")
        given = tuple(map(_require_samples, x))
        for values, shape in zip(given, shapes, strict=True):
            if values.shape[1:] != shape or not len(values) or len(values) != len(given[0]):
                wanted = ", ".join(map(str, shape))
                number = "N >= 1" if len(values) in (0, len(given[0])) else f"N = {len(given[0])}"
                raise ConfigError(f"model: expected x of shape (N, {wanted}) with {number}, got {values.shape}")
        return given


def require_dtype(dtype: str) -> None:
    """Raise ConfigError for any dtype that is not one of DTYPES."""
    if dtype not in DTYPES:
        raise ConfigError(f"dtype: expected one of {', '.join(DTYPES)}, got {describe_value(dtype)}")


def _require_seed(seed: Any) -> None:
    """Raise ConfigError for anything but a whole number of at least 0 and at most SEED_BITS bits."""
    if isinstance(seed, bool) or not isinstance(seed, Integral) or seed < 0 or int(seed).bit_length() > SEED_BITS:
        raise ConfigError(f"seed: expected a whole number >= 0, got {describe_value(seed)}")


def _require_numerics(backend: Backend, dtype: str) -> None:
    """Raise ConfigError where exact numerics meet another type than float32, to which they round."""
    if backend.numerics != "plain" and dtype != "float32":
        raise ConfigError(f"dtype: with {backend.numerics} numerics expected float32, got {dtype!r}")


def _require_samples(x: Any) -> Values:
    """Return samples as an array of real numbers. Raises ConfigError."""
    try:
        array = np.asarray(x)
    except ValueError:
        raise ConfigError("model: expected x as one array, got rows of several lengths") from None
    if array.dtype.kind not in "fiub":
        raise ConfigError(f"model: expected x of real numbers, got {array.dtype}")
    return array
