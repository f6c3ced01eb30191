"""Host arrays that never change, kept on a device: a captured step cannot copy them there."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from cnnkit.backends.protocol import Native, Step

MOST_KEPT = 256  # outside of compiled steps, which keep those that they use
_Entry = tuple[Any, Native]  # the host's array, whose identity is the key while it is held; the device's


class Constants:
    """Copies on a device of read-only host arrays, found by identity."""

    def __init__(self, upload: Callable[[Any, str | None], Native]) -> None:
        self._upload = upload
        self._entries: OrderedDict[tuple[int, str | None], _Entry] = OrderedDict()
        self._keepers: list[dict[tuple[int, str | None], _Entry]] = []

    def get(self, values: Any, dtype: str | None) -> Native:
        """Return the copy of `values`, made at the first call."""
        key = id(values), dtype
        entry = self._entries.get(key)
        if entry is None:
            entry = self._entries[key] = values, self._upload(values, dtype)
            if len(self._entries) > MOST_KEPT:
                self._entries.popitem(last=False)
        self._entries.move_to_end(key)
        for kept in self._keepers:
            kept[key] = entry
        return entry[1]

    def keep(self, step: Step) -> Step:
        """Return the step, which holds the constants that it uses for as long as it lives."""
        kept: dict[tuple[int, str | None], _Entry] = {}

        def run(*arguments: Any) -> Any:
            self._keepers.append(kept)
            try:
                return step(*arguments)
            finally:
                self._keepers.pop()

        return run
