"""Runs cnnkit under strace; compares its system calls about paths, processes and network with what is allowed."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from torture.audit import is_our_worker
from torture.places import Places

_CALL = re.compile(r"\d+\s+(\w+)\((.*)\)\s+= (-?\d+|\?)(?: (\w+))?")
_TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"')
_OPENS = {"open", "openat", "openat2", "creat"}
_LOOKS = {
    "stat", "lstat", "newfstatat", "statx", "access", "faccessat", "faccessat2", "readlink", "readlinkat", "getcwd",
    "chdir", "statfs", "fstatfs", "execveat_check", "inotify_add_watch", "getxattr", "lgetxattr",
}  # fmt: skip
# On sockets that are there: only a pair can be, since making and connecting others is refused.
_TALKS = {
    "sendmsg",
    "recvmsg",
    "sendto",
    "recvfrom",
    "shutdown",
    "getsockopt",
    "setsockopt",
    "getsockname",
    "getpeername",
}
_PROCESS = {
    "clone", "clone3", "fork", "vfork", "wait4", "waitid", "exit", "exit_group", "kill", "tgkill", "rt_sigqueueinfo",
    "pidfd_open", "pidfd_send_signal", "unshare",
}  # fmt: skip


def find_breaches(
    arguments: Sequence[str], folder: Path, named: tuple[str, ...], writable: tuple[str, ...]
) -> tuple[int, list[str]]:
    """Return how many calls were seen, and what is wrong with those that go beyond the allowed."""
    log = folder / "trace.log"
    (folder / "tmp").mkdir()
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    words = [
        "strace",
        "-f",
        "--seccomp-bpf",
        "-qq",
        "-s",
        "4096",
        "-e",
        "trace=file,network,process",
        "-e",
        "signal=none",
    ]
    subprocess.run(
        [*words, "-o", str(log), sys.executable, "-P", "-m", "cnnkit.cli", *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=variables | {"TMPDIR": str(folder / "tmp")},
        timeout=300,
        check=False,
    )
    places = Places(named, (*writable, str(folder / "tmp")))
    calls = list(_join(log.read_text("utf-8", "backslashreplace").splitlines()))
    log.unlink()
    problems = [problem for number, call in enumerate(calls) if (problem := judge_call(call, places, number == 0))]
    return len(calls), problems


def _join(lines: Sequence[str]) -> Iterator[str]:
    """Yield calls; those that another process interrupted stand in two lines."""
    begun: dict[str, str] = {}
    for line in lines:
        pid = line.split(maxsplit=1)[0]
        if line.endswith("<unfinished ...>"):
            begun[pid] = line.removesuffix("<unfinished ...>").rstrip()
        elif " resumed>" in line:
            yield begun.pop(pid, f"{pid} unknown(") + line.partition(" resumed>")[2]
        elif "(" in line:
            yield line
    yield from (f"{line}) = ?" for line in begun.values())


def judge_call(line: str, places: Places, first: bool = False) -> str | None:
    """Return what is wrong with a line of strace, or None. first: it starts the program itself."""
    match = _CALL.match(line)
    if match is None:
        return f"not understood: {line[:200]}"
    name, arguments = match[1], match[2]
    paths = [_unquote(text) for text in _TEXT.findall(arguments)]
    problem = f"{name}({arguments[:200]})"
    if name in _OPENS:
        changes = name == "creat" or any(flag in arguments for flag in ("O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC"))
        fine = places.may_write(paths[0]) if changes else places.may_read(paths[0])
        return None if fine else problem
    if name in _LOOKS or name in _PROCESS or name in _TALKS or (name == "socketpair" and "AF_UNIX" in arguments):
        return None
    if name in {"execve", "execveat"}:
        return None if first or is_our_worker(paths[0], _list_words(paths)) else problem
    if paths and all(map(places.may_write, paths)):
        return None
    return problem


def _list_words(paths: list[str]) -> list[str]:
    """Return the words of a command line as strace shows them: the path, then the list."""
    return paths[1:]


def _unquote(text: str) -> str:
    return os.fsdecode(ast.literal_eval(f'b"{text}"'))
