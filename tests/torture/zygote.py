"""A process that has imported cnnkit and forks a child for each run: a kill costs milliseconds instead of a second."""

import contextlib
import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_PAUSE = 0.001


@dataclass(frozen=True)
class Ended:
    """How a run ended. status: negative for a signal; struck: whether the signal was sent before its end."""

    status: int
    struck: bool
    seconds: float
    errors: str


class Zygote:
    """Runs `cnnkit ARGUMENTS` in forks of one process, one after the other."""

    def __init__(self, process: "subprocess.Popen[str]", scratch: Path) -> None:
        self._process, self._errors = process, scratch / "errors"

    def run(
        self,
        arguments: Sequence[str],
        folder: Path,
        after: float | None = None,
        number: int = signal.SIGKILL,
        imports: bool = False,
    ) -> Ended:
        """Run to the end, or until the signal `number` comes `after` seconds.

        imports: afterwards the zygote imports what this run had imported, which no later run then needs to.
        """
        request = {
            "arguments": [str(argument) for argument in arguments], "folder": str(folder), "after": after,
            "number": int(number), "errors": str(self._errors), "imports": imports,
        }  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        return Ended(errors=self._errors.read_text(errors="replace"), **answer)


@contextlib.contextmanager
def start_zygote(scratch: Path) -> Iterator[Zygote]:
    """Yield a Zygote with one thread. scratch: a folder for what the runs print."""
    scratch.mkdir(exist_ok=True)
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    with subprocess.Popen(
        [sys.executable, "-m", "torture.zygote"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | threads | {"PYTHONPATH": str(Path(__file__).parents[1])},
    ) as process:
        try:
            yield Zygote(process, scratch)
        finally:
            assert process.stdin is not None
            process.stdin.close()


def main() -> None:
    """Answer requests until standard input ends."""
    importlib.import_module("cnnkit.cli.app")
    for line in sys.stdin:
        request = json.loads(line)
        names = Path(request["errors"] + "-imports")
        started = time.monotonic()
        pid = os.fork()
        if pid == 0:
            _become_run(request, names if request["imports"] else None)
        status, struck = _wait(pid, started, request)
        seconds = time.monotonic() - started
        if request["imports"]:
            for name in names.read_text().split():
                with contextlib.suppress(Exception):
                    importlib.import_module(name)
            gc.freeze()
        print(json.dumps({"status": status, "struck": struck, "seconds": seconds}), flush=True)


def _become_run(request: dict, names: Path | None) -> None:
    """Run the command in this child process, and end it."""
    status = 70
    try:
        os.setsid()
        os.chdir(request["folder"])
        for number, place in ((0, os.devnull), (1, os.devnull), (2, request["errors"])):
            os.dup2(os.open(place, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), number)
        sys.argv = ["cnnkit", *request["arguments"]]
        importlib.import_module("cnnkit.cli").main()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 0
    except BaseException:
        traceback.print_exc()
    finally:
        if names is not None:
            names.write_text("\n".join(sys.modules))
        os._exit(status)


def _wait(pid: int, started: float, request: dict) -> tuple[int, bool]:
    """Return the exit status of the child, and whether it was struck before its end."""
    after = request["after"]
    if after is not None:
        while (left := started + after - time.monotonic()) > 0:
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                return os.waitstatus_to_exitcode(status), False
            time.sleep(min(_PAUSE, left))
        os.kill(pid, request["number"])
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), after is not None


if __name__ == "__main__":
    main()
