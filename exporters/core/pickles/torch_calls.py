"""PyTorch's tensors, as torch's pickles describe them."""

import struct
from typing import Any

from cnnkit.exporters.core.pickles.numpy_calls import NumpyArray, find_dtype
from cnnkit.exporters.core.pickles.values import (
    Absent,
    Call,
    Opaque,
    Quantizer,
    Storage,
    Symbol,
    TensorRef,
    call_known,
    describe_tensor,
    is_whole,
    make_constant,
    refuse,
)
from cnnkit.files.names import printable

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
_QUANTISED = {"QInt8Storage": "int8", "QUInt8Storage": "uint8", "QInt32Storage": "int32"}
_UTILS = "torch._utils"
_UNTYPED = {Symbol("torch.storage", "UntypedStorage"), Symbol("torch", "UntypedStorage")}


def describe_persistent(arguments: Any) -> Any:
    """Return the storage of a persistent id: ("storage", type, key, device, elements[, view]).

    Old files have ("module", class, source file, source), which stands for the class. Others are opaque.
    """
    if isinstance(arguments, tuple) and len(arguments) == 4 and arguments[0] == "module":
        return arguments[1]
    if not isinstance(arguments, tuple) or len(arguments) not in {5, 6} or arguments[0] != "storage":
        return Opaque(Symbol("pickle", "persistent_id"))
    parts: list[Any] = list(arguments)
    _, symbol, key, _, count, *view = parts
    kind = _find_storage_type(symbol) if isinstance(symbol, Symbol) else None
    if kind is None or not (isinstance(key, str) or is_whole(key)) or not is_whole(count):
        refuse("a storage that is described wrongly")
    begin, room = 0, count
    if view and view[0] is not None:
        if not isinstance(view[0], tuple) or len(view[0]) != 3 or not (is_whole(view[0][1]) and is_whole(view[0][2])):
            refuse("a view of a storage that is described wrongly")
        _, begin, room = view[0]
        if begin + room > count:
            refuse("a view beyond its storage")
    return Storage(str(key), kind or None, count, begin, room)


def _describe_v2(
    base: Any, offset: Any, shape: Any, strides: Any, _grad: Any = None, _hooks: Any = None, bits: Any = None, *_: Any
) -> TensorRef:
    return _with_bits(describe_tensor(base, getattr(base, "dtype", None), offset, shape, strides), bits)


def _describe_v3(
    base: Any, offset: Any, shape: Any, strides: Any, _g: Any, _h: Any, dtype: Any, bits: Any = None, *_: Any
) -> TensorRef:
    return _with_bits(describe_tensor(base, _find_torch_dtype(dtype), offset, shape, strides), bits)


def _with_bits(tensor: TensorRef, bits: Any) -> TensorRef:
    """Return a tensor with the bits of a lazy conjugate and a lazy minus."""
    if not isinstance(bits, dict) or not bits:
        return tensor
    return tensor._replace(conjugated=bits.get("conj") is True, negated=bits.get("neg") is True)


def _describe_quantised(base: Any, offset: Any, shape: Any, strides: Any, quantizer: Any, *_: Any) -> Any:
    """Return the integers of a quantised tensor, with the scale and zero point that make them numbers."""
    if getattr(base, "dtype", "") is None or not isinstance(quantizer, tuple) or not quantizer:
        return Absent("a quantised tensor of less than a byte per value")
    scheme = quantizer[0].name if isinstance(quantizer[0], Symbol) else ""
    tensor = describe_tensor(base, getattr(base, "dtype", None), offset, shape, strides)
    values = quantizer[1:]
    if scheme == "per_tensor_affine" and len(values) == 2 and is_real(values[0]) and type(values[1]) is int:
        if not -(1 << 63) <= values[1] < 1 << 63:
            refuse("a quantised tensor with a zero point beyond 64 bits")
        scale = make_constant("float64", struct.pack("<d", values[0]))
        return tensor._replace(quantizer=Quantizer(scheme, scale, make_constant("int64", struct.pack("<q", values[1]))))
    if len(values) == 3 and isinstance(values[0], TensorRef) and isinstance(values[1], TensorRef):
        axis = values[2] if type(values[2]) is int else None
        return tensor._replace(quantizer=Quantizer(printable(scheme, 60), values[0], values[1], axis))
    return Absent("a quantised tensor whose scale is not known")


def _describe_parameter(tensor: Any, *_: Any) -> Any:
    plain = isinstance(tensor, TensorRef | NumpyArray | Absent | Opaque)
    return tensor if plain else refuse("a parameter that is not a tensor")


def _describe_meta(*_: Any) -> Absent:
    return Absent("a meta tensor, which has a shape and no values")


def _describe_wrapped(*_: Any) -> Absent:
    return Absent("a subclass of Tensor that wraps others, which has no values of its own")


def _describe_of_type(function: Any, _kind: Any, arguments: Any, *_: Any) -> Any:
    """Return the tensor of a subclass: what its function makes of its arguments."""
    known = TORCH_CALLS.get(function) if isinstance(function, Symbol) else None
    if known is None or not isinstance(arguments, tuple):
        symbol = function if isinstance(function, Symbol) else Symbol("torch._tensor", "_rebuild_from_type")
        return Opaque(symbol, arguments if isinstance(arguments, tuple) else ())
    return call_known(function, known, arguments)


def _describe_sparse(layout: Any, data: Any, *_: Any) -> Any:
    """Return a description of a sparse tensor, whose parts are plain tensors."""
    if not isinstance(data, tuple):
        refuse("a sparse tensor that is described wrongly")
    parts = ("indices", "values") if len(data) < 4 or "coo" in str(layout) else ("crow", "col", "values")
    made = Opaque(Symbol("torch", "sparse tensor"))
    made.items.update({name: part for name, part in zip(parts, data, strict=False) if isinstance(part, TensorRef)})
    return made


def _describe_from_numpy(array: Any, *_: Any) -> Any:
    return array if isinstance(array, NumpyArray | TensorRef) else Absent("a tensor of another device")


def _describe_size(*arguments: Any) -> tuple[Any, ...]:
    return arguments[0] if arguments and isinstance(arguments[0], tuple) else ()


def _describe_device(*arguments: Any) -> str | None:
    """Return a device as "cuda:0"."""
    return ":".join(str(a) for a in arguments[:2] if isinstance(a, str) or is_whole(a)) or None


def _describe_tagged(value: Any, *_: Any) -> Any:
    return value


def is_real(value: Any) -> bool:
    """Return whether a value is a number with a fraction or without."""
    return type(value) in {int, float} and abs(value) < 1e300


TORCH_CALLS: dict[Symbol, Call] = {
    Symbol(_UTILS, "_rebuild_tensor"): _describe_v2,
    Symbol(_UTILS, "_rebuild_tensor_v2"): _describe_v2,
    Symbol(_UTILS, "_rebuild_tensor_v3"): _describe_v3,
    Symbol(_UTILS, "_rebuild_parameter"): _describe_parameter,
    Symbol(_UTILS, "_rebuild_parameter_with_state"): _describe_parameter,
    Symbol("torch.nn.parameter", "Parameter"): _describe_parameter,
    Symbol("torch.nn.parameter", "Buffer"): _describe_parameter,
    Symbol(_UTILS, "_rebuild_qtensor"): _describe_quantised,
    Symbol(_UTILS, "_rebuild_meta_tensor_no_storage"): _describe_meta,
    Symbol(_UTILS, "_rebuild_wrapper_subclass"): _describe_wrapped,
    Symbol(_UTILS, "_rebuild_sparse_tensor"): _describe_sparse,
    Symbol(_UTILS, "_rebuild_device_tensor_from_numpy"): _describe_from_numpy,
    Symbol(_UTILS, "_rebuild_device_tensor_from_cpu_tensor"): _describe_from_numpy,
    Symbol(_UTILS, "_rebuild_xla_tensor"): _describe_from_numpy,
    Symbol("torch._tensor", "_rebuild_from_type"): _describe_of_type,
    Symbol("torch._tensor", "_rebuild_from_type_v2"): _describe_of_type,
    Symbol("torch.tensor", "_rebuild_from_type"): _describe_of_type,
    Symbol("torch.jit._pickle", "restore_type_tag"): _describe_tagged,
    Symbol("torch.jit._pickle", "build_intlist"): _describe_tagged,
    Symbol("torch.jit._pickle", "build_doublelist"): _describe_tagged,
    Symbol("torch.jit._pickle", "build_boollist"): _describe_tagged,
    Symbol("torch.jit._pickle", "build_tensorlist"): _describe_tagged,
    Symbol("torch", "Size"): _describe_size,
    Symbol("torch", "device"): _describe_device,
}


def _find_storage_type(symbol: Symbol) -> str | None:
    """Return the element type of a class of storages, "" of bytes, or None."""
    if symbol in _UNTYPED:
        return ""
    if symbol.module != "torch":
        return None
    return "" if symbol.name in {"QUInt4x2Storage", "QUInt2x4Storage"} else (STORAGES | _QUANTISED).get(symbol.name)


def _find_torch_dtype(symbol: Any) -> str | None:
    return find_dtype(symbol.name) if isinstance(symbol, Symbol) and symbol.module == "torch" else None
