"""A command as several workers that mpiexec, srun or torchrun has started: rank 0 prints, writes and decides.

The others print nothing, unless they fail and rank 0 does not say why.
"""

import functools
import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar, cast

from cnnkit.cli.signals import StopRequest
from cnnkit.cli.streams import unmute
from cnnkit.errors import CnnkitError, ConfigError, GroupError
from cnnkit.files.writing.advice import describe_failure

if TYPE_CHECKING:
    from cnnkit.backends.groups import Group

SHARED = ("train", "evaluate", "predict", "parity")  # commands of which only rank 0 is heard
HURRY = 25.0  # seconds; Slurm and Kubernetes kill after 30
GRACE = 5.0  # seconds in which rank 0 may say why all end, before another worker says it
T = TypeVar("T")


def is_silent(arguments: Sequence[str]) -> bool:
    """Return whether this process is a worker of a command other than rank 0; imports nothing without a launcher."""
    command = next((word for word in arguments if not word.startswith("-")), None)
    if command not in SHARED or not any(name.endswith("RANK") for name in os.environ):
        return False
    from cnnkit.backends.groups import find_launcher

    try:
        launcher = find_launcher()
    except ConfigError:  # which the command tells
        return False
    return launcher is not None and launcher.rank > 0


class CommandGroup:
    """The workers of a command, as one of them sees them; without a group this process alone, for which all is trivial.

    Each method must be called by all ranks, in the same order. A failure in it is everybody's: all ranks raise, so that
    all end with one exit status; rank 0 raises its own error, or one that names the worker which failed.
    """

    def __init__(self, group: "Group | None" = None) -> None:
        self.group = group
        self.agreed = False  # whether all ranks know of the error that ends them

    @property
    def is_first(self) -> bool:
        """Whether this is rank 0, which prints and writes, or a process of its own."""
        return self.group is None or self.group.rank == 0

    def agree(self, work: Callable[[], T]) -> T:
        """Return work(), which every rank does, when it has succeeded on all of them."""
        result, error = self._try(work)
        self._conclude(error)
        return cast(T, result)  # there was no error

    def lead(self, work: Callable[[], T]) -> T | None:
        """Return work(), which rank 0 alone does while the others wait; they get None."""
        result, error = self._try(work) if self.is_first else (None, None)
        self._conclude(error)
        return result

    def decide(self, work: Callable[[], bool]) -> bool:
        """Return what work() returns on rank 0, which alone does it, on every rank."""
        answer = self.lead(work)
        return bool(answer) if self.group is None else self.group.all_gather_json(answer)[0] is True

    @property
    def hurry(self) -> Callable[[], None] | None:
        """What to call when a signal comes: from then on other workers are waited for as long as launchers let live."""
        return None if self.group is None else functools.partial(self.group.hurry, HURRY)

    def end_hurry(self) -> None:
        """Wait for other workers as before the signal: all have stopped."""
        if self.group is not None:
            self.group.latest = math.inf

    def share_signal(self, stop: StopRequest) -> bool:
        """Return whether a signal stopped any rank; then all know which, to end with its exit status."""
        if self.group is None:
            return stop()
        stop.saving = False
        stop.signal = next(filter(None, self.group.all_gather_json(stop.signal)), None)
        return stop.signal is not None

    def close(self) -> None:
        """Leave the group together with all others."""
        if self.group is not None:
            self.group.close()

    def _try(self, work: Callable[[], T]) -> tuple[T | None, Exception | None]:
        try:
            return work(), None
        except GroupError:
            raise
        except Exception as error:
            if self.group is None:
                raise
            return None, error

    def _conclude(self, error: Exception | None) -> None:
        """Raise on all ranks where there is an error on any."""
        if self.group is None:
            return
        failures = self.group.all_gather_json(None if error is None else _describe(error))
        failed = [rank for rank, text in enumerate(failures) if text is not None]
        if not failed:
            return
        self.agreed = True
        if error is not None:
            raise error
        raise _name_worker(failures[failed[0]], failed[0], self.group.size)


@contextmanager
def join_workers() -> Iterator[CommandGroup]:
    """Yield the workers of this command, which end together; without a launcher this process alone.

    Raises: BackendUnavailableError where the launcher's engine is not installed, ConfigError.
    """
    from cnnkit.backends import get_backend
    from cnnkit.backends.groups import find_group, find_launcher

    launcher = find_launcher()
    if launcher is None:
        yield CommandGroup()
        return
    workers = CommandGroup()
    try:
        workers.group = find_group(get_backend("reference"))  # a training brings its own
        yield workers
        workers.close()
    except Exception as error:
        if workers.agreed:
            workers.close()
            raise
        if launcher.rank:  # rank 0 may be telling the same, and ends this process then
            time.sleep(GRACE + min(launcher.rank, 5) - 1)
            unmute()
        if workers.group is not None:
            workers.group.abort()
        if launcher.rank and isinstance(error, CnnkitError | OSError) and not isinstance(error, GroupError):
            raise _name_worker(_describe(error), launcher.rank, launcher.size) from error
        raise


def _name_worker(text: str, rank: int, size: int) -> ConfigError:
    return ConfigError(f"worker {rank + 1} of {size} (rank {rank}): {text}")


def _describe(error: Exception) -> str:
    if isinstance(error, CnnkitError):
        return str(error)
    return describe_failure(error) if isinstance(error, OSError) else f"{type(error).__name__}: {error}"


def name_program() -> tuple[str, ...]:
    """Return the words that start cnnkit as this process was, launcher and number of workers among them."""
    from cnnkit.backends.groups import find_launcher

    launcher = find_launcher()
    if launcher is None:
        return ("cnnkit",)
    if launcher.name != "torchrun":
        return (launcher.name, "-n", str(launcher.size), "cnnkit")
    local = int(os.environ.get("LOCAL_WORLD_SIZE", launcher.size))
    nodes = () if local == launcher.size else ("--nnodes", str(launcher.size // local))
    return ("torchrun", *nodes, "--nproc-per-node", str(local), "-m", "cnnkit")
