"""A training on the command line: run it, save it, report its results."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.text import Text

from cnnkit import exporters
from cnnkit.cli.output import Output
from cnnkit.cli.progress import EpochLines, training_bar
from cnnkit.cli.signals import StopRequest, stop_on_signals
from cnnkit.cli.tables import format_size
from cnnkit.exporters.core.weight_file import WeightFile
from cnnkit.files.shell import write_command
from cnnkit.model import Model
from cnnkit.network import Network
from cnnkit.training import EpochReport, Training, evaluate
from cnnkit.training.checkpoint import to_weights

SAVE_EVERY = 30.0  # seconds between two saves by default


@dataclass(frozen=True)
class Job:
    """A training and the places for its results.

    checkpoint_every: epochs between two saves; 0 saves only at the end, None about every SAVE_EVERY seconds.
    """

    training: Training
    output: Output
    out: Path
    checkpoint_every: int | None = None
    log: Path | None = None
    plot: Path | None = None
    limit_test: int | None = None

    def run(self) -> int:
        """Train to the end, or until a signal; return the exit status."""
        started = time.perf_counter()
        with stop_on_signals() as stop:
            self._run(stop)
        if stop() and not self.training.finished:
            self.output.fail(
                f"stopped; everything so far is in {self.out}: continue with the same command and --resume", "usage"
            )
            return stop.status
        self._finish(time.perf_counter() - started)
        return 0

    def _run(self, stop: StopRequest) -> None:
        training, saved_step, saved_at = self.training, -1, time.perf_counter()
        lines = EpochLines(self.output, training.options.epochs)
        with training_bar(self.output, training) as show:
            for report in training.epochs(show, stop):
                lines.print(report)
                self._record_epoch(report)
                if self._is_due(report.entry["epoch"], time.perf_counter() - saved_at):
                    self._save()
                    saved_step, saved_at = training.position.step, time.perf_counter()
        if saved_step != training.position.step:
            self._save()

    def _is_due(self, epoch: int, seconds: float) -> bool:
        if self.checkpoint_every is None:
            return seconds >= SAVE_EVERY
        return self.checkpoint_every > 0 and epoch % self.checkpoint_every == 0

    def _save(self) -> None:
        exporters.write(to_weights(self.training), self.out, "hdf5", overwrite=True)

    def _record_epoch(self, report: EpochReport) -> None:
        if self.log is not None:
            with self.log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(report.entry) + "\n")
        if self.plot is not None:
            from cnnkit.training.plot import plot_history

            plot_history(list(self.training.position.history), self.plot, self.training.model.metadata["recipe"])

    def _finish(self, seconds: float) -> None:
        training, output = self.training, self.output
        model, history, best = training.model, list(training.position.history), training.position.best
        if best is not None and best.epoch < len(history):
            output.note(
                f"kept the weights of epoch {best.epoch}, whose validation loss {best.loss:.4f} is the smallest"
            )
        if training.not_captured is not None:
            output.note(f"steps were not captured, each operation was called: {training.not_captured}")
        test = self._test()
        made = f"{model.parameters:,} parameters, {len(history)} epochs, {seconds:.1f} s"
        output.say(Text(f"wrote {self.out} ({format_size(self.out.stat().st_size)}): {made}"))
        ways = (write_command("cnnkit", name, self.out) for name in ("evaluate", "predict", "inspect"))
        output.note(f"next: {'   '.join(ways)}")
        images, spent = len(training.chosen) * len(history), sum(entry["seconds"] for entry in history)
        output.result(_describe_model(model, history, self.out) | {
            "epochs_run": len(history), "seconds": seconds, "images_per_second": images / max(spent, 1e-9),
            "skipped": False, "test": test, "batch_size": training.options.batch_size,
        })  # fmt: skip

    def _test(self) -> dict[str, Any] | None:
        if self.training.dataset.test is None:
            return None
        result = evaluate(self.training.model, self.training.dataset, "test", self.limit_test)
        self.output.say(
            f"test: accuracy [bold]{result.accuracy:.2%}[/] on {result.report.images:,} images, "
            f"loss {result.loss:.4f}, mse {result.mse:.6f}"
        )
        return {"images": result.report.images, "accuracy": result.accuracy, "loss": result.loss, "mse": result.mse}


def say_skipped(output: Output, file: WeightFile, out: Path) -> None:
    """Report that the file holds this very run, finished."""
    model, history = Model.from_weights(file), file.metadata.get("history", [])
    done = f"finished ({len(history)} epochs): nothing to do. To train again: --overwrite"
    output.say(Text(f"{out} holds this very run, {done}"))
    provenance = file.metadata.get("provenance", {})
    same = {key: provenance.get(key) for key in ("backend", "device", "dtype")}
    output.result(_describe_model(model, history, out) | same | {
        "epochs_run": len(history), "seconds": 0.0, "images_per_second": None, "skipped": True,
    })  # fmt: skip


def _describe_model(model: Network, history: list[dict[str, Any]], out: Path) -> dict[str, Any]:
    return {
        "recipe": model.metadata["recipe"],
        "backend": model.backend.name,
        "device": model.backend.device,
        "dtype": model.dtype,
        "seed": model.seed,
        "parameters": model.parameters,
        "history": history,
        "out": str(out),
    }
