"""Gives a file to the commands of cnnkit, in this process, and looks at what they print and leave."""

import contextlib
import io
import json
from pathlib import Path

from cnnkit.cli.app import run

_FAULTS = (b"Traceback", b"a defect of cnnkit", b"Warning:")


def find_command_fault(path: Path, door: str) -> str | None:
    """Return what a command did wrong with the file, None when all did right."""
    copy = path.parent.parent / f"{path.parent.name}-copy.txt"
    commands = (
        (["inspect", str(path), "--json"], ["export", str(path), "-o", str(copy)], ["diff", str(path), str(path)])
        if door == "weights"
        else (["data", "show", str(path), "--json"],)
    )
    for arguments in commands:
        status, output, errors = _run(arguments)
        fault = _judge(arguments, status, output, errors)
        if fault is None and arguments[0] == "export" and copy.exists() != (status == 0):
            fault = f"status {status}, and the copy is {'there' if copy.exists() else 'missing'}"
        copy.unlink(missing_ok=True)
        if fault is not None:
            return f"{arguments[0]}: {fault}"
    return None


def _judge(arguments: list[str], status: int, output: bytes, errors: bytes) -> str | None:
    for words in _FAULTS:
        if words in errors or words in output:
            return f"{words.decode()}: {(errors or output)[-300:]!r}"
    if status not in (0, 1, 2):
        return f"status {status}"
    if status == 2 and not errors and not output:
        return "status 2 without a word"
    if "--json" in arguments:
        try:
            json.loads(output.decode())
        except ValueError as error:
            return f"no JSON: {error}: {output[:200]!r}"
    return None


def _run(arguments: list[str]) -> tuple[int, bytes, bytes]:
    """Return status, standard output and standard error of `cnnkit ARGUMENTS`."""
    output, errors = (io.TextIOWrapper(io.BytesIO(), "utf-8", "surrogateescape") for _ in range(2))
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        status = run(arguments)
    texts = []
    for stream in (output, errors):
        stream.flush()
        texts.append(stream.buffer.getvalue())  # type: ignore[attr-defined]
    return status, texts[0], texts[1]
