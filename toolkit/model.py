"""The facade that users meet: a network that trains, evaluates, saves, loads and displays itself."""

import warnings
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Self, Unpack

from numpy.typing import ArrayLike

from cnnkit import architecture, exporters, weights
from cnnkit import data as readers
from cnnkit.backends.groups import Group
from cnnkit.backends.protocol import Backend
from cnnkit.data.class_names import arrange_classes
from cnnkit.data.dataset import Dataset
from cnnkit.data.pixels import as_images
from cnnkit.data.scaling import Scaling
from cnnkit.errors import ConfigError, PlacedError, WeightFileError
from cnnkit.exporters.core.weight_file import WeightFile
from cnnkit.exporters.notebook import NotebookWeightFile
from cnnkit.layers import Layer
from cnnkit.layers.base import list_shapes
from cnnkit.layers.schema import require_classes
from cnnkit.network import Network, require_dtype
from cnnkit.options import OptionFields, Options
from cnnkit.summary import Summary, summarise
from cnnkit.training import Evaluation, TaskEvaluation, Training, evaluate
from cnnkit.training.evaluation import match_names
from cnnkit.training.notebook_progress import notebook_progress


class Model(Network):
    """A network, its parameters and its state, with everything that is done with them.

    Its arguments are those of `Network`.
    """

    def fit(
        self, data: str | Dataset | ArrayLike, labels: ArrayLike | None = None, *, group: Group | None = None,
        **options: Unpack[OptionFields],
    ) -> list[dict[str, Any]]:  # fmt: skip
        """Train on a data set, or on images and their targets, and return the history; a notebook shows the progress.

        options are the fields of `cnnkit.Options`; loss and seed are the model's unless given. The model takes the
        data set's scaling and class names; classes that both have stay in the model's order. Arrays are taken as by
        `cnnkit.data.from_arrays`: whole numbers are raw pixels, which are scaled, floats are the network's input.

        group: of workers (`cnnkit.backends.groups.find_group`), all of which call this with the same arguments, and end
        with the same weights; by default an update is cut into up to 8 leaves for them.

        Raises DataError or ConfigError when model, data and options do not fit; GroupError when a worker is lost.
        """
        settings: OptionFields = {"loss": self.loss, "seed": self.seed, **options}
        given = self._dataset(data, labels)
        dataset = given
        if set(given.class_names) & set(self.class_names):  # outputs keep their meaning
            dataset = arrange_classes(given, self.class_names, "the model")
        training = Training(self, dataset, Options(**settings), group)
        training.require_same()
        told = filter(None, [dataset.absent, training.coupling, training.unlike])
        for said in (*dataset.notes[len(given.notes) :], *told):
            warnings.warn(said, stacklevel=2)
        with notebook_progress(training) as show:
            return [report.entry for report in training.epochs(show)]

    def evaluate(
        self,
        data: str | Dataset | ArrayLike,
        labels: ArrayLike | None = None,
        *,
        split: str | None = None,
        limit: int | None = None,
        group: Group | None = None,
    ) -> Evaluation | TaskEvaluation:
        """Return loss, accuracy and every other measure on the first `limit` images of a data set, or of arrays.

        group: of workers that share the work, and all get the figures, to the bit those of one process.

        split: of the data set, "test" or "train"; "test" by default. Arrays have none. Classes are matched by name;
        what differs is said in a warning.
        """
        if isinstance(labels, str):
            raise ConfigError(
                f"evaluate: expected labels or nothing, got {labels!r}: name the split as split={labels!r}"
            )
        dataset = self._dataset(data, labels)
        if labels is not None and split is not None:
            raise ConfigError(f"evaluate: arrays have no splits, got split={split!r}: leave it out")
        matched = match_names(self, dataset)
        for note in matched.notes[len(dataset.notes) :]:
            warnings.warn(note, stacklevel=2)
        return evaluate(self, matched, split or ("test" if labels is None else "train"), limit, group)

    def _dataset(self, data: Any, labels: Any) -> Dataset:
        """Return the data set that is named, given, or made of arrays."""
        if isinstance(data, str | PathLike | Dataset):
            if labels is not None:
                raise ConfigError(
                    "expected a data set or arrays with labels, got a data set with labels: leave one out"
                )
            return data if isinstance(data, Dataset) else readers.load(data)
        if labels is None:
            raise ConfigError(
                f"expected a data set, the name of one, or images with labels, got {type(data).__name__} alone: "
                "type fit(images, labels)"
            )
        classes = self.class_names or self._number_classes()
        images = as_images(data, "images")
        known = self.scaling if images.dtype.kind in "iu" and self.scaling != Scaling() else None
        return readers.from_arrays(images, labels, class_names=classes, image_shape=self.input_shape, scaling=known)

    def _number_classes(self) -> tuple[str, ...] | None:
        """Return 0, 1, ... for the outputs of a network that decides between classes; None where it cannot be one."""
        outputs = list_shapes(self.output_shape)[0][0]
        return tuple(map(str, range(max(2, outputs)))) if outputs > 1 or self.loss.one_for_two else None

    def summary(self) -> Summary:
        """Return layers, shapes, parameters, receptive field and multiply-adds."""
        return summarise(self.network, self.input_shape)

    def _repr_html_(self) -> str:
        """Return the table of layers, statistics and findings that a notebook displays."""
        from cnnkit.inspection.notebook import model_table

        return model_table(self.to_weights())

    def _repr_svg_(self) -> str | None:
        """Return the picture of the network; None for a net that is too large for a notebook's page."""
        return self.to_weights()._repr_svg_()

    # ---- files

    def to_weights(self) -> NotebookWeightFile:
        """Return the model as a weight file: exactly what `save` writes."""
        return NotebookWeightFile.of(weights.to_weights(self))

    def save(self, path: str | Path, format: str | None = None, overwrite: bool = True) -> None:  # noqa: A002
        """Write the model, completely or not at all; the format comes from the suffix unless named."""
        exporters.write(self.to_weights(), Path(path), format, overwrite=overwrite)

    @classmethod
    def load(
        cls,
        path: str | Path,
        *,
        backend: str | Backend = "numpy",
        device: str | None = None,
        threads: int | None = None,
        numerics: str = "plain",
        dtype: str | None = None,
        layers: Sequence[type[Layer]] = (),
    ) -> Self:
        """Return the model of a weight file on any backend; dtype None keeps the file's.

        A stranger's ONNX or Keras file is adopted: its graph becomes a network of cnnkit's layers.

        layers: classes of your own that the architecture names.

        Raises WeightFileError when the file cannot be read or does not hold a network that cnnkit can build.
        """
        from cnnkit.adopting.opening import read_network

        return cls.from_weights(
            read_network(path),
            backend=backend,
            device=device,
            threads=threads,
            numerics=numerics,
            dtype=dtype,
            layers=layers,
        )

    @classmethod
    def from_weights(
        cls,
        file: WeightFile,
        *,
        backend: str | Backend = "numpy",
        device: str | None = None,
        threads: int | None = None,
        numerics: str = "plain",
        dtype: str | None = None,
        layers: Sequence[type[Layer]] = (),
    ) -> Self:
        """Return the model that a weight file holds, on any backend; the arguments are those of `load`.

        Raises WeightFileError when the file does not hold a network that cnnkit can build.
        """
        require_dtype(dtype or "float32")
        require_classes(layers)
        description, metadata = weights.complete(file)
        try:
            network, input_shape = architecture.build(description, layers)
            shapes = network.variable_shapes(input_shape)
        except (ConfigError, PlacedError) as error:
            raise WeightFileError(f"architecture: {error}", file=file.file) from None
        return cls(
            network,
            input_shape,
            backend=backend,
            device=device,
            threads=threads,
            numerics=numerics,
            dtype=dtype or weights.stored_dtype(file),
            seed=metadata.get("seed", 0),
            loss=metadata.get("loss", "softmax_cross_entropy"),
            class_names=metadata.get("class_names", ()),
            scaling=Scaling.from_json(metadata["scaling"]) if "scaling" in metadata else None,
            metadata=metadata,
            variables=weights.read_variables(file, shapes),
        )
