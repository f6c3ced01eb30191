"""What parts written outside cnnkit must return: breaches, and exceptions of any kind, become one line.

`where` is the method that is spoken of. The checks read shapes and names alone, never values on a device.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from cnnkit.errors import CnnkitError, ContractError, first_line
from cnnkit.tree import flatten
from cnnkit.values import is_finite


@contextmanager
def naming_faults(
    part: str, where: str, known: str = "", passes: Callable[[BaseException], bool] | None = None
) -> Iterator[None]:
    """Turn an exception inside a `with` block into a ContractError that names the part and its method.

    known: added to a KeyError, the names that there are. passes: tells which exceptions are left alone.
    """
    try:
        yield
    except (CnnkitError, MemoryError):
        raise
    except Exception as error:
        if passes is not None and passes(error):
            raise
        hint = known if isinstance(error, KeyError) else ""
        raise ContractError(
            part, f"{where} raised {type(error).__name__}: {first_line(error)}", hint or None
        ) from error


def require_pair(part: str, where: str, expected: str, value: Any) -> tuple[Any, Any]:
    """Return `value`, a tuple of two. Raises ContractError."""
    if not isinstance(value, tuple) or len(value) != 2:
        raise ContractError(part, f"{where} must return {expected}, got {describe(value)}")
    return value


def require_array(part: str, what: str, value: Any, shape: tuple[int, ...], dtype: Any = None) -> None:
    """Raise ContractError unless `value` is an array of this shape, and of this dtype unless it is None."""
    if not is_array(value):
        raise ContractError(part, f"{what} must be an array of the backend, got {describe(value)}")
    if tuple(value.shape) != tuple(shape):
        raise ContractError(part, f"{what} must have shape {tuple(shape)}, got {tuple(value.shape)}")
    if dtype is not None and value.dtype != dtype:
        raise ContractError(
            part, f"{what} must be {dtype}, got {value.dtype}", "compute with Python's numbers, not NumPy's"
        )


def require_tree_like(part: str, where: str, kind: str, tree: Any, like: Mapping[str, Any]) -> None:
    """Raise ContractError unless `tree` has an array for every name of `like`, of its shape and dtype, and no other.

    kind: of the arrays, such as "gradient".
    """
    if not isinstance(tree, dict):
        raise ContractError(
            part, f"{where} must return a {kind} for each of {{{list_names(like)}}}, got {describe(tree)}"
        )
    given, wanted = flatten(tree), flatten(like)
    for name in wanted:
        if name not in given:
            raise ContractError(part, f"{where} returns no {kind} of {name}, only of {{{list_names(tree)}}}")
    for name in given:
        if name not in wanted:
            raise ContractError(
                part, f"{where} returns a {kind} of {name}, which init did not make: {{{list_names(like)}}}"
            )
    for name, array in wanted.items():
        require_array(part, f"{where}: the {kind} of {name}", given[name], tuple(array.shape), array.dtype)


def list_names(tree: Mapping[str, Any]) -> str:
    """Return the dotted names of a tree, separated by commas."""
    return ", ".join(flatten(tree))


def require_number(part: str, what: str, value: Any) -> float:
    """Return `value`, a finite number of Python's or NumPy's. Raises ContractError."""
    if not is_finite(value):
        raise ContractError(part, f"{what} must be a finite number, got {describe(value)}")
    return float(value)


def is_array(value: Any) -> bool:
    """Say whether value has a shape and a dtype, as the arrays of every backend do."""
    return hasattr(value, "shape") and hasattr(value, "dtype")


def dtype_name(array: Any) -> str:
    """Return the name of an array's dtype, without that of its library: "float32"."""
    return str(array.dtype).rpartition(".")[2]


def describe(value: Any) -> str:
    """Return what a value is in few words: its type, and the length of a sequence or the shape of an array."""
    if value is None:
        return "None: is a return missing?"
    if is_array(value):
        return f"one array of shape {tuple(value.shape)}"
    if isinstance(value, tuple | list | dict):
        return f"a {type(value).__name__} of {len(value)}"
    return f"{type(value).__name__} {value!r}"[:80]
