"""Finds and changes structures in the bytes of an HDF5 file; those of newer versions get their checksum again.

Layouts: HDF5 File Format Specification, version 3.0.
"""

import struct

UNDEFINED = (1 << 64) - 1
# Bytes of structures with a checksum in their last four.
_SIZES = {b"BTHD": 38, b"FRHP": 146, b"FAHD": 28, b"EAHD": 72, b"\x89HDF": 48}


def find_all(data: bytes | bytearray, mark: bytes) -> list[int]:
    """Return where `mark` stands. Raises ValueError where it is nowhere: the case would be none."""
    places, place = [], data.find(mark)
    while place >= 0:
        places.append(place)
        place = data.find(mark, place + 1)
    if not places:
        raise ValueError(f"no {mark!r} in the file")
    return places


def put(data: bytearray, place: int, value: int, size: int = 8) -> None:
    """Write a number of `size` bytes."""
    data[place : place + size] = (value & ((1 << (8 * size)) - 1)).to_bytes(size, "little")


def put_summed(data: bytearray, mark: bytes, offset: int, value: int, size: int = 8) -> None:
    """Write a number into every structure that begins with `mark`, and set its checksum right."""
    changed = 0
    for place in find_all(data, mark):
        end = place + _SIZES[mark] - 4
        if struct.unpack_from("<I", data, end)[0] != sum_lookup3(data[place:end]):
            continue
        put(data, place + offset, value, size)
        put(data, end, sum_lookup3(data[place:end]), 4)
        changed += 1
    if not changed:
        raise ValueError(f"no {mark!r} with a right checksum")


def find_messages(data: bytes | bytearray, kind: int, size: int) -> list[int]:
    """Return where the contents of header messages (version 1) of a kind and of at least a size begin.

    An object header lies at a multiple of four: version 1, number of messages, references, bytes; then messages.
    """
    found = []
    for header in range(0, len(data) - 24, 4):
        version, _, count, references, length = struct.unpack_from("<BBHII", data, header)
        if version != 1 or not 0 < count < 50 or references != 1 or not 0 < length < 4096:
            continue
        place, end = header + 16, header + 16 + length
        while place + 8 <= min(end, len(data)):
            type_, bytes_ = struct.unpack_from("<HH", data, place)
            if type_ == kind and bytes_ >= size:
                found.append(place + 8)
            place += 8 + bytes_
    if not found:
        raise ValueError(f"no message of kind {kind}")
    return found


def sum_lookup3(data: bytes | bytearray) -> int:
    """Return Bob Jenkins' lookup3 of some bytes, with which HDF5 sums its metadata."""
    a = b = c = (0xDEADBEEF + len(data)) & 0xFFFFFFFF
    rest = bytes(data)
    while len(rest) > 12:
        x, y, z = struct.unpack_from("<III", rest)
        a, b, c = _mix((a + x) & 0xFFFFFFFF, (b + y) & 0xFFFFFFFF, (c + z) & 0xFFFFFFFF)
        rest = rest[12:]
    if not rest:
        return c
    x, y, z = struct.unpack("<III", rest.ljust(12, b"\0"))
    return _finish((a + x) & 0xFFFFFFFF, (b + y) & 0xFFFFFFFF, (c + z) & 0xFFFFFFFF)


def _turn(value: int, bits: int) -> int:
    return ((value << bits) | (value >> (32 - bits))) & 0xFFFFFFFF


def _mix(a: int, b: int, c: int) -> tuple[int, int, int]:
    for bits in (4, 6, 8, 16, 19, 4):
        a = ((a - c) & 0xFFFFFFFF) ^ _turn(c, bits)
        c = (c + b) & 0xFFFFFFFF
        a, b, c = b, c, a
    return a, b, c


def _finish(a: int, b: int, c: int) -> int:
    for bits in (14, 11, 25, 16, 4, 14, 24):
        c = ((c ^ b) - _turn(b, bits)) & 0xFFFFFFFF
        a, b, c = b, c, a
    return b
