"""Attributes of an HDF5 object as JSON-ready data. Runs in the worker process."""

import contextlib
import math
from typing import Any

import numpy as np

_LIST, _TEXT, _NUMBERS, _NULL_SPACE = 9, 3, (0, 1), 2  # classes of types; of a space
_LARGEST, _MOST = 64 << 20, 1 << 16  # bytes, as of the configuration of a network; values in a list


def read_attributes(attributes: Any) -> dict[str, Any]:
    """Return the attributes that are text, numbers or short lists of them; h5py cannot read all others."""
    plain = {}
    names: list[str | bytes] = []
    with contextlib.suppress(TypeError, ValueError, RuntimeError, OSError):
        names = list(attributes)
    for name in names:
        with contextlib.suppress(TypeError, ValueError, RuntimeError, OSError, KeyError):
            attribute = attributes.get_id(name)
            kind = attribute.get_type()
            if kind.get_class() == _LIST:  # lies in a heap that libhdf5 trusts; nobody needs it
                continue
            count = math.prod(attribute.shape)
            if count <= _MOST and count * kind.get_size() <= _LARGEST:
                known = name if isinstance(name, str) else bytes(name).decode("utf-8", "surrogateescape")
                plain[known] = _to_plain(_read(attribute) if _is_simple(kind) else attributes[name])
    return plain


def _is_simple(kind: Any) -> bool:
    """Return whether values need no conversion by h5py, which is slow: numbers and texts of a length."""
    return kind.get_class() in _NUMBERS or (kind.get_class() == _TEXT and not kind.is_variable_str())


def _read(attribute: Any) -> Any:
    if attribute.get_space().get_simple_extent_type() == _NULL_SPACE:
        raise TypeError(attribute.name)
    values = np.empty(attribute.shape, attribute.dtype)
    attribute.read(values)
    return values


def _to_plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if hasattr(value, "tolist"):
        return _to_plain(value.tolist())
    if isinstance(value, list):
        return [_to_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    if not isinstance(value, str | bool | int | float):
        raise TypeError(value)
    return value
