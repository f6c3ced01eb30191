"""Check of Philox4x32-10, bit for bit, against the answers published by its authors (Random123, kat_vectors)."""

import math
from typing import Any

import numpy as np

from cnnkit.parity.check import Case
from cnnkit.parity.draw import Draw, draw_shape
from cnnkit.parity.primitives.registering import Checks

CHECKS = Checks()
KNOWN_ANSWERS = (  # counter, key, words: Salmon et al. 2011, file kat_vectors of Random123
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
)


def _parse_words(text: str) -> tuple[int, ...]:
    return tuple(int(word, 16) for word in text.split())


@CHECKS.add("uniform", grid=[KNOWN_ANSWERS[0], ((0, 0), 0, (), 0), ((7, 8), 2**40, (3, 5), 2)])
def uniform(draw: Draw, arguments: Any) -> Case:
    """The top 24 bits of each word; the draws from `start` on are a slice of all draws.

    Only the first known answer has a position that fits int64; other tests check the generator against all three.
    """
    wanted, shape = None, tuple[int, ...]()
    if arguments is not None and isinstance(arguments[0], str):
        (c0, c1, c2, c3), key, words = map(_parse_words, arguments)
        step, start, shape = c2 | c3 << 32, 4 * (c0 | c1 << 32), (4,)
        wanted = {"draws": np.array([word >> 8 for word in words]) * 2.0**-24}
        label = f"known answer {arguments[2]}"
    elif arguments is not None:
        key, step, shape, start = arguments
        label = f"key {key}, step {step}, shape {shape}, start {start}"
    else:
        key = (draw.integer(0, 2**32 - 1), draw.integer(0, 2**32 - 1))
        step, start, shape = draw.integer(0, 2**62), draw.integer(0, 2**40), draw_shape(draw, 1, 3)
        label = f"key {key}, step {step}, shape {shape}, start {start}"
    tail = math.prod(shape) // 2

    def run(arena: Any) -> dict[str, Any]:
        draws = arena.backend.uniform(key, step, shape, start)
        if wanted is not None:
            return {"draws": draws}
        part = arena.backend.uniform(key, arena.integers(step), (math.prod(shape) - tail,), start + tail)
        return {"draws": draws, "part": part}

    return Case(label, run, "exact", wanted=wanted, dtype="float32")
