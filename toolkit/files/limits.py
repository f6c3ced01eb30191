"""Limits on how many things a file may hold, so that listing them takes bounded time and memory."""

import os
from typing import TypeVar

from cnnkit.files.unsafe_file import UnsafeFileError

VARIABLE = "CNNKIT_LIMITS"
_MOST = 1_000
Limit = TypeVar("Limit", int, float)


def widen(limit: Limit) -> Limit:
    """Return a limit times the number in CNNKIT_LIMITS; once where that is no whole number from 1 to 1,000."""
    text = os.environ.get(VARIABLE, "")
    factor = int(text) if text.isascii() and text.isdecimal() and len(text) <= len(str(_MOST)) else 1
    return limit * min(max(factor, 1), _MOST)


def require_few(count: int, limit: int, what: str) -> None:
    """Raise UnsafeFileError when there are more of `what` than the limit, which says how to raise it."""
    if count > widen(limit):
        way = f"{VARIABLE}=10 in the environment allows ten times as many, in more time and memory"
        raise UnsafeFileError(f"{count:,} {what}, more than {widen(limit):,}: {way}", "too_big")
