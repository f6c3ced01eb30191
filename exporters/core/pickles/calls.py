"""The names that a pickle may call, each with a description of what it makes; all others make opaque objects."""

import io
from collections.abc import Callable
from typing import Any, BinaryIO

from cnnkit.exporters.core.pickles.encoded_bytes import read_blob
from cnnkit.exporters.core.pickles.numpy_calls import NUMPY_CALLS
from cnnkit.exporters.core.pickles.torch_calls import TORCH_CALLS
from cnnkit.exporters.core.pickles.torch_stream import read_storage
from cnnkit.exporters.core.pickles.values import (
    Blob,
    Call,
    Opaque,
    Ordered,
    Symbol,
    Unordered,
    call_known,
    refuse,
    set_items,
)

_MOST_ARGUMENTS = 16
_RENAMED = (("numpy._core", "numpy.core"), ("__builtin__", "builtins"), ("copy_reg", "copyreg"))
_STORAGE_BYTES = Symbol("torch.storage", "_load_from_bytes")


def describe_call(symbol: Any, arguments: Any, stream: BinaryIO, load_inner: Callable[[BinaryIO], Any]) -> Any:
    """Return what a call of `symbol` makes, described; an Opaque of what is not known.

    stream, load_inner: the pickle, and what reads a pickle inside of it.
    Raises UnsafeFileError (refused) for arguments that a known name does not take, and for calls of other values.
    """
    if not isinstance(arguments, tuple) or not isinstance(symbol, Symbol | Opaque):
        what = f"a {type(symbol).__name__}" if not isinstance(symbol, Symbol) else f"{symbol} with a list"
        refuse(f"a pickle that calls {what}")
    if isinstance(symbol, Opaque):
        return Opaque(symbol.symbol, arguments)
    if symbol == _STORAGE_BYTES and len(arguments) == 1 and isinstance(arguments[0], Blob):
        here = stream.tell()
        blob = arguments[0]
        data = read_blob(stream, blob)
        stream.seek(here)
        return read_storage(io.BytesIO(data), load_inner, blob.start if blob.form == "raw" and not blob.data else None)
    function = CALLS.get(symbol) or CALLS.get(_rename(symbol))
    if function is None:
        return Opaque(symbol, arguments)
    return call_known(symbol, function, arguments[:_MOST_ARGUMENTS])


def _rename(symbol: Symbol) -> Symbol:
    for newer, older in _RENAMED:
        if symbol.module == newer or symbol.module.startswith(f"{newer}."):
            return Symbol(older + symbol.module[len(newer) :], symbol.name)
    return symbol


def _make_ordered(*arguments: Any) -> Ordered:
    """Return a dictionary: empty, or, as Python 2 writes it, of a list of pairs."""
    pairs = arguments[0] if arguments else []
    if isinstance(pairs, dict):
        pairs = list(pairs.items())
    if not isinstance(pairs, list) or not all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in pairs):
        refuse("an OrderedDict of something else than pairs")
    ordered = Ordered()
    set_items(ordered, [(key, value) for key, value in pairs])
    return ordered


def _make_default(*_: Any) -> Ordered:
    return Ordered()


def _make_set(members: Any = ()) -> Unordered:
    return Unordered(members if isinstance(members, list | tuple) else ())


def _make_tuple(members: Any = ()) -> tuple[Any, ...]:
    return tuple(members) if isinstance(members, list | tuple) else ()


def _make_list(members: Any = ()) -> list[Any]:
    return list(members) if isinstance(members, list | tuple) else []


def _make_bytes(text: Any = "", *_: Any) -> Any:
    """Return bytes that are written as a text, one byte per character, which may lie in the pickle."""
    if isinstance(text, Blob):
        return text
    if not isinstance(text, str):
        return Blob(0, 0, data=b"")
    try:
        return Blob(0, len(text), data=text.encode("latin-1"))
    except UnicodeError:
        return Opaque(Symbol("_codecs", "encode"))


def _make_object(kind: Any, base: Any = None, state: Any = None, *_: Any) -> Any:
    """Return an object of protocols 0 and 1: `state` is that of its base, a plain class."""
    if not isinstance(kind, Symbol):
        refuse("a pickle that makes an object of something else than a class")
    made = Opaque(kind, () if state is None else (state,))
    if isinstance(base, Symbol) and base.name == "dict" and isinstance(state, dict):
        made = Opaque(kind, items=state)
    return made


CALLS: dict[Symbol, Call] = {
    Symbol("collections", "OrderedDict"): _make_ordered,
    Symbol("collections", "defaultdict"): _make_default,
    Symbol("builtins", "dict"): _make_ordered,
    Symbol("builtins", "set"): _make_set,
    Symbol("builtins", "frozenset"): _make_set,
    Symbol("builtins", "tuple"): _make_tuple,
    Symbol("builtins", "list"): _make_list,
    Symbol("builtins", "bytes"): _make_bytes,
    Symbol("builtins", "bytearray"): _make_bytes,
    Symbol("_codecs", "encode"): _make_bytes,
    Symbol("copyreg", "_reconstructor"): _make_object,
    **NUMPY_CALLS,
    **TORCH_CALLS,
}
