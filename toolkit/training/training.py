"""The training loop: a generator of one report an epoch, which can stop after any batch and go on from there."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from cnnkit import losses, optimizers, schedules
from cnnkit.architecture import places
from cnnkit.data.dataset import Dataset
from cnnkit.errors import ConfigError, DataError
from cnnkit.flat_tree import flat_tree
from cnnkit.losses import Loss
from cnnkit.model import Model
from cnnkit.seeds import Purpose, key
from cnnkit.training import diagnosis
from cnnkit.training.batches import batches, epoch_order, parts, resident
from cnnkit.training.evaluation import check, loss_and_accuracy
from cnnkit.training.fitting import too_large
from cnnkit.training.options import Options
from cnnkit.training.position import Best, Position
from cnnkit.training.step import StepReport, TrainState, copy_tree, make_step

READ_EVERY = 1.0  # seconds between two looks at the device's reports


@dataclass(frozen=True)
class EpochReport:
    """What an epoch brought. `entry` has the keys of the history in weight files and JSON."""

    entry: dict[str, Any]
    images: int
    improved: bool  # the validation loss is the smallest so far

    @property
    def images_per_second(self) -> float:
        """Training speed, validation left out."""
        seconds: float = self.entry["seconds"]
        return self.images / max(seconds, 1e-9)


class Training:
    """A training of `model` on `dataset`; `epochs()` runs it, and the model holds the result at each report.

    loss: a loss of your own in place of the one that the options name.

    Raises DataError or ConfigError when model, data and options do not fit.
    """

    def __init__(self, model: Model, dataset: Dataset, options: Options, loss: Loss | None = None) -> None:
        model.loss, model.seed = loss or losses.parse(options.loss), options.seed
        check(model, dataset)
        model.scaling, model.class_names = dataset.scaling, dataset.class_names
        model.metadata = {name: value for name, value in model.metadata.items() if name != "run"}
        model.metadata["data"] = {"name": dataset.name}
        self.model, self.dataset, self.options = model, dataset, options
        self.chosen, self.held_out = parts(len(dataset.train), options)
        if not len(self.chosen):
            raise DataError(f"{dataset.name}: no images are left to train on: use a smaller validation split")
        if options.patience is not None and not len(self.held_out):
            raise ConfigError(
                f"validation_split: {options.validation_split} of {len(self.chosen)} images keeps none out"
            )
        if not model.parameters:
            raise ConfigError("the network has no parameters to train: give it a layer with weights")
        self._check_last_batch()
        self.steps_per_epoch = math.ceil(len(self.chosen) / options.batch_size)
        self.optimizer, self.schedule = optimizers.parse(options.optimizer), schedules.parse(options.schedule)
        params = flat_tree(model.backend, model.params)
        slots = self.optimizer.init(model.backend, params, model.dtype)
        self.step = make_step(
            model.backend, model.network, model.loss, self.optimizer, key(options.seed, Purpose.DROPOUT)
        )
        self._unread: list[tuple[StepReport, int]] = []
        self._only_batch: list[Any] | None = None
        self._resident = resident(model.backend, dataset, "train", self.chosen, model.dtype)
        self.start_from(TrainState(params, model.state, slots), Position())

    def _check_last_batch(self) -> None:
        """Raise ConfigError when a batch would hold one image where a layer needs the variance of several."""
        images, size = len(self.chosen), self.options.batch_size
        if images % size != 1 and size != 1:
            return
        for path, layer, x_shape, _ in places(self.model.network, self.model.input_shape):
            alone = layer.couples_samples and math.prod(x_shape[1:]) == 1 and not list(layer.children(x_shape))
            if alone:
                raise ConfigError(
                    f"batch_size: {images} images in batches of {size} leave a batch of 1, of which layer {path} "
                    f"({layer.type}) can take no variance: use another batch_size or limit"
                )

    def start_from(self, variables: TrainState, position: Position) -> None:
        """Go on from a position that an earlier training had reached with these variables."""
        backend, (params, state, slots) = self.model.backend, variables
        params, slots = flat_tree(backend, params), {name: flat_tree(backend, tree) for name, tree in slots.items()}
        self.variables, self.position = TrainState(params, state, slots), position
        self._safe = (position, _copy(self.variables))

    @property
    def not_captured(self) -> str | None:
        """Why steps run piece by piece on a device that could replay them whole; None where nothing is amiss."""
        reason: str | None = getattr(self.step, "reason", None)
        return reason

    # ---- running

    def epochs(
        self,
        progress: Callable[[Position], None] | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> Iterator[EpochReport]:
        """Yield a report after each epoch, until all are done, patience is at its end, or `stop` says True.

        progress: called now and then inside an epoch. stop: asked after each batch; the position is kept.

        Raises TrainingError when the loss is no longer finite; it names the first layer where that shows.
        """
        while not self.finished:
            try:
                complete = self._run_epoch(progress, stop)
            except BaseException as error:
                self._go_back()
                if self.model.backend.out_of_memory(error):
                    raise too_large(self) from None
                raise
            if not complete:
                return
            yield self._close_epoch()
        self._adopt()

    def _go_back(self) -> None:
        """Return to the last position whose losses were looked at: what failed can go on from there, or be saved."""
        self._unread.clear()
        position, variables = self._safe
        self.start_from(variables, position)
        self._adopt()

    @property
    def finished(self) -> bool:
        """True when no epoch is left, or patience is at its end."""
        patience, position = self.options.patience, self.position
        return position.epoch >= self.options.epochs or (patience is not None and position.waited >= patience)

    def _run_epoch(self, progress: Callable[[Position], None] | None, stop: Callable[[], bool] | None) -> bool:
        """Run the rest of the epoch; False when it was stopped before its end."""
        started, before = time.perf_counter(), self.position.seconds
        read_at = started + READ_EVERY
        done, first_step = self.position.batch, self.position.step - self.position.batch
        for x, labels in self.batches(self.position):
            self.variables, report = self.step(self.variables, x, labels, self.scalars(first_step + done))
            own = StepReport(report.loss + 0, report.correct + 0)  # the next step may write over what this one returned
            self._unread.append((own, x.shape[0]))
            done += 1
            stopping = stop is not None and stop()
            now = time.perf_counter()
            if now >= read_at or stopping or done == self.steps_per_epoch:
                self._read(before + now - started)
                read_at = time.perf_counter() + READ_EVERY
                if progress is not None:
                    progress(self.position)
                if stopping and done < self.steps_per_epoch:
                    self._adopt()
                    return False
        return True

    def batches(self, position: Position) -> Iterator[Any]:
        """Yield the batches of the position's epoch that are still to come."""
        if self._only_batch is not None:
            return iter(self._only_batch)
        order = epoch_order(self.chosen, self.options, position.epoch)
        size, dtype, backend = self.options.batch_size, self.model.dtype, self.model.backend
        if self._resident is not None:
            return self._resident.batches(order, size, position.batch)
        found = batches(backend, self.dataset, "train", order, size, dtype, position.batch)
        if self.steps_per_epoch > 1 or self.options.shuffle:
            return found
        self._only_batch = list(found)  # full-batch descent sees the same images in the same order in every epoch
        return iter(self._only_batch)

    def scalars(self, step: int) -> dict[str, Any]:
        """Return the numbers that change from step to step; step counts from 0."""
        return self.optimizer.scalars(step + 1, self.learning_rate(step)) | {"step": step}

    def learning_rate(self, step: int) -> float:
        """Return the base rate times the schedule's factor at `step`."""
        total = self.steps_per_epoch * self.options.epochs
        return self.options.learning_rate * self.schedule.factor(step, total, self.steps_per_epoch)

    def _read(self, seconds: float) -> None:
        """Bring the reports from the device; a loss that is not finite is looked into."""
        to_numpy, loss_sum, right, images = self.model.backend.to_numpy, self.position.loss_sum, 0, 0
        for i, ((loss, correct), count) in enumerate(self._unread):
            value = float(to_numpy(loss))
            if not math.isfinite(value):
                position, variables = self._safe
                raise diagnosis.explain(self, position, _copy(variables), failed=self.position.after(i, 0.0, 0, 0))
            loss_sum += value * count
            right += int(to_numpy(correct))
            images += count
        self.position = self.position.after(len(self._unread), loss_sum, right, images)
        self._unread.clear()
        self.position = replace(self.position, seconds=seconds)
        self._safe = (self.position, _copy(self.variables))

    # ---- between epochs

    def _close_epoch(self) -> EpochReport:
        position, model = self.position, self.model
        model.params, model.state = self.variables.params, self.variables.state
        validation: tuple[float | None, float | None] = (None, None)
        if len(self.held_out):
            validation = loss_and_accuracy(model, self.dataset, "train", self.held_out)
        problem = diagnosis.after_epoch(self, validation[0])
        if problem is not None:
            raise problem
        improved = validation[0] is not None and (position.best is None or validation[0] < position.best.loss)
        entry = {
            "epoch": position.epoch + 1,
            "loss": position.loss_sum / position.images,
            "accuracy": position.correct / position.images,
            "validation_loss": validation[0],
            "validation_accuracy": validation[1],
            "learning_rate": self.learning_rate(position.step - 1),
            "seconds": position.seconds,
        }
        best = position.best
        if improved and validation[0] is not None:
            best = Best(position.epoch + 1, validation[0], model.to_host(model.params), model.to_host(model.state))
        self.position = position.next_epoch(entry, best, improved)
        self._safe = (self.position, self._safe[1])
        model.metadata["history"] = list(self.position.history)
        self._adopt()
        return EpochReport(entry, position.images, improved)

    def _adopt(self) -> None:
        """Give the model the best weights so far, or the latest where nothing judges them."""
        best = self.position.best
        if best is None:
            self.model.params, self.model.state = self.variables.params, self.variables.state
        else:
            self.model.params, self.model.state = self.model.to_backend(best.params), self.model.to_backend(best.state)


def _copy(variables: TrainState) -> TrainState:
    """Return the variables in memory of their own: a step may write into those that it is given."""
    return TrainState(*map(copy_tree, variables))
