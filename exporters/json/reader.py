"""Reads a JSON document of weights, strictly; a number stays text until its type is known, and is rounded once."""

import math
from pathlib import Path
from typing import Any

from cnnkit.exporters.core import strict_json
from cnnkit.exporters.core.element_types import carrier
from cnnkit.exporters.core.faults import faults_of
from cnnkit.exporters.core.number_text.parsing import NumberError, parse_numbers
from cnnkit.exporters.core.number_text.patterns import SPECIAL, WIDTHS
from cnnkit.exporters.core.weight_file import JSON_FIELDS, Array, NotRead, Tensor, WeightFile, sha256
from cnnkit.exporters.json.writer import FORMAT, VERSION
from cnnkit.files.extents import count_bytes
from cnnkit.files.names import printable

NAME = "json"
_LIMIT = 256 << 20
_LISTED, _UNKNOWN = 20, "not part of the format"
_NAMED = ("name", "layer", "kind", "role", "dtype")
_PARTS = frozenset((*_NAMED, "axes", "shape", "values", "sha256"))


class _Number(str):
    """The text of a number."""

    __slots__ = ()


def read_json(path: Path) -> WeightFile:
    """Return the content of a document. Raises WeightFileError for anything but strict JSON of this form."""
    with faults_of(path, NAME):
        return _build_weight_file(path, strict_json.read_file(path, _LIMIT, _Number))


def _build_weight_file(path: Path, document: Any) -> WeightFile:
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ValueError(f'expected an object with "format": "{FORMAT}"')
    if document.get("version") != str(VERSION) or not isinstance(document["version"], _Number):
        raise ValueError(f"expected version {VERSION} of {FORMAT}: upgrade cnnkit")
    texts = {name: _to_plain(document.get(name)) for name in JSON_FIELDS}
    for name, text in texts.items():
        if text is not None and not isinstance(text, dict):
            raise ValueError(f"{name} is not a JSON object")
    rows = document.get("tensors")
    if not isinstance(rows, list):
        raise ValueError("tensors is not a list")
    tensors, edited = [], []
    for index, row in enumerate(rows):
        tensor, as_written = _build_tensor(f"tensors[{index}]", row)
        rows[index] = None  # as text, its numbers take ten times the memory
        tensors.append(tensor)
        if not as_written:
            edited.append(tensor.name)
    unknown = sorted(document.keys() - {"format", "version", "tensors", *JSON_FIELDS})
    listed = [printable(key, 60) for key in unknown[:_LISTED]]
    not_read = tuple(NotRead(key, 1, _UNKNOWN) for key in listed)
    if len(unknown) > _LISTED:
        not_read += (NotRead(f"keys such as {printable(unknown[_LISTED], 60)}", len(unknown) - _LISTED, _UNKNOWN),)
    texts["metadata"] = texts["metadata"] or {}
    return WeightFile(tuple(tensors), **texts, edited=tuple(edited), not_read=not_read, file=str(path))


def _build_tensor(where: str, row: Any) -> tuple[Tensor, bool]:
    if not isinstance(row, dict) or not row.keys() <= _PARTS or not _PARTS - {"sha256"} <= row.keys():
        raise ValueError(f"{where}: expected an object with {', '.join(sorted(_PARTS))}")
    texts = [row[key] for key in _NAMED] + (row["axes"] if isinstance(row["axes"], list) else [None])
    if not all(type(text) is str for text in texts):
        raise ValueError(f"{where}: expected text for {', '.join(_NAMED)}, and a list of texts for axes")
    if row["dtype"] not in WIDTHS:
        raise ValueError(f"{where}: element type {printable(row['dtype'], 30)} is not one of {', '.join(WIDTHS)}")
    shape = _to_plain(row["shape"])
    where = f"{where} ({printable(row['name'], 60)})"
    try:
        count_bytes(shape, carrier(row["dtype"]).itemsize)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error
    values = _parse_values(where, row["values"], row["dtype"], math.prod(shape)).reshape(shape)
    parts = {key: row[key] for key in ("layer", "kind", "role", "dtype")}
    tensor = Tensor.of(row["name"], values, axes=tuple(row["axes"]), **parts)
    return tensor, row.get("sha256") == sha256(values)


def _parse_values(where: str, numbers: Any, dtype: str, count: int) -> Array:
    if not isinstance(numbers, list):
        raise ValueError(f"{where}: values is not a list")
    if len(numbers) != count:
        raise ValueError(f"{where}: expected {count} numbers, found {len(numbers)}")
    for index, value in enumerate(() if set(map(type, numbers)) == {_Number} else numbers):
        if type(value) is not _Number and not _is_special(value):
            problem = 'is not a number, nor "+inf", "-inf", "+nan", "-nan", "+nan(0x1)"'
            raise ValueError(f"{where}: value {index}: {printable(repr(value), 60)} {problem}")
    try:
        return parse_numbers(" ".join(numbers).encode(), dtype)
    except NumberError as error:
        raise ValueError(f"{where}: value {error.index}: {error}") from error


def _is_special(value: Any) -> bool:
    return type(value) is str and SPECIAL.fullmatch(value.encode("utf-8", "replace")) is not None


def _to_plain(value: Any) -> Any:
    """Return a value with the texts of numbers converted to numbers."""
    if type(value) is _Number:
        return _parse_number(value)
    if isinstance(value, dict):
        return {key: _to_plain(item) for key, item in value.items()}
    return [_to_plain(item) for item in value] if isinstance(value, list) else value


def _parse_number(text: str) -> int | float:
    if not set(text) & set(".eE"):
        return int(text)
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"number {printable(text, 30)} is too large")
    return value
