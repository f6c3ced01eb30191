"""`cnnkit predict`: what a trained network says about an image, and the image."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer
from rich.text import Text

from cnnkit.cli.choice import chosen_data
from cnnkit.cli.loading import fitting, load_model
from cnnkit.cli.options import (
    DEFAULT_WEIGHTS,
    BackendName,
    DataSource,
    Device,
    Dtype,
    Json,
    Quiet,
    Threads,
    Verbose,
    WeightsFile,
)
from cnnkit.cli.output import Output
from cnnkit.cli.viewing import Indices, Part, Show, ShowAs, SplitPart, called, draw, take, white
from cnnkit.errors import ConfigError, DataError
from cnnkit.files.names import printable

if TYPE_CHECKING:
    from cnnkit.exporters import WeightFile
    from cnnkit.model import Model

EXAMPLE = "cnnkit predict weights.h5 --index 0 --index 7   or   cnnkit predict --image digit.png --show hex"
BEST, BAR = 5, 40


class Subject(NamedTuple):
    """An image to judge: what it is called, its place or file, its label if known, the picture in [0, 1], the input."""

    title: str
    number: int | None
    image: str | None
    label: int | None
    picture: Any
    x: Any
    names: tuple[str, ...]


def command(
    file: WeightsFile = DEFAULT_WEIGHTS,
    index: Indices = None,
    image: Annotated[
        list[Path] | None, typer.Option("--image", metavar="PNG", help="A picture of yours; repeatable.")
    ] = None,
    data: DataSource = None,
    split: SplitPart = Part.TEST,
    show: ShowAs = Show.BLOCKS,
    backend: BackendName = "numpy",
    device: Device = None,
    dtype: Dtype = None,
    threads: Threads = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,  # noqa: ARG001 (its callback answers)
) -> int:
    """Say which class an image is and how sure the network is, and draw it; the first test image by default."""
    import numpy as np

    output = Output(json, quiet)
    model, weights = load_model(file, backend, device, threads, dtype)
    subjects = list(_pictures(output, model, weights, data, image or []))
    if index or not image:
        subjects += _images(output, model, weights, data, split, index or [0])
    x = np.stack([subject.x for subject in subjects])
    outputs, scores, decided = model.outputs(x), model.probabilities(x), model.predict(x)
    found = []
    for subject, raw, row, best in zip(subjects, outputs, scores, decided, strict=True):
        _say(output, subject, row, int(best), show)
        found.append({
            "index": subject.number, "image": subject.image, "label": subject.label, "predicted": int(best),
            "probabilities": row.tolist(), "outputs": raw.tolist(),
        })  # fmt: skip
    output.result({"file": str(file), "class_names": list(subjects[0].names), "predictions": found})
    return 0


def _images(
    output: Output, model: "Model", weights: "WeightFile", data: str | None, split: Part, indices: list[int]
) -> Iterator[Subject]:
    dataset = fitting(output, model, chosen_data(data, weights))
    for index in indices:
        raw, label = take(dataset, split, index)
        x, _ = dataset.batch(split.value, [index], model.dtype)
        title = f"{dataset.name}, {split.value} image {index}"
        picture = raw / white(dataset.scaling)
        yield Subject(title, index, None, label, picture, x[0], model.class_names or dataset.class_names)


def _pictures(
    output: Output, model: "Model", weights: "WeightFile", data: str | None, paths: list[Path]
) -> Iterator[Subject]:
    from cnnkit.cli.picture_input import fit_picture, manner_of, network_input

    if not paths:
        return
    if len(model.input_shape) != 3:
        raise ConfigError(f"--image: the network's input {model.input_shape} is no picture (C, H, W)")
    shape = (model.input_shape[0], model.input_shape[1], model.input_shape[2])
    brightest = white(model.scaling)
    try:
        trained_on = chosen_data(data, weights)
    except (ConfigError, DataError):  # the pictures alone will do
        trained_on = None
    manner = manner_of(trained_on, shape, brightest)
    names = model.class_names or (trained_on.class_names if trained_on else ())
    for path in paths:
        picture, done = fit_picture(path, shape, manner)
        x = network_input(picture, brightest, model.scaling.offset, model.scaling.factor)
        output.note(done)
        yield Subject(f"{path}, as the network sees it", None, str(path), None, picture, x.astype(model.dtype), names)


def _say(output: Output, subject: Subject, scores: Any, best: int, show: Show) -> None:
    names = subject.names
    output.say(Text(printable(subject.title)))
    draw(output, subject.picture, show)
    verdict = Text("class ").append(printable(called(best, names)), style="bold").append(f", score {scores[best]:.4f}")
    if subject.label is not None:
        right = subject.label == best
        verdict.append(", right" if right else f", wrong: it is {printable(called(subject.label, names))}")
        verdict.stylize("green" if right else "red", len(verdict.plain.rpartition(",")[0]) + 1)
    output.say(verdict)
    order = (-scores).argsort(kind="stable")[:BEST]
    labels = [printable(called(int(k), names), 20) for k in order]
    widest = max(map(len, labels))
    for k, label in zip(order, labels, strict=True):
        share = min(max(float(scores[k]), 0.0), 1.0)
        bar = "█" * round(BAR * share)
        output.say(Text(f"  {label:<{widest}}  {scores[k]:>7.4f}  ").append(bar, style="cyan"))
    output.say()
