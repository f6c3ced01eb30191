"""The options of `cnnkit train`."""

import enum
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from cnnkit.cli.completion import (
    complete_augment,
    complete_initializer,
    complete_loss,
    complete_optimizer,
    complete_schedule,
)
from cnnkit.cli.options import (
    DEFAULT_WEIGHTS,
    DataSource,
    Device,
    Dtype,
    Exact,
    ExactFine,
    Limit,
    ModelFile,
    RecipeName,
    Threads,
    TrainingBackend,
)
from cnnkit.cli.reading_options import ReadingRequest


class WatchedPart(enum.StrEnum):
    """A part of the data set that is measured after each epoch."""

    TEST = "test"


@dataclass(frozen=True)
class TrainRequest(ReadingRequest):
    """A network, data, options of the training, and places for the results."""

    recipe: RecipeName = None
    model: ModelFile = None
    data: DataSource = None
    backend: TrainingBackend = None
    device: Device = None
    dtype: Dtype = None
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the training images.")] = None
    batch_size: Annotated[int | None, typer.Option(min=1, help="Images computed at a time.")] = None
    accumulate: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Batches whose gradients are added up for one update.")
    ] = None
    leaf: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Add up gradients over N images at a time, for equal bits.")
    ] = None
    ema: Annotated[
        float | None, typer.Option(metavar="DECAY", help="Moving average of the weights, such as 0.999.")
    ] = None
    swa: Annotated[
        float | None, typer.Option(metavar="SHARE", help="Average the weights of the epochs after this share of them.")
    ] = None
    optimizer: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[:...]",
            autocompletion=complete_optimizer,
            help="sgd, adam, adamw, rmsprop, lion, adagrad, adamax, nadam, lamb.",
        ),
    ] = None
    learning_rate: Annotated[float | None, typer.Option(help="Base rate, which the schedule multiplies.")] = None
    schedule: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[:...]",
            autocompletion=complete_schedule,
            help="constant, step, inverse, exponential, polynomial, cosine, restarts, onecycle, plateau, warmup.",
        ),
    ] = None
    loss: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[:...]", autocompletion=complete_loss, help="softmax_cross_entropy, binary_cross_entropy, ..."
        ),
    ] = None
    initializer: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[:...]", autocompletion=complete_initializer, help="For all weights: glorot, he, uniform, ..."
        ),
    ] = None
    seed: Annotated[
        int | None, typer.Option(min=0, help="For weights, shuffling, dropout and validation split.  [default: 0]")
    ] = None
    limit: Limit = None
    limit_test: Annotated[int | None, typer.Option(min=1, metavar="N", help="Test on the first N images.")] = None
    validation_split: Annotated[
        float | None, typer.Option(help="Share of the training images used for validation.")
    ] = None
    patience: Annotated[int | None, typer.Option(min=1, help="Stop after this many epochs without improvement.")] = None
    faithful: Annotated[bool, typer.Option("--faithful", help="The reference system's published settings.")] = False
    freeze: Annotated[
        list[str] | None,
        typer.Option(metavar="PATTERN", help="Layers or tensors not to train: conv1, 'features.*'; repeatable."),
    ] = None
    learning_rates: Annotated[
        list[str] | None,
        typer.Option(
            "--layer-rate",
            metavar="PATTERN=FACTOR",
            help="Factor of the rate for layers or tensors: 'features.*=0.1'; repeatable, the last that matches.",
        ),
    ] = None
    class_weights: Annotated[
        str | None,
        typer.Option(metavar="NAME=NUMBER,...", help="By which classes count in the loss: balanced, or cat=2,dog=0.5."),
    ] = None
    augment: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[:...],...",
            autocompletion=complete_augment,
            help="Random changes of the training images: flip,crop:4,rotate:10; none for those of the recipe.",
        ),
    ] = None
    workers: Annotated[
        int | None,
        typer.Option(min=0, metavar="N", help="Processes that read and augment images ahead.  [default: 0]"),
    ] = None
    out: Annotated[Path, typer.Option("--out", "-o", help="The weight file to write.")] = DEFAULT_WEIGHTS
    init_from: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Start from the weights in this file that fit.")
    ] = None
    replace_head: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="CLASSES",
            help="With --init-from: the network of FILE, its last layer new.",
        ),
    ] = None
    resume: Annotated[bool, typer.Option("--resume", help="Continue the training in OUT, with its options.")] = False
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT, whatever it holds.")] = False
    checkpoint_every: Annotated[
        int | None,
        typer.Option(min=0, metavar="EPOCHS", help="Epochs between saves; 0: at the end only.  [every 30 s]"),
    ] = None
    save_every: Annotated[
        int | None,
        typer.Option(min=1, metavar="EPOCHS", help="Keep the weights of every N-th epoch beside OUT, in OUT-epoch-N."),
    ] = None
    keep_every: Annotated[
        int | None,
        typer.Option(min=1, metavar="STEPS", help="Keep a hash of each tensor every N steps, for cnnkit verify."),
    ] = None
    log: Annotated[Path | None, typer.Option(metavar="FILE.jsonl|csv", help="Append one line per epoch.")] = None
    log_every: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Print mean loss and accuracy of every N updates."),
    ] = None
    watch: Annotated[
        WatchedPart | None,
        typer.Option(help="Measure the test images after each epoch too; nothing is chosen by them."),
    ] = None
    tensorboard: Annotated[Path | None, typer.Option(metavar="DIR", help="Figures of each epoch for TensorBoard.")] = (
        None
    )
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE.svg|png|pdf", help="Loss and accuracy, redrawn every 2 s.")
    ] = None
    exact: Exact = False
    exact_fine: ExactFine = False
    tf32: Annotated[bool, typer.Option("--tf32", help="Allow TF32 on an NVIDIA GPU: faster, less exact.")] = False
    threads: Threads = None
