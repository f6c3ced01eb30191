"""What must not outlive this process: temporary files and folders, worker processes.

Each block that makes one removes it at its end. A signal that ends the process ends no block: it calls `undo_all`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_actions: dict[object, Callable[[], object]] = {}


@contextmanager
def undone_by_signals(action: Callable[[], object]) -> Iterator[None]:
    """Call `action` when a signal ends the process within this block; there may be nothing to undo yet, or any more."""
    key = object()
    _actions[key] = action
    try:
        yield
    finally:
        _actions.pop(key, None)


def undo_by_signals(action: Callable[[], object]) -> None:
    """Call `action` when a signal ends the process, whenever that is."""
    _actions[object()] = action


def undo_all() -> None:
    """Call every action, the latest first, whatever the others raise."""
    while _actions:
        with suppress(BaseException):
            _actions.popitem()[1]()
