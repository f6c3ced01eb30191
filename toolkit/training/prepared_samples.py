"""Batches of samples that are changed anew in each epoch, or read by worker processes."""

import functools
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from cnnkit.data.augmentation import Augmentation, RawSamples, ReadingPlan, partners_in_epoch
from cnnkit.data.augmentation.preparation import Preparation, convert
from cnnkit.data.augmentation.workers import Workers
from cnnkit.data.targets import CLASS, CLASS_MAP
from cnnkit.errors import CnnkitError, ConfigError
from cnnkit.losses import Loss, SeveralLosses, external_loss, render
from cnnkit.options import Options
from cnnkit.seeds import Purpose, key
from cnnkit.training.batches import Batch, Counted, Indices, Samples, epoch_order
from cnnkit.training.sample_weights import weigh_labels

BLOCK_BYTES = 1 << 20  # of x that is read and changed together; batches are cut from it


class PreparedSamples:
    """The training samples of a split as `options.augment` changes them, in each epoch in another way.

    chosen: indices of the samples to train on, among which partners are found where samples are mixed

    Raises ConfigError where the augmentation cannot change these samples, or the images cannot be read by workers.
    """

    def __init__(self, samples: Samples, chosen: Indices, options: Options) -> None:
        self._samples, self._chosen, self._seed = samples, chosen, options.seed
        self._augmentation = Augmentation(()) if options.augment is None else Augmentation.parse(options.augment)
        secret = key(options.seed, Purpose.AUGMENTATION)
        self._of_classes = samples.split.parts[0].kind == CLASS
        self._preparation = Preparation.of(
            samples.dataset, samples.split, self._augmentation, secret, samples.class_weights
        )
        self._workers = Workers(self._preparation, options.workers) if options.workers else None

    def batches(self, order: Indices, size: int, epoch: int, first: int = 0) -> Iterator[Batch]:
        """Yield batches first, first + 1, ... of `order` in an epoch, counted from 0; the last one may be smaller."""
        samples = self._samples
        step = samples.count_together(size, BLOCK_BYTES)
        blocks = [order[start : start + step] for start in range(first * size, len(order), step)]
        partner_of = None
        if self._augmentation.mixings:
            partner_of = partners_in_epoch(epoch_order(self._chosen, self._seed, epoch))
        own = [samples.pick_own(block, size) for block in blocks]
        prepared = self._prepare((self._augmentation.plan(part, partner_of) for part in own if len(part)), epoch)
        for block, part in zip(blocks, own, strict=True):
            raw = next(prepared) if len(part) else None
            x, targets = None, None
            if raw is not None:
                x, targets = samples.move(*convert(samples.dataset, samples.split, raw, samples.dtype))
            yield from samples.cut(block, x, targets, size, functools.partial(self._count, raw))

    def _count(self, raw: RawSamples | None, part: slice, size: int) -> Counted | None:
        """Return what changed samples of a batch of `size` count; None where that did not change with them.

        raw: of this worker, None where it has no samples; those of a batch are in `part`.
        """
        split, preparation = self._samples.split, self._preparation
        of_maps = split.parts[0].kind == CLASS_MAP
        weights = None
        if preparation.weights is not None:
            weights = self._gather(None if raw is None or raw.weights is None else raw.weights[part], size)
        elif of_maps and split.weights is not None:
            weights = self._gather(None if raw is None else split.weights[raw.indices[part]], size)
        if of_maps:
            values = None if raw is None else raw.targets[0].values
            labels = self._gather(None if values is None else values[part], size)
            weighed = weigh_labels(labels, weights, self._samples.class_weights, len(labels))
            return Counted(*weighed, int(np.count_nonzero(labels >= 0)))
        if weights is None:
            return None
        count = np.count_nonzero(weights) if self._of_classes else 0
        return Counted(*weigh_labels(None, weights, None, len(weights)), int(count))

    def _gather(self, own: Any, size: int) -> Any:
        """Return values of a batch, of which this worker has its own."""
        sharing = self._samples.sharing
        return own if sharing is None else sharing.gather_samples(own, size)

    def _prepare(self, plans: Iterable[ReadingPlan], epoch: int) -> Iterator[RawSamples]:
        if self._workers is not None:
            yield from self._workers.prepare(plans, epoch)
            return
        for plan in plans:
            yield self._preparation.change(self._preparation.read(plan), plan, epoch)

    def close(self) -> None:
        """End the worker processes; further batches would start new ones."""
        if self._workers is not None:
            self._workers.close()

    def require_loss(self, loss: Loss, output_shape: Any) -> None:
        """Raise ConfigError where samples are mixed and the loss takes no rows of shares for class labels."""
        if not self._augmentation.mixings:
            return
        backend, dtype, parts = self._samples.backend, self._samples.dtype, self._samples.split.parts
        several = isinstance(loss, SeveralLosses)
        losses = loss.losses if isinstance(loss, SeveralLosses) else (loss,)
        for place, (one, shape) in enumerate(zip(losses, output_shape if several else (output_shape,), strict=True)):
            part = parts[place if len(parts) > 1 else 0]
            if part.kind != CLASS:
                continue
            rows = backend.asarray(np.full((2, len(part.names)), 1 / len(part.names)), dtype)
            try:
                external_loss.value_and_gradient(one, backend, backend.zeros((2, *shape), dtype), rows)
            except CnnkitError as error:
                raise ConfigError(
                    f"augment: expected a loss that takes shares of classes, as mixed samples have them, got "
                    f"{render(one)}: leave mixup and cutmix out ({error})"
                ) from None
