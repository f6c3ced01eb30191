"""Writes zip files field by field, so that any of them can lie."""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

FLAG_DESCRIBED, FLAG_UTF8, FLAG_ENCRYPTED = 0x8, 0x800, 0x1


@dataclass(frozen=True)
class Entry:
    """A member; what its two headers say can be changed apart: `local` and `central` are {field: value}."""

    name: bytes
    data: bytes
    method: int = 0
    flags: int = 0
    extra: bytes = b""
    behind: bytes = b""
    local: dict[str, int | bytes] = field(default_factory=dict)
    central: dict[str, int | bytes] = field(default_factory=dict)
    content: bytes | None = None  # what its checksum and size are of, where that is not `data` unfolded


def deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def deflate_zeros(size: int) -> bytes:
    """Return the deflate of `size` zero bytes, a multiple of 1 MiB, fast: its blocks are all the same."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return block * (size >> 20) + deflate(b"")


def deflated(name: bytes, content: bytes, **options: object) -> Entry:
    return Entry(name, deflate(content), 8, content=content, **options)  # type: ignore[arg-type]


def zeros(name: bytes, size: int) -> Entry:
    """Return a member that unfolds to `size` zero bytes."""
    facts: dict[str, int | bytes] = {"crc": zlib.crc32(bytes(size)), "size": size}
    return Entry(name, deflate_zeros(size), 8, local=facts, central=facts)


def write_zip(entries: Sequence[Entry], prefix: bytes = b"", **end: int | bytes) -> bytes:
    """Return a zip. end: what its last record says otherwise ("members", "size", "start", "comment", "disk", ...)."""
    body, directory = bytearray(prefix), bytearray()
    for entry in entries:
        facts = _facts(entry)
        offset = len(body)
        local: dict[str, int | bytes] = facts | entry.local
        body += struct.pack(
            "<4s5H3I2H",
            *(b"PK\3\4", local.get("version", 20), local["flags"], local["method"], 0, 0x21, local["crc"]),
            *(local["stored"], local["size"], len(local["name"]), len(local["extra"])),  # type: ignore[arg-type]
        )
        body += local["name"] + local["extra"] + entry.data + entry.behind  # type: ignore[operator]
        central: dict[str, int | bytes] = facts | {"offset": offset, "comment": b"", "disk": 0} | entry.central
        directory += struct.pack(
            "<4s6H3I5H2I",
            *(b"PK\1\2", 20, 20, central["flags"], central["method"], 0, 0x21, central["crc"], central["stored"]),
            *(central["size"], len(central["name"]), len(central["extra"]), len(central["comment"])),  # type: ignore[arg-type]
            *(central["disk"], 0, central.get("mode", 0), central["offset"]),
        )
        directory += central["name"] + central["extra"] + central["comment"]  # type: ignore[operator]
    said: dict[str, int | bytes] = {
        "members": len(entries), "size": len(directory), "start": len(body), "comment": b"", "disk": 0, "behind": b"",
        "before": b"", "length": -1,
    }  # fmt: skip
    said |= end
    comment, length = bytes(said["comment"]), int(said["length"])  # type: ignore[arg-type]
    numbers = said["disk"], 0, said["members"], said["members"], said["size"], said["start"]
    record = struct.pack("<4s4H2IH", b"PK\5\6", *numbers, len(comment) if length < 0 else length)
    return bytes(body + directory) + bytes(said["before"]) + record + comment + bytes(said["behind"])  # type: ignore[arg-type]


def _facts(entry: Entry) -> dict[str, int | bytes]:
    content = entry.data if entry.content is None else entry.content
    return {
        "name": entry.name, "flags": entry.flags, "method": entry.method, "crc": zlib.crc32(content),
        "stored": len(entry.data), "size": len(content), "extra": entry.extra,
    }  # fmt: skip
