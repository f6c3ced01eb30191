"""What a backend was asked and what it answered, call by call, as NumPy arrays."""

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from cnnkit.backends.protocol import Backend
from cnnkit.parity.check import Arena
from cnnkit.tree import leaves, map_tree

# Not recorded: what moves arrays in and out, and what is given functions, whose calls are recorded themselves.
SILENT = (
    "asarray", "to_numpy", "assign", "shard_size", "map_samples", "compile", "update",
    "allow_tf32", "synchronize", "availability", "data_bytes", "out_of_memory",
)  # fmt: skip
RECORDED = tuple(
    name
    for name, _ in inspect.getmembers(Backend, inspect.isfunction)
    if not name.startswith("_") and name not in SILENT
)


@dataclass(frozen=True)
class Call:
    """One call: the member, its arguments by name, its result; arrays are NumPy's.

    origin: of max_pool_gradient, the call that left what it was given as `saved`.
    """

    member: str
    arguments: dict[str, Any]
    result: Any
    origin: "Call | None" = None

    def __getitem__(self, name: str) -> Any:
        return self.arguments[name]

    def having(self, **changes: Any) -> "Call":
        """Return the call with other arguments."""
        return replace(self, arguments=self.arguments | changes)


class CallLog:
    """Passes every call on to a backend and keeps it. It quacks like a Backend, so layers take it for one."""

    def __init__(self, backend: Backend) -> None:
        self.inner, self.calls = backend, list[Call]()

    def __getattr__(self, name: str) -> Any:
        member = getattr(self.inner, name)
        return functools.partial(self._pass_on, name, member) if name in RECORDED else member

    def _pass_on(self, name: str, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        bound = inspect.signature(getattr(Backend, name)).bind(None, *args, **kwargs)
        bound.apply_defaults()
        given = {key: lowered(self.inner, value) for key, value in bound.arguments.items() if key != "self"}
        result = method(*args, **kwargs)
        origin = self._pooling(given) if "saved" in given else None
        self.calls.append(Call(name, given, lowered(self.inner, result), origin))
        return result

    def _pooling(self, given: Mapping[str, Any]) -> Call | None:
        """Return the latest pooling whose y has the shape of dy."""
        shape = given["dy"].shape
        return next((c for c in reversed(self.calls) if c.member == "max_pool" and c.result[0].shape == shape), None)


def recorded(arena: Arena) -> tuple[Arena, list[Call]]:
    """Return an arena whose calls are kept, and the list that they are kept in."""
    log = CallLog(arena.backend)
    return Arena(cast("Backend", log), arena.dtype), log.calls


def lowered(backend: Backend, tree: Any) -> Any:
    """Return a tree with the backend's arrays as NumPy arrays of their own memory; other leaves stay."""

    def lower(leaf: Any) -> Any:
        if isinstance(leaf, np.generic) or not (hasattr(leaf, "shape") and hasattr(leaf, "dtype")):
            return leaf
        return np.array(backend.to_numpy(leaf))

    return map_tree(lower, tree)


def lifted(backend: Backend, tree: Any) -> Any:
    """Return a tree with NumPy arrays as arrays of the backend; other leaves stay."""

    def lift(leaf: Any) -> Any:
        if not isinstance(leaf, np.ndarray):
            return leaf
        return backend.asarray(leaf, "float64" if leaf.dtype.kind == "f" else None)

    return map_tree(lift, tree)


def ask_oracle(oracle: Backend, call: Call) -> Any:
    """Return the result of the same call on the oracle."""
    arguments = {key: lifted(oracle, value) for key, value in call.arguments.items() if key != "saved"}
    if call.origin is not None:
        first = {key: lifted(oracle, value) for key, value in call.origin.arguments.items()}
        arguments["saved"] = oracle.max_pool(**first)[1]
    if call.member == "max_pool":
        return (lowered(oracle, oracle.max_pool(**arguments)[0]),)
    return lowered(oracle, getattr(oracle, call.member)(**arguments))


def arrays_of(call: Call, result: Any) -> list[Any]:
    """Return the arrays of a result in order; of a pooling y alone."""
    return [result[0]] if call.member == "max_pool" else leaves(result)[0]
