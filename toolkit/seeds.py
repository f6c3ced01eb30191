"""Every random draw has an address: (seed, purpose, epoch). No draw depends on an earlier one."""

from enum import IntEnum

import numpy as np

from cnnkit.backends.protocol import Pair


class Purpose(IntEnum):
    """The purpose of a draw; the numbers are part of the file format and never change."""

    WEIGHTS = 0
    SHUFFLE = 1
    DROPOUT = 2
    VALIDATION = 3
    AUGMENTATION = 4


def generator(seed: int, purpose: Purpose, epoch: int = 0) -> np.random.Generator:
    """Return the generator on the host for one purpose in one epoch."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(int(purpose), epoch))))


def key(seed: int, purpose: Purpose) -> Pair:
    """Return two words of 32 bits, the key of the generator on the device."""
    first, second = np.random.SeedSequence(seed, spawn_key=(int(purpose),)).generate_state(2, np.uint32)
    return int(first), int(second)
