"""Whether work that may be shared out over threads is quicker so: found by doing it both ways now and then."""

TRIALS = 3  # of each way at first
COST = 0.01  # of the time: what it may cost to try the slower way again, for the machine may have other work by then
NEW, MOST = 0.1, 2.0  # weight of a new time in the mean of its way; how many times the mean it counts for at most


class Quicker:
    """Ask `shared()` before each time, and tell `took` how many seconds it was. Several threads may do so."""

    def __init__(self) -> None:
        self._seconds: dict[bool, float] = {}  # a moving mean
        self._times = {True: 0, False: 0}
        self._since = {True: 0.0, False: 0.0}  # it was tried: the seconds of the other way

    def shared(self) -> bool:
        """Return whether to share the work out this time."""
        tried, untried = self._times[True], self._times[False]
        if min(tried, untried) < TRIALS:
            return tried <= untried
        better = self._seconds[True] < self._seconds[False]
        loss = self._seconds[not better] - self._seconds[better]
        return not better if self._since[not better] * COST > loss else better

    def took(self, shared: bool, seconds: float) -> None:
        """Take note of a time."""
        before = self._seconds.get(shared, seconds)
        if self._times[shared] < TRIALS:  # the first ones wait for memory
            self._seconds[shared] = min(before, seconds)
        else:
            self._seconds[shared] = before + NEW * (min(seconds, MOST * before) - before)
        self._times[shared] += 1
        self._since[shared] = 0.0
        self._since[not shared] += self._seconds[shared]
