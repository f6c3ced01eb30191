"""The kernels in the folder `kernels/`: each is compiled when first used, and its launches are counted."""

import functools
import re
from collections import Counter
from pathlib import Path
from typing import Any

from cnnkit.backends.cuda.machine import Function, Machine

FOLDER = Path(__file__).parent / "kernels"
THREADS = 256  # of a block, unless a launch says otherwise
MOST_BLOCKS = 65535  # along the second and third axis of a grid
_INCLUDE = re.compile(r'#include "(\w+\.cuh)"')
# by element type: that of arrays and that of sums
_TYPES = {
    "float32": ("float", "float"), "float64": ("double", "double"),
    "float16": ("binary16", "float"), "bfloat16": ("brain16", "float"),
}  # fmt: skip
_KERNEL = re.compile(r'extern "C" __global__ void (\w+)\(')


def source(file: Path) -> str:
    """Return the text of a .cu or .cuh file with the headers in place of its #include lines."""
    text = file.read_text("utf-8")

    def expand(match: re.Match[str]) -> str:
        number = text[: match.start()].count("\n") + 2
        return f'#line 1 "{match[1]}"\n{source(FOLDER / match[1])}\n#line {number} "{file.name}"'

    return _INCLUDE.sub(expand, text)


def options(dtype: Any, *defines: str) -> tuple[str, ...]:
    """Return the compiler's options for values of `dtype`; no fused multiply-add, to compute as NumPy does.

    defines: what the text leaves open, such as "AXES=2".
    """
    real, total = _TYPES[str(dtype)]
    named = (f"REAL={real}", f"SUM={total}", *defines)
    return ("--std=c++17", "--fmad=false", *(f"-D{define}" for define in named))


@functools.cache
def files() -> dict[str, Path]:
    """Return {kernel: its file}."""
    return {name: file for file in sorted(FOLDER.glob("*.cu")) for name in _KERNEL.findall(file.read_text("utf-8"))}


class Kernels:
    """The kernels on one machine; `launches` counts them by name."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._functions: dict[tuple[str, ...], Function] = {}
        self._modules: dict[tuple[Path, tuple[str, ...]], Any] = {}
        self.launches: Counter[str] = Counter()

    def __call__(
        self, name: str, dtype: Any, grid: tuple[int, ...], *arguments: Any, block: tuple[int, ...] = (THREADS,),
        defines: tuple[str, ...] = (),
    ) -> None:  # fmt: skip
        """Launch kernel `name` for values of `dtype`, unless the grid is empty.

        defines: what its file leaves open. Raises TypeError for a dtype that the kernels do not have.
        """
        if str(dtype) not in _TYPES:
            raise TypeError(f"{name}: expected one of {', '.join(_TYPES)}, got {dtype}")
        key = (name, str(dtype), *defines)
        function = self._functions.get(key) or self._load(*key)
        if 0 not in grid:
            self.launches[name] += 1
            function(grid, block, arguments)

    def _load(self, name: str, *variant: str) -> Function:
        file = files()[name]
        if (file, variant) not in self._modules:
            self._modules[file, variant] = self._machine.load(source(file), options(*variant))
        function: Function = self._modules[file, variant].get_function(name)
        self._functions[name, *variant] = function
        return function


def blocks(count: int, threads: int = THREADS) -> int:
    """Return the number of blocks of `threads` threads for `count` threads."""
    return -(-count // threads)


def planes(count: int) -> int:
    """Return the length of the grid along an axis that the kernel also loops over."""
    return min(count, MOST_BLOCKS)
