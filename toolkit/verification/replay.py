"""A training once more, up to a step; it stops early where a chain of hashes tells that the rest is in vain."""

from collections.abc import Callable, Sequence

from cnnkit.errors import TrainingError
from cnnkit.training import Training
from cnnkit.training.hash_chain import HashChain
from cnnkit.training.position import Position
from cnnkit.verification.mismatch import Mismatch
from cnnkit.verification.rebuild import follow_plan

Progress = Callable[[Position], None]


def replay(
    training: Training,
    steps: int,
    plans: Sequence[tuple[int, int]],
    chain: HashChain | None = None,
    progress: Progress | None = None,
) -> Training | Mismatch:
    """Return the training after so many steps in all, or after the first whose link is not that of `chain`.

    plans: (step, epochs), the epochs that were planned from which step on, as a schedule follows them.

    A difference is returned where the training cannot come that far: it ends before, or is not finite.
    """
    ends = [start for start, _ in plans[1:]] + [steps]
    for (_, epochs), end in zip(plans, ends, strict=True):
        if end <= training.position.step and end != steps:
            continue
        training = follow_plan(training, epochs)
        fault = _run(training, min(end, steps), chain, progress)
        if fault is not None:
            return fault
        if is_apart(training, chain):
            break
    return training


def is_apart(training: Training, chain: HashChain | None) -> bool:
    """Return whether the training's last link is not that of a chain."""
    if chain is None or training.chain is None:
        return False
    number = len(training.chain.links) - 1
    return number < len(chain.links) and training.chain.links[number].digest != chain.links[number].digest


def _run(training: Training, end: int, chain: HashChain | None, progress: Progress | None) -> Mismatch | None:
    step = begun = training.position.step

    def stop() -> bool:
        nonlocal step
        step += 1
        return step >= end or is_apart(training, chain)

    while training.position.step < end and not is_apart(training, chain):
        if training.finished:
            problem = f"the file tells of {end:,} steps, its options of {training.position.step:,}"
            return Mismatch("position", problem, training.position.step)
        try:
            for _ in training.epochs(progress, stop):
                if step >= end:
                    break
        except TrainingError as error:
            return Mismatch("replay", str(error), max(step, begun))
    return None
