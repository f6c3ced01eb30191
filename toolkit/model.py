"""A model: a network with its arrays on a backend."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from cnnkit import architecture, losses, weights
from cnnkit.backends.protocol import Array, Backend, Shape
from cnnkit.backends.registry import get_backend
from cnnkit.data.dataset import Scaling
from cnnkit.errors import ConfigError, ShapeError, WeightFileError
from cnnkit.exporters.notebook import NotebookWeightFile
from cnnkit.layers import Context, Layer, Sequential, Variables
from cnnkit.losses import Loss
from cnnkit.purity import impurity
from cnnkit.seeds import Purpose, generator
from cnnkit.tree import Tree, flatten, map_leaves

if TYPE_CHECKING:
    from cnnkit.data.dataset import Dataset
    from cnnkit.exporters.core.weight_file import WeightFile
    from cnnkit.summary import Summary
    from cnnkit.training.evaluation import Evaluation

DTYPES = ("float32", "float64")
Values = np.ndarray[Any, np.dtype[Any]]


class Model:
    """A network, its parameters and its state.

    network      a layer; anything but a Sequential is put into one
    input_shape  of one sample: (C, H, W) or (F,)
    backend      a name, or a Backend that is at hand
    seed         the one seed: of the initial weights here, of shuffling and dropout in training
    loss         what the outputs mean: it turns them into probabilities and decisions
    scaling      network input = (raw pixel - offset) * factor
    metadata     JSON that travels in the weight file: recipe, data, history, ...
    variables    NumPy arrays in place of freshly drawn ones

    Raises ShapeError when layers do not fit together, BackendUnavailableError when the backend cannot run here.
    """

    def __init__(
        self,
        network: Layer,
        input_shape: Shape,
        *,
        backend: str | Backend = "numpy",
        device: str | None = None,
        threads: int | None = None,
        dtype: str = "float32",
        seed: int = 0,
        loss: str | Loss = "softmax_cross_entropy",
        class_names: Sequence[str] = (),
        scaling: Scaling | None = None,
        metadata: Mapping[str, Any] | None = None,
        variables: Variables | None = None,
    ) -> None:
        _require_dtype(dtype)
        if seed < 0:
            raise ConfigError(f"seed: expected a whole number >= 0, got {seed}")
        self.network = network if isinstance(network, Sequential) else Sequential((network,))
        self.input_shape = tuple(input_shape)
        self.output_shape = self.network.output_shape(self.input_shape)
        self.backend = get_backend(backend, device, threads)
        self.dtype = dtype
        self.seed = int(seed)
        self.loss = losses.parse(loss) if isinstance(loss, str) else loss
        self.class_names = tuple(map(str, class_names))
        self.scaling = scaling or Scaling()
        self.metadata = dict(metadata or {})
        variables = variables or self.network.init(generator(seed, Purpose.WEIGHTS), self.input_shape)
        self.params, self.state = self.to_backend(variables.params), self.to_backend(variables.state)
        self._forward = self.backend.compile(self._outputs, impurity(self.network))

    # ---- arrays

    def to_backend(self, tree: Mapping[str, Any]) -> Tree:
        """Return a tree of host arrays as fresh arrays of the backend, in the model's dtype."""
        return map_leaves(lambda values: self.backend.asarray(np.array(values, self.dtype), self.dtype), tree)

    def to_host(self, tree: Mapping[str, Any]) -> Tree:
        """Return a tree of the backend's arrays as NumPy arrays of their own memory."""
        return map_leaves(lambda array: np.array(self.backend.to_numpy(array)), tree)

    @property
    def weights(self) -> dict[str, Values]:
        """Every parameter and running statistic as a NumPy array, by dotted name."""
        return flatten(self.to_host(self.params)) | flatten(self.to_host(self.state))

    @property
    def parameters(self) -> int:
        """The number of trained values."""
        return sum(int(np.prod(p.shape)) for p in flatten(self.params).values())

    # ---- using

    def _outputs(self, params: Tree, state: Tree, x: Array) -> Array:
        return self.network.forward(Context(self.backend), params, state, x)[0]

    def forward(self, x: Array) -> Array:
        """Return the raw outputs for a batch x (N, *input_shape) of the backend's arrays."""
        result: Array = self._forward(self.params, self.state, x)
        return result * 1  # the next call may write over what this one returned

    def outputs(self, x: Values, batch_size: int = 256) -> Values:
        """Return the raw outputs for scaled samples x (N, *input_shape) as a NumPy array (N, K)."""
        return np.concatenate([np.array(self.backend.to_numpy(y)) for y in self._batches(x, batch_size)])

    @np.errstate(all="ignore")
    def probabilities(self, x: Values, batch_size: int = 256) -> Values:
        """Return a score for each class, (N, K): the outputs as the loss understands them."""
        scored = (self.loss.probabilities(self.backend, y) for y in self._batches(x, batch_size))
        return np.concatenate([np.array(self.backend.to_numpy(p)) for p in scored])

    @np.errstate(all="ignore")
    def predict(self, x: Values, batch_size: int = 256) -> Values:
        """Return the class of each scaled sample x (N, *input_shape) as int64 (N,)."""
        decided = (self.loss.decide(self.backend, y) for y in self._batches(x, batch_size))
        return np.concatenate([np.array(self.backend.to_numpy(c)) for c in decided])

    def _batches(self, x: Values, batch_size: int) -> Iterator[Array]:
        x = np.asarray(x)
        if x.shape[1:] != self.input_shape or not len(x):
            shape = ", ".join(map(str, self.input_shape))
            raise ConfigError(f"model: expected x of shape (N, {shape}) with N >= 1, got {x.shape}")
        for start in range(0, len(x), batch_size):
            yield self.forward(self.backend.asarray(np.ascontiguousarray(x[start : start + batch_size]), self.dtype))

    def fit(self, data: "str | Dataset", **options: Any) -> list[dict[str, Any]]:
        """Train on a data set and return the history; `options` are the fields of cnnkit.training.Options.

        Loss and seed are the model's unless given. The model takes the data set's scaling and class names.
        """
        from cnnkit.training import Options, Training

        loss = None if "loss" in options else self.loss
        settings: dict[str, Any] = {"seed": self.seed} | options
        training = Training(self, _dataset(data), Options(**settings), loss)
        return [report.entry for report in training.epochs()]

    def evaluate(self, data: "str | Dataset", split: str = "test", limit: int | None = None) -> "Evaluation":
        """Return loss, accuracy and every other measure on one part of a data set."""
        from cnnkit.training.evaluation import evaluate

        return evaluate(self, _dataset(data), split, limit)

    def summary(self) -> "Summary":
        """Return layers, shapes, parameters, receptive field and multiply-adds."""
        from cnnkit.summary import summarise

        return summarise(self.network, self.input_shape)

    def _repr_html_(self) -> str:
        """Return layers, statistics and findings as a notebook shows them."""
        from cnnkit.inspection.notebook import model_table

        return model_table(self.to_weights())

    def _repr_svg_(self) -> str | None:
        """Return the picture of the network; None for a net that is too large for a notebook's page."""
        return self.to_weights()._repr_svg_()

    # ---- files

    def to_weights(self) -> NotebookWeightFile:
        """Return the model as a weight file: exactly what `save` writes."""
        tensors = weights.tensors(self.network, self.input_shape, self.to_host(self.params), self.to_host(self.state))
        return NotebookWeightFile.of(weights.weight_file(self, tensors))

    def save(self, path: str | Path, format: str | None = None, overwrite: bool = True) -> None:  # noqa: A002
        """Write the model, whole or not at all; the format comes from the suffix unless named."""
        from cnnkit import exporters

        exporters.write(self.to_weights(), Path(path), format, overwrite=overwrite)

    @classmethod
    def load(
        cls,
        path: str | Path,
        *,
        backend: str | Backend = "numpy",
        device: str | None = None,
        threads: int | None = None,
        dtype: str | None = None,
        layers: Sequence[type[Layer]] = (),
    ) -> Self:
        """Return the model of a weight file on any backend; dtype None keeps the file's.

        layers: classes of your own that the architecture names.

        Raises WeightFileError when the file cannot be read or does not hold a network that cnnkit can build.
        """
        from cnnkit import exporters

        return cls.from_weights(
            exporters.read(Path(path)), backend=backend, device=device, threads=threads, dtype=dtype, layers=layers
        )

    @classmethod
    def from_weights(
        cls,
        file: "WeightFile",
        *,
        backend: str | Backend = "numpy",
        device: str | None = None,
        threads: int | None = None,
        dtype: str | None = None,
        layers: Sequence[type[Layer]] = (),
    ) -> Self:
        """Return the model that a weight file holds, on any backend.

        Raises WeightFileError when the file does not hold a network that cnnkit can build.
        """
        _require_dtype(dtype or DTYPES[0])
        description, metadata = weights.complete(file)
        try:
            network, input_shape = architecture.build(description, layers)
            network.output_shape(input_shape)
        except (ConfigError, ShapeError) as error:
            raise WeightFileError(f"architecture: {error}", file=file.file) from None
        params, state = weights.variables(file, *weights.blank(network, input_shape, layers))
        return cls(
            network,
            input_shape,
            backend=backend,
            device=device,
            threads=threads,
            dtype=dtype or weights.stored_dtype(file),
            seed=metadata.get("seed", 0),
            loss=metadata.get("loss", "softmax_cross_entropy"),
            class_names=metadata.get("class_names", ()),
            scaling=Scaling(**metadata["scaling"]) if "scaling" in metadata else None,
            metadata=metadata,
            variables=Variables(params, state),
        )


def _require_dtype(dtype: str) -> None:
    if dtype not in DTYPES:
        raise ConfigError(f"dtype: expected {' or '.join(DTYPES)}, got {dtype!r}")


def _dataset(data: "str | Dataset") -> "Dataset":
    from cnnkit import data as readers

    if isinstance(data, str):
        return readers.load(data)
    if not isinstance(data, readers.Dataset):
        raise ConfigError(
            f"expected a data set or the name of one, got {type(data).__name__}: "
            "arrays become one by Dataset(name, Split(images, labels), None, class_names, (C, H, W))"
        )
    return data
