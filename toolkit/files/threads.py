"""Starting threads where the system may allow no more of them."""

import errno
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def start_thread(start: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
    """Return what `start` returns, which starts a thread. Raises BlockingIOError where the system allows no more."""
    try:
        return start(*arguments, **options)
    except RuntimeError as error:
        if "start new thread" not in str(error):
            raise
        raise BlockingIOError(errno.EAGAIN, str(error)) from None
