"""`cnnkit predict`: the class of an image, by a trained network, and the image itself."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from cnnkit.cli.options import (
    DEFAULT_WEIGHTS,
    Exact,
    ExactFine,
    Threads,
    WeightsFile,
    name_numerics,
)
from cnnkit.cli.output import Output
from cnnkit.cli.predicted_outputs import describe_outputs, tell_outputs
from cnnkit.cli.samples import InputSample, SampleRequest, read_images, read_pictures
from cnnkit.cli.tables import find_width
from cnnkit.cli.viewing import (
    Indices,
    Show,
    ShowAs,
    draw,
    name_class,
)
from cnnkit.files.names import printable

if TYPE_CHECKING:
    pass

EXAMPLE = "cnnkit predict weights.h5 --index 0 --index 7   or   cnnkit predict --image digit.png --show hex"
BEST, BAR = 5, 40


@dataclass(frozen=True)
class PredictRequest(SampleRequest):
    """A file, the images to classify, and how to draw them."""

    file: WeightsFile = DEFAULT_WEIGHTS
    index: Indices = None
    image: Annotated[
        list[Path] | None, typer.Option("--image", metavar="PNG", help="A picture file of yours; repeatable.")
    ] = None
    show: ShowAs = Show.BLOCKS
    threads: Threads = None
    exact: Exact = False
    exact_fine: ExactFine = False


def command(request: PredictRequest) -> int:
    """Predict the class of an image, with scores, and draw the image; by default the first test image.

    A network trained on numbers, tags, maps of classes or arrays tells what it gives of those.
    """
    import numpy as np

    from cnnkit.training.finite_scores import require_finite_scores

    output = request.output
    numerics = name_numerics(request.exact, request.exact_fine)
    model, weights = request.load_network(request.file, request.threads, numerics)
    images = list(read_pictures(request, model, weights, request.image or []))
    if request.index or not request.image:
        images += read_images(request, model, weights, request.index or [0])
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


def _print_prediction(output: Output, image: InputSample, scores: Any, best: int, show: Show) -> None:
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
