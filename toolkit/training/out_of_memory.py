"""The error for a batch that does not fit in memory, with the batch size that would."""

from dataclasses import replace

from cnnkit.errors import TrainingError
from cnnkit.training.position import Position
from cnnkit.training.setup import TrainingSetup
from cnnkit.training.step import TrainState, copy_state


def too_large(setup: TrainingSetup, variables: TrainState, position: Position) -> TrainingError:
    """Return the error for a step that ran out of memory; it names the largest half, quarter, ... that fits."""
    options, size = setup.options, setup.held_size
    if setup.group is not None:  # a try needs all workers
        problem = f"a worker's part of a batch of {options.batch_size} images does not fit in its memory"
        return TrainingError(problem, hint="use a smaller --batch-size, with --accumulate, or more workers")
    halves = (size >> shift for shift in range(1, size.bit_length()))
    fitting = next((half for half in halves if _fits(setup, variables, position, half)), None)
    if fitting is None:
        hint = "use a smaller network, or another machine"
    elif options.update_size % fitting:
        hint = f"use --batch-size {fitting}"
    else:
        pieces = options.update_size // fitting
        hint = f"use --batch-size {fitting}, with --accumulate {pieces} for updates of {options.update_size} images"
    device = setup.model.backend.device
    return TrainingError(f"a batch of {size} images does not fit in the memory of {device}", hint=hint)


def _fits(setup: TrainingSetup, variables: TrainState, position: Position, size: int) -> bool:
    """Return whether a step of `size` images runs, on a copy of the variables."""
    backend = setup.model.backend
    try:
        batch = next(iter(setup.batches(replace(position, batch=0))))  # the first one: the last may be smaller
        setup.run_step(
            copy_state(variables), batch.shorten(size), position.step, position.validation_losses, position.loss_scale
        )
        backend.synchronize()
    except Exception as error:
        if backend.out_of_memory(error):
            return False
        raise
    return True
