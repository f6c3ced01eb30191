"""Writes a WeightFile as one JSON document, slice by slice; values are a flat list in C order, rows as lines."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cnnkit.errors import ExportError
from cnnkit.exporters.core import strict_json
from cnnkit.exporters.core.float_types import FLOATS
from cnnkit.exporters.core.number_text.digits import dumped, finite, words
from cnnkit.exporters.core.number_text.layout import layout
from cnnkit.exporters.core.number_text.patterns import WIDTHS
from cnnkit.exporters.core.raw_values import checked, require_rank
from cnnkit.exporters.core.weight_file import TEXTS, Array, Tensor, WeightFile, sha256
from cnnkit.files.names import printable

FORMAT, VERSION = "cnnkit-json", 1
_SLICE = 16_384


def write_json(weights: WeightFile, path: Path) -> None:
    """Write `weights`. Raises ExportError for an element type without decimals, and for values that are not JSON."""
    for tensor in weights.tensors:
        require_rank(tensor)
        if tensor.dtype not in WIDTHS:
            raise ExportError(f"{tensor.kind} {printable(tensor.name)}: {FORMAT} has no {tensor.dtype}")
    with path.open("wb", buffering=1 << 20) as stream:
        stream.writelines(_document(weights))


def _document(weights: WeightFile) -> Iterator[bytes]:
    yield f'{{\n"format": "{FORMAT}",\n"version": {VERSION},\n'.encode()
    for name in TEXTS:
        value = getattr(weights, name)
        if value is not None:
            yield f'"{name}": {strict_json.dumps(name, value)},\n'.encode()
    yield b'"tensors": ['
    for index, tensor in enumerate(weights.tensors):
        yield b",\n" if index else b"\n"
        yield from _tensor(tensor)
    yield b"\n]\n}\n"


def _tensor(tensor: Tensor) -> Iterator[bytes]:
    values = checked(tensor)
    parts = {part: getattr(tensor, part) for part in ("name", "layer", "kind", "role", "axes", "dtype", "shape")}
    head = json.dumps(parts | {"sha256": sha256(values)})
    yield head[:-1].encode() + b', "values": ['
    flat, line = values.reshape(-1), layout(tensor.shape).line
    step, whole = line * max(_SLICE // line, 1), flat.size // line * line
    cuts = [*range(0, whole, step), whole, flat.size]
    for start, end in itertools.pairwise(cuts):
        if start < end:
            yield (b",\n" if start else b"\n") + _lines(tensor.dtype, flat[start:end], line)
    yield b"]}"


def _lines(dtype: str, flat: Array, line: int) -> bytes:
    if dtype not in ("bool", "float16", "bfloat16") and flat.size % line == 0 and finite(flat, dtype):
        return dumped(flat.reshape(-1, line))[2:-2].replace(b"],[", b",\n")
    found = words(flat, dtype)
    if dtype in FLOATS:
        kind = FLOATS[dtype]
        pattern = flat.view(kind.carrier)
        for index in np.flatnonzero(kind.not_finite(pattern)).tolist():
            found[index] = b'"' + found[index] + b'"'
        found = [b"-0.0" if word == b"-0" else word for word in found]  # -0 is an integer to most, and has no sign
    return b",\n".join(b",".join(found[start : start + line]) for start in range(0, len(found), line))
