"""Writes a WeightFile as safetensors; what the format cannot hold goes into its metadata, as JSON texts."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from cnnkit.errors import ExportError
from cnnkit.exporters.core import strict_json
from cnnkit.exporters.core.element_types import carrier
from cnnkit.exporters.core.raw_values import encode_blocks, read_checked, require_rank
from cnnkit.exporters.core.tensor_list import VERSION, choose_keys, describe_tensors
from cnnkit.exporters.core.weight_file import JSON_FIELDS, Tensor, WeightFile
from cnnkit.exporters.safetensors.header import DTYPES, LONGEST, compute_digest
from cnnkit.files.names import printable

_CODES = {dtype: code for code, dtype in DTYPES.items()}


def write_safetensors(weights: WeightFile, path: Path) -> None:
    """Write `weights` to `path`. Raises ExportError for what the format cannot hold."""
    tensors = name_tensors(weights)
    sums = dict.fromkeys(tensors, "0" * 64)
    entries = lay_out(tensors)
    with path.open("wb") as stream:
        stream.write(bytes(len(make_header(describe(weights, tensors, sums), entries))))
        sums |= write_values(stream, tensors, entries)
        stream.seek(0)
        stream.write(make_header(describe(weights, tensors, sums), entries))


def name_tensors(weights: WeightFile) -> dict[str, Tensor]:
    """Return {name in the file: tensor}, in order. Raises ExportError for what the format cannot hold."""
    for tensor in weights:
        _require_storable(tensor)
    return dict(zip(choose_keys(weights, ["__metadata__"], _is_text), weights, strict=True))


def lay_out(tensors: Mapping[str, Tensor]) -> dict[str, dict[str, Any]]:
    """Return {name: entry of the header}, larger elements first, so that all are aligned to the size of their own."""
    entries, position = {}, 0
    for name in sorted(tensors, key=lambda name: -carrier(tensors[name].dtype).itemsize):
        tensor = tensors[name]
        end = position + tensor.nbytes
        entries[name] = {
            "dtype": _CODES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [position, end]
        }  # fmt: skip
        position = end
    return entries


def write_values(stream: BinaryIO, tensors: Mapping[str, Tensor], names: Iterable[str]) -> dict[str, str]:
    """Write the values of the tensors called `names`, one tensor at a time; return {name: SHA-256}."""
    sums = {}
    for name in names:
        hashed = hashlib.sha256()
        for block in encode_blocks(read_checked(tensors[name])):
            hashed.update(block)
            stream.write(block)
        sums[name] = hashed.hexdigest()
    return sums


def describe(weights: WeightFile, tensors: Mapping[str, Tensor], sums: Mapping[str, str]) -> dict[str, str]:
    """Return the texts that hold what the format cannot, and their SHA-256, which covers types and shapes too."""
    texts = {"cnnkit": str(VERSION)}
    for name in JSON_FIELDS:
        if getattr(weights, name) is not None:
            texts[name] = strict_json.dumps(name, getattr(weights, name))
    listed = [row | {"sha256": sums[row["key"]]} for row in describe_tensors(weights, list(tensors))]
    texts["tensors"] = strict_json.dumps("tensors", listed)
    claims = {name: (_CODES[tensor.dtype], tensor.shape) for name, tensor in tensors.items()}
    texts["cnnkit_sha256"] = compute_digest(texts, claims)
    return texts


def make_header(metadata: Mapping[str, str], entries: Mapping[str, Any]) -> bytes:
    """Return length and header, padded so that tensors begin at a multiple of 64. Raises ExportError if too long."""
    text = json.dumps({"__metadata__": metadata, **entries}, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-(len(text) + 8) % 64)
    if len(text) > LONGEST:
        raise ExportError(f"a header of {len(text)} bytes: safetensors holds at most {LONGEST}")
    return len(text).to_bytes(8, "little") + text


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:  # a lone surrogate
        return False
    return True


def _require_storable(tensor: Tensor) -> None:
    require_rank(tensor)
    if tensor.dtype not in _CODES:
        raise ExportError(f"{tensor.kind} {printable(tensor.name)}: safetensors has no {tensor.dtype}")
