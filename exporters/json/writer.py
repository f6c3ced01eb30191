"""Writes a WeightFile as one JSON document, slice by slice; values are a flat list in C order, one row per line."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cnnkit.exporters.core import strict_json
from cnnkit.exporters.core.float_types import FLOATS
from cnnkit.exporters.core.number_text.digits import all_finite, dump_json, format_numbers
from cnnkit.exporters.core.number_text.layout import choose_layout
from cnnkit.exporters.core.number_text.support import require_supported
from cnnkit.exporters.core.raw_values import read_checked
from cnnkit.exporters.core.weight_file import JSON_FIELDS, Array, Tensor, WeightFile, sha256
from cnnkit.files.names import printable

FORMAT, VERSION = "cnnkit-json", 1
_SLICE = 16_384


def write_json(weights: WeightFile, path: Path) -> None:
    """Write `weights`. Raises ExportError for an element type that it cannot hold, and for texts that are not JSON."""
    require_supported(weights, FORMAT)
    with path.open("wb", buffering=1 << 20) as stream:
        stream.writelines(_format_document(weights))


def _format_document(weights: WeightFile) -> Iterator[bytes]:
    yield f'{{\n"format": "{FORMAT}",\n"version": {VERSION},\n'.encode()
    for name in JSON_FIELDS:
        value = getattr(weights, name)
        if value is not None:
            yield f'"{name}": {strict_json.dumps(name, value, lone=False)},\n'.encode()
    yield b'"tensors": ['
    for index, tensor in enumerate(weights.tensors):
        yield b",\n" if index else b"\n"
        yield from _format_tensor(tensor)
    yield b"\n]\n}\n"


def _format_tensor(tensor: Tensor) -> Iterator[bytes]:
    values = read_checked(tensor)
    parts = {part: getattr(tensor, part) for part in ("name", "layer", "kind", "role", "axes", "dtype", "shape")}
    described = parts | {"sha256": sha256(values)}
    head = strict_json.dumps(f"tensor {printable(tensor.name)}", described, ensure_ascii=True, lone=False)
    yield head[:-1].encode() + b', "values": ['
    flat, line = values.reshape(-1), choose_layout(tensor.shape).line
    step, whole = line * max(_SLICE // line, 1), flat.size // line * line
    cuts = [*range(0, whole, step), whole, flat.size]
    for start, end in itertools.pairwise(cuts):
        if start < end:
            yield (b",\n" if start else b"\n") + _format_lines(tensor.dtype, flat[start:end], line)
    yield b"]}"


def _format_lines(dtype: str, flat: Array, line: int) -> bytes:
    if dtype not in ("bool", "float16", "bfloat16") and flat.size % line == 0 and all_finite(flat, dtype):
        return dump_json(flat.reshape(-1, line))[2:-2].replace(b"],[", b",\n")
    numbers = format_numbers(flat, dtype)
    if dtype in FLOATS:
        kind = FLOATS[dtype]
        pattern = flat.view(kind.carrier)
        for index in np.flatnonzero(kind.not_finite(pattern)).tolist():
            numbers[index] = b'"' + numbers[index] + b'"'
        numbers = [b"-0.0" if word == b"-0" else word for word in numbers]  # -0 would be an integer
    return b",\n".join(b",".join(numbers[start : start + line]) for start in range(0, len(numbers), line))
