"""`cnnkit train`: a network, a data set, and at the end a file with every weight."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

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
from cnnkit.errors import ConfigError

if TYPE_CHECKING:
    from cnnkit.training.run import Existing

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
    checkpoint_every: Annotated[
        int | None, typer.Option(min=0, metavar="EPOCHS", help="Save that often; 0: at the end alone.  [every 30 s]")
    ] = None,
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
    from cnnkit.cli.training_job import Job, say_skipped
    from cnnkit.model import Model
    from cnnkit.training import Options, Training
    from cnnkit.training.checkpoint import resume as resumed
    from cnnkit.training.initialise import initialise
    from cnnkit.training.run import existing, identity, require_resumable, start_of

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
    started = start_of(out) if resume else None  # a resumed training goes on from what it once started from
    if (init_from or started) and str(options.loss).startswith("softmax"):
        chosen = with_classes(chosen, len(dataset.class_names))
    network, input_shape = chosen.network()
    ready = get_backend(backend, device, threads, tf32)
    made = Model(
        network, input_shape, backend=ready, dtype=dtype or "float32", seed=seed, loss=options.loss,
        class_names=dataset.class_names, scaling=dataset.scaling,
    )  # fmt: skip
    start = None if init_from is None else initialise(made, init_from)
    if start is not None:
        output.note(start.text)
    run = identity(made, dataset, options, chosen.name, start.sha256 if start else started, tf32)

    found = None if overwrite else existing(out, run)
    if found is not None and found.file is not None and found.same and found.finished:
        say_skipped(output, found.file, out)
        return 0
    _require_places(out, log, plot)
    if resume:
        file = require_resumable(out, found)
        for change in found.differs.values() if found else ():
            output.note(f"resuming with a change: {change}")
        training = resumed(Model.from_weights(file, backend=ready, dtype=made.dtype), dataset, options, file)
    elif found is not None:
        raise ConfigError(_three_ways(out, found))
    else:
        training = Training(made, dataset, options)
    about = {"recipe": chosen.name, "data": {"name": source, "sha256": dataset.fingerprint()}, "run": run}
    training.model.metadata |= about

    output.note(
        f"{chosen.name} on {dataset.name}: {len(training.chosen):,} images to train on, {len(training.held_out):,} to "
        f"validate; {made.parameters:,} parameters; {ready.name} on {ready.device}, {made.dtype}, seed {seed}"
    )
    return Job(training, output, out, checkpoint_every, log, plot, limit_test).run()


def _require_places(out: Path, log: Path | None, plot: Path | None) -> None:
    """Raise now, rather than after hours of work, when a result could not be written."""
    from cnnkit.files.atomic import require_writable
    from cnnkit.training.plot import require_plottable

    if out.suffix not in (".h5", ".hdf5"):
        raise ConfigError(
            f"--out: expected a name that ends in .h5, got {out}: train writes HDF5, cnnkit export the other formats"
        )
    if plot is not None:
        require_plottable(plot)
    for place in (out, log, plot):
        if place is not None:
            require_writable(place)


def _three_ways(out: Path, found: "Existing") -> str:
    if found.file is None:
        why = "; ".join(found.differs.values())
        return f"{out}: is there already ({why}): --overwrite replaces it, -o OTHER leaves it"
    what = (
        "an unfinished training of this very run"
        if found.same
        else f"something else ({'; '.join(found.differs.values())})"
    )
    ways = f"--resume goes on with it, --overwrite replaces it, --init-from {out} -o OTHER starts from its weights"
    return f"{out}: holds {what}: {ways}"
