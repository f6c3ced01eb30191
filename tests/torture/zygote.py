"""A process that has imported cnnkit and forks a child for each run: a kill costs milliseconds instead of a second."""

import contextlib
import ctypes
import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_PAUSE = 0.001


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

    def __init__(self, process: "subprocess.Popen[str]", scratch: Path) -> None:
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
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        counts = Path(f"{self._errors}-counts")
        if counts.exists():  # a killed run leaves none
            answer["counts"] = tuple(json.loads(counts.read_text()))
            counts.unlink()
        return Ended(errors=self._errors.read_text(errors="replace"), **answer)


@contextlib.contextmanager
def start_zygote(scratch: Path, shim: Path | None = None) -> Iterator[Zygote]:
    """Yield a Zygote with one thread. scratch: a folder for what the runs print. shim: a library to load before all."""
    scratch.mkdir(exist_ok=True)
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    loaded = {} if shim is None else {"LD_PRELOAD": str(shim)}
    with subprocess.Popen(
        [sys.executable, "-m", "torture.zygote"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | threads | loaded | {"PYTHONPATH": str(Path(__file__).parents[1])},
    ) as process:
        try:
            yield Zygote(process, scratch)
        finally:
            assert process.stdin is not None
            process.stdin.close()


def main() -> None:
    """Answer requests until standard input ends."""
    heed_signals()
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
    status, shim = 70, ctypes.CDLL(None)
    try:
        os.setsid()
        os.chdir(request["folder"])
        for number, place in ((0, os.devnull), (1, os.devnull), (2, request["errors"])):
            os.dup2(os.open(place, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), number)
        sys.argv = ["cnnkit", *request["arguments"]]
        main = importlib.import_module("cnnkit.cli").main
        exec(request["prelude"], {})
        if request["fault"] is not None:
            fault = (request["fault"][part] for part in ("call", "k", "error", "short"))
            shim.shim_arm(request["folder"].encode(), *fault)
        main()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 0
    except BaseException:
        traceback.print_exc()
    finally:
        if request["fault"] is not None:
            shim.shim_disarm()
            Path(request["errors"] + "-counts").write_text(json.dumps([shim.shim_count(call) for call in range(9)]))
        if names is not None:
            names.write_text("\n".join(sys.modules))
        os._exit(status)


def heed_signals() -> None:
    """Undo what nohup and background jobs of a shell do: a signal that is ignored at the start stays ignored."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


def wait_for_handlers(pid: int) -> None:
    """Return when the process handles SIGTERM, which comes last, or has ended."""
    while not (_handles_signals(pid) or _read_status(pid)["State"].startswith("Z")):
        time.sleep(_PAUSE)


def strike(pid: int, number: int) -> bool:
    """Send a signal to a process, frozen meanwhile, and return whether it handled signals then: it must heed it."""
    os.kill(pid, signal.SIGSTOP)
    while _read_status(pid)["State"][0] not in "TZ":
        time.sleep(_PAUSE)
    heeds = _handles_signals(pid)
    os.kill(pid, number)
    os.kill(pid, signal.SIGCONT)
    return heeds


def _handles_signals(pid: int) -> bool:
    status = _read_status(pid)
    caught, blocked = (int(status[name], 16) >> (signal.SIGTERM - 1) & 1 for name in ("SigCgt", "SigBlk"))
    return bool(caught and not blocked and status["State"][0] != "Z")


def _read_status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def _wait(pid: int, started: float, request: dict) -> tuple[int, bool]:
    """Return the exit status of the child, and whether it was struck before its end."""
    after = request["after"]
    if request["number"] != signal.SIGKILL:
        wait_for_handlers(pid)
        started = time.monotonic()
    if after is not None:
        while (left := started + after - time.monotonic()) > 0:
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                return os.waitstatus_to_exitcode(status), False
            time.sleep(min(_PAUSE, left))
        struck = strike(pid, request["number"])
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), struck
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), False


if __name__ == "__main__":
    main()
