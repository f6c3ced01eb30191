"""The header of a safetensors file: it is checked completely before it is used."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from cnnkit.exporters.core import strict_json
from cnnkit.exporters.core.element_types import carrier
from cnnkit.files.extents import count_bytes
from cnnkit.files.names import printable
from cnnkit.files.stored_file import StoredFile
from cnnkit.files.unsafe_file import UnsafeFileError

LONGEST = 100_000_000  # bytes; the limit of the format
DTYPES = {
    "BOOL": "bool",
    **{f"{sign}{bits}": f"{name}{bits}" for sign, name in (("I", "int"), ("U", "uint")) for bits in (8, 16, 32, 64)},
    "F16": "float16",
    "F32": "float32",
    "F64": "float64",
    "BF16": "bfloat16",
    "C64": "complex64",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "F8_E4M3FNUZ": "float8_e4m3fnuz",
    "F8_E5M2FNUZ": "float8_e5m2fnuz",
    "F8_E8M0": "float8_e8m0fnu",
}
_KEYS = ("dtype", "shape", "data_offsets")
_BITS = {"F4": 4, "F6_E2M3": 6, "F6_E3M2": 6}  # known, but NumPy arrays cannot hold them


class Entry(NamedTuple):
    """A tensor of the header; `start` counts from the beginning of the file.

    problem  why NumPy cannot hold it, or None; then `dtype` is None too
    extra    keys that are not part of the format, None without any
    """

    dtype: str | None
    shape: tuple[int, ...]
    start: int
    size: int
    code: str
    problem: str | None
    extra: dict[str, Any] | None


class SafetensorsHeader(NamedTuple):
    """Tensors in the order of the header, metadata, and the names that occur twice, of which the last one counts."""

    entries: dict[str, Entry]
    metadata: dict[str, str]
    twice: tuple[str, ...]


class _Members(dict[str, Any]):
    """An object of JSON; `twice` are the keys that occur more than once."""

    __slots__ = ("twice",)

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.twice = (
            [] if len(self) == len(pairs) else [key for key, n in Counter(k for k, _ in pairs).items() if n > 1]
        )


def read_header(file: StoredFile) -> SafetensorsHeader:
    """Return the header. What the format's own library reads is read, so a name may occur twice.

    Raises UnsafeFileError, or ValueError in one line, when the header and the file do not fit together.
    """
    length = int.from_bytes(file.read(0, min(8, file.size)).tobytes(), "little")
    if length > LONGEST:
        raise UnsafeFileError(f"a header of {length} bytes, more than {LONGEST}", "too_big")
    if length < 2 or 8 + length > file.size:
        raise ValueError(f"a header length of {length} in a file of {file.size} bytes")
    text = file.read(8, length).tobytes()
    header = strict_json.loads(text, members=_Members, most_nodes=strict_json.MOST_NODES)
    if not isinstance(header, _Members):
        raise ValueError("the header is not a JSON object")
    if "__metadata__" in header.twice:
        raise ValueError("key __metadata__ occurs twice")
    metadata = header.pop("__metadata__", None) or {}
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise ValueError("__metadata__ is not an object of texts")
    entries = {name: _parse_entry(name, value, 8 + length) for name, value in header.items()}
    _require_tiling(entries, 8 + length, file.size)
    return SafetensorsHeader(entries, dict(metadata), tuple(header.twice))


def compute_digest(metadata: Mapping[str, str], claims: Mapping[str, tuple[str, Sequence[int]]]) -> str:
    """Return the SHA-256 of the metadata and of {key: (type, shape)}, which no checksum of values covers."""
    texts = sorted((name, text) for name, text in metadata.items() if name != "cnnkit_sha256")
    shapes = sorted((key, dtype, list(shape)) for key, (dtype, shape) in claims.items())
    return hashlib.sha256(json.dumps([texts, shapes]).encode()).hexdigest()


def _parse_entry(name: str, value: Any, origin: int) -> Entry:
    try:
        if isinstance(value, list) and len(value) == len(_KEYS):  # serde, the library's parser, takes this as well
            value = _Members(list(zip(_KEYS, value, strict=True)))
        if not isinstance(value, _Members) or not value.keys() >= {*_KEYS}:
            raise ValueError(f"expected {', '.join(_KEYS)}")
        for key in value.twice:
            if key in _KEYS:
                raise ValueError(f"key {key} occurs twice")
        code, shape, offsets = (value.pop(key) for key in _KEYS)
        if not isinstance(code, str) or (code not in DTYPES and code not in _BITS):
            raise ValueError(f"unknown dtype {printable(repr(code), 30)}")
        if not isinstance(offsets, list) or len(offsets) != 2 or not all(type(n) is int and n >= 0 for n in offsets):
            raise ValueError("expected two offsets, whole numbers")
        begin, end = offsets
        bits, problem = _count_bits(shape, _BITS.get(code) or 8 * carrier(DTYPES[code]).itemsize)
        if bits % 8 or begin + bits // 8 != end:
            raise ValueError(f"{end - begin} bytes for {code} {tuple(shape)}, which takes {bits / 8:g}")
    except ValueError as error:
        raise ValueError(f"tensor {printable(name)}: {error}") from None
    problem = f"element type {code}, of less than a byte" if code in _BITS else problem
    dtype = DTYPES.get(code) if problem is None else None
    return Entry(dtype, tuple(shape), origin + begin, bits // 8, code, problem, dict(value) or None)


def _count_bits(shape: Any, item_bits: int) -> tuple[int, str | None]:
    """Return (size in bits, why NumPy cannot hold it or None). Raises ValueError for what is no shape of a file."""
    try:
        return count_bytes(shape, item_bits), None
    except ValueError as error:
        if not isinstance(shape, list) or not all(type(extent) is int and extent >= 0 for extent in shape):
            raise
        size = item_bits
        for extent in shape:
            size *= extent
            if size >> 66:
                raise
        return size, str(error)


def _require_tiling(entries: dict[str, Entry], origin: int, size: int) -> None:
    """Raise ValueError unless the tensors fill the rest of the file without holes and overlaps."""
    position = origin
    for name, entry in sorted(entries.items(), key=lambda item: (item[1].start, item[1].size)):
        if entry.start != position:
            what = "overlaps another" if entry.start < position else "leaves a hole before it"
            raise ValueError(f"tensor {printable(name)} {what}, at offset {entry.start - origin}")
        position += entry.size
    if position != size:
        raise ValueError(f"{position - origin} bytes of tensors declared, {size - origin} stored")
