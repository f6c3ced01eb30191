"""The names and calls that the pickle of a state_dict may hold, as descriptions of tensors; nothing is run."""

from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

from cnnkit.exporters.core.element_types import carrier
from cnnkit.files.extents import count_bytes
from cnnkit.files.names import printable
from cnnkit.files.unsafe_file import UnsafeFileError

STORAGES = {
    "FloatStorage": "float32",
    "DoubleStorage": "float64",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
    "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128",
}
_FREE = 1 << 20  # bytes that a tensor may take even where its storage is smaller


class Symbol(NamedTuple):
    """A name in a Python module, as text."""

    module: str
    name: str

    def __str__(self) -> str:
        return printable(f"{self.module}.{self.name}", 100)


class Ordered(dict[Any, Any]):
    """An OrderedDict of the file."""


class Storage(NamedTuple):
    """A run of elements in the file. dtype None: of bytes. begin, room: the part that a view covers, else all."""

    key: str
    dtype: str | None
    elements: int
    begin: int
    room: int

    @property
    def nbytes(self) -> int:
        """The bytes that the whole storage takes."""
        return self.elements * (1 if self.dtype is None else carrier(self.dtype).itemsize)


class TensorRef(NamedTuple):
    """A tensor as the file describes it; offset and strides count elements, from the start of the storage."""

    storage: Storage
    dtype: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def span(self) -> int:
        """The elements from the first to the last."""
        return 1 + sum((n - 1) * s for n, s in zip(self.shape, self.strides, strict=True)) if all(self.shape) else 0


def resolve(module: str, name: str) -> Symbol:
    """Return the symbol of a name that a state_dict may use. Raises UnsafeFileError (refused) for other names."""
    symbol = Symbol(module, name)
    if symbol not in _CALLS and _find_storage_type(symbol) is None and _find_dtype(symbol) is None:
        raise UnsafeFileError(f"a pickle that needs {symbol}: cnnkit runs no code from files", "refused")
    return symbol


def describe_call(symbol: Any, arguments: Any) -> Any:
    """Return what a call of `symbol` describes. Raises UnsafeFileError (refused) when it is invalid."""
    function = _CALLS.get(symbol) if isinstance(symbol, Symbol) else None
    if function is None or not isinstance(arguments, tuple):
        raise UnsafeFileError(f"a pickle that calls {_describe_kind(symbol)}", "refused")
    return function(*arguments[:10])


def describe_storage(arguments: Any) -> Storage:
    """Return the storage of a persistent id: ("storage", type, key, device, elements[, view])."""
    if not isinstance(arguments, tuple) or len(arguments) not in {5, 6} or arguments[0] != "storage":
        _refuse("a persistent id that is no storage")
    _, symbol, key, _, count, *view = arguments
    kind = _find_storage_type(symbol) if isinstance(symbol, Symbol) else None
    if kind is None or not isinstance(key, str) or not _is_whole(count):
        _refuse("a storage that is described wrongly")
    begin, room = 0, count
    if view and view[0] is not None:
        if not isinstance(view[0], tuple) or len(view[0]) != 3 or not (_is_whole(view[0][1]) and _is_whole(view[0][2])):
            _refuse("a view of a storage that is described wrongly")
        _, begin, room = view[0]
        if begin + room > count:
            _refuse("a view beyond its storage")
    return Storage(key, kind or None, count, begin, room)


def _describe_tensor(base: Any, offset: Any, shape: Any, strides: Any, *rest: Any) -> TensorRef:
    if len(rest) == 3 and rest[2]:
        _refuse("a tensor with a conjugate or negative bit")
    return _check_tensor(base, getattr(base, "dtype", None), offset, shape, strides)


def _describe_tensor_v3(
    base: Any, offset: Any, shape: Any, strides: Any, _g: Any, _h: Any, dtype: Any, *rest: Any
) -> TensorRef:
    if any(rest):
        _refuse("a tensor with a conjugate or negative bit")
    return _check_tensor(base, _find_dtype(dtype) if isinstance(dtype, Symbol) else None, offset, shape, strides)


def _check_tensor(base: Any, dtype: str | None, offset: Any, shape: Any, strides: Any) -> TensorRef:
    if not isinstance(base, Storage) or dtype is None or not _is_whole(offset):
        _refuse("a tensor without storage, element type or offset")
    if not isinstance(strides, tuple) or not all(_is_whole(s) for s in strides):
        _refuse(
            "a tensor with negative strides" if _has_negative(strides) else "a tensor with strides that are not numbers"
        )
    item = carrier(dtype).itemsize
    try:
        declared = count_bytes(shape, item)
    except ValueError as error:
        _refuse(f"a tensor with {error}")
    if len(strides) != len(shape):
        _refuse(f"a tensor of {len(shape)} axes with {len(strides)} strides")
    unit = 1 if base.dtype is None else carrier(base.dtype).itemsize
    tensor = TensorRef(base, dtype, offset + base.begin * unit // item, tuple(shape), strides)
    if tensor.span and (offset + tensor.span) * item > base.room * unit:
        _refuse(f"a tensor of shape {tuple(shape)} that reaches beyond its storage of {base.room} elements")
    if declared > max(base.room * unit, _FREE):
        raise UnsafeFileError(f"a tensor that unfolds {base.room * unit} bytes to {declared}", "too_big")
    return tensor


def _describe_parameter(tensor: Any, *_: Any) -> TensorRef:
    return tensor if isinstance(tensor, TensorRef) else _refuse("a parameter that is not a tensor")


def _describe_ordered(*arguments: Any) -> Ordered:
    """Return a dictionary, empty or, as Python 2 writes it, of a list of pairs."""
    pairs = arguments[0] if arguments else []
    if not isinstance(pairs, list) or not all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in pairs):
        _refuse("an OrderedDict of something else than pairs")
    ordered = Ordered()
    for key, value in pairs:
        ordered[checked_key(key)] = value
    return ordered


def checked_key(key: Any) -> str | int:
    """Return a key of a dictionary. Raises UnsafeFileError (refused) unless it is a text or a whole number."""
    if not isinstance(key, str) and type(key) is not int:  # hashing a hostile tuple may take forever
        _refuse(f"a dictionary with {_describe_kind(key)} as a key")
    return key


def _describe_size(*arguments: Any) -> tuple[Any, ...]:
    return arguments[0] if arguments and isinstance(arguments[0], tuple) else ()


def _describe_device(*_: Any) -> None:
    return None


_UTILS = "torch._utils"
_CALLS: dict[Symbol, Callable[..., Any]] = {
    Symbol("collections", "OrderedDict"): _describe_ordered,
    Symbol(_UTILS, "_rebuild_tensor"): _describe_tensor,
    Symbol(_UTILS, "_rebuild_tensor_v2"): _describe_tensor,
    Symbol(_UTILS, "_rebuild_tensor_v3"): _describe_tensor_v3,
    Symbol(_UTILS, "_rebuild_parameter"): _describe_parameter,
    Symbol("torch", "Size"): _describe_size,
    Symbol("torch", "device"): _describe_device,
}


def _find_storage_type(symbol: Symbol) -> str | None:
    """Return the element type of a class of storages, "" of bytes, or None."""
    if symbol in {("torch.storage", "UntypedStorage"), ("torch", "UntypedStorage")}:
        return ""
    return STORAGES.get(symbol.name) if symbol.module == "torch" else None


def _find_dtype(symbol: Symbol) -> str | None:
    if symbol.module != "torch":
        return None
    try:
        carrier(symbol.name)
    except ValueError:
        return None
    return symbol.name


def _is_whole(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 62


def _has_negative(values: Any) -> bool:
    return isinstance(values, tuple) and any(type(value) is int and value < 0 for value in values)


def _describe_kind(value: Any) -> str:
    return str(value) if isinstance(value, Symbol) else f"a {type(value).__name__}"


def _refuse(problem: str) -> NoReturn:
    raise UnsafeFileError(problem, "refused")
