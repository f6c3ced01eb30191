"""Reads the data block of cnnkit's SVG: lists the tensors, loads one when it is used, compares every SHA-256."""

import functools
from pathlib import Path
from typing import Any

from cnnkit.exporters.core import strict_json
from cnnkit.exporters.core.element_types import carrier
from cnnkit.exporters.core.faults import fault
from cnnkit.exporters.core.weight_file import Array, Tensor, WeightFile, sha256
from cnnkit.exporters.svg.data_block import ENCODING, FORMAT, JSON_FIELDS, LIMIT, VERSION, decode, is_too_large
from cnnkit.exporters.svg.scanner import DataBlock, scan
from cnnkit.files.names import printable
from cnnkit.files.regular_file import open_regular

_fault = functools.partial(fault, format_name="svg")
_KEYS = {"name", "layer", "kind", "role", "axes", "dtype", "shape", "encoding", "sha256"}


def read_svg(path: Path) -> WeightFile:
    """Return the weight file in the data block; the drawing is ignored. Raises WeightFileError."""
    size = path.stat().st_size
    if size > 2 * LIMIT:
        raise _fault(path, f"{size} bytes, more than {2 * LIMIT} for a picture", kind="too_big")
    try:
        block = scan(path)
        document = _parse_header(block)
        tensors = tuple(map(functools.partial(_open_tensor, path), document["tensors"], block.spans))
        if len({(tensor.kind, tensor.name) for tensor in tensors}) < len(tensors):
            raise ValueError("two tensors of one kind and name")
        declared = sum(tensor.nbytes for tensor in tensors)
    except ValueError as error:
        kind = "refused" if "refused" in str(error) else "unreadable"
        raise _fault(path, str(error), kind=kind) from error
    if declared > LIMIT:
        raise _fault(path, f"declares {declared} bytes of values, more than {LIMIT}", kind="too_big")
    texts = {name: document[name] for name in JSON_FIELDS}
    return WeightFile(tensors, texts["architecture"], texts["metadata"] or {}, texts["position"], file=str(path))


def _parse_header(block: DataBlock) -> dict[str, Any]:
    document = strict_json.loads(block.header.encode(), lone=True)
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ValueError(f"the header does not say that it is {FORMAT}")
    if type(document.get("version")) is not int or document["version"] != VERSION:
        raise ValueError(f"version {printable(repr(document.get('version')), 20)} of {FORMAT}, expected {VERSION}")
    for name in JSON_FIELDS:
        if name not in document or not isinstance(document[name], dict | None):
            raise ValueError(f"{name}: expected a JSON object")
    listed = document.get("tensors")
    if not isinstance(listed, list) or len(listed) != len(block.spans):
        raise ValueError(f"{len(block.spans)} tensors stored, and the header lists another number")
    return document


def _open_tensor(path: Path, entry: Any, span: tuple[int, int]) -> Tensor:
    if not isinstance(entry, dict) or entry.keys() != _KEYS:
        raise ValueError("the keys of a tensor's entry are not those of this format")
    texts = [entry[key] for key in sorted(_KEYS - {"axes", "shape"})]
    axes, shape = entry["axes"], entry["shape"]
    if not all(isinstance(text, str) for text in texts) or not isinstance(axes, list) or not isinstance(shape, list):
        raise ValueError("a tensor's entry holds values of the wrong type")
    where = f"tensor {printable(entry['name'])}"
    if not all(isinstance(axis, str) for axis in axes) or not all(type(n) is int and 0 <= n < 1 << 40 for n in shape):
        raise ValueError(f"{where}: invalid axes or shape")
    if len(shape) > 64 or entry["encoding"] != ENCODING:
        raise ValueError(f"{where}: {len(shape)} axes, encoding {printable(entry['encoding'], 40)}")
    read = functools.partial(_read, path, where, span, entry["dtype"], tuple(shape), entry["sha256"])
    names = entry["name"], entry["layer"], entry["kind"], entry["role"]
    tensor = Tensor(*names, tuple(axes), entry["dtype"], tuple(shape), read)
    if is_too_large(tensor.nbytes, (span[1] - span[0]) * 3 // 4):
        raise ValueError(f"{where}: declares {tensor.nbytes} bytes and stores {span[1] - span[0]} characters: refused")
    return tensor


def _read(path: Path, where: str, span: tuple[int, int], dtype: str, shape: tuple[int, ...], expected: str) -> Array:
    with open_regular(path) as stream:
        stream.seek(span[0])
        text = stream.read(span[1] - span[0])
    try:
        values = decode(text, dtype, shape)
    except ValueError as error:
        raise _fault(path, f"{where} {error}") from error
    if values.dtype != carrier(dtype) or sha256(values) != expected:
        raise _fault(path, f"{where} does not match its SHA-256: damaged, or changed since it was listed")
    return values
