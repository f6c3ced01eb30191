"""Every finite float32 through decimal text and back: a sample of them, in the long form all 4,278,190,080."""

import time

import numpy as np

from cnnkit import exporters
from cnnkit.exporters import Tensor, WeightFile
from cnnkit.exporters.core.number_text.digits import format_numbers
from cnnkit.exporters.core.number_text.parsing import parse_numbers
from torture.trial import Budget, Found, Trial

ALL = 2**32 - 2**25  # finite values of float32, both zeros among them
_BLOCK = 1 << 20
_IN_A_FILE = 1 << 16  # values that go through a file of the text format besides


def send_through_text(budget: Budget) -> Found:
    """Send `count` values: all where that is enough for all, else a sample without repetition inside a block."""
    found, rng = Found(), np.random.default_rng(budget.seed)
    end = time.monotonic() + budget.seconds
    while found.attempts < min(budget.count, ALL) and time.monotonic() < end:
        size = min(_BLOCK, budget.count - found.attempts, ALL - found.attempts)
        places = np.arange(found.attempts, found.attempts + size, dtype=np.uint64)
        if budget.count < ALL:
            places = rng.choice(ALL, size, replace=False).astype(np.uint64)
        values = _find_values(places)
        if found.attempts == 0:
            found.faults += _send_through_file(values[:_IN_A_FILE], budget)
        text = b" ".join(format_numbers(values, "float32")) + b"\n"
        found.faults += _compare(values, parse_numbers(text, "float32"))
        found.attempts += size
    found.figures["share of all finite values"] = f"{found.attempts / ALL:.4%}"
    return found


def _find_values(places: np.ndarray) -> np.ndarray:
    """Return the finite values at these places of their order by bits: those above 0, then those below."""
    half = np.uint64(ALL // 2)
    bits = np.where(places < half, places, places - half + np.uint64(2**31))
    return bits.astype(np.uint32).view(np.float32)


def _send_through_file(values: np.ndarray, budget: Budget) -> list[str]:
    path = budget.folder / "values.txt"
    exporters.write(WeightFile((Tensor.of("0.weight", values),)), path, overwrite=True)
    return _compare(values, exporters.read(path)["0.weight"].read())


def _compare(sent: np.ndarray, came: np.ndarray) -> list[str]:
    if sent.shape != came.shape or came.dtype != np.float32:
        return [f"sent {sent.shape} float32, came {came.shape} {came.dtype}"]
    wrong = np.flatnonzero(sent.view(np.uint32) != came.view(np.uint32))
    return [f"sent {sent[at]!r}, came {came[at]!r}" for at in wrong[:10]]


TRIAL = Trial(
    "float-texts",
    "finite float32 values through decimal text and back",
    "all exact",
    send_through_text,
    short=1_000_000,
    usual=20_000_000,
    long=ALL,
)
