"""An audit hook that notes what a program does beyond reading the files that it was given.

CPython reports every open, exec, import, process, socket and foreign library to it; a hook cannot be removed. What
libraries of C open themselves (libhdf5) it does not see: for those there is the trace of system calls.
"""

import os
import socket
import sys
from collections.abc import Callable, Sequence
from typing import Any

from torture.places import Places

WORKER = "cnnkit.files.hdf5.worker"
_MOST = 40
_READS = {"os.listdir", "os.scandir", "os.walk", "glob.glob", "glob.glob/2", "pathlib.Path.glob", "pathlib.Path.rglob"}
_WRITES = {
    "os.remove", "os.rename", "os.link", "os.symlink", "os.mkdir", "os.rmdir", "os.chmod", "os.chown", "os.truncate",
    "os.utime", "os.setxattr", "os.removexattr", "tempfile.mkstemp", "tempfile.mkdtemp",
}  # fmt: skip
_RUNS = {
    "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty", "pty.spawn", "pickle.find_class",
    "code.__new__", "builtins.input", "webbrowser.open", "sqlite3.connect", "sqlite3.load_extension", "urllib.Request",
    "ensurepip.bootstrap",
}  # fmt: skip
_FAMILIES = (
    "socket.", "shutil.", "ftplib.", "http.", "smtplib.", "imaplib.", "poplib.", "nntplib.", "telnetlib.", "winreg.",
    "cpython.run_", "sys.settrace", "sys.setprofile",
)  # fmt: skip
# They make classes with exec: of texts of their own, from names that a program of ours declares.
_MAKERS = ("/dataclasses.py", "/collections/__init__.py", "/functools.py", "/numpy/", "/typing.py", "/enum.py")


class _Watch:
    """What is allowed, and where to tell what was seen beyond it."""

    def __init__(self) -> None:
        self.on = self.busy = False
        self.places = Places()
        self.events: list[str] = []
        self.tell: Callable[[str], object] = self.events.append


_watch = _Watch()


def install() -> None:
    """Add the hook. It notes nothing before `start`."""
    sys.addaudithook(_hook)


def start(named: Sequence[str], writable: Sequence[str], tell: Callable[[str], object] | None = None) -> None:
    """Note from now on what goes beyond reading `named` and writing into the folders `writable`.

    tell: takes each note at once, for a process that may be killed.
    """
    _watch.places = Places(tuple(named), tuple(writable))
    _watch.events.clear()
    _watch.tell = tell or _watch.events.append
    _watch.on = bool(named)


def stop() -> list[str]:
    """Note nothing more; return what was seen, a line each."""
    _watch.on = False
    return list(_watch.events)


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not _watch.on or _watch.busy or len(_watch.events) >= _MOST:
        return
    _watch.busy = True  # what the judge itself does is no event
    try:
        problem = judge(event, arguments, _find_caller(), _watch.places)
    except Exception as error:
        problem = f"cannot be judged: {error!r}"
    if problem is not None:
        _watch.tell(f"{event} {problem}"[:300])
    _watch.busy = False


def _find_caller() -> str:
    try:
        return sys._getframe(2).f_code.co_filename
    except ValueError:  # the interpreter itself, while it starts
        return "<frozen start>"


def judge(  # noqa: PLR0911 (one row for each kind of event)
    event: str, arguments: tuple[Any, ...], caller: str, places: Places
) -> str | None:
    """Return what is wrong with an event, or None. caller: the file of the code that caused it."""
    first = arguments[0] if arguments else None
    if event == "open":
        return _judge_open(first, arguments[1], arguments[2], places)
    if event in _READS:
        return None if places.may_read("." if first is None else first) else f"of {first!r}"
    if event in _WRITES:
        paths = [argument for argument in arguments if isinstance(argument, str | bytes | os.PathLike)]
        return None if all(map(places.may_write, paths)) else repr(arguments)
    if event == "subprocess.Popen":
        return None if is_our_worker(first, arguments[1]) else repr(arguments[:2])
    if event == "exec":
        return _judge_code(first.co_filename, caller, places)
    if event == "compile":
        name = os.fsdecode(arguments[1]) if isinstance(arguments[1], str | bytes) else "<string>"
        return _judge_code(name, caller, places)
    if event == "import":
        origin = arguments[1]
        return None if origin is None or places.is_library(origin) else f"{first} from {origin}"
    if event == "marshal.loads":
        return None if caller.startswith("<frozen importlib") else f"by {caller}"
    if event == "ctypes.dlopen":
        return None if first is None or places.is_library(first) else repr(first)
    if event == "cpython.run_module":
        return None if first == WORKER else repr(first)
    if event in {"socket.__new__", "socket.sendmsg"} and is_private(event, arguments):
        return None
    return repr(arguments) if event in _RUNS or event.startswith(_FAMILIES) else None


def _judge_open(path: Any, mode: Any, flags: Any, places: Places) -> str | None:
    changes = any(letter in str(mode or "") for letter in "wax+")
    if mode is None and isinstance(flags, int):  # os.open
        changes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND) != 0
    if changes:
        return None if places.may_write(path) else f"of {path!r} for writing"
    return None if places.may_read(path) else f"of {path!r}"


def _judge_code(name: str, caller: str, places: Places) -> str | None:
    """Return what is wrong with running a module, or a text that a maker of classes made."""
    if name.startswith("<frozen "):
        return None
    if name.startswith("<"):
        fine = places.is_library(caller) and any(maker in caller for maker in _MAKERS)
    else:
        fine = places.is_library(name)
    return None if fine else f"of {name!r} by {caller}"


def is_private(event: str, arguments: tuple[Any, ...]) -> bool:
    """Return whether a socket is one end of a pair within this machine, over which a worker gets open files."""
    if event == "socket.__new__":
        return arguments[1] in (socket.AF_UNIX, -1)  # -1: one that is open already
    return bool(arguments[0].family == socket.AF_UNIX and arguments[1] is None)


def is_our_worker(program: Any, arguments: Sequence[Any]) -> bool:
    """Return whether a process is this Python with a worker of ours, or what h5py asks when it is imported."""
    words = [os.fsdecode(word) for word in arguments]
    if words == ["uname", "-p"]:
        return True
    if len(words) < 3:
        return False
    options, module = words[1:-2], words[-2:]
    known = {"-P", "-I", "-S", "-E", "-s", "-B", "-u", "-W", "ignore", "-X", "faulthandler", "utf8"}
    mine = os.path.realpath(os.fsdecode(program or words[0])) == os.path.realpath(sys.executable)
    return mine and module == ["-m", WORKER] and set(options) <= known and bool({"-P", "-I"} & set(options))
