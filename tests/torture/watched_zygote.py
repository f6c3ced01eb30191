"""The zygote whose children are watched; `watched.py` asks it.

A child does what `cnnkit ARGUMENTS` does, with streams, folder and $TMPDIR of its own. No thread runs when it is
forked: the modules that commands import late are learnt from a first child and imported, none of their work is done.
"""

import atexit
import contextlib
import importlib
import json
import os
import signal
import sys
import tempfile
import time
import traceback
from typing import Any

from torture import audit
from torture.memory import measure_peaks
from torture.zygote import import_modules

_PAUSE = 0.004


def main() -> None:
    """Answer requests until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDWR)
    requests = os.fdopen(os.dup(0), encoding="utf-8")
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    audit.install()
    importlib.import_module("cnnkit.cli.app")
    for line in requests:
        request = json.loads(line)
        if "learn" in request:
            for arguments in request["learn"]:
                import_modules(_run(request | {"arguments": arguments})["modules"])
            answer: dict[str, Any] = {"threads": len(os.listdir("/proc/self/task"))}
        else:
            answer = _run(request)
            del answer["modules"]
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _run(request: dict[str, Any]) -> dict[str, Any]:
    """Fork, wait, and return what is known of the child: status (None when stopped), seconds, peak, its report."""
    reading, writing = os.pipe()
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _become_the_program(request, writing)
    os.close(writing)
    os.set_blocking(reading, False)
    peaks: dict[int, int] = {}
    report, status, stopped = bytearray(), None, ""
    while status is None:
        measure_peaks(child, peaks)
        _drain(reading, report)
        if not stopped and time.monotonic() - started > request["limit"]:
            stopped = "time"
        if not stopped and sum(peaks.values()) > request["memory"]:
            stopped = "memory"
        if stopped:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)
        ended, code, usage = os.wait4(child, os.WNOHANG)
        if ended:
            status = os.waitstatus_to_exitcode(code)
        else:
            time.sleep(_PAUSE)
    seconds = time.monotonic() - started
    _drain(reading, report)
    os.close(reading)
    told = json.loads(report) if report.endswith(b"}") else {"peaks": {}, "events": [], "modules": []}
    for number, peak in told["peaks"].items():
        peaks[int(number)] = max(peak, peaks.get(int(number), 0))
    return {
        "status": None if stopped else status,
        "stopped": stopped,
        "seconds": seconds,
        "computed": usage.ru_utime + usage.ru_stime,
        "peak": sum(peaks.values()),
        "events": told["events"],
        "modules": told["modules"],
    }


def _drain(reading: int, report: bytearray) -> None:
    with contextlib.suppress(BlockingIOError):
        while block := os.read(reading, 1 << 16):
            report += block


def _become_the_program(request: dict[str, Any], writing: int) -> None:
    """Do what `python -m cnnkit.cli ARGUMENTS` does, report, and leave; never returns."""
    status = 1
    try:
        os.setsid()
        os.chdir(request["folder"])
        os.environ["TMPDIR"] = request["temporary"]
        os.environ.update(request.get("environment") or {})
        tempfile.tempdir = None
        for number, name in ((1, "output"), (2, "errors")):
            target = os.open(request[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            os.dup2(target, number)
            os.close(target)
        known = set(sys.modules)
        sys.argv = ["cnnkit", *request["arguments"]]
        cli = importlib.import_module("cnnkit.cli")
        audit.start(request.get("named") or (), request.get("writable") or ())
        status = _call(cli.main)
        peaks: dict[int, int] = {}
        measure_peaks(os.getpid(), peaks)
        with contextlib.suppress(Exception):
            atexit._run_exitfuncs()
        events = audit.stop()
        modules = [name for name in sys.modules if name not in known]
        _write_all(writing, json.dumps({"peaks": peaks, "events": events, "modules": modules}).encode())
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
        with contextlib.suppress(Exception):
            sys.stderr.flush()
        os._exit(status)


def _write_all(number: int, content: bytes) -> None:
    while content:
        content = content[os.write(number, content) :]


def _call(program: Any) -> int:
    try:
        program()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    main()
