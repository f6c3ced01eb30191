"""Whether work is faster in several threads or in one, decided by timing both from time to time."""

TRIALS = 3  # of each way before the first decision
COST = 0.01  # of the total time: what trying the slower way again may cost. The load of the machine may have changed
NEW = 0.1  # weight of a new time in the moving mean
MOST = 2.0  # a time counts at most as this many times the mean


class ThreadTuner:
    """Call `choose()` before each piece of work and `record()` after it. Several threads may share a tuner."""

    def __init__(self) -> None:
        self._seconds: dict[bool, float] = {}  # moving mean; the key says whether threads were used
        self._times = {True: 0, False: 0}
        self._since = {True: 0.0, False: 0.0}  # seconds that the other way has taken since this way was last tried

    def choose(self) -> bool:
        """Return whether to use several threads this time."""
        threaded, single = self._times[True], self._times[False]
        if min(threaded, single) < TRIALS:
            return threaded <= single
        faster = self._seconds[True] < self._seconds[False]
        loss = self._seconds[not faster] - self._seconds[faster]
        return not faster if self._since[not faster] * COST > loss else faster

    def record(self, threaded: bool, seconds: float) -> None:
        """Add one measured time."""
        mean = self._seconds.get(threaded, seconds)
        if self._times[threaded] < TRIALS:  # the first runs include the allocation of memory
            self._seconds[threaded] = min(mean, seconds)
        else:
            self._seconds[threaded] = mean + NEW * (min(seconds, MOST * mean) - mean)
        self._times[threaded] += 1
        self._since[threaded] = 0.0
        self._since[not threaded] += self._seconds[threaded]
