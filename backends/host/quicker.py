"""Whether work that may be shared out over threads is quicker so: found by doing it both ways now and then."""

TRIALS = 3  # of each way at first
AGAIN = 25  # times after which the other way is tried once more: the machine may have other work by then
FORGET = 1.05  # by which a time grows at each new one of its way: what was quick long ago counts little


class Quicker:
    """Ask `shared()` before each time, and tell `took` how many seconds it was. Several threads may do so."""

    def __init__(self) -> None:
        self._seconds: dict[bool, float] = {}
        self._times = {True: 0, False: 0}

    def shared(self) -> bool:
        """Return whether to share the work out this time."""
        tried, untried = self._times[True], self._times[False]
        if min(tried, untried) < TRIALS:
            return tried <= untried
        better = self._seconds[True] < self._seconds[False]
        return not better if (tried + untried) % AGAIN == 0 else better

    def took(self, shared: bool, seconds: float) -> None:
        """Take note of a time."""
        self._seconds[shared] = min(seconds, self._seconds.get(shared, seconds) * FORGET)
        self._times[shared] += 1
