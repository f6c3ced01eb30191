"""`cnnkit predict`: the class of an image, by a trained network, and the image itself."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer
from rich.text import Text

from cnnkit.cli.data_source import load_data, read_recorded
from cnnkit.cli.loading import NetworkSource, load_model, match_data
from cnnkit.cli.options import (
    DEFAULT_WEIGHTS,
    BackendName,
    DataSource,
    Device,
    Dtype,
    Exact,
    ExactFine,
    FittingModel,
    FittingRecipe,
    ScalingName,
    Threads,
    WeightsFile,
    name_numerics,
)
from cnnkit.cli.output import Output
from cnnkit.cli.predicted_outputs import describe_outputs, tell_outputs
from cnnkit.cli.reading_options import ReadingRequest
from cnnkit.cli.tables import find_width
from cnnkit.cli.viewing import (
    DataPart,
    Indices,
    Show,
    ShowAs,
    draw,
    name_class,
    scale_for_view,
    take_image,
)
from cnnkit.errors import ConfigError, DataError
from cnnkit.files.names import printable

if TYPE_CHECKING:
    from cnnkit.exporters import WeightFile
    from cnnkit.model import Model

EXAMPLE = "cnnkit predict weights.h5 --index 0 --index 7   or   cnnkit predict --image digit.png --show hex"
BEST, BAR = 5, 40


class ImageToClassify(NamedTuple):
    """An image: title, number or file, label if known, the picture in [0, 1], the network's input, class names.

    targets: what was wanted, an array for each output; () where that is not known.
    """

    title: str
    number: int | None
    image: str | None
    label: int | None
    picture: Any
    x: Any
    names: tuple[str, ...]
    targets: tuple[Any, ...] = ()


@dataclass(frozen=True)
class PredictRequest(ReadingRequest):
    """A file, the images to classify, and how to draw them."""

    file: WeightsFile = DEFAULT_WEIGHTS
    index: Indices = None
    image: Annotated[
        list[Path] | None, typer.Option("--image", metavar="PNG", help="A picture file of yours; repeatable.")
    ] = None
    data: DataSource = None
    split: Annotated[
        DataPart | None,
        typer.Option("--split", help="The part of the data set.  [default: test, train where there is no test]"),
    ] = None
    show: ShowAs = Show.BLOCKS
    backend: BackendName = "numpy"
    device: Device = None
    dtype: Dtype = None
    threads: Threads = None
    exact: Exact = False
    exact_fine: ExactFine = False
    scaling: ScalingName = None
    recipe: FittingRecipe = None
    model: FittingModel = None


def command(request: PredictRequest) -> int:
    """Predict the class of an image, with scores, and draw the image; by default the first test image.

    A network trained on numbers, tags, maps of classes or arrays tells what it gives of those.
    """
    import numpy as np

    from cnnkit.training.finite_scores import require_finite_scores

    output = request.output
    source = NetworkSource(request.file, request.recipe, request.model)
    model, weights = load_model(
        output, source, request.backend, request.device, request.threads, request.dtype, request.scaling,
        name_numerics(request.exact, request.exact_fine),
    )  # fmt: skip
    images = list(_read_pictures(request, model, weights, request.image or []))
    if request.index or not request.image:
        images += _read_images(request, model, weights, request.index or [0])
    x = np.stack([image.x for image in images])
    specs = describe_outputs(model)
    if any(spec["kind"] != "class" for spec in specs.values()):
        output.result(
            {"file": str(request.file), "predictions": tell_outputs(output, model, specs, images, request.show)}
        )
        return 0
    outputs, scores, decided = model.outputs(x), model.probabilities(x), model.predict(x)
    require_finite_scores(model, scores)
    predictions = []
    given: Any = outputs
    deciding = given[0] if isinstance(given, tuple) else given  # of several outputs the first decides
    for image, raw, row, best in zip(images, deciding, scores, decided, strict=True):
        _print_prediction(output, image, row, int(best), request.show)
        known = image.label if image.label is not None and image.label < len(row) else None
        name = None if image.label is None else image.names[image.label]
        predictions.append({
            "index": image.number, "image": image.image, "label": known, "label_name": name, "predicted": int(best),
            "probabilities": row.tolist(), "outputs": raw.tolist(),
        })  # fmt: skip
    names = list(images[0].names[: scores.shape[1]])
    output.result({"file": str(request.file), "class_names": names, "predictions": predictions})
    return 0


def _read_images(
    request: PredictRequest, model: "Model", weights: "WeightFile", indices: list[int]
) -> Iterator[ImageToClassify]:
    output = request.output
    dataset = load_data(output, request.data, weights, request.read_options(model.input_shape, model.loss))
    dataset = match_data(output, model, dataset, request.scaling)
    split = request.split or (DataPart.TRAIN if dataset.test is None else DataPart.TEST)
    names = dataset.class_names or model.class_names
    told = dataset.train.parts[0].kind == next(iter(describe_outputs(model).values()))["kind"]
    for index in indices:
        raw, label = take_image(dataset, split, index)
        x, wanted = dataset.batch(split.value, [index], model.array_dtype)
        targets = tuple(part[0] for part in wanted) if isinstance(wanted, tuple) else (wanted[0],)
        title = f"{dataset.name}, {split.value} {'image' if raw.ndim == 3 else 'sample'} {index}"
        picture = scale_for_view(raw, dataset.scaling.white)
        yield ImageToClassify(title, index, None, label, picture, x[0], names, targets if told else ())


def _read_pictures(
    request: PredictRequest, model: "Model", weights: "WeightFile", paths: list[Path]
) -> Iterator[ImageToClassify]:
    from cnnkit.cli.picture_input import fit_picture, measure_appearance

    output = request.output
    if not paths:
        return
    if len(model.input_shape) != 3:
        raise ConfigError(f"--image: the network's input {model.input_shape} is not a picture (C, H, W)")
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
        yield ImageToClassify(title, None, str(path), None, picture, x.astype(model.array_dtype), names)


def _print_prediction(output: Output, image: ImageToClassify, scores: Any, best: int, show: Show) -> None:
    names = image.names
    output.say(printable(image.title))
    draw(output, image.picture, show)
    verdict = Text("class ").append(printable(name_class(best, names)), style="bold")
    verdict.append(f", score {scores[best]:.4f}")
    if image.label is not None:
        right = image.label == best
        verdict.append(", right" if right else f", wrong: it is {_name_truth(image.label, names, len(scores))}")
        verdict.stylize("green" if right else "red", len(verdict.plain.rpartition(", ")[0]) + 1)
    output.say(verdict)
    order = (-scores).argsort(kind="stable")[:BEST]
    labels = [printable(name_class(int(k), names), 20) for k in order]
    widest = max(map(len, labels))
    longest = min(BAR, (find_width(output.people) or sys.maxsize) - widest - 13)
    for k, label in zip(order, labels, strict=True):
        share = min(max(float(scores[k]), 0.0), 1.0)
        bar = "█" * round(longest * share)
        output.say(Text(f"  {label:<{widest}}  {scores[k]:>7.4f}  ").append(bar, style="cyan"))
    output.say()


def _name_truth(label: int, names: tuple[str, ...], classes: int) -> str:
    if label >= classes:
        return f"{printable(names[label])} (not one of the network's classes)"
    return printable(name_class(label, names))
