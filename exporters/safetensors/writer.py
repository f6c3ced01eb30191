"""Writes a WeightFile as safetensors; what the format cannot hold goes into its metadata, as JSON texts."""

import hashlib
import json
from pathlib import Path
from typing import Any

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
    for tensor in weights:
        _require_storable(tensor)
    names = choose_keys(weights, ["__metadata__"], _is_text)
    listed = [row | {"sha256": "0" * 64} for row in describe_tensors(weights, names)]
    # Larger elements first, so that every tensor is aligned to the size of its elements.
    order = sorted(range(len(names)), key=lambda index: -carrier(weights.tensors[index].dtype).itemsize)
    entries, position = {}, 0
    for index in order:
        tensor = weights.tensors[index]
        end = position + tensor.nbytes
        code = _CODES[tensor.dtype]
        entries[names[index]] = {"dtype": code, "shape": list(tensor.shape), "data_offsets": [position, end]}
        position = end
    with path.open("wb") as stream:
        stream.write(bytes(len(_make_header(weights, listed, entries))))
        for index in order:
            hashed = hashlib.sha256()
            for block in encode_blocks(read_checked(weights.tensors[index])):
                hashed.update(block)
                stream.write(block)
            listed[index]["sha256"] = hashed.hexdigest()
        stream.seek(0)
        stream.write(_make_header(weights, listed, entries))


def _make_header(weights: WeightFile, listed: list[dict[str, Any]], entries: dict[str, Any]) -> bytes:
    """Return length and header, padded so that the tensors begin at a multiple of 64."""
    metadata = {"cnnkit": str(VERSION)}
    for name in JSON_FIELDS:
        if getattr(weights, name) is not None:
            metadata[name] = strict_json.dumps(name, getattr(weights, name))
    metadata["tensors"] = strict_json.dumps("tensors", listed)
    metadata["cnnkit_sha256"] = compute_digest(
        metadata, {key: (entry["dtype"], entry["shape"]) for key, entry in entries.items()}
    )
    text = json.dumps({"__metadata__": metadata} | entries, ensure_ascii=False, separators=(",", ":")).encode()
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
