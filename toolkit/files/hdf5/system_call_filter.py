"""A filter of system calls (seccomp) for a process that only reads what it was given: Linux on x86-64 and aarch64.

Allowed is what reading, memory and time need. All else fails with EPERM: to open, write or remove a file, to start a
process or thread, to execute, to connect, to look into or signal another process, to make memory executable.
Linux's Documentation/userspace-api/seccomp_filter.rst describes such programs; numbers are those of its system calls.
"""

import ctypes
import platform
import struct
import sys
from typing import NamedTuple

_SET_NO_NEW_PRIVILEGES, _SET_SECCOMP, _FILTER_MODE = 38, 22, 2
_KILL, _ALLOW, _REFUSE = 0x80000000, 0x7FFF0000, 0x00050000 | 1  # 1: EPERM
_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_NUMBER_AT, _MACHINE_AT, _ARGUMENTS_AT = 0, 4, 16
_EXECUTABLE = 4  # PROT_EXEC
_COPIES_AND_FLAGS = (0, 1, 2, 3, 1030)  # F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_DUPFD_CLOEXEC


class _Machine(NamedTuple):
    """What tells a kind of processor, its numbers of system calls, and of those with a condition on an argument."""

    mark: int
    plain: tuple[int, ...]
    memory: tuple[int, ...]  # mmap, mprotect: nothing executable
    limits: int  # prlimit64: of this process alone
    descriptors: int  # fcntl: copies and flags; it can also have the kernel send a signal to another process


# close read write readv writev lseek pread64 fstat newfstatat recvfrom recvmsg
# munmap mremap madvise brk futex poll getrandom getpid gettid getrusage
# clock_gettime gettimeofday times nanosleep clock_nanosleep setitimer getitimer sigaltstack
# rt_sigaction rt_sigprocmask rt_sigreturn restart_syscall sched_yield sched_getaffinity rseq membarrier exit exit_group
_X86_64 = (
    (3, 0, 1, 19, 20, 8, 17, 5, 262, 45, 47),
    (11, 25, 28, 12, 202, 7, 318, 39, 186, 98),
    (228, 96, 100, 35, 230, 38, 36, 131),
    (13, 14, 15, 219, 24, 204, 334, 324, 60, 231),
)
_AARCH64 = (
    (57, 63, 64, 65, 66, 62, 67, 80, 79, 207, 212),
    (215, 216, 233, 214, 98, 73, 278, 172, 178, 165),
    (113, 169, 153, 101, 115, 103, 102, 132),
    (134, 135, 139, 128, 124, 123, 293, 283, 93, 94),
)
_MACHINES = {
    "x86_64": _Machine(0xC000003E, sum(_X86_64, ()), (9, 10), 302, 72),
    "aarch64": _Machine(0xC00000B7, sum(_AARCH64, ()), (222, 226), 261, 25),
}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def install_filter() -> bool:
    """Filter the system calls of this process from now on, for ever; return whether the system has such filters."""
    machine = _MACHINES.get(platform.machine())
    if sys.platform != "linux" or machine is None or sys.maxsize < 1 << 32:
        return False
    instructions = ctypes.create_string_buffer(assemble(machine))
    program = _Program(len(instructions) // 8, ctypes.cast(instructions, ctypes.c_void_p).value)
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(_SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0) != 0:
        return False
    return bool(library.prctl(_SET_SECCOMP, _FILTER_MODE, ctypes.byref(program), 0, 0) == 0)


def assemble(machine: _Machine) -> bytes:
    """Return the filter for a kind of processor, eight bytes an instruction."""
    program = [_step(_LOAD, _MACHINE_AT), _step(_EQUAL, machine.mark, 1, 0), _step(_RETURN, _KILL)]
    program.append(_step(_LOAD, _NUMBER_AT))
    for number in machine.plain:
        program += [_step(_EQUAL, number, 0, 1), _step(_RETURN, _ALLOW)]
    for number in machine.memory:
        program += [_step(_EQUAL, number, 0, 4), _step(_LOAD, _ARGUMENTS_AT + 2 * 8)]
        program += [_step(_ANY_BIT, _EXECUTABLE, 0, 1), _step(_RETURN, _REFUSE), _step(_RETURN, _ALLOW)]
    steps = [_step(_EQUAL, command, 0, 1) + _step(_RETURN, _ALLOW) for command in _COPIES_AND_FLAGS]
    program += [_step(_EQUAL, machine.descriptors, 0, 2 * len(steps) + 2), _step(_LOAD, _ARGUMENTS_AT + 8)]
    program += [*steps, _step(_RETURN, _REFUSE)]
    program += [_step(_EQUAL, machine.limits, 0, 4), _step(_LOAD, _ARGUMENTS_AT)]
    program += [_step(_EQUAL, 0, 1, 0), _step(_RETURN, _REFUSE), _step(_RETURN, _ALLOW)]
    return b"".join([*program, _step(_RETURN, _REFUSE)])


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("<HBBI", code, if_true, if_false, value)
