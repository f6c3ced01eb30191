"""The training loop: a generator of one report per epoch, which can stop after any batch and continue from there."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from cnnkit.backends.groups import Group
from cnnkit.data.dataset import Dataset
from cnnkit.errors import TrainingError
from cnnkit.exporters.core.kept_epoch import read_kept_epoch
from cnnkit.flat_tree import flat_tree
from cnnkit.network import Network
from cnnkit.options import Options
from cnnkit.training import diagnosis
from cnnkit.training.agreement import Agreement, Stop
from cnnkit.training.batches import Counts
from cnnkit.training.epoch_average import average_epoch
from cnnkit.training.evaluation import loss_and_accuracy
from cnnkit.training.handshake import require_same
from cnnkit.training.hash_chain import HashChain, name_arrays
from cnnkit.training.loss_scale import LossScale
from cnnkit.training.out_of_memory import too_large
from cnnkit.training.position import Best, Position
from cnnkit.training.setup import TrainingSetup
from cnnkit.training.step import StepReport, TrainState, copy_state
from cnnkit.training.step_reports import read_reports
from cnnkit.tree import Tree, flatten, map_leaves, map_tree

Progress = Callable[[Position], None]


@dataclass(frozen=True)
class UpdateReport:
    """What an update did: its number from 1, the loss of its samples, and the share of right decisions among them."""

    iteration: int
    epoch: int
    loss: float
    accuracy: float | None


@dataclass(frozen=True)
class EpochReport:
    """The results of an epoch. `entry` has the keys of the history in weight files and JSON."""

    entry: dict[str, Any]
    images: int
    improved: bool  # the validation loss is the smallest so far

    @property
    def images_per_second(self) -> float:
        """Training speed, without validation."""
        seconds: float = self.entry["seconds"]
        return self.images / max(seconds, 1e-9)


class Training(TrainingSetup):
    """A training of `model` on `dataset`; `epochs()` runs it, and at each report the model holds the result.

    variables, position  the arrays that steps change, averages among them, and the counts of what is done
    planned              (step, epochs): from this step on so many epochs were planned, which a schedule may follow
    chain                of hashes every `keep_every` steps, None where none is kept
    on_updates           called on all workers with the reports of updates as they are read, about once a second
    watch                returns figures that are added to the entry of each epoch, and decide nothing

    Raises DataError or ConfigError when model, data and options do not fit.
    """

    def __init__(self, model: Network, dataset: Dataset, options: Options, group: Group | None = None) -> None:
        super().__init__(model, dataset, options, group)
        # reports still on the device, with the counts of their batch
        self._unread: list[tuple[StepReport, Counts]] = []
        params = self._gather(model.params)
        trained = params if self.freezing is None else self.freezing.take_apart(params, model.state)[0]
        slots = self.optimizer.init(model.backend, trained, model.array_dtype)
        average = {} if self.averaging is None else self.averaging.begin(params, model.state)
        scale = LossScale() if self.scales_loss else None
        self.start_from(TrainState(params, model.state, slots, average), Position(loss_scale=scale))
        self.planned: tuple[tuple[int, int], ...] = ((0, options.epochs),)
        self._compared = False  # the workers of the group
        self.unlike: str | None = None
        self.on_updates: Callable[[list[UpdateReport]], None] | None = None
        self.watch: Callable[[], dict[str, Any]] | None = None
        self.chain: HashChain | None = None
        if options.keep_every is not None:
            self.chain = HashChain(options.keep_every, tuple(name_arrays(self.variables)))
            self._append_link()

    def _gather(self, tree: Tree) -> Tree:
        """Return the tree's values in memory of their own: one array, or several where some are not trained."""
        if self.freezing is None:
            return flat_tree(self.model.backend, tree, self.optimizer.order(list(flatten(tree))))
        return map_leaves(lambda array: array * 1, tree)

    def _append_link(self) -> None:
        assert self.chain is not None  # noqa: S101 (for the type checker)
        to_numpy = self.model.backend.to_numpy
        self.chain.append({name: to_numpy(array) for name, array in name_arrays(self.variables).items()})

    def start_from(self, variables: TrainState, position: Position) -> None:
        """Continue from a position that an earlier training had reached with these variables."""
        params, state, slots, average = variables
        params, slots = self._gather(params), {name: self._gather(tree) for name, tree in slots.items()}
        if average:
            average = {"params": self._gather(average["params"]), "state": average["state"]}
        self.variables, self.position = TrainState(params, state, slots, average), position
        self._loss_scale = position.loss_scale  # of the next step; the position's is that of the last report read
        # The last position whose losses and weights are finite, and the last of those inside an epoch or between two:
        # one at the end of an epoch that is not validated yet is no place to resume from.
        self._safe = self._resumable = (position, copy_state(self.variables))
        self._describe_weights()

    @property
    def finished(self) -> bool:
        """True when no epoch is left, or patience has run out."""
        patience, position = self.options.patience, self.position
        return position.epoch >= self.options.epochs or (patience is not None and position.waited >= patience)

    def require_same(self) -> None:
        """Compare all workers of the group, once: raise ConfigError on all where one is to train otherwise than rank 0.

        After that `unlike` tells what of their processors and kernels differs, None where nothing does.
        """
        if not self._compared:
            self.unlike = require_same(self, self.variables, self.position.step)
        self._compared = True

    def epochs(self, progress: Progress | None = None, stop: Stop | None = None) -> Iterator[EpochReport]:
        """Yield a report after each epoch, until all are done, patience has run out, or `stop` returns True.

        progress: called about once a second inside an epoch. stop: called after each update; the position is kept.

        Raises TrainingError when the loss or a weight is no longer finite; it names the step, and the first layer where
        that shows. Model and position are then those before, with the last good weights.
        """
        try:
            yield from self._run_epochs(progress, stop)
        finally:
            self.end_workers()

    def _run_epochs(self, progress: Progress | None, stop: Stop | None) -> Iterator[EpochReport]:
        self.require_same()
        while not self.finished:
            try:
                stopping = self._run_epoch(progress, stop)
                report = self._close_epoch() if self.position.batch == self.steps_per_epoch else None
            except BaseException as error:
                self._return_to(self._resumable if isinstance(error, Exception) else self._safe)
                if self.model.backend.out_of_memory(error):
                    error = too_large(self, self.variables, self.position)
                if isinstance(error, TrainingError):
                    raise TrainingError(error.problem, self._describe_kept(), error.hint) from None
                raise
            if report is not None:
                yield report
            if report is None or stopping:
                break
        self._update_model()

    def _run_epoch(self, progress: Progress | None, stop: Stop | None) -> bool:
        """Run the rest of the epoch, or less when `stop` returns True; return what it returned last."""
        started, before = time.perf_counter(), self.position.seconds
        agreement, stopping = Agreement(self.group, stop), False
        done, first_step = self.position.batch, self.position.step - self.position.batch
        losses = self.position.validation_losses
        for batch in self.batches(self.position):
            self.variables, report, self._loss_scale = self.run_step(
                self.variables, batch, first_step + done, losses, self._loss_scale
            )
            # + 0 copies: the next step may overwrite the arrays that this one returned
            kept = map_tree(lambda number: number + 0, (report.loss, report.correct))
            self._unread.append((StepReport(*kept), batch.counts))
            done += 1
            if self.chain is not None and self.chain.is_due(first_step + done):
                self._append_link()
            stopping, reading = agreement.after_step(last=done == self.steps_per_epoch)
            if reading:
                self._read_reports(before + time.perf_counter() - started)
                agreement.has_read()
                if progress is not None:
                    progress(self.position)
                if stopping:
                    break
        return stopping

    def _read_reports(self, seconds: float) -> None:
        """Move the position over the reports on the device.

        Raises TrainingError for a loss or weights that are not finite.
        """
        position, loss_sum = self.position, self.position.loss_sum
        correct, images, decisions, share = 0, 0, 0, position.share
        updates = []
        read = read_reports(self.model.backend, self._unread, self.sharing)
        for i, ((loss, right), (_, batch)) in enumerate(zip(read, self._unread, strict=True)):
            if not math.isfinite(loss):
                raise self._explain(position.after(i, 0.0, 0, 0))
            loss_sum += loss * batch.share
            share += batch.share
            decided = batch.decisions if self.model.loss.decides else 0
            correct += right if decided else 0
            decisions += decided
            images += batch.size
            accuracy = right / decided if decided else None
            updates.append(UpdateReport(position.step + i + 1, position.epoch + 1, loss, accuracy))
        reached = position.after(len(self._unread), loss_sum, correct, images, decisions, share)
        if not diagnosis.are_finite(self.model.backend, (self.variables.params, self.variables.state)):
            raise self._explain(reached)
        self.position = replace(reached, seconds=seconds, loss_scale=self._loss_scale)
        self._unread.clear()
        self._safe = (self.position, copy_state(self.variables))
        if self.position.batch < self.steps_per_epoch:
            self._resumable = self._safe
        if self.on_updates is not None:
            self.on_updates(updates)

    def _explain(self, failed: Position) -> TrainingError:
        position, variables = self._safe
        return diagnosis.explain(self, position, copy_state(variables), failed)

    def _return_to(self, good: tuple[Position, TrainState]) -> None:
        """Return to a position with its variables: after a failure it can be continued, or saved."""
        self._unread.clear()
        position, variables = good
        self.start_from(variables, position)
        if self.chain is not None:
            self.chain.cut(position.step)
        self._update_model()

    def _close_epoch(self) -> EpochReport:
        """Validate, and move the position to the next epoch.

        Raises TrainingError for a validation loss that is not finite.
        """
        position, model = self.position, self.model
        self.variables = self.variables._replace(average=average_epoch(self, self.variables, position))
        model.params, model.state = self.latest(position.epoch + 1)
        loss = accuracy = None
        if len(self.held_out):
            loss, accuracy = loss_and_accuracy(model, self.dataset, "train", self.held_out, group=self.group)
        if loss is not None and not math.isfinite(loss):
            raise diagnosis.explain_validation(self, position)
        best, improved = position.best, False
        if loss is not None and (best is None or loss < best.loss):
            best, improved = Best(position.epoch + 1, loss, *map(model.to_host, (model.params, model.state))), True
        entry = {
            "epoch": position.epoch + 1,
            "loss": position.mean_loss,
            "accuracy": position.accuracy,
            "validation_loss": loss,
            "validation_accuracy": accuracy,
            "learning_rate": self.learning_rate(position.step - 1, position.validation_losses),
            "seconds": position.seconds,
        }
        if position.loss_scale is not None:
            entry |= {"loss_scale": position.loss_scale.scale, "skipped_steps": position.loss_scale.skipped}
        entry |= {} if self.watch is None else self.watch()
        self.position = position.next_epoch(entry, best, improved)
        kept = self._safe[1]._replace(average=map_tree(lambda array: array * 1, self.variables.average))
        self._safe = self._resumable = (self.position, kept)
        self._update_model()
        return EpochReport(entry, position.images, improved)

    def latest(self, epoch: int) -> tuple[Tree, Tree]:
        """Return the (params, state) by which the training is judged after `epoch` epochs: their average, if any."""
        params, state, _, average = self.variables
        if self.averaging is None or not self.averaging.is_ready(replace(self.position, epoch=epoch)):
            return params, state
        return self.averaging.complete(average, params, state)

    def _update_model(self) -> None:
        """Give the model the weights with the smallest validation loss, or the latest without validation."""
        model, best = self.model, self.position.best
        if best is None:
            model.params, model.state = self.latest(self.position.epoch)
        else:
            model.params, model.state = model.to_backend(best.params), model.to_backend(best.state)
        self._describe_weights()

    def _describe_kept(self) -> str:
        """Return which weights the model has after a failure."""
        kept = read_kept_epoch(self.model.metadata)
        return "kept are the weights as they were before" if kept is None else f"kept are the weights after {kept.text}"

    def _describe_weights(self) -> None:
        """Tell in the model's metadata after which epoch, and batches of the next, its weights were kept."""
        position, best = self.position, self.position.best
        if position.step:
            kept = (position.epoch, position.batch) if best is None else (best.epoch, 0)
            told = {"epoch": kept[0], "batches": kept[1]}
            self.model.metadata |= {"history": list(position.history), "kept": told}
