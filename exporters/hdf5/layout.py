"""The layout that writer and reader of the HDF5 format share: groups, names, and text in attributes."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from cnnkit.exporters.core import strict_json

FORMAT = "cnnkit-hdf5"
VERSION = 1
GROUPS = {
    "parameter": "parameters",
    "state": "state",
    "optimizer": "optimizer",
    "activation": "activations",
    "other": "other",
}


def to_link_name(name: str) -> str:
    """Return `name` as the name of a data set: "/" is %2F, "%" is %25, NUL %00, a lone surrogate %uD800, "" is %."""
    escaped = "".join(_escape(character) for character in name)
    return escaped.replace(".", "%2E") if not escaped.strip(".") and escaped else escaped or "%"


def _escape(character: str) -> str:
    code = ord(character)
    if character in "/%\0":
        return f"%{code:02X}"
    return f"%u{code:04X}" if 0xD800 <= code < 0xE000 else character


def put_text(attributes: Any, key: str, text: str) -> None:
    """Store text as attribute `key`, or, where HDF5 cannot hold it, its JSON form as `key`_json.

    The length is fixed because libhdf5 keeps texts of variable length in a heap without checksums.
    """
    try:
        if "\0" in text:
            raise ValueError(text)
        stored = text.encode()
    except ValueError:
        key, stored = f"{key}_json", json.dumps(text).encode()
    attributes.create(key, np.bytes_(stored), dtype=utf8_type(stored))


def get_text(attributes: Mapping[str, Any], key: str) -> str:
    """Return the text that `put_text` stored, of listed attributes. Raises ValueError when there is none."""
    if f"{key}_json" in attributes and key not in attributes:
        return str(strict_json.loads(_require_text(attributes, f"{key}_json").encode(), lone=True))
    return _require_text(attributes, key)


def _require_text(attributes: Mapping[str, Any], key: str) -> str:
    if key not in attributes:
        raise ValueError(f"attribute {key} is missing")
    text = attributes[key]
    if not isinstance(text, str):
        raise ValueError(f"attribute {key} is not a text")
    text.encode()  # raises UnicodeEncodeError, a ValueError, for bytes that are not UTF-8
    return text


def utf8_type(stored: bytes) -> Any:
    """Return the HDF5 type of a UTF-8 text of fixed length."""
    import h5py

    return h5py.string_dtype("utf-8", max(len(stored), 1))
