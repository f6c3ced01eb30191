"""AddressSanitizer for kernels: it names kernel, file and line of a read or write outside an array."""

import os
import shutil
import subprocess
from collections.abc import Sequence

from cnnkit.backends.cuda.simulator.compiler import SANITIZE
from cnnkit.errors import BackendUnavailableError


def sanitized_environment() -> dict[str, str]:
    """Return the environment in which a new Python runs kernels under AddressSanitizer.

    Its allocator must be loaded first, and must allocate each array of Python and NumPy separately.
    Raises BackendUnavailableError where g++ or its libasan is missing.
    """
    compiler = shutil.which("g++")
    if compiler is None:
        raise BackendUnavailableError("AddressSanitizer: expected the compiler g++ in PATH, found none: install g++")
    libraries = [_library(compiler, name) for name in ("libasan.so", "libstdc++.so.6")]  # the second: it throws
    return {
        **os.environ,
        SANITIZE: "1",
        "LD_PRELOAD": " ".join(libraries),
        "PYTHONMALLOC": "malloc",
        "ASAN_OPTIONS": "detect_leaks=0",
    }


def run_sanitized(arguments: Sequence[str], timeout: float = 600) -> "subprocess.CompletedProcess[str]":
    """Run a command, such as (sys.executable, "-m", "pytest", ...), under AddressSanitizer; return its result."""
    return subprocess.run(  # noqa: S603 (a command of a developer)
        arguments, env=sanitized_environment(), capture_output=True, text=True, timeout=timeout, check=False
    )


def require_runtime() -> None:
    """Raise BackendUnavailableError where loading a sanitized kernel would end the process."""
    if "libasan" not in os.environ.get("LD_PRELOAD", ""):
        raise BackendUnavailableError(
            f"{SANITIZE}=1: expected a process started with libasan in LD_PRELOAD: start it with run_sanitized"
        )


def _library(compiler: str, name: str) -> str:
    path = subprocess.run(  # noqa: S603 (asks the compiler for a place)
        [compiler, f"-print-file-name={name}"], capture_output=True, text=True, check=False
    )
    library = path.stdout.strip()
    if not os.path.isabs(library):  # g++ prints the bare name where it has no such file
        raise BackendUnavailableError(f"AddressSanitizer: expected {name} beside g++, found none: install libasan")
    return library
