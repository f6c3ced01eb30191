"""`cnnkit evaluate`: the metrics of a trained network on a data set."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cnnkit.cli.confusion import print_confusion
from cnnkit.cli.data_source import load_data
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
    Limit,
    ScalingName,
    Threads,
    WeightsFile,
    name_numerics,
)
from cnnkit.cli.output import Output
from cnnkit.cli.place import require_other
from cnnkit.cli.reading_options import ReadingRequest
from cnnkit.cli.request import TableRequest
from cnnkit.cli.tables import print_fields, print_sentence, print_table
from cnnkit.cli.task_report import print_task
from cnnkit.cli.viewing import DataPart, SplitPart, name_class
from cnnkit.documents import Cell, TableEntry, count
from cnnkit.documents.forms import TableForm
from cnnkit.errors import ConfigError, DataError
from cnnkit.files.names import printable
from cnnkit.files.shell import write_command

if TYPE_CHECKING:
    from cnnkit.cli.group import CommandGroup
    from cnnkit.data import Dataset
    from cnnkit.metrics import Report, Scores
    from cnnkit.model import Model
    from cnnkit.training.evaluation import Evaluation
    from cnnkit.training.task_evaluation import TaskEvaluation

EXAMPLE = "cnnkit evaluate weights.h5 --split train --mistakes 5"


@dataclass(frozen=True)
class EvaluateRequest(ReadingRequest, TableRequest):
    """A file, the images to evaluate it on, and the backend."""

    file: WeightsFile = DEFAULT_WEIGHTS
    data: DataSource = None
    split: SplitPart = DataPart.TEST
    backend: BackendName = "numpy"
    device: Device = None
    dtype: Dtype = None
    limit: Limit = None
    mistakes: Annotated[int, typer.Option(min=0, metavar="N", help="Show the N most confident mistakes.")] = 3
    plot: Annotated[
        Path | None,
        typer.Option(metavar="OUT.svg|png|pdf", help="Draw confusion matrix, ROC, precision and recall, calibration."),
    ] = None
    timing: Annotated[
        bool, typer.Option("--timing", help="Measure the time of one image and of batches: median, p95, p99.")
    ] = False
    threads: Threads = None
    exact: Exact = False
    exact_fine: ExactFine = False
    scaling: ScalingName = None
    recipe: FittingRecipe = None
    model: FittingModel = None


def command(request: EvaluateRequest) -> int:
    """Evaluate a network on images: loss, accuracy, confusions, precision, recall, F1, ROC-AUC, time per image.

    Of numbers it tells MAE, RMSE and R2, of tags mAP and F1, of maps of classes IoU and Dice, of arrays PSNR.
    """
    from cnnkit.cli.group import join_workers

    with join_workers() as workers:
        model, dataset = workers.agree(lambda: _prepare(request, workers))
        result = workers.agree(lambda: _evaluate(request, model, dataset, workers))
        workers.lead(lambda: _tell(request, model, dataset, result))
    return 0


def _prepare(request: EvaluateRequest, workers: "CommandGroup") -> "tuple[Model, Dataset]":
    """Return the network and the data, and check what can be checked before any work."""
    from cnnkit.training.figure_file import require_plottable

    output = request.output
    if request.plot is not None and workers.is_first:
        require_plottable(request.plot)
        require_other(request.plot, request.file, model=request.model, data=request.data)
    source = NetworkSource(request.file, request.recipe, request.model)
    model, weights = load_model(
        output, source, request.backend, request.device, request.threads, request.dtype, request.scaling,
        name_numerics(request.exact, request.exact_fine),
    )  # fmt: skip
    dataset = load_data(output, request.data, weights, request.read_options(model.input_shape, model.loss))
    _require_targets(dataset)
    dataset = match_data(output, model, dataset, request.scaling)
    classified = dataset.has_labels and model.loss.decides
    if request.plot is not None and not classified:
        raise ConfigError("--plot: draws how classes are confused, got a network that decides no class: leave it out")
    return model, dataset


def _evaluate(
    request: EvaluateRequest, model: "Model", dataset: "Dataset", workers: "CommandGroup"
) -> "Evaluation | TaskEvaluation":
    """Return the measures, of which each worker computes its batches. Raises ConfigError where workers differ."""
    if workers.group is not None:
        from cnnkit.training.fingerprint import fingerprint
        from cnnkit.training.handshake import find_unlike, hash_sources

        told = {
            "code": hash_sources(), "weights": fingerprint(model.to_weights()), "backend": model.backend.name,
            "dtype": model.dtype, "numerics": model.backend.numerics, "data": dataset.name,
            "number of samples": len(dataset.split(request.split.value)),
            "--split": request.split.value, "--limit": request.limit,
        }  # fmt: skip
        unlike = find_unlike(workers.group.all_gather_json(told))
        if unlike is not None:
            raise ConfigError(f"{unlike}: start all with the same code, file, options and data")
    return model.evaluate(dataset, split=request.split.value, limit=request.limit, group=workers.group)


def _tell(request: EvaluateRequest, model: "Model", dataset: "Dataset", result: "Evaluation | TaskEvaluation") -> None:
    """Print the measures."""
    from cnnkit.training.evaluation import Evaluation

    output = request.output
    print_sentence(
        output,
        f"{request.file} on {dataset.name}, {request.split.value}: {result.report.images:,} images; "
        f"{model.backend.name} on {model.backend.device}, {model.dtype}",
    )
    facts: dict[str, Any] = {"file": str(request.file), "data": dataset.name, "split": request.split.value}
    if isinstance(result, Evaluation):
        facts |= _tell_classes(request, dataset, result)
    else:
        print_task(output, result)
    if request.timing:
        facts["timing"] = _tell_timing(request, model, dataset)
    output.result(facts | result.to_json())


def _tell_timing(request: EvaluateRequest, model: "Model", dataset: "Dataset") -> list[dict[str, Any]]:
    """Measure and print the times of inference, and return what --json tells of them."""
    from cnnkit.training.timing import BATCHES, time_inference

    output, split = request.output, dataset.split(request.split.value)
    x, _ = dataset.batch(split, range(min(max(BATCHES), len(split))), model.array_dtype)
    timings = time_inference(model, x)
    output.say()
    rows = [
        (
            count(found.batch), count(found.calls), *_format_times(found.median, found.p95, found.p99),
            TableEntry(f"{found.samples_per_second:,.0f}", found.samples_per_second),
        ) for found in timings
    ]  # fmt: skip
    print_table(output, ("batch", "calls", "median ms", "p95 ms", "p99 ms", "images/s"), rows, "rrrrrr")
    return [found.to_json() for found in timings]


def _format_times(*milliseconds: float) -> list[TableEntry]:
    return [TableEntry(f"{time:.4g}", time) for time in milliseconds]


def _tell_classes(request: EvaluateRequest, dataset: "Dataset", result: "Evaluation") -> dict[str, Any]:
    """Print the measures of a classifier, draw its plot, and return what --json tells besides them."""
    from cnnkit.metrics import most_confident_mistakes

    output, report, names = request.output, result.report, result.report.class_names
    wrong = [
        (int(result.indices[row[0]]), *row[1:])
        for row in most_confident_mistakes(result.labels, result.scores, request.mistakes)
    ]
    _print_figures(output, result)
    print_confusion(output, report)
    _print_scores(output, report)
    if wrong:
        given = (("--data", request.data), ("--recipe", request.recipe), ("--model", request.model))
        same = [word for option, value in given if value is not None for word in (option, value)]
        same_images = write_command("cnnkit", "predict", request.file, *same, "--split", request.split.value)
        _print_mistakes(output, wrong, names, same_images)
    facts: dict[str, Any] = {"unknown_classes": list(dataset.class_names[len(names) :])}
    if request.plot is not None:
        from cnnkit.training.evaluation_plot import plot_evaluation

        plot_evaluation(result, request.plot, f"{request.file.name} on {dataset.name}, {request.split.value}")
        output.note(f"wrote {request.plot}")
        facts["plot"] = str(request.plot)
    return facts | {
        "mistakes": [dict(zip(("index", "label", "predicted", "confidence"), row, strict=True)) for row in wrong],
    }


def _require_targets(dataset: "Dataset") -> None:
    """Raise DataError for data that lack the columns that the network was trained to predict."""
    from cnnkit.data.targets import INPUT

    missing = dataset.reading.target
    if missing and dataset.train.parts[0].kind == INPUT:
        where, names = printable(dataset.name, 400), printable(", ".join(missing), 200)
        raise DataError(f"{where}: has no column {names} to compare predictions with: cnnkit predict needs none")


def _print_figures(output: Output, result: "Evaluation") -> None:
    """Print the figures of all images: a line for people, a table in any other form."""
    print_fields(
        output, (f"loss {result.loss:.6f}", ""), (f"mse {result.mse:.6f}", ""),
        (f"accuracy {result.accuracy:.2%}", "bold"), (f"{result.milliseconds_per_image:.3g} ms per image", ""),
    )  # fmt: skip
    if result.calibration is not None:
        print_fields(output, (f"calibration error {result.calibration.expected_error:.4f}", ""))
    output.say()
    if output.form is not TableForm.TEXT:
        figures = (result.loss, result.mse, result.accuracy, result.milliseconds_per_image)
        texts = [TableEntry(f"{value:.6g}", value) for value in figures]
        print_table(output, ("loss", "mse", "accuracy", "ms per image"), [texts], "rrrr")


def _print_scores(output: Output, report: "Report") -> None:
    labels = [printable(name_class(k, report.class_names)) for k in range(len(report.class_names))]
    rows: list[Sequence[Cell]] = [
        (label, count(support), *_format_scores(scores))
        for label, support, scores in zip(labels, report.support, report.classes, strict=True)
    ]
    rows.append(("macro", count(report.images), *_format_scores(report.macro)))
    if report.binary is not None:
        rows.append((f"binary: {labels[1]}", count(report.support[1]), *_format_scores(report.binary)))
    print_table(output, ("class", "images", "precision", "recall", "F1", "ROC-AUC"), rows, "wrrrrr")
    if report.undefined:
        print_sentence(output, "-: undefined, because the class has no images or was never predicted (see --json)")


def _format_scores(scores: "Scores") -> list[TableEntry]:
    values = scores.to_json().values()
    return [TableEntry("-", "") if value is None else TableEntry(f"{value:.4f}", value) for value in values]


def _print_mistakes(
    output: Output, wrong: list[tuple[int, int, int, float]], names: tuple[str, ...], command: str
) -> None:
    output.say()
    output.say("the most confident mistakes")
    for index, label, predicted, confidence in wrong:
        confusion = f"{name_class(label, names)} taken for {name_class(predicted, names)}"
        output.say(f"  --index {index}: {confusion}, score {confidence:.4f}")
    output.say(f"to see them: {command} " + " ".join(f"--index {row[0]}" for row in wrong), soft_wrap=True)
