"""Runs command lines of cnnkit to which something happens: a signal at a moment, a system call that fails."""

import contextlib
import json
import signal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torture.zygote import ZygoteProcess


@dataclass(frozen=True)
class Ended:
    """How a run ended. status: negative for a signal; struck: whether the signal came while it could still heed it."""

    status: int
    struck: bool
    seconds: float
    errors: str
    counts: tuple[int, ...] = ()  # calls on files below the folder, in the order of the shim


class Zygote:
    """Runs `cnnkit ARGUMENTS` in forks of one process, one after the other."""

    def __init__(self, process: ZygoteProcess, scratch: Path) -> None:
        self._process, self._errors = process, scratch / "errors"

    def run(
        self,
        arguments: Sequence[str],
        folder: Path,
        after: float | None = None,
        number: int = signal.SIGKILL,
        imports: bool = False,
        fault: Mapping[str, int] | None = None,
        prelude: str = "",
    ) -> Ended:
        """Run to the end, or until the signal `number` comes after so many seconds.

        Signals other than SIGKILL: the seconds begin when the program handles signals.

        imports: afterwards the zygote imports what this run had imported, which no later run then needs to.
        fault: {"call", "k", "error", "short"} for the shim, about files below `folder`. prelude: Python to run before.
        """
        request = {
            "arguments": [str(argument) for argument in arguments], "folder": str(folder), "after": after,
            "number": int(number), "errors": str(self._errors), "imports": imports,
            "fault": None if fault is None else dict(fault), "prelude": prelude,
        }  # fmt: skip
        answer = self._process.ask(request)
        counts = Path(f"{self._errors}-counts")
        if counts.exists():  # a killed run leaves none
            answer["counts"] = tuple(json.loads(counts.read_text()))
            counts.unlink()
        return Ended(errors=self._errors.read_text(errors="replace"), **answer)


@contextlib.contextmanager
def start_zygote(scratch: Path, shim: Path | None = None) -> Iterator[Zygote]:
    """Yield a Zygote with one thread. scratch: a folder for what the runs print. shim: a library to load before all."""
    scratch.mkdir(exist_ok=True)
    environment = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    environment |= {"PYTHONPATH": str(Path(__file__).parents[1])} | ({} if shim is None else {"LD_PRELOAD": str(shim)})
    process = ZygoteProcess("torture.struck_zygote", environment, scratch)
    try:
        yield Zygote(process, scratch)
    finally:
        process.close()
