"""Single bits of a checkpoint are flipped: the damage is detected, or changes nothing."""

import random
import time

import cnnkit
from cnnkit.errors import WeightFileError
from cnnkit.exporters import WeightFile, read
from torture.trial import Budget, Found, Trial


def flip_bits(budget: Budget) -> Found:
    found, rng = Found(), random.Random(budget.seed)
    path = budget.folder / "weights.h5"
    cnnkit.Model(*cnnkit.recipes.get("bright-dark").network()).save(path)
    content, good = bytearray(path.read_bytes()), _list_all(read(path))
    detected = 0
    end = time.monotonic() + budget.seconds
    while found.attempts < budget.count and time.monotonic() < end:
        bit = rng.randrange(len(content) * 8)
        content[bit // 8] ^= 1 << bit % 8
        path.write_bytes(content)
        content[bit // 8] ^= 1 << bit % 8
        found.attempts += 1
        try:
            weights = read(path)
            if _list_all(weights) != good or weights.not_read:
                found.faults.append(f"bit {bit}: other content, and no word")
        except WeightFileError:
            detected += 1
    found.figures["detected"] = detected
    return found


def _list_all(weights: WeightFile) -> object:
    rows = [(tensor.name, tensor.shape, tensor.dtype, tensor.read().tobytes()) for tensor in weights]
    return rows, weights.architecture, weights.metadata, weights.position


TRIAL = Trial(
    "bit-flips",
    "one bit of a checkpoint flipped",
    "all detected or harmless",
    flip_bits,
    short=100,
    usual=1_000,
    long=100_000,
)
