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
from cnnkit.cli.place import require_other, require_place
from cnnkit.cli.predicted_outputs import describe_outputs, tell_outputs
from cnnkit.cli.samples import InputSample, SampleRequest, open_part, read_images, read_pictures, take_sample
from cnnkit.cli.tables import find_width
from cnnkit.cli.viewing import (
    Indices,
    Show,
    ShowAs,
    draw,
    name_class,
)
from cnnkit.errors import ConfigError
from cnnkit.files.names import format_count, printable

if TYPE_CHECKING:
    from cnnkit.exporters import WeightFile
    from cnnkit.model import Model

EXAMPLE = "cnnkit predict weights.h5 --index 0 --index 7   or   cnnkit predict --image digit.png --show hex"
BEST, BAR = 5, 40
_PICTURES = (".svg", ".png", ".pdf")


@dataclass(frozen=True)
class PredictRequest(SampleRequest):
    """A file, the images to classify, and how to draw them."""

    file: WeightsFile = DEFAULT_WEIGHTS
    index: Indices = None
    image: Annotated[
        list[Path] | None, typer.Option("--image", metavar="PNG", help="A picture file of yours; repeatable.")
    ] = None
    ask: Annotated[
        bool, typer.Option("--ask", help="Ask for numbers of images, or read them from a pipe, until an empty line.")
    ] = False
    show: ShowAs = Show.BLOCKS
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="OUT.csv", help="Predict all samples of the part, a row each; of --ask a picture."
        ),
    ] = None
    columns: Annotated[
        str | None, typer.Option(metavar="A,B,...", help="With --out, the columns' names.  [default: ImageId,Label]")
    ] = None
    probabilities: Annotated[
        bool, typer.Option("--probabilities", help="With --out, the scores of all classes or tags.")
    ] = False
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT.")] = False
    threads: Threads = None
    exact: Exact = False
    exact_fine: ExactFine = False


def command(request: PredictRequest) -> int:
    """Predict the class of an image, with scores, and draw the image; by default the first test image.

    A network trained on numbers, tags, maps of classes or arrays tells what it gives of those.
    """
    from cnnkit.cli.group import join_workers

    with join_workers() as workers:  # rank 0 predicts by itself
        workers.lead(lambda: _predict(request))
    return 0


def _predict(request: PredictRequest) -> None:
    output = request.output
    _require_options(request)
    numerics = name_numerics(request.exact, request.exact_fine)
    model, weights = request.load_network(request.file, request.threads, numerics)
    if request.ask:
        _answer(request, model, weights)
    elif request.out is not None:
        _predict_all(request, request.out, model, weights)
    else:
        images = list(read_pictures(request, model, weights, request.image or []))
        if request.index or not request.image:
            images += read_images(request, model, weights, request.index or [0])
        output.result({"file": str(request.file)} | _tell(request, model, images))


def _tell(request: PredictRequest, model: "Model", images: list[InputSample]) -> dict[str, Any]:
    """Print what the network gives for images, and return what --json tells of them."""
    import numpy as np

    from cnnkit.training.finite_scores import require_finite_scores

    output, specs = request.output, describe_outputs(model)
    if any(spec["kind"] != "class" for spec in specs.values()):
        return {"predictions": tell_outputs(output, model, specs, images, request.show)}
    x = np.stack([image.x for image in images])
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
    return {"class_names": list(images[0].names[: scores.shape[1]]), "predictions": predictions}


def _answer(request: PredictRequest, model: "Model", weights: "WeightFile") -> None:
    """Predict the images whose numbers are asked for, one after the other; OUT has the picture of the last one."""
    from cnnkit.cli.asking import ask_numbers, draw_answer

    dataset, split = open_part(request, model, weights)
    answers = []
    for number in ask_numbers(request.output, len(dataset.split(split.value))):
        sample = take_sample(model, dataset, split, number)
        told: dict[str, Any] = _tell(request, model, [sample])["predictions"][0]
        answers.append(told)
        if request.out is not None:
            title = printable(sample.title)
            if told.get("kind", "class") == "class" and "probabilities" in told:
                best = int(told["predicted"])
                title += f"\nclass {printable(name_class(best, sample.names))}, score {told['probabilities'][best]:.4f}"
            draw_answer(request.out, sample.picture, title)
            request.output.note(f"wrote {request.out}")
    request.output.result({"file": str(request.file), "predictions": answers})


def _require_options(request: PredictRequest) -> None:
    """Raise ConfigError for options that do not go together, and for a place that OUT cannot be."""
    if request.ask and (request.index or request.image):
        raise ConfigError(f"--ask: asks for the images: leave {'--index' if request.index else '--image'} out")
    require_place(request.out, _PICTURES if request.ask else (".csv",), request.overwrite)
    require_other(request.out, request.file, data=request.data, model=request.model)
    if request.ask and request.out is not None:
        from cnnkit.training.figure_file import require_plottable

        require_plottable(request.out)
    if request.out is None or request.ask:
        for option, given in (("columns", request.columns is not None), ("probabilities", request.probabilities)):
            if given:
                raise ConfigError(f"--{option}: is of the table that --out writes: give -o OUT.csv too")
    elif request.index or request.image:
        raise ConfigError(f"--out: predicts all samples: leave {'--index' if request.index else '--image'} out")


def _predict_all(request: PredictRequest, out: Path, model: "Model", weights: "WeightFile") -> None:
    """Write the predictions of all samples of a part of the data set to a CSV."""
    from cnnkit.cli.bulk_predictions import PredictionTable, write_predictions

    output = request.output
    names = [name.strip() for name in request.columns.split(",")] if request.columns is not None else []
    table = PredictionTable(model, describe_outputs(model), request.probabilities, names)
    dataset, split = open_part(request, model, weights)
    count = write_predictions(table, dataset, split, out)
    output.say(f"wrote {out}: {format_count(count, 'prediction')} of {printable(dataset.name)}, {split.value}")
    output.result({
        "file": str(request.file), "data": dataset.name, "split": split.value, "out": str(out), "rows": count,
        "columns": list(table.columns),
    })  # fmt: skip


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
