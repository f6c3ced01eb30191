"""`cnnkit train`: a network, a data set, and at the end a file with every weight."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from cnnkit.cli.choice import chosen_recipe, given, source_of, with_classes
from cnnkit.cli.options import (
    DEFAULT_WEIGHTS,
    BackendName,
    DataSource,
    Device,
    Dtype,
    Json,
    Limit,
    ModelFile,
    Quiet,
    RecipeName,
    Threads,
    Verbose,
)
from cnnkit.cli.output import Output
from cnnkit.cli.progress import epoch_line, training_bar
from cnnkit.cli.signals import StopRequest, stop_on_signals
from cnnkit.cli.tables import size_text
from cnnkit.errors import ConfigError

if TYPE_CHECKING:
    from cnnkit.training import Training
    from cnnkit.training.run import Existing

NAME = "train"
EXAMPLE = "cnnkit train --recipe lenet5 --data mnist --backend torch --epochs 3 --plot curves.svg"


def command(
    recipe: RecipeName = None,
    model: ModelFile = None,
    data: DataSource = None,
    backend: BackendName = "numpy",
    device: Device = None,
    dtype: Dtype = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the training images.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Images an update.")] = None,
    optimizer: Annotated[
        str | None, typer.Option(metavar="NAME[:key=value,...]", help="sgd, adam, adamw, rmsprop.")
    ] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Base rate, which the schedule multiplies.")] = None,
    schedule: Annotated[
        str | None, typer.Option(metavar="NAME[:...]", help="constant, step, inverse, cosine, onecycle, warmup.")
    ] = None,
    loss: Annotated[
        str | None, typer.Option(metavar="NAME[:...]", help="softmax_cross_entropy, binary_cross_entropy, ...")
    ] = None,
    initializer: Annotated[
        str | None, typer.Option(metavar="NAME[:...]", help="Of all weights: glorot, he, uniform, ...")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of weights, shuffling, dropout and validation split.")] = 0,
    limit: Limit = None,
    limit_test: Annotated[int | None, typer.Option(min=1, metavar="N", help="Test on the first N images.")] = None,
    validation_split: Annotated[float | None, typer.Option(help="Share of the training images kept out.")] = None,
    patience: Annotated[
        int | None, typer.Option(min=1, help="Stop after that many epochs without improvement.")
    ] = None,
    faithful: Annotated[bool, typer.Option("--faithful", help="The reference system's published settings.")] = False,
    out: Annotated[Path, typer.Option("--out", "-o", help="Where the weights go.")] = DEFAULT_WEIGHTS,
    init_from: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Start from these weights, where they fit.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the training in OUT.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT, whatever it holds.")] = False,
    checkpoint_every: Annotated[int, typer.Option(min=0, metavar="EPOCHS", help="Save that often; 0: at the end.")] = 1,
    log: Annotated[Path | None, typer.Option(metavar="FILE.jsonl", help="Append a line an epoch.")] = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE.svg|png", help="Loss and accuracy, redrawn each epoch.")
    ] = None,
    tf32: Annotated[bool, typer.Option("--tf32", help="Let an NVIDIA GPU round to TF32: faster, less exact.")] = False,
    threads: Threads = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,  # noqa: ARG001 (its callback answers)
) -> int:
    """Train a network and write weights.h5: architecture, every weight, history and provenance."""
    from cnnkit import data as readers
    from cnnkit.backends import get_backend
    from cnnkit.files.atomic import require_writable
    from cnnkit.model import Model
    from cnnkit.training import Options, Training
    from cnnkit.training.checkpoint import resume as resumed
    from cnnkit.training.initialise import initialise
    from cnnkit.training.plot import require_plottable
    from cnnkit.training.run import existing, identity, require_resumable

    output = Output(json, quiet)
    if resume and (overwrite or init_from):
        raise ConfigError("expected --resume alone, got --overwrite or --init-from with it: leave one out")
    chosen = chosen_recipe(recipe, model, faithful, initializer)
    settings = given(
        epochs=epochs, batch_size=batch_size, optimizer=optimizer, learning_rate=learning_rate, schedule=schedule,
        loss=loss, limit=limit, validation_split=validation_split, patience=patience,
    )  # fmt: skip
    options = Options(**(chosen.training | settings), seed=seed)
    source = source_of(data or chosen.data)
    dataset = readers.load(source)
    if init_from is not None:
        chosen = with_classes(chosen, len(dataset.class_names)) if options.loss.startswith("softmax") else chosen
    network, input_shape = chosen.network()
    ready = get_backend(backend, device, threads, tf32)
    made = Model(
        network, input_shape, backend=ready, dtype=dtype or "float32", seed=seed, loss=options.loss,
        class_names=dataset.class_names, scaling=dataset.scaling,
    )  # fmt: skip
    start = None if init_from is None else initialise(made, init_from)
    if start is not None:
        output.note(start.text)
    wanted = identity(made, dataset, options, chosen.name, start.sha256 if start else None) | {"tf32": tf32}
    made.metadata |= {
        "recipe": chosen.name,
        "data": {"name": source, "sha256": dataset.fingerprint()},
        "run": wanted,
    }

    found = None if overwrite else existing(out, wanted)
    if found is not None and found.same and found.finished:
        return _skipped(output, found, out)
    require_writable(out)
    if plot is not None:
        require_plottable(plot)
    if resume:
        file = require_resumable(out, found)
        for change in found.differs if found else ():
            output.note(f"resuming with a change: {change}")
        metadata = made.metadata
        made = Model.from_weights(file, backend=ready, dtype=made.dtype)
        made.metadata |= metadata
        training = resumed(made, dataset, options, file)
    elif found is not None:
        raise ConfigError(_three_ways(out, found))
    else:
        training = Training(made, dataset, options)

    output.note(
        f"{chosen.name} on {dataset.name}: {len(training.chosen):,} images to train on, {len(training.held_out):,} to "
        f"validate; {made.parameters:,} parameters; {ready.name} on {ready.device}, {made.dtype}, seed {seed}"
    )
    started = time.perf_counter()
    with stop_on_signals() as stop:
        _run(training, output, stop, out, checkpoint_every, log, plot)
    if stop() and not training.finished:
        output.fail(f"stopped; everything so far is in {out}: go on with cnnkit train ... --resume", "usage")
        return stop.status
    return _finished(output, training, out, time.perf_counter() - started, limit_test)


def _run(
    training: "Training",
    output: Output,
    stop: StopRequest,
    out: Path,
    checkpoint_every: int,
    log: Path | None,
    plot: Path | None,
) -> None:
    from cnnkit import exporters
    from cnnkit.training.checkpoint import to_weights
    from cnnkit.training.plot import plot_history

    saved = -1
    with training_bar(output, training) as show:
        for report in training.epochs(show, stop):
            output.note(epoch_line(report, training.options.epochs))
            if log is not None:
                _append(log, report.entry)
            if plot is not None:
                plot_history(list(training.position.history), plot, training.model.metadata["recipe"])
            if checkpoint_every and report.entry["epoch"] % checkpoint_every == 0:
                exporters.write(to_weights(training), out, "hdf5", overwrite=True)
                saved = training.position.step
    if saved != training.position.step:
        exporters.write(to_weights(training), out, "hdf5", overwrite=True)


def _append(log: Path, entry: dict[str, Any]) -> None:
    import json

    with log.open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")
        file.flush()


def _finished(output: Output, training: "Training", out: Path, seconds: float, limit_test: int | None) -> int:
    model, options = training.model, training.options
    history = list(training.position.history)
    best = training.position.best
    if best is not None and best.epoch < len(history):
        output.note(f"kept the weights of epoch {best.epoch}, whose validation loss {best.loss:.4f} is the smallest")
    test = _test(output, training, limit_test)
    images, spent = len(training.chosen) * len(history), sum(entry["seconds"] for entry in history)
    made = f"{model.parameters:,} parameters, {len(history)} epochs, {seconds:.1f} s"
    output.say(Text(f"wrote {out} ({size_text(out.stat().st_size)}): {made}"))
    output.note(f"next: cnnkit evaluate {out}   cnnkit predict {out} --index 0   cnnkit inspect {out}")
    output.result(_facts(model, history, out, skipped=False) | {
        "epochs_run": len(history), "seconds": seconds, "images_per_second": images / max(spent, 1e-9), "test": test,
        "batch_size": options.batch_size,
    })  # fmt: skip
    return 0


def _facts(model: Any, history: list[dict[str, Any]], out: Path, skipped: bool) -> dict[str, Any]:
    return {
        "recipe": model.metadata["recipe"],
        "backend": model.backend.name,
        "device": model.backend.device,
        "dtype": model.dtype,
        "seed": model.seed,
        "parameters": model.parameters,
        "history": history,
        "out": str(out),
        "skipped": skipped,
    }


def _test(output: Output, training: "Training", limit: int | None) -> dict[str, Any] | None:
    if training.dataset.test is None:
        return None
    result = training.model.evaluate(training.dataset, "test", limit)
    output.say(
        f"test: accuracy [bold]{result.accuracy:.2%}[/] on {result.report.images:,} images, loss {result.loss:.4f}, "
        f"mse {result.mse:.6f}"
    )
    return {"images": result.report.images, "accuracy": result.accuracy, "loss": result.loss, "mse": result.mse}


def _skipped(output: Output, found: "Existing", out: Path) -> int:
    from cnnkit.model import Model

    file = found.file
    assert file is not None  # a run that is the same was read from a file
    model = Model.from_weights(file)
    history = file.metadata.get("history", [])
    done = f"finished ({len(history)} epochs): nothing to do. To train again: --overwrite"
    output.say(Text(f"{out} holds this very run, {done}"))
    provenance = file.metadata.get("provenance", {})
    same = {key: provenance.get(key) for key in ("backend", "device", "dtype")}
    output.result(_facts(model, history, out, skipped=True) | same | {
        "epochs_run": len(history), "seconds": 0.0, "images_per_second": None,
    })  # fmt: skip
    return 0


def _three_ways(out: Path, found: "Existing") -> str:
    what = "an unfinished training of this very run" if found.same else f"something else ({'; '.join(found.differs)})"
    ways = f"--resume goes on with it, --overwrite replaces it, --init-from {out} -o OTHER starts from its weights"
    return f"{out}: holds {what}: {ways}"
