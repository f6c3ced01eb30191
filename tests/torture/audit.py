"""An audit hook that notes what a program does beyond reading the files that it was given.

CPython reports every open, exec, import, process, socket and foreign library to it; a hook cannot be removed. What
libraries of C open themselves (libhdf5) it does not see: for those there is a trace of system calls.
"""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

_MOST = 40
_READS = {"os.listdir", "os.scandir", "os.walk", "glob.glob", "glob.glob/2", "pathlib.Path.glob", "pathlib.Path.rglob"}
_WRITES = {
    "os.remove", "os.rename", "os.link", "os.symlink", "os.mkdir", "os.rmdir", "os.chmod", "os.chown", "os.truncate",
    "os.utime", "os.setxattr", "os.removexattr", "tempfile.mkstemp", "tempfile.mkdtemp",
}  # fmt: skip
_RUNS = {
    "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty", "pty.spawn", "pickle.find_class",
    "code.__new__", "builtins.input", "cpython.run_command", "cpython.run_file", "cpython.run_interactivehook",
    "cpython.run_startup", "cpython.run_stdin", "webbrowser.open", "sqlite3.connect",
    "sqlite3.load_extension", "urllib.Request", "ensurepip.bootstrap", "resource.prlimit", "os.putenv",
}  # fmt: skip
_PREFIXES = ("socket.", "shutil.", "ftplib.", "http.", "smtplib.", "imaplib.", "poplib.", "nntplib.", "telnetlib.",
             "winreg.", "fcntl.", "signal.pthread", "gc.", "ctypes.", "sys.settrace", "sys.setprofile")  # fmt: skip
# They make classes with exec: of texts of their own, from names that a program of ours declares.
_MAKERS = ("dataclasses.py", "collections/__init__.py", "functools.py", "numpy/", "typing.py", "enum.py", "inspect.py")
_SYSTEM = ("/proc/", "/sys/devices/", "/sys/fs/cgroup", "/dev/null", "/dev/urandom", "/etc/localtime", "/dev/tty",
           "/usr/share/zoneinfo", "/etc/ld.so.cache", "/usr/share/locale")  # fmt: skip


class _Watch:
    """What is allowed, and what was seen beyond it."""

    def __init__(self) -> None:
        self.on = self.busy = False
        self.libraries: tuple[str, ...] = ()
        self.named: tuple[str, ...] = ()
        self.writable: tuple[str, ...] = ()
        self.events: list[str] = []
        self.tell: Callable[[str], object] = self.events.append


_watch = _Watch()


def install() -> None:
    """Add the hook. It notes nothing before `start`."""
    _watch.libraries = find_libraries()
    sys.addaudithook(_hook)


def find_libraries() -> tuple[str, ...]:
    """Return the folders from which modules come: never the current one, never that of a file."""
    paths = {sys.prefix, sys.base_prefix, *(path for path in sys.path if path), str(Path(__file__).parents[1])}
    package = sys.modules.get("cnnkit")
    paths |= set(package.__path__) if package is not None else set()
    paths.add(str(Path(__file__).parents[2]))  # to which the links of an editable install lead
    return tuple(sorted({os.path.realpath(path) for path in paths} | {os.path.abspath(path) for path in paths}))


def start(named: Sequence[str], writable: Sequence[str], tell: Callable[[str], object] | None = None) -> None:
    """Note from now on what goes beyond reading `named` (files, or folders with all that they hold) and writing into
    the folders `writable`. tell: takes each note at once, for a process that may be killed.
    """
    _watch.libraries = find_libraries()
    _watch.named = tuple({*map(os.path.realpath, named), *map(os.path.abspath, named)})
    _watch.writable = tuple({*map(os.path.realpath, writable), *map(os.path.abspath, writable)})
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
        problem = judge(event, arguments, _find_caller())
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


def judge(event: str, arguments: tuple[Any, ...], caller: str) -> str | None:
    """Return what is wrong with an event, or None. caller: the file of the code that caused it."""
    first = arguments[0] if arguments else None
    if event == "open":
        return _judge_open(first, arguments[1], arguments[2])
    if event in _READS:
        return None if _may_read(first) or _is_parent_of_named(first) else f"of {first!r}"
    if event in _WRITES:
        return None if all(_lies_in(path, _watch.writable) for path in _paths(arguments)) else repr(arguments)
    if event == "subprocess.Popen":
        return None if _is_our_worker(first, arguments[1]) else repr(arguments[:2])
    if event == "exec":
        return None if _is_of_library(first.co_filename, caller) else f"of {first.co_filename!r} by {caller}"
    if event == "compile":
        name = os.fsdecode(arguments[1]) if isinstance(arguments[1], str | bytes) else "<string>"
        return None if _is_of_library(name, caller) else f"of {str(first)[:80]!r} by {caller}"
    if event == "import":
        origin = arguments[1]
        return None if origin is None or _lies_in(origin, _watch.libraries) else f"{first} from {origin}"
    if event == "marshal.loads":
        return None if caller.startswith("<frozen importlib") else f"by {caller}"
    if event == "ctypes.dlopen":
        return None if first is None or _lies_in(first, (*_watch.libraries, "/lib", "/usr/lib")) else repr(first)
    if event.startswith("ctypes.") or event in {"fcntl.fcntl", "gc.get_objects", "os.putenv"}:
        return None if _lies_in(caller, _watch.libraries) or caller.startswith("<frozen") else f"by {caller}"
    if event == "cpython.run_module":
        return None if str(first).startswith("cnnkit.files.") else repr(first)
    if event in _RUNS or event.startswith(_PREFIXES):
        return repr(arguments)
    return None


def _judge_open(path: Any, mode: Any, flags: Any) -> str | None:
    if isinstance(path, int):
        return None  # a descriptor that is open already
    changes = any(letter in str(mode or "") for letter in "wax+")
    if mode is None and isinstance(flags, int):  # os.open
        changes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND) != 0
    if changes:
        fine = _lies_in(path, _watch.writable) or os.fsdecode(path) in {os.devnull, "/dev/tty"}
        return None if fine else f"of {path!r} for writing"
    return None if _may_read(path) or _is_parent_of_named(path) else f"of {path!r}"


def _may_read(path: Any) -> bool:
    if path is None or isinstance(path, int):
        return path is not None
    return _lies_in(path, (*_watch.libraries, *_watch.named, *_watch.writable)) or _is_of_system(path)


def _is_parent_of_named(path: Any) -> bool:
    """Return whether it is a folder in which a named file lies: listing it opens no file."""
    if path is None or isinstance(path, int):
        return False
    real = os.path.realpath(path)
    return os.path.isdir(real) and any(os.path.dirname(name) == real for name in _watch.named)


def _is_of_system(path: Any) -> bool:
    return os.path.abspath(os.fsdecode(path)).startswith(_SYSTEM)


def _lies_in(path: Any, folders: Sequence[str]) -> bool:
    if path is None or isinstance(path, int):
        return True
    text = os.fsdecode(path)
    given, real = os.path.abspath(text), os.path.realpath(text)
    return all(any(p == folder or p.startswith(folder.rstrip("/") + "/") for folder in folders) for p in (given, real))


def _paths(arguments: tuple[Any, ...]) -> list[Any]:
    return [argument for argument in arguments if isinstance(argument, str | bytes | os.PathLike)]


def _is_of_library(name: str, caller: str) -> bool:
    """Return whether code is a module's, or a text that a maker of classes in a library made."""
    if name.startswith("<frozen "):
        return True
    if name.startswith("<"):
        return _lies_in(caller, _watch.libraries) and any(maker in caller for maker in _MAKERS)
    return _lies_in(name, _watch.libraries)


def _is_our_worker(program: Any, arguments: Any) -> bool:
    """Return whether a process is this Python with a module of ours, or what h5py asks when it is imported."""
    words = [os.fsdecode(word) for word in arguments]
    if words == ["uname", "-p"]:
        return True
    options, module = words[1:-2], words[-2:]
    known = {"-P", "-I", "-S", "-E", "-s", "-B", "-u", "-W", "ignore", "-X", "faulthandler", "utf8"}
    mine = os.path.realpath(os.fsdecode(program or words[0])) == os.path.realpath(sys.executable)
    ours = module[0] == "-m" and module[1].startswith("cnnkit.files.") and module[1].endswith("_worker")
    return mine and ours and set(options) <= known and bool({"-P", "-I"} & set(options))
