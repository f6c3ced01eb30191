"""The zygote whose children are struck; `struck.py` asks it."""

import ctypes
import gc
import importlib
import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path

from torture.striking import heed_signals, strike, wait_for_handlers
from torture.zygote import import_modules

_PAUSE = 0.001


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
            import_modules(names.read_text().split(), heavy=True)
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
