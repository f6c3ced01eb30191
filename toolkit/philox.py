"""Philox4x32-10, a random generator that is a function of (counter, key).

Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
It uses only operators on int64 arrays, whose products wrap to the same 64 bits as those of unsigned integers, so the
same code runs on NumPy, CuPy and PyTorch.
"""

from typing import Any

_WORD = 0xFFFFFFFF
_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_WEYL = (0x9E3779B9, 0xBB67AE85)

Words = tuple[Any, Any, Any, Any]


def philox4x32(counter: Words, key: tuple[int, int], rounds: int = 10) -> Words:
    """Return four int64 arrays of 32 random bits each.

    counter: four int64 arrays that broadcast, values in [0, 2**32), not 0-d. key: two words in [0, 2**32).
    """
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(rounds):
        product0, product1 = c0 * _MULTIPLIERS[0], c2 * _MULTIPLIERS[1]
        c0, c1, c2, c3 = (
            ((product1 >> 32) & _WORD) ^ c1 ^ k0,
            product1 & _WORD,
            ((product0 >> 32) & _WORD) ^ c3 ^ k1,
            product0 & _WORD,
        )
        k0, k1 = (k0 + _WEYL[0]) & _WORD, (k1 + _WEYL[1]) & _WORD
    return c0, c1, c2, c3


def counters(blocks: Any, step: Any) -> Words:
    """Return the counter words of `blocks` (four draws each) in update `step`; both int64 arrays, not 0-d."""
    return blocks & _WORD, blocks >> 32, step & _WORD, step >> 32
