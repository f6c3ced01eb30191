"""What stays the same while a training runs: network, images, the compiled step, batches and learning rates."""

import functools
import math
from collections.abc import Iterator, Sequence
from typing import Any

from cnnkit import losses, optimizers, schedules
from cnnkit.architecture import walk_layers
from cnnkit.backends import leaf_tree
from cnnkit.backends.groups import Group
from cnnkit.budget import PassBudget
from cnnkit.constants import require_constants
from cnnkit.contracts import naming_faults, require_number
from cnnkit.data.dataset import Dataset, name_targets
from cnnkit.errors import ConfigError, DataError, TrainingError
from cnnkit.files.names import last_part
from cnnkit.layers import Layer
from cnnkit.network import Network
from cnnkit.options import Options
from cnnkit.precision import find_itemsize, find_limit
from cnnkit.seeds import Purpose, key
from cnnkit.training.averaging import MovingAverage, make_averaging
from cnnkit.training.batches import Batch, Samples, split_images
from cnnkit.training.decisions import name_kind
from cnnkit.training.epoch_batches import EpochBatches
from cnnkit.training.evaluation import check, suit_targets
from cnnkit.training.exact_worker_step import ExactWorkerStep
from cnnkit.training.freezing import freeze
from cnnkit.training.loss_scale import SMALLEST, LossScale
from cnnkit.training.parameter_groups import group_parameters
from cnnkit.training.pieces import tell_coupling
from cnnkit.training.position import Position
from cnnkit.training.sample_weights import weigh_classes
from cnnkit.training.sharing import BatchSharing, Sharing, share_options
from cnnkit.training.step import StepReport, StepWork, TrainState, make_step
from cnnkit.training.worker_step import WorkerStep

# What metadata tells of a training: a new one starts without them.
_OF_A_TRAINING = ("run", "history", "kept", "test", "targets")


class TrainingSetup:
    """A model, a data set and options, checked against each other, and the step that they make.

    Loss and seed of the options become the model's here; from then on only the model's are used.

    chosen, held_out  indices of the images to train on and to validate with, both ascending
    freezing          what of the network is not trained; None where all is
    averaging         the average of weights that the training results in; None where these are the weights themselves
    group             of workers that make the same steps together, each with its own samples; None: this process alone

    Raises DataError or ConfigError when model, data and options do not fit.
    """

    def __init__(self, model: Network, dataset: Dataset, options: Options, group: Group | None = None) -> None:
        require_trainable(model)
        if group is not None:
            group.backend, options = model.backend, share_options(options, model.backend.numerics)
        model.loss, model.seed = losses.fit_outputs(losses.parse(options.loss), model.output_names), options.seed
        dataset = suit_targets(dataset, model.loss)
        check(model, dataset)
        model.scaling, model.class_names = dataset.scaling, dataset.class_names
        model.metadata = {name: value for name, value in model.metadata.items() if name not in _OF_A_TRAINING}
        model.metadata["data"] = {"name": last_part(dataset.name)} | dataset.reading.as_entry()
        if not dataset.has_labels:
            model.metadata["targets"] = {name: spec.to_json() for name, spec in name_targets(dataset).items()}
        self.model, self.dataset, self.options, self.group = model, dataset, options, group
        self.freezing = freeze(model.network, model.input_shape, options.freeze)
        self.schedule = schedules.parse(options.schedule)
        self.chosen, self.held_out = split_images(len(dataset.train), options, model.seed)
        self._require_enough_images()
        self._require_no_batch_of_one()
        if not model.parameters:
            raise ConfigError("the network has no parameters to train: give it a layer with weights")
        self.steps_per_epoch = math.ceil(len(self.chosen) / options.update_size)
        self.averaging = make_averaging(options.ema, options.swa, options.epochs, self.freezing)
        optimizer = optimizers.parse(options.optimizer)
        require_constants(model.dtype, optimizer)
        self._limit = find_limit(model.array_dtype)
        self._largest_factor = max(getattr(optimizer, "weight_decay", 0.0), 1.0)
        self.optimizer = group_parameters(model.network, model.input_shape, optimizer, options.rate_factors)
        self._require_room()
        self.dropout_key = key(model.seed, Purpose.DROPOUT)
        moving = self.averaging if isinstance(self.averaging, MovingAverage) else None
        self.work = StepWork(
            model.backend, self._trained, model.loss, self.optimizer, self.dropout_key, name_kind(dataset),
            self.freezing, model.half, moving,
        )  # fmt: skip
        self.step = self._make_step()
        self.scales_loss = model.half == "float16"
        self._class_weights = weigh_classes(options.class_weights, dataset, self.chosen)
        self._own = self._make_batches(self.sharing)
        if self._own.prepared is not None:
            self._own.prepared.require_loss(model.loss, model.output_shape)

    def _make_step(self) -> Any:
        options = self.options
        if self.sharing is not None:
            if isinstance(self.sharing, BatchSharing):
                return ExactWorkerStep(self.work, self.sharing)
            return WorkerStep(self.work, self.sharing)
        size = None if self.piece_size == options.update_size else self.piece_size
        return make_step(self.work, size, options.batch_size if self.joins else None)

    @functools.cached_property
    def sharing(self) -> Sharing | None:
        """How updates are shared out among the workers of the group; None without."""
        options = self.options
        if self.group is None:
            return None
        if self.model.backend.numerics == "exact":
            return BatchSharing(self.group, 1, options.batch_size)  # leaves of any size have its bits
        return Sharing(self.group, options.piece_size, options.batch_size if self.joins else None)

    def _make_batches(self, sharing: Sharing | None) -> EpochBatches:
        model = self.model
        samples = Samples(model.backend, self.dataset, "train", model.array_dtype, self._class_weights, sharing)
        return EpochBatches(samples, self.chosen, self.options)

    def _require_room(self) -> None:
        """Raise ConfigError where a step needs more memory than there is."""
        model, options = self.model, self.options
        images = min(self.piece_size, len(self.chosen))
        share = images * (1 if self.group is None else self.group.size)
        leaves, together = (
            max(1, min(size, len(self.chosen)) // share) for size in (options.update_size, self.held_size)
        )
        gradients = leaf_tree.count_waiting(leaves)
        values = model.parameters * (1 + gradients + len(self.optimizer.slots) + (self.averaging is not None))
        budget = PassBudget(
            model.backend, model.network, model.input_shape, model.itemsize, values, training=True,
            parameter_itemsize=find_itemsize(model.array_dtype),
            leaves=together,
        )  # fmt: skip
        budget.require_room(images)

    def _require_enough_images(self) -> None:
        """Raise where there is one class, or no image is left to train on, or none to validate on with patience."""
        if self.dataset.has_labels and len(self.dataset.class_names) < 2:
            name = self.dataset.name
            raise DataError(f"{name}: expected images of two classes or more, got one class: there is nothing to learn")
        if not len(self.chosen):
            raise DataError(f"{self.dataset.name}: no images are left to train on: use a smaller validation split")
        if self.options.patience is not None and not len(self.held_out):
            split = self.options.validation_split
            raise ConfigError(f"validation_split: {split} of {len(self.chosen)} images keeps none out")
        if self.schedule.reacts and not len(self.held_out):
            name = schedules.render(self.schedule).partition(":")[0]
            split = self.options.validation_split
            raise ConfigError(
                f"schedule {name}: expected images to validate on, as it follows the validation loss, got none with "
                f"validation_split={split:g}: give it a share of the images, such as 0.1"
            )

    def _require_no_batch_of_one(self) -> None:
        """Raise ConfigError when a batch would hold one image where a layer needs the variance of several."""
        images, size = len(self.chosen), self.held_size
        if images % size != 1 and size != 1:
            return
        for path, layer, x_shape, _ in walk_layers(self._trained, self.model.input_shape):
            leaf = not any(True for _ in layer.children(x_shape))
            alone = leaf and layer.couples_samples and math.prod(x_shape[1:]) == 1
            if alone:
                raise ConfigError(
                    f"batch_size: {images} images in batches of {size} leave a batch of 1, of which layer {path} "
                    f"({layer.type}) can take no variance: use another batch_size or limit"
                )

    @property
    def _trained(self) -> Layer:
        return self.model.network if self.freezing is None else self.freezing.network

    @property
    def piece_size(self) -> int:
        """How many samples a step computes at a time; in exact numerics a batch, whose bits leaves of any size have."""
        return self.options.piece_size if self.model.backend.numerics == "plain" else self.options.batch_size

    @property
    def joins(self) -> bool:
        """Whether the leaves of a batch wait for each other, since layers couple its samples."""
        cut = self.options.leaf is not None and self.model.backend.numerics != "exact"
        return cut and self._trained.couples_samples

    @property
    def held_size(self) -> int:
        """How many samples a step holds at one time."""
        return self.options.batch_size if self.joins else self.piece_size

    @property
    def coupling(self) -> str | None:
        """What layers make of updates in pieces, in one line; None where there is nothing to say."""
        return tell_coupling(self._trained, self.model.loss, self.options)

    @property
    def not_captured(self) -> str | None:
        """Why a step is not captured as a whole on a device that could replay it; None where nothing is wrong."""
        reason: str | None = getattr(self.step, "reason", None)
        return reason

    def end_workers(self) -> None:
        """End the processes that read ahead, where there are some."""
        self._own.end_workers()

    def batches(self, position: Position) -> Iterator[Batch]:
        """Yield the remaining batches of the position's epoch; of a worker its own samples in them."""
        return self._own.remaining(position)

    def whole_batches(self, position: Position) -> Iterator[Batch]:
        """Yield the remaining batches of the position's epoch with the samples of all workers."""
        if self.sharing is None:
            yield from self._own.remaining(position)
            return
        whole = self._make_batches(None)
        try:
            yield from whole.remaining(position)
        finally:
            whole.end_workers()

    def run_step(
        self, variables: TrainState, batch: Batch, step: int, losses: Sequence[float] = (),
        loss_scale: LossScale | None = None,
    ) -> tuple[TrainState, StepReport, LossScale | None]:  # fmt: skip
        """Return the variables after update `step`, counted from 0, on a batch, what it reports, and the loss scale.

        losses: of the validation, after each epoch so far; empty without.
        loss_scale: of this step, where the loss is scaled; then the device is read, for that of the next.

        Raises TrainingError where no scale makes the gradients finite.
        """
        weighted = () if batch.weights is None else (batch.weights,)
        scalars = self.scalars(step, losses, loss_scale.skipped if loss_scale else 0)
        if loss_scale is not None:
            scalars["loss_scale"] = loss_scale.scale
        of_all = {} if self.sharing is None else {"samples": batch.counts.size}
        variables, report = self.step(variables, batch.x, batch.targets, scalars, *weighted, **of_all)
        if loss_scale is not None:
            loss_scale = loss_scale.after(bool(self.model.backend.to_numpy(report.finite)))
            if loss_scale.scale < SMALLEST:
                problem = f"step {step + 1}: the gradients are not finite in float16 whatever the loss is scaled by"
                raise TrainingError(problem, hint="use --dtype bfloat16, whose range is that of float32")
        return variables, report, loss_scale

    def scalars(self, step: int, losses: Sequence[float] = (), skipped: int = 0) -> dict[str, Any]:
        """Return the numbers that change from step to step; step counts from 0.

        losses: of the validation, after each epoch so far; empty without.
        skipped: how many of the steps so far changed nothing; an optimizer does not count them.

        Raises TrainingError where one is beyond the range of the arrays' type.
        """
        rate = self.learning_rate(step, losses)
        scalars = self.optimizer.checked_scalars(step + 1 - skipped, rate)
        if not self.optimizer.external and not max(scalars.values()) * self._largest_factor <= self._limit:
            problem = f"step {step + 1}: with the learning rate {rate:g} the update is beyond {self.model.array_dtype}"
            raise TrainingError(problem, hint="try a lower --learning-rate")
        averaged = self.averaging.scalars(step - skipped) if isinstance(self.averaging, MovingAverage) else {}
        return scalars | averaged | {"step": step}

    def learning_rate(self, step: int, losses: Sequence[float] = ()) -> float:
        """Return the base rate times the schedule's factor at `step`, after epochs with these validation losses."""
        schedule, counts = self.schedule, (step, self.steps_per_epoch * self.options.epochs, self.steps_per_epoch)
        if not schedule.external:
            return self.options.learning_rate * schedule.factor_after(losses, *counts)
        part = type(schedule).__name__
        with naming_faults(part, "factor"):
            factor = schedule.factor_after(losses, *counts)
        return self.options.learning_rate * require_number(part, f"factor of step {step}", factor)


def require_trainable(model: Network) -> None:
    """Raise ConfigError where the backend only stores the parameters' 16-bit type."""
    if model.stores_half:
        what = (
            f"{model.dtype} on backend {model.backend.name} is for storing weights, which it computes with in float32"
        )
        raise ConfigError(f"dtype: {what}: train with --dtype float32, or with --backend torch --dtype {model.dtype}")
