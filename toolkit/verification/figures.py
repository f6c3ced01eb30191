"""The figures of the test that a file tells, measured again."""

from collections.abc import Iterator, Mapping
from typing import Any

from cnnkit.files.names import describe_value, printable
from cnnkit.training import Training, evaluate
from cnnkit.values import is_count
from cnnkit.verification.claim import Claim
from cnnkit.verification.mismatch import Mismatch


def compare_end(claim: Claim, training: Training) -> Iterator[Mismatch]:
    """Yield a difference where the file says otherwise whether its training came to its end."""
    options, position = claim.options, training.position
    ended = position.epoch >= options.epochs or (options.patience is not None and position.waited >= options.patience)
    if claim.position.get("finished") is not ended:
        yield Mismatch("position", f"finished: {claim.position.get('finished')}, the replay has {ended}", claim.steps)


def compare_test(claim: Claim, training: Training) -> Iterator[Mismatch]:
    """Yield the figures of the file's test that a test of the replay's weights does not give."""
    told: Any = claim.file.metadata.get("test")
    if told is None:
        return
    images = told.get("images") if isinstance(told, Mapping) else None
    if training.dataset.test is None or not is_count(images, 1) or images > len(training.dataset.test):
        yield Mismatch("test", f"expected a test on images of the data, got {describe_value(told)}")
        return
    measured = evaluate(training.model, training.dataset, "test", images).summarise()
    for name, value in measured.items():
        if told.get(name) != value:
            problem = f"{name}: {describe_value(told.get(name))}, the replay has {describe_value(value)}"
            yield Mismatch("test", problem, claim.steps)
    for name in told.keys() - measured.keys():
        yield Mismatch("test", f"{printable(str(name), 60)}: is no figure of a test")
