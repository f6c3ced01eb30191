"""`cnnkit evaluate`: what a trained network is worth."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from cnnkit.cli.choice import chosen_data
from cnnkit.cli.confusion import print_confusion
from cnnkit.cli.loading import fitting, load_model
from cnnkit.cli.options import (
    DEFAULT_WEIGHTS,
    BackendName,
    DataSource,
    Device,
    Dtype,
    Json,
    Limit,
    Quiet,
    Threads,
    Verbose,
    WeightsFile,
)
from cnnkit.cli.output import Output
from cnnkit.cli.tables import print_table
from cnnkit.cli.viewing import Part, SplitPart, called

if TYPE_CHECKING:
    from cnnkit.metrics import Report, Scores
    from cnnkit.training.evaluation import Evaluation

EXAMPLE = "cnnkit evaluate weights.h5 --split train --mistakes 5"


def command(
    file: WeightsFile = DEFAULT_WEIGHTS,
    data: DataSource = None,
    split: SplitPart = Part.TEST,
    backend: BackendName = "numpy",
    device: Device = None,
    dtype: Dtype = None,
    limit: Limit = None,
    mistakes: Annotated[int, typer.Option(min=0, metavar="N", help="Show the N most confident mistakes.")] = 3,
    threads: Threads = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,  # noqa: ARG001 (its callback answers)
) -> int:
    """Judge a network on images: loss, accuracy, confusions, precision, recall, F1, ROC-AUC, time per image."""
    from cnnkit.metrics import most_confident_mistakes

    output = Output(json, quiet)
    model, weights = load_model(file, backend, device, threads, dtype)
    dataset = fitting(output, model, chosen_data(data, weights))
    result = model.evaluate(dataset, split.value, limit)
    report, names = result.report, dataset.class_names
    wrong = most_confident_mistakes(result.labels, result.scores, mistakes)

    output.say(
        Text(
            f"{file} on {dataset.name}, {split.value}: {report.images:,} images; "
            f"{model.backend.name} on {model.backend.device}, {model.dtype}"
        )
    )
    output.say(
        f"loss {result.loss:.6f}   mse {result.mse:.6f}   accuracy [bold]{result.accuracy:.2%}[/]   "
        f"{result.milliseconds_per_image:.3g} ms an image\n"
    )
    print_confusion(output, report)
    _print_scores(output, report)
    if wrong:
        _print_mistakes(output, wrong, names, f"cnnkit predict {file} --data {dataset.name} --split {split.value}")
    output.result(_facts(result, file, dataset.name, split) | {
        "mistakes": [dict(zip(("index", "label", "predicted", "confidence"), row, strict=True)) for row in wrong],
    })  # fmt: skip
    return 0


def _facts(result: "Evaluation", file: Path, data: str, split: Part) -> dict[str, Any]:
    return {"file": str(file), "data": data, "split": split.value} | result.to_json()


def _print_scores(output: Output, report: "Report") -> None:
    labels = [called(k, report.class_names) for k in range(len(report.class_names))]
    rows = [
        (label, f"{support:,}", *_numbers(scores))
        for label, support, scores in zip(labels, report.support, report.classes, strict=True)
    ]
    rows.append(("macro", f"{report.images:,}", *_numbers(report.macro)))
    if report.binary is not None:
        rows.append((f"binary: {labels[1]}", f"{report.support[1]:,}", *_numbers(report.binary)))
    print_table(output, ("class", "images", "precision", "recall", "F1", "ROC-AUC"), rows, " rrrrr")
    if report.undefined:
        output.say("-: undefined, for want of images of the class, or because it was never predicted (see --json)")


def _numbers(scores: "Scores") -> list[str]:
    values = scores.to_json().values()
    return ["-" if value is None else f"{value:.4f}" for value in values]


def _print_mistakes(
    output: Output, wrong: list[tuple[int, int, int, float]], names: tuple[str, ...], command: str
) -> None:
    output.say("\nthe most confident mistakes")
    for index, label, predicted, confidence in wrong:
        said = f"--index {index}: {called(label, names)} taken for {called(predicted, names)}, score {confidence:.4f}"
        output.say(Text(f"  {said}"))
    output.say(Text(f"look at them: {command} " + " ".join(f"--index {row[0]}" for row in wrong)))
