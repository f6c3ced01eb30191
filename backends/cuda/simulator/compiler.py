"""Compiling kernels with g++ into shared objects, cached under the hash of all inputs of the compiler."""

import atexit
import functools
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from cnnkit.backends.cuda.simulator.errors import KernelError
from cnnkit.backends.cuda.simulator.kernel_source import Kernel, kernels, with_dynamic_shared
from cnnkit.errors import BackendUnavailableError

SANITIZE = "CNNKIT_SIMULATOR_SANITIZE"
_HEADERS = ("cuda_on_cpu.h", "shared_memory.h", "block_threads.h", "device_functions.h")
_FLAGS = ("-shared", "-fPIC", "-std=c++17", "-ffp-contract=off", "-fvisibility=hidden", "-U_FORTIFY_SOURCE", "-w")
_FAST = ("-O2",)
_SANITIZED = ("-O1", "-g", "-fno-omit-frame-pointer", "-fsanitize=address")
# As NVRTC defines them, so that #if in a kernel's text decides as on a GPU.
_AS_NVRTC = ("__CUDACC_RTC__ 1", "__CUDACC__ 1", "__CUDA_ARCH__ 900")
_IGNORED = re.compile(r"--?std=c\+\+(11|14|17)|--?(ftz|fmad|prec-div|prec-sqrt)=(true|false)|--use_fast_math|-lineinfo")


class Built(NamedTuple):
    """A shared object and the kernels in it."""

    path: Path
    kernels: dict[str, Kernel]


def build(source: str, options: tuple[str, ...], file: str) -> Built:
    """Compile a CUDA text, or take it from the cache.

    options: those of NVRTC; -D and -I are used, those about arithmetic are ignored.
    Raises KernelError with the compiler's first line, BackendUnavailableError where there is no g++.
    """
    defines, includes = _parsed(options)
    start = "".join(f"#define {define}\n" for define in (*_AS_NVRTC, *defines)) + f'#line 1 "{file}"\n'
    by_name = {kernel.name: kernel for kernel in kernels(_preprocessed(start + source, includes))}
    if not by_name:
        raise KernelError(f'{file}: expected extern "C" __global__ void name(...) {{ ... }}, found none')
    entries = "".join(f"SIMULATE({k.name}, {str(k.waits).lower()})\n" for k in by_name.values())
    text = f'{start}{with_dynamic_shared(source)}\n#line 1 "entries of {file}"\n{entries}'
    flags = (*_FLAGS, *(_SANITIZED if sanitizing() else _FAST), *includes)
    target = cache_folder() / f"{_digest(text, flags)}.so"
    if not target.exists():
        _compile(text, flags, target)
    return Built(target, by_name)


def sanitizing() -> bool:
    """Return whether kernels are built with AddressSanitizer: CNNKIT_SIMULATOR_SANITIZE=1."""
    return os.environ.get(SANITIZE, "") not in ("", "0")


@functools.cache
def _folder(wanted: str) -> Path:
    folder = Path(wanted)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:  # a private folder: files in a shared one may belong to another user
        folder = Path(tempfile.mkdtemp(prefix="cnnkit-simulator-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        return folder


def cache_folder() -> Path:
    """Return the folder of compiled kernels: in $XDG_CACHE_HOME or ~/.cache, or a temporary one for this process."""
    try:
        cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    except RuntimeError:  # the user has no home
        cache = os.devnull
    return _folder(str(Path(cache) / "cnnkit" / "simulator"))


def _parsed(options: tuple[str, ...]) -> tuple[list[str], tuple[str, ...]]:
    """Return ("NAME value", ...), to be defined after the headers, and the -I options."""
    defines, includes = [], []
    for option in options:
        if define := re.fullmatch(r"-D(\w+)(?:=(.*))?", option):
            defines.append(f"{define[1]} {'1' if define[2] is None else define[2]}")
        elif option.startswith("-I"):
            includes.append(option)
        elif not _IGNORED.fullmatch(option):
            expected = "-DNAME=value, -Ifolder, --std=c++17 or one about arithmetic"
            raise KernelError(f"option {option!r}: expected {expected}")
    return defines, tuple(includes)


def _digest(text: str, flags: tuple[str, ...]) -> str:
    here = Path(__file__).parent
    parts = [text, *flags, platform.machine(), *((here / name).read_text("utf-8") for name in _HEADERS)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:40]


def _compile(text: str, flags: tuple[str, ...], target: Path) -> None:
    """Compile into a file next to the target and rename it: other processes see the whole file or none."""
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        made = Path(folder) / "kernel.so"
        header = Path(__file__).parent / _HEADERS[0]
        _run([*flags, "-include", str(header), "-x", "c++", "-", "-o", str(made)], text)
        os.replace(made, target)


@functools.lru_cache(maxsize=256)
def _preprocessed(text: str, includes: tuple[str, ...]) -> str:
    """Return the text without comments and macros; __global__ and similar words stay."""
    return _run(["-E", "-P", "-std=c++17", *includes, "-x", "c++", "-"], text + "\n")


def _run(arguments: list[str], text: str) -> str:
    if sys.platform != "linux":
        raise BackendUnavailableError(f"backend cupy-sim: expected Linux, got {sys.platform}: use --backend numpy")
    compiler = shutil.which("g++")
    if compiler is None:
        raise BackendUnavailableError(
            "backend cupy-sim: expected the compiler g++ in PATH, found none: install g++ (apt-get install g++)"
        )
    command = [compiler, *arguments]
    done = subprocess.run(  # noqa: S603 (cnnkit's own kernels, by the compiler found above)
        command, input=text, capture_output=True, text=True, check=False
    )
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if "error" in line] or done.stderr.splitlines()[-1:]
        raise KernelError(f"g++ refuses the kernel: {errors[0] if errors else 'no message'}")
    return done.stdout
