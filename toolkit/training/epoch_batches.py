"""The batches of a training: from samples on the device, prepared ones, or read as they are used."""

import functools
from collections.abc import Iterator

from cnnkit.options import Options
from cnnkit.training.batches import Batch, Indices, ResidentSamples, Samples, epoch_order, resident_samples
from cnnkit.training.position import Position
from cnnkit.training.prepared_samples import PreparedSamples


class EpochBatches:
    """The batches of epochs over the chosen samples: functions of options and position, whoever asks.

    prepared: the samples as they are changed or read ahead, None where they are neither

    Raises ConfigError as PreparedSamples does.
    """

    def __init__(self, samples: Samples, chosen: Indices, options: Options) -> None:
        self._samples, self._chosen, self._options = samples, chosen, options
        self.prepared: PreparedSamples | None = None
        if options.augment is not None or options.workers:
            self.prepared = PreparedSamples(samples, chosen, options)
        self._only_batch: list[Batch] | None = None

    @functools.cached_property
    def _resident(self) -> ResidentSamples | None:
        """The samples on the device, where it has room for them beside the variables, which exist by then."""
        return resident_samples(self._samples, self._chosen)

    def remaining(self, position: Position) -> Iterator[Batch]:
        """Yield the remaining batches of the position's epoch."""
        if self._only_batch is not None:
            return iter(self._only_batch)
        order, size, options = self._chosen, self._options.update_size, self._options
        if options.shuffle:
            order = epoch_order(order, options.seed, position.epoch)
        if options.augment is None and self._resident is not None:
            return self._resident.batches(order, size, position.batch)
        if self.prepared is not None:
            return self.prepared.batches(order, size, position.epoch, position.batch)
        remaining = self._samples.batches(order, size, position.batch)
        if len(self._chosen) > size or options.shuffle:
            return remaining
        self._only_batch = list(remaining)  # full-batch descent sees the same images in the same order in every epoch
        return iter(self._only_batch)

    def end_workers(self) -> None:
        """End the processes that read ahead, where there are some."""
        if self.prepared is not None:
            self.prepared.close()
