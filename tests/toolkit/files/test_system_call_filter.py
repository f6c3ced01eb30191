"""The worker can read what it is given, and do nothing else: tried in a process that has limited itself."""

import platform
import struct
import subprocess
import sys

import pytest

from cnnkit.files.hdf5.request import list_protections
from cnnkit.files.hdf5.system_call_filter import _MACHINES, assemble

FILTERED = sys.platform == "linux" and platform.machine() in _MACHINES
TRIED = """
import ctypes, fcntl, mmap, os, resource, signal, socket, subprocess, sys, threading
import numpy
path = sys.argv[1]
given = os.open(path, os.O_RDONLY)
library = ctypes.CDLL(None, use_errno=True)
from cnnkit.files.hdf5.worker_limits import ProcessLimits
limits = ProcessLimits()

def call(name, *arguments):
    if getattr(library, name)(*arguments) == -1:
        raise OSError(ctypes.get_errno(), name)

attempts = {
    "execute": lambda: os.execv("/bin/true", ["true"]),
    "start a process": lambda: subprocess.run(["/bin/true"]),
    "fork": os.fork,
    "start a thread": lambda: threading.Thread(target=print).start(),
    "connect": lambda: socket.socket(socket.AF_INET),
    "connect nearby": socket.socketpair,
    "open": lambda: open("/etc/passwd"),
    "open for writing": lambda: open(path, "r+b"),
    "create": lambda: open(path + ".new", "wb"),
    "remove": lambda: os.remove(path),
    "rename": lambda: os.rename(path, path + ".new"),
    "link": lambda: os.link(path, path + ".new"),
    "make a folder": lambda: os.mkdir(path + ".new"),
    "list a folder": lambda: os.listdir("/"),
    "read a link": lambda: os.readlink("/proc/self/exe"),
    "change rights": lambda: os.chmod(path, 0o777),
    "signal": lambda: os.kill(os.getppid(), signal.SIGKILL),
    "have the kernel signal": lambda: fcntl.fcntl(given, fcntl.F_SETOWN, os.getppid()),
    "choose the signal": lambda: fcntl.fcntl(given, 10, 9),
    "look into another process": lambda: call("ptrace", 16, os.getppid(), 0, 0),
    "limit another process": lambda: resource.prlimit(os.getppid(), resource.RLIMIT_CPU, (1, 1)),
    "execute memory": lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC),
    "make memory executable": lambda: call("mprotect", ctypes.c_void_p(address), 4096, 5),
    "pipe": os.pipe,
    "change the folder": lambda: os.chdir("/"),
}
page = mmap.mmap(-1, 4096)
address = ctypes.addressof(ctypes.c_char.from_buffer(page))
if sys.argv[2] == "all":
    for name, attempt in attempts.items():
        try:
            attempt()
            os.write(1, name.encode() + b" worked\\n")
        except (OSError, RuntimeError, KeyError) as error:
            if isinstance(error, OSError) and error.errno not in (1, 24, 27):
                os.write(1, f"{name} {error}\\n".encode())
limits.allow(5.0, 64 << 20)
assert os.read(given, 5) == b"given"
try:
    numpy.zeros(200 << 20, "u1")
    os.write(1, b"memory\\n")
except MemoryError:
    pass
limits.allow(0.2, 0)
if sys.argv[2] == "time":
    while True:
        pass
os.write(1, b"end\\n")
"""


def run(tmp_path, what):
    (tmp_path / "file").write_bytes(b"given")
    return subprocess.run(
        [sys.executable, "-c", TRIED, str(tmp_path / "file"), what],
        env={"OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.skipif(not FILTERED, reason="a filter of system calls is there on Linux, on x86-64 and aarch64")
def test_what_reading_does_not_need_fails(tmp_path):
    result = run(tmp_path, "all")
    assert (result.stdout, result.stderr, result.returncode) == ("end\n", "", 0)
    assert [item.name for item in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_bytes() == b"given"


@pytest.mark.skipif(not FILTERED, reason="limits of memory and filters are those of Linux")
def test_the_worker_has_all_protections():
    assert list_protections() == ("files", "memory", "time", "system calls")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no timer that ends a process")
def test_a_loop_ends(tmp_path):
    import signal

    assert run(tmp_path, "time").returncode == -signal.SIGPROF


def simulate(program, machine, number, arguments=(0, 0, 0, 0, 0, 0)):
    """Return what the filter decides, by running it."""
    data = struct.pack("<IIQ6Q", number, machine, 0, *(*arguments, 0, 0, 0, 0, 0, 0)[:6])
    steps, place, value = list(struct.iter_unpack("<HBBI", program)), 0, 0
    while True:
        code, if_true, if_false, operand = steps[place]
        place += 1
        if code == 0x06:
            return operand
        if code == 0x20:
            value = int.from_bytes(data[operand : operand + 4], "little")
        else:
            taken = value == operand if code == 0x15 else bool(value & operand)
            place += if_true if taken else if_false


@pytest.mark.parametrize("name", _MACHINES)
def test_the_filter_decides_by_number_and_argument(name):
    machine = _MACHINES[name]
    program, allow, refuse = assemble(machine), 0x7FFF0000, 0x00050001
    decided = {number: simulate(program, machine.mark, number) for number in range(512)}
    allowed = {*machine.plain, *machine.memory, machine.limits, machine.descriptors}
    assert {number for number, decision in decided.items() if decision == allow} == allowed
    assert set(decided.values()) == {allow, refuse}
    for number in machine.memory:
        assert simulate(program, machine.mark, number, (0, 0, 3, 0, 0, 0)) == allow
        assert simulate(program, machine.mark, number, (0, 0, 5, 0, 0, 0)) == refuse
    commands = {n for n in range(2048) if simulate(program, machine.mark, machine.descriptors, (0, n)) == allow}
    assert commands == {0, 1, 2, 3, 1030}  # no F_SETOWN, F_SETSIG, F_SETFL: they have the kernel send signals
    assert simulate(program, machine.mark, machine.plain[0] | 1 << 30) == refuse  # x32 numbers of x86-64
    assert simulate(program, machine.mark, machine.limits, (77, 0, 0, 0, 0, 0)) == refuse
    assert simulate(program, 3, machine.plain[0]) == 0x80000000  # another machine's numbers: the process is ended


def test_without_a_filter_it_says_so(monkeypatch):
    from cnnkit.files.hdf5 import system_call_filter

    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert not system_call_filter.install_filter()
