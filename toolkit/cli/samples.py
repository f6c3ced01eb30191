"""The samples that a command shows to a network: of its data set, and pictures of the user's."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from cnnkit.cli.data_source import load_data, read_recorded
from cnnkit.cli.loading import NetworkSource, load_model, match_data
from cnnkit.cli.options import BackendName, DataSource, Device, Dtype, FittingModel, FittingRecipe, ScalingName
from cnnkit.cli.predicted_outputs import describe_outputs
from cnnkit.cli.reading_options import ReadingRequest
from cnnkit.cli.viewing import DataPart, scale_for_view, take_image
from cnnkit.errors import ConfigError, DataError

if TYPE_CHECKING:
    from cnnkit.data import Dataset
    from cnnkit.exporters import WeightFile
    from cnnkit.model import Model

SampleIndex = Annotated[
    int | None, typer.Option("--index", min=0, metavar="N", help="An image of that part, from 0.  [default: 0]")
]
SamplePicture = Annotated[
    Path | None, typer.Option("--image", metavar="PNG", help="A picture file of yours instead of --index.")
]


class InputSample(NamedTuple):
    """An image: title, number or file, label if known, the picture in [0, 1], the network's input, class names.

    targets: what was wanted, an array for each output; () where that is not known. extremes: the network's input for
    black and for white.
    """

    title: str
    number: int | None
    image: str | None
    label: int | None
    picture: Any
    x: Any
    names: tuple[str, ...]
    targets: tuple[Any, ...] = ()
    extremes: tuple[float, float] = (0.0, 1.0)


@dataclass(frozen=True, kw_only=True)
class SampleRequest(ReadingRequest):
    """The data set of samples, and how the network that sees them is loaded."""

    data: DataSource = None
    split: Annotated[
        DataPart | None,
        typer.Option("--split", help="The part of the data set.  [default: test, train where there is no test]"),
    ] = None
    backend: BackendName = "numpy"
    device: Device = None
    dtype: Dtype = None
    scaling: ScalingName = None
    recipe: FittingRecipe = None
    model: FittingModel = None

    def load_network(
        self, file: Path, threads: int | None = None, numerics: str = "plain"
    ) -> tuple["Model", "WeightFile"]:
        """Return the model in a file, as the options say, and the file. Raises WeightFileError."""
        source = NetworkSource(file, self.recipe, self.model)
        return load_model(self.output, source, self.backend, self.device, threads, self.dtype, self.scaling, numerics)


def read_sample(
    request: SampleRequest, model: "Model", weights: "WeightFile", image: Path | None, index: int | None
) -> InputSample:
    """Return the picture --image, or the sample --index, by default the first.

    Raises ConfigError where both are given, or for a network of several inputs.
    """
    if image is not None and index is not None:
        raise ConfigError("expected --image or --index, got both: leave one out")
    if model.network.input_count != 1:
        raise ConfigError(f"the network has {model.network.input_count} inputs: a sample of a data set is one")
    read = read_images(request, model, weights, [index or 0]) if image is None else (
        read_pictures(request, model, weights, [image])
    )  # fmt: skip
    return next(iter(read))


def read_images(
    request: SampleRequest, model: "Model", weights: "WeightFile", indices: list[int], option: str = "--index"
) -> Iterator[InputSample]:
    """Yield samples of the data set by their numbers. Raises DataError or ConfigError."""
    dataset, split = open_part(request, model, weights)
    for index in indices:
        yield take_sample(model, dataset, split, index, option)


def open_part(request: SampleRequest, model: "Model", weights: "WeightFile") -> tuple["Dataset", DataPart]:
    """Return the data set as the network sees it, and its part that --split means. Raises DataError or ConfigError."""
    output = request.output
    dataset = load_data(output, request.data, weights, request.read_options(model.input_shape, model.loss))
    dataset = match_data(output, model, dataset, request.scaling)
    return dataset, request.split or (DataPart.TRAIN if dataset.test is None else DataPart.TEST)


def take_sample(
    model: "Model", dataset: "Dataset", split: DataPart, index: int, option: str = "--index"
) -> InputSample:
    """Return a sample of a part of a data set. Raises DataError, which names the option, beyond the part."""
    names = dataset.class_names or model.class_names
    told = dataset.train.parts[0].kind == next(iter(describe_outputs(model).values()))["kind"]
    raw, label = take_image(dataset, split, index, option)
    x, wanted = dataset.batch(split.value, [index], model.array_dtype)
    targets = tuple(part[0] for part in wanted) if isinstance(wanted, tuple) else (wanted[0],)
    title = f"{dataset.name}, {split.value} {'image' if raw.ndim == 3 else 'sample'} {index}"
    picture = scale_for_view(raw, dataset.scaling.white)
    return InputSample(
        title, index, None, label, picture, x[0], names, targets if told else (), dataset.scaling.extremes
    )


def read_pictures(
    request: SampleRequest, model: "Model", weights: "WeightFile", paths: list[Path], option: str = "--image"
) -> Iterator[InputSample]:
    """Yield pictures of the user's, made to look like those of the training. Raises DataError or ConfigError."""
    from cnnkit.cli.picture_input import fit_picture, measure_appearance

    output = request.output
    if not paths:
        return
    if len(model.input_shape) != 3:
        raise ConfigError(f"{option}: the network's input {model.input_shape} is not a picture (C, H, W)")
    shape = (model.input_shape[0], model.input_shape[1], model.input_shape[2])
    brightest = model.scaling.white
    reading = request.read_options(model.input_shape, model.loss)
    resizing = reading.over(read_recorded(weights)).resize
    try:
        trained_on = load_data(output, request.data, weights, reading)
    except (ConfigError, DataError):  # pictures need no data set
        trained_on = None
        if shape[0] == 1:
            output.note(
                "the training images are not here: taken to be bright on dark, as MNIST's (--data PATH names them)"
            )
    appearance = measure_appearance(trained_on, shape, brightest)
    names = model.class_names or (trained_on.class_names if trained_on else ())
    for path in paths:
        picture, steps = fit_picture(path, shape, appearance, resizing)
        x = model.scaling.apply(picture * brightest, "float64")
        output.note(steps)
        title = f"{path}, as the network sees it"
        yield InputSample(
            title, None, str(path), None, picture, x.astype(model.array_dtype), names, (), model.scaling.extremes
        )
