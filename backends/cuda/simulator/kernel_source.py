"""Reading a kernel's text before it is compiled: names, parameters, and whether its threads wait for each other."""

import re
from collections.abc import Iterator
from typing import NamedTuple

_KERNEL = re.compile(
    r'extern\s+"C"\s+(?:__launch_bounds__\s*\((?P<early>[^()]*)\)\s*)?__global__\s+'
    r"(?:__launch_bounds__\s*\((?P<bounds>[^()]*)\)\s*)?void\s+"
    r"(?:__launch_bounds__\s*\((?P<late>[^()]*)\)\s*)?(?P<name>\w+)\s*\((?P<parameters>[^()]*)\)\s*\{"
)
# Threads that share memory count as waiting: they then run in mixed order, which reveals a missing barrier.
_WAITS = re.compile(r"\b(?:__shared__|__syncthreads|__syncwarp|__shfl(?:_up|_down|_xor)?_sync)\b")
_DYNAMIC_SHARED = re.compile(
    r"extern\s+__shared__\s+(?:__align__\s*\(\s*\w+\s*\)\s*)?([\w\s:]+?)\s+(\w+)\s*\[\s*\]\s*;"
)
_TEMPLATE = re.compile(r"\btemplate\s*<[^<>]*(?:<[^<>]*>[^<>]*)*>")
_NAME_OF_GROUP = re.compile(r"\b(?:struct|class|union)\s+(\w+)|\b(\w+)\s*\(")
_NOT_NAMES = {"__launch_bounds__", "__align__", "alignas", "__attribute__", "decltype", "noexcept"}


class Kernel(NamedTuple):
    """The name of a kernel, its parameters, its largest block (0: not given), and whether its threads wait."""

    name: str
    parameters: tuple[str, ...]
    bound: int
    waits: bool


def kernels(text: str) -> list[Kernel]:
    """Return the kernels of a preprocessed text: extern "C" __global__ void name(...) { ... }."""
    waiting = _waiting_names(text)
    result = []
    for match in _KERNEL.finditer(text):
        body = text[match.end() : _closing(text, match.end())]
        bound = (match["early"] or match["bounds"] or match["late"] or "0").split(",")[0].strip()
        names = (re.search(r"(\w+)\s*(?:\[\s*\])?\s*$", part) for part in match["parameters"].split(","))
        result.append(
            Kernel(
                match["name"],
                tuple(name[1] for name in names if name),
                int(bound) if bound.isdigit() else 0,
                bool(_WAITS.search(body)) or bool(waiting & set(re.findall(r"\w+", body))),
            )
        )
    return result


def with_dynamic_shared(text: str) -> str:
    """Return the text with `extern __shared__ T name[];` as a pointer to memory that a launch allocates; same lines."""
    return _DYNAMIC_SHARED.sub(r"\1* const \2 = reinterpret_cast<\1*>(simulator::dynamic_shared);", text)


def _waiting_names(text: str) -> set[str]:
    """Return the functions and structures whose text waits, directly or through others of them."""
    groups = list(_groups(text))
    waiting = {name for name, body in groups if _WAITS.search(body)}
    while True:
        more = {name for name, body in groups if waiting & set(re.findall(r"\w+", body))} | waiting
        if more == waiting:
            return waiting
        waiting = more


def _groups(text: str) -> Iterator[tuple[str, str]]:
    """Yield (name, text in braces) of each function and structure, also of those in a namespace."""
    at = 0
    while (start := text.find("{", at)) >= 0:
        end = _closing(text, start + 1)
        head = re.split(r"[;}]", text[at:start])[-1]
        if re.search(r'\bnamespace\b|\bextern\s+"C"\s*$', head):
            yield from _groups(text[start + 1 : end])
        else:
            names = (a or b for a, b in _NAME_OF_GROUP.findall(_TEMPLATE.sub(" ", head)))
            name = next((name for name in names if name not in _NOT_NAMES), None)
            if name:
                yield name, text[start:end]
        at = end + 1


def _closing(text: str, at: int) -> int:
    """Return the position of the brace that closes the one open at `at`."""
    depth = 1
    for match in re.finditer(r"[{}]", text[at:]):
        depth += 1 if match[0] == "{" else -1
        if depth == 0:
            return at + match.start()
    return len(text)
