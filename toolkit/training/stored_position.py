"""The position of a training as a file tells it: every field is checked before anything is continued from it."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from cnnkit.errors import WeightFileError
from cnnkit.exporters.core.weight_file import WeightFile
from cnnkit.files.names import describe_value
from cnnkit.options import Options
from cnnkit.training.loss_scale import LARGEST, SMALLEST, LossScale
from cnnkit.training.position import Position
from cnnkit.training.setup import TrainingSetup
from cnnkit.values import is_count, is_number

_COUNTS = ("epoch", "batch", "step", "correct", "images", "waited")
_SUMS = ("loss_sum", "seconds")
_DIVISORS = ("decisions", "share")  # of the sums
_FIGURES = ("loss", "seconds")  # of an epoch in the history
_OPTIONAL_FIGURES = ("accuracy", "validation_loss", "validation_accuracy", "learning_rate")


class _Check(NamedTuple):
    """A field, what it must be, and what the file has where that is not so."""

    field: str
    expected: str
    good: bool
    value: Any


def read_position(file: WeightFile, setup: TrainingSetup) -> Position:
    """Return the position in the file, without its best weights. Raises WeightFileError for values that cannot be."""
    stored = file.position or {}
    fault = find_fault(stored, setup)
    if fault is not None:
        raise refuse(file, f"position {fault}")
    counts = {name: stored[name] for name in (*_COUNTS, *_SUMS)}
    means = {name: stored.get(name, stored["images"]) for name in _DIVISORS}  # a file may be older than these
    scale = None if stored.get("loss_scale") is None else LossScale(**stored["loss_scale"])
    return Position(**counts, **means, loss_scale=scale, history=tuple(stored["history"]))


def find_fault(stored: dict[str, Any], setup: TrainingSetup) -> str | None:
    """Return the first field of a stored position that cannot be: "step: expected ..., got ..."; None without one."""
    for check in _list_checks(stored, setup):
        if not check.good:
            got = "nothing" if check.value is _MISSING else describe_value(check.value)
            return f"{check.field}: expected {check.expected}, got {got}"
    return None


def read_plans(file: WeightFile, options: Options, step: int) -> tuple[tuple[int, int], ...]:
    """Return how many epochs were planned from which step on, up to `step`, where the plan is that of `options`.

    Raises WeightFileError for plans that cannot be.
    """
    stored = (file.position or {}).get("planned", [[0, options.epochs]])  # a file may be older than this
    pairs = (
        stored if isinstance(stored, list) and all(isinstance(pair, list) and len(pair) == 2 for pair in stored) else []
    )
    starts = [pair[0] for pair in pairs]
    good = starts[:1] == [0] and all(is_count(start) and is_count(epochs, 1) for start, epochs in pairs)
    if not good or starts != sorted(starts) or starts[-1] > step:
        problem = (
            f"position planned: expected [step, epochs] from step 0 to {step} at most, got {describe_value(stored)}"
        )
        raise refuse(file, problem)
    plans = tuple((start, epochs) for start, epochs in pairs)
    return plans if plans[-1][1] == options.epochs else (*plans, (step, options.epochs))


def refuse(file: WeightFile, reason: str) -> WeightFileError:
    """Return the error for a file whose training cannot go on."""
    return WeightFileError(f"the training cannot be resumed: {reason}", file=file.file)


_MISSING = object()


def _list_checks(stored: dict[str, Any], setup: TrainingSetup) -> Iterator[_Check]:
    """Yield the checks in an order in which each may rely on those before it."""
    for name in _COUNTS:
        value = stored.get(name, _MISSING)
        yield _Check(name, "a whole number >= 0", is_count(value), value)
    for name in _SUMS:
        value = stored.get(name, _MISSING)
        yield _Check(name, "a finite number", is_number(value), value)
    epoch, batch, per_epoch = stored["epoch"], stored["batch"], setup.steps_per_epoch
    yield _Check("batch", f"below {per_epoch}, the batches of an epoch", batch < per_epoch, batch)
    done = epoch * per_epoch + batch
    expected = f"{done}, as {epoch} epochs of {per_epoch} batches and {batch} more are"
    yield _Check("step", expected, stored["step"] == done, stored["step"])
    images = batch * setup.options.update_size
    yield _Check("images", f"{images}, those of {batch} batches", stored["images"] == images, stored["images"])
    decisions, share = (stored.get(name, images) for name in _DIVISORS)
    yield _Check("decisions", "a whole number >= 0", is_count(decisions), decisions)
    yield _Check("share", "a number >= 0", is_number(share) and share >= 0, share)
    yield _Check("correct", f"at most {decisions}", stored["correct"] <= max(decisions, 0), stored["correct"])
    yield _Check("waited", f"at most {epoch}, the epochs", stored["waited"] <= epoch, stored["waited"])
    yield from _list_history_checks(stored.get("history", _MISSING), epoch)
    scale = stored.get("loss_scale")
    if setup.scales_loss:
        expected = f"scale > 0, good and skipped up to {stored['step']}, the steps"
        yield _Check("loss_scale", expected, _is_loss_scale(scale, stored["step"]), scale)
    else:
        yield _Check("loss_scale", f"null, as dtype {setup.model.dtype} has none", scale is None, scale)
    best = stored.get("best", _MISSING)
    yield _Check("best", "an epoch and its loss, or null", best is None or _is_best(best, epoch), best)


def _list_history_checks(history: Any, epochs: int) -> Iterator[_Check]:
    listed = isinstance(history, list) and all(isinstance(entry, dict) for entry in history)
    yield _Check("history", "a list of epochs", listed, history)
    yield _Check("history", f"{epochs} epochs", len(history) == epochs, f"{len(history)} epochs")
    for number, entry in enumerate(history, 1):
        where = f"history[{number - 1}]"
        told = entry.get("epoch", _MISSING)
        yield _Check(f"{where} epoch", str(number), is_count(told) and told == number, told)
        for name in _FIGURES:
            value = entry.get(name, _MISSING)
            yield _Check(f"{where} {name}", "a finite number", is_number(value), value)
        for name in _OPTIONAL_FIGURES:
            value = entry.get(name)
            yield _Check(f"{where} {name}", "a finite number or null", value is None or is_number(value), value)


def _is_loss_scale(value: Any, steps: int) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == {"scale", "good", "skipped"}
        and is_number(value["scale"])
        and SMALLEST <= value["scale"] <= LARGEST
        and all(is_count(value[name]) and value[name] <= steps for name in ("good", "skipped"))
    )


def _is_best(value: Any, epochs: int) -> bool:
    return (
        isinstance(value, dict)
        and is_count(value.get("epoch"), 1)
        and value["epoch"] <= epochs
        and is_number(value.get("loss"))
    )
