"""A training on the command line: run it, save it, report its results."""

import functools
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.text import Text

from cnnkit.cli.curves import Curves
from cnnkit.cli.data_source import name_data
from cnnkit.cli.epoch_files import EpochFiles
from cnnkit.cli.group import CommandGroup, name_program
from cnnkit.cli.options import DEFAULT_WEIGHTS
from cnnkit.cli.output import Output
from cnnkit.cli.progress import EpochLines, training_bar
from cnnkit.cli.saves import Saves
from cnnkit.cli.signals import StopRequest, stop_on_signals
from cnnkit.cli.tables import format_size
from cnnkit.cli.task_report import describe_figures
from cnnkit.data import Dataset
from cnnkit.errors import CnnkitError, ExportError, TrainingError
from cnnkit.exporters.core.kept_epoch import list_history, read_kept_epoch
from cnnkit.exporters.core.weight_file import WeightFile
from cnnkit.files.names import format_count, printable
from cnnkit.files.shell import write_command
from cnnkit.files.writing.advice import describe_failure
from cnnkit.model import Model
from cnnkit.network import Network
from cnnkit.training import EpochReport, TaskEvaluation, Training, evaluate
from cnnkit.training.fingerprint import fingerprint
from cnnkit.training.run import stored_options


@dataclass(frozen=True)
class Job:
    """A training and the places for its results.

    workers: of which each runs the same job; rank 0 alone writes and prints, when its clock says so.
    """

    training: Training
    output: Output
    saves: Saves
    files: EpochFiles
    plot: Path | None
    limit_test: int | None
    workers: CommandGroup
    log_every: int | None = None
    watches: bool = False  # the test images, after each epoch

    @property
    def out(self) -> Path:
        """The weight file."""
        return self.saves.out

    def run(self) -> int:
        """Train to the end, or until a signal; return the exit status."""
        with stop_on_signals(self.workers.hurry) as stop:
            begun = self.training.position.step
            try:
                stopped = self._run(stop)
            except (TrainingError, ExportError):  # which say what is kept
                raise
            except Exception as error:  # of the log, the plot, the data
                if self.training.position.step == begun or not self.workers.is_first:
                    raise
                self.saves.save()
                if not isinstance(error, OSError | CnnkitError):
                    self.output.note(self._tell_kept())
                    raise
                said = describe_failure(error) if isinstance(error, OSError) else str(error)
                raise TrainingError(f"{said}; {self._tell_kept()}") from error
        if stopped:
            self.output.fail(f"stopped; {self._tell_kept()}", "usage")
            return stop.status
        self._finish()
        return 0

    def _tell_kept(self) -> str:
        """Return where the training is, and the command that continues; what is not in the file is repeated."""
        places = {
            "-o": self.out if self.out != DEFAULT_WEIGHTS else None, "--checkpoint-every": self.saves.every,
            **self.files.options, "--plot": self.plot, "--limit-test": self.limit_test,
            "--log-every": self.log_every, "--watch": "test" if self.watches else None,
            "--workers": self.training.options.workers or None,
        }  # fmt: skip
        given = [word for option, value in places.items() if value is not None for word in (option, value)]
        command = write_command(*name_program(), "train", "--resume", *given, *self._name_data())
        return f"everything so far is in {self.out}: continue with: {command}"

    def _run(self, stop: StopRequest) -> bool:
        """Train, and save; return whether a signal stopped it."""
        training, lines = self.training, EpochLines(self.output, self.training, self.log_every)
        if self.log_every is not None:
            training.on_updates = lambda updates: self.workers.lead(functools.partial(lines.print_updates, updates))
        if self.watches:
            training.watch = self._watch
            self.output.note("test images are measured after each epoch: nothing is chosen by them")
        curves = Curves(training, self.plot) if self.plot is not None and self.workers.is_first else None
        begun = training.position.step

        def record(report: EpochReport) -> None:
            lines.print(report)
            self.files.record(training, report.entry)
            if curves is not None:
                curves.update()
            self.saves.save_if_due()

        with training_bar(self.output, training) as show, curves or nullcontext():
            while True:
                try:
                    for report in training.epochs(show, stop):
                        self.workers.lead(functools.partial(record, report))
                except TrainingError as error:
                    raise self._keep_good(error, begun) from None
                self.workers.end_hurry()
                self.workers.lead(self.saves.save_rest)
                stopped = self.workers.share_signal(stop)
                if stopped or training.finished:
                    return stopped

    def _watch(self) -> dict[str, Any]:
        """Return the figures of the test images with the weights of this moment."""
        result = evaluate(self.training.model, self.training.dataset, "test", self.limit_test, self.workers.group)
        figures = {"test_loss": result.loss}
        return figures if isinstance(result, TaskEvaluation) else figures | {
            "test_accuracy": result.accuracy, "test_mse": result.mse,
        }  # fmt: skip

    def _keep_good(self, error: TrainingError, begun: int) -> TrainingError:
        """Save the last good weights, where the training had any, and return the error that says where they are."""
        if self.training.position.step == begun:
            where = "is as it was before" if self.out.exists() else "was not written"
            return TrainingError(error.problem, f"there is nothing new to keep, {self.out} {where}", error.hint)
        self.saves.save_rest()
        return TrainingError(error.problem, f"{error.kept}, in {self.out}", error.hint)

    def _finish(self) -> None:
        """Say what was kept and how good it is; the file gets the figures of the test too."""
        training, output = self.training, self.output
        model, history, best = training.model, list(training.position.history), training.position.best
        if best is not None and best.epoch < len(history):
            output.note(
                f"kept the weights of epoch {best.epoch}, whose validation loss {best.loss:.4f} is the smallest"
            )
        if training.not_captured is not None:
            output.note(f"steps were not captured, each operation was called: {training.not_captured}")
        scale = training.position.loss_scale
        if scale is not None and scale.skipped:
            skipped = format_count(scale.skipped, "step")
            output.note(f"float16: {skipped} overflowed and changed nothing; the loss scale is {scale.scale:,.15g}")
        test = self._test()
        if test is not None:
            model.metadata["test"] = test
            self.workers.lead(self.saves.save)
        if self.workers.is_first:
            self._tell_end(history)

    def _tell_end(self, history: list[dict[str, Any]]) -> None:
        """Say what was written, and what to type next."""
        training, output, model = self.training, self.output, self.training.model
        seconds = sum(entry["seconds"] for entry in history)
        counts = f"{format_count(model.parameters, 'parameter')}, {format_count(len(history), 'epoch')}"
        made = f"{counts}, {seconds:.1f} s of training"
        output.say(f"wrote {self.out} ({format_size(self.out.stat().st_size)}): {made}")
        digest = fingerprint(training)
        output.note(f"fingerprint {digest}")
        split = ["--split", "train"] if training.dataset.test is None else []
        split = [*self._name_data(), *split]
        words = (("evaluate", self.out, *split), ("predict", self.out, *split), ("inspect", self.out))
        output.note(f"next: {'   '.join(write_command('cnnkit', *command) for command in words)}")
        images = len(training.chosen) * len(history)
        output.result(_describe_model(model, history, self.out) | {
            "epochs_run": len(history), "seconds": seconds, "images_per_second": images / max(seconds, 1e-9),
            "skipped": False, "batch_size": training.options.batch_size, "fingerprint": digest,
        })  # fmt: skip

    def _name_data(self) -> tuple[str, ...]:
        """Return the option --data for a command that continues, where the file alone does not lead to the data."""
        origin = self.training.model.metadata.get("data")
        return name_data(self.training.dataset, origin, self.out) if isinstance(origin, dict) else ()

    def _test(self) -> dict[str, Any] | None:
        if self.training.dataset.test is None:
            return None
        result = evaluate(self.training.model, self.training.dataset, "test", self.limit_test, self.workers.group)
        if isinstance(result, TaskEvaluation):
            for name, report in result.reports.items():
                of = f" of {printable(name)}" if len(result.reports) > 1 else ""
                self.output.say(f"test{of}: {describe_figures(report)} on {report.images:,} samples")
            self.output.say(f"test: loss {result.loss:.4f}")
            return result.summarise()
        accuracy = f"{result.accuracy:.2%}", "bold"
        figures = f" on {result.report.images:,} images, loss {result.loss:.4f}, mse {result.mse:.6f}"
        self.output.say(Text.assemble("test: accuracy ", accuracy, figures))
        return result.summarise()


def lacks_test(file: WeightFile, dataset: Dataset) -> bool:
    """Return whether a finished training was ended before its last step, the figures of the test."""
    return dataset.test is not None and "test" not in file.metadata


def say_skipped(output: Output, file: WeightFile, out: Path, plot: Path | None = None) -> None:
    """Report that the file holds this very run, finished, and what would train on; draw its curves where asked."""
    model, kept = Model.from_weights(file), read_kept_epoch(file.metadata)
    history, options = list_history(file.metadata), stored_options(file.metadata, file.file)
    waited = (file.position or {}).get("waited")
    more = [f"--epochs N above {options.epochs}"] if len(history) >= options.epochs else []
    if options.patience is not None and isinstance(waited, int) and waited >= options.patience:
        more.append(f"--patience N above {waited}")
    done = f"finished with {format_count(len(history), 'epoch')}"
    if kept is not None and kept.epoch < kept.epochs:
        done += f", the weights are those of epoch {kept.epoch}"
    ways = f"to train on: --resume {' '.join(more)}; to train again: --overwrite"
    output.say(f"{out} holds this very run, {done}: nothing to do; {ways}")
    if kept is not None:
        output.note(kept.figures_text)
    if plot is not None:
        from cnnkit.training.plot import plot_history

        plot_history(history, plot, model.metadata["recipe"])
    provenance = file.metadata.get("provenance", {})
    same = {key: provenance.get(key) for key in ("backend", "device", "dtype")}
    output.result(_describe_model(model, history, out) | same | {
        "epochs_run": len(history), "seconds": 0.0, "images_per_second": None, "skipped": True,
        "fingerprint": fingerprint(file),
    })  # fmt: skip


def _describe_model(model: Network, history: list[dict[str, Any]], out: Path) -> dict[str, Any]:
    kept = read_kept_epoch(model.metadata)
    return {
        "recipe": model.metadata["recipe"],
        "backend": model.backend.name,
        "device": model.backend.device,
        "dtype": model.dtype,
        "seed": model.seed,
        "parameters": model.parameters,
        "history": history,
        "kept": None if kept is None else kept.to_json(),
        "test": model.metadata.get("test"),
        "out": str(out),
    }
