"""A batch that does not fit in memory: which one would."""

from dataclasses import replace
from typing import TYPE_CHECKING

from cnnkit.errors import TrainingError
from cnnkit.training.step import TrainState, copy_tree

if TYPE_CHECKING:
    from cnnkit.training.training import Training


def too_large(training: "Training") -> TrainingError:
    """Return the error for a step that ran out of memory; it names the largest half, quarter, ... that fits."""
    size = training.options.batch_size
    fitting = next((half for half in _halves(size) if _fits(training, half)), None)
    hint = "use a smaller network, or another machine" if fitting is None else f"use --batch-size {fitting}"
    device = training.model.backend.device
    return TrainingError(f"a batch of {size} images does not fit in the memory of {device}: {hint}")


def _halves(size: int) -> list[int]:
    return [size >> shift for shift in range(1, size.bit_length())]


def _fits(training: "Training", size: int) -> bool:
    """Return whether a step of `size` images runs, on a copy of the variables."""
    try:
        x, labels = next(iter(training.batches(replace(training.position, batch=0))))  # the last one may be short
        variables = TrainState(*map(copy_tree, training.variables))
        training.step(variables, x[:size], labels[:size], training.scalars(training.position.step))
        training.model.backend.synchronize()
    except Exception as error:
        if training.model.backend.out_of_memory(error):
            return False
        raise
    return True
