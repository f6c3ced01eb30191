"""What a pickle is read into: names as texts, objects as descriptions, and tensors as places in the file."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, NoReturn

from cnnkit.exporters.core.element_types import carrier
from cnnkit.files.extents import count_bytes
from cnnkit.files.names import printable
from cnnkit.files.unsafe_file import UnsafeFileError

FREE = 1 << 20  # bytes that a tensor may take even where its storage is smaller
_LONGEST_KEY, _MOST_MEMBERS = 1000, 8


class Symbol(NamedTuple):
    """A name in a Python module, as text."""

    module: str
    name: str

    def __str__(self) -> str:
        return printable(f"{self.module}.{self.name}", 100)


class Ordered(dict[Any, Any]):
    """A dictionary of the file that may have attributes, which are dropped: torch keeps versions of modules there."""


class Unordered(list[Any]):
    """A set of the file, in its order; nothing is hashed."""


@dataclass(frozen=True)
class Blob:
    """Bytes in the pickle: `data`, or else `size` bytes from `start` on, which are encoded as `form` says.

    form  raw; utf-8 (of characters 0 to 255); escaped, quoted (lines of protocol 0): never shorter than decoded
    """

    start: int
    size: int
    form: str = "raw"
    data: bytes | None = None


@dataclass(eq=False)
class Opaque:
    """An object that only code of its class could make: what that code would be given."""

    symbol: Symbol
    arguments: tuple[Any, ...] = ()
    state: Any = None
    items: dict[str | int, Any] = field(default_factory=dict)
    elements: list[Any] = field(default_factory=list)


class Absent(NamedTuple):
    """A tensor whose values are not in the file, or not numbers that can be read; weights: they may be weights."""

    reason: str
    weights: bool = True


class Storage(NamedTuple):
    """A run of elements in the file. dtype None: of bytes. begin, room: the part that a view covers, else all.

    key    of a member of the file, or the place in the pickle itself
    order  of the bytes: < or >, or "" for that of the file
    """

    key: str | Blob
    dtype: str | None
    elements: int
    begin: int
    room: int
    order: str = ""

    @property
    def nbytes(self) -> int:
        """The bytes that the whole storage takes."""
        return self.elements * (1 if self.dtype is None else carrier(self.dtype).itemsize)


class Quantizer(NamedTuple):
    """How the integers q of a tensor stand for numbers: (q - zero_point) * scale, by tensor or along an axis."""

    scheme: str
    scale: "TensorRef"
    zero_point: "TensorRef"
    axis: int | None = None


class TensorRef(NamedTuple):
    """A tensor as the file describes it; offset and strides count elements, from the start of the storage.

    conjugated, negated: the values are those of the storage after these operations.
    """

    storage: Storage
    dtype: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    conjugated: bool = False
    negated: bool = False
    quantizer: Quantizer | None = None

    @property
    def span(self) -> int:
        """The elements from the first to the last."""
        return 1 + sum((n - 1) * s for n, s in zip(self.shape, self.strides, strict=True)) if all(self.shape) else 0


Call = Callable[..., Any]


def describe_tensor(base: Any, dtype: str | None, offset: Any, shape: Any, strides: Any) -> TensorRef:
    """Return a checked tensor. Raises UnsafeFileError when it reaches beyond its storage, or unfolds to too much."""
    if not isinstance(base, Storage) or dtype is None or not is_whole(offset):
        refuse("a tensor without storage, element type or offset")
    if not isinstance(strides, tuple) or not all(is_whole(s) for s in strides):
        negative = isinstance(strides, tuple) and any(type(value) is int and value < 0 for value in strides)
        refuse("a tensor with negative strides" if negative else "a tensor with strides that are not numbers")
    item = carrier(dtype).itemsize
    try:
        declared = count_bytes(shape, item)
    except ValueError as error:
        refuse(f"a tensor with {error}")
    if len(strides) != len(shape):
        refuse(f"a tensor of {len(shape)} axes with {len(strides)} strides")
    unit = 1 if base.dtype is None else carrier(base.dtype).itemsize
    tensor = TensorRef(base, dtype, offset + base.begin * unit // item, tuple(shape), strides)
    if tensor.span and (offset + tensor.span) * item > base.room * unit:
        refuse(f"a tensor of shape {tuple(shape)} that reaches beyond its storage of {base.room} elements")
    if declared > max(base.room * unit, FREE):
        raise UnsafeFileError(f"a tensor that unfolds {base.room * unit} bytes to {declared}", "too_big")
    return tensor


def make_constant(dtype: str, data: bytes) -> TensorRef:
    """Return the scalar tensor of little-endian bytes."""
    return TensorRef(Storage(Blob(0, len(data), data=data), dtype, 1, 0, 1, "<"), dtype, 0, (), ())


def call_known(symbol: Symbol, function: Call, arguments: tuple[Any, ...]) -> Any:
    """Return what a known name makes. Raises UnsafeFileError (refused) for arguments that it does not take."""
    try:
        return function(*arguments)
    except TypeError as error:
        try:
            inspect.signature(function).bind(*arguments)
        except TypeError:
            problem = f"a pickle that calls {symbol} with {len(arguments)} arguments"
            raise UnsafeFileError(problem, "refused") from error
        raise


def set_items(target: dict[Any, Any], pairs: list[tuple[Any, Any]]) -> None:
    """Put pairs into a dictionary; a key that is neither text nor whole number becomes a text of its own."""
    for key, value in pairs:
        name = key if isinstance(key, str) or type(key) is int else name_key(key)
        if name is not key and name in target:
            name = f"{name} #{len(target)}"
        target[name] = value


def name_key(key: Any, depth: int = 0) -> str:
    """Return a short text for a key of a dictionary; hashing or comparing a hostile one may take forever."""
    if isinstance(key, Blob):
        return printable(repr(key.data), _LONGEST_KEY) if key.data is not None else "<bytes>"
    if isinstance(key, tuple) and depth < 2 and len(key) <= _MOST_MEMBERS:
        inner = ", ".join(name_key(member, depth + 1) for member in key)
        return f"({inner},)" if len(key) == 1 else f"({inner})"
    if key is None or isinstance(key, bool | int | float | str):
        text = repr(key) if depth else str(key)
        return text if len(text) <= _LONGEST_KEY else f"{text[:_LONGEST_KEY]}..."
    return str(key) if isinstance(key, Symbol) else f"<{type(key).__name__}>"


def is_whole(value: Any) -> bool:
    """Return whether a value is a whole number that can count elements."""
    return type(value) is int and 0 <= value < 1 << 62


def refuse(problem: str) -> NoReturn:
    """Raise the error of a file that lies."""
    raise UnsafeFileError(problem, "refused")
