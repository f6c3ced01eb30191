"""The members of a zip, as described at the end of the file and before each member: both must agree."""

import struct
from dataclasses import dataclass
from typing import BinaryIO, NoReturn

from cnnkit.files.limits import require_few
from cnnkit.files.names import printable
from cnnkit.files.unsafe_file import UnsafeFileError
from cnnkit.files.zips.end import Directory, find_directory

MAX_MEMBERS = 120_000
FREE_BYTES = 64 << 20  # unpacked bytes allowed for any zip
LARGEST_RATIO = 100  # unpacked bytes allowed per byte of the zip, if that is more
_DEFLATE_RATIO = 1040  # the most that deflate can reach
_CENTRAL, _LOCAL = struct.Struct("<4s6H3I5H2I"), struct.Struct("<4s5H3I2H")
_DESCRIBED, _UTF8, _ENCRYPTED = 0x0008, 0x0800, 0x2061
_FULL = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Member:
    """A file in the zip: offset of its bytes, their number, and their number when unpacked."""

    name: str
    start: int
    stored: int
    size: int
    crc: int
    deflated: bool


def read_members(stream: BinaryIO, size: int) -> tuple[dict[str, Member], int]:
    """Return ({name: member} in the order of the directory, number of bytes that belong to none).

    Raises UnsafeFileError for a zip that is damaged, contradicts itself, or unpacks to too much.
    """
    directory = find_directory(stream, size)
    require_few(directory.members, MAX_MEMBERS, "members")
    stream.seek(directory.start)
    data = stream.read(directory.size)
    members: dict[str, Member] = {}
    ranges, position = [], 0
    for _ in range(directory.members):
        entry, position = _Entry.parse(data, position)
        member, begin, end = _locate(stream, directory, entry)
        if member.name in members:
            _refuse(member.name, "occurs twice")
        members[member.name] = member
        ranges.append((begin, end, member.name))
    if position != len(data):
        raise UnsafeFileError("damaged zip: the length of its directory is wrong", "refused")
    _require_affordable(members, size)
    return members, directory.start - _sum_ranges(ranges)


@dataclass(frozen=True, slots=True)
class _Entry:
    """One entry of the central directory, sizes in full."""

    raw: bytes
    name: str
    flags: int
    method: int
    crc: int
    stored: int
    size: int
    offset: int

    @classmethod
    def parse(cls, data: bytes, position: int) -> tuple["_Entry", int]:
        fixed = data[position : position + _CENTRAL.size]
        if len(fixed) < _CENTRAL.size or fixed[:4] != b"PK\1\2":
            raise UnsafeFileError("damaged zip: its directory is cut")
        _, _, _, flags, method, _, _, crc, stored, size, names, extras, comments, disk, _, _, offset = _CENTRAL.unpack(
            fixed
        )
        begin = position + _CENTRAL.size
        raw, extra = data[begin : begin + names], data[begin + names : begin + names + extras]
        name = _decode_name(raw, flags)
        if flags & _ENCRYPTED:
            _refuse(name, "is encrypted")
        if method not in {0, 8}:
            _refuse(name, f"packing {method} is neither stored nor deflate")
        size, stored, offset = _widen(name, extra, (size, stored, offset))
        if disk != 0 or (method == 0 and stored != size) or size > stored * _DEFLATE_RATIO + 64:
            _refuse(name, f"{stored} bytes cannot unfold to {size}")
        return cls(raw, name, flags, method, crc, stored, size, offset), begin + names + extras + comments


def _decode_name(raw: bytes, flags: int) -> str:
    try:
        name = raw.decode("utf-8" if flags & _UTF8 else "cp437")
    except UnicodeDecodeError:
        raise UnsafeFileError("damaged zip: a name that is not UTF-8") from None
    if "\0" in name:
        _refuse(name, "has a name that ends early")
    return name


def _widen(name: str, extra: bytes, values: tuple[int, ...]) -> tuple[int, ...]:
    """Return 32-bit values; those that are full are replaced by the 64-bit ones of the extra field."""
    wanted = sum(value == _FULL for value in values)
    if not wanted:
        return values
    position = 0
    while position + 4 <= len(extra):
        tag, length = struct.unpack_from("<HH", extra, position)
        body = extra[position + 4 : position + 4 + length]
        if tag == 1 and len(body) == length >= 8 * wanted:
            wide = iter(struct.unpack_from(f"<{wanted}Q", body))
            return tuple(next(wide) if value == _FULL else value for value in values)
        position += 4 + length
    return _refuse(name, "lacks its 64-bit sizes")


def _locate(stream: BinaryIO, directory: Directory, entry: _Entry) -> tuple[Member, int, int]:
    """Compare the header before the member with the directory; return the member and its range in the file."""
    if entry.offset + _LOCAL.size > directory.start:
        _refuse(entry.name, "lies outside of the file")
    stream.seek(entry.offset)
    fixed = stream.read(_LOCAL.size + len(entry.raw))
    mark, _, flags, method, _, _, crc, stored, size, names, extras = _LOCAL.unpack_from(fixed)
    extra = stream.read(extras) if _FULL in (size, stored) else b""
    same = (mark, flags & (_DESCRIBED | _UTF8 | _ENCRYPTED), method, names, fixed[_LOCAL.size :]) == (
        *(b"PK\3\4", entry.flags & (_DESCRIBED | _UTF8), entry.method, len(entry.raw), entry.raw),
    )
    listed = (entry.crc, entry.stored, entry.size)
    if same and (crc, stored, size) != listed:
        later = entry.flags & _DESCRIBED and crc in {0, entry.crc} and {stored, size} <= {0, _FULL, *listed[1:]}
        same = bool(later) or (crc == entry.crc and _widen(entry.name, extra, (size, stored)) == listed[:0:-1])
    if not same:
        _refuse(entry.name, "is described differently in the directory and before its bytes")
    start = entry.offset + _LOCAL.size + names + extras
    end = start + entry.stored
    if end > directory.start:
        _refuse(entry.name, "lies outside of the file")
    end += _measure_descriptor(stream, end, entry) if entry.flags & _DESCRIBED else 0
    return Member(entry.name, start, entry.stored, entry.size, entry.crc, entry.method == 8), entry.offset, end


def _measure_descriptor(stream: BinaryIO, end: int, entry: _Entry) -> int:
    """Return the length of the record behind a member whose sizes were not known before it was written."""
    stream.seek(end)
    content = stream.read(24)
    for layout in ("<4sIQQ", "<4sIII"):
        expected = struct.pack(layout, b"PK\7\x08", entry.crc, entry.stored & _mask(layout), entry.size & _mask(layout))
        for form in (expected, expected[4:]):
            if content.startswith(form):
                return len(form)
    return _refuse(entry.name, "is described differently in the directory and behind its bytes")


def _mask(layout: str) -> int:
    return (1 << 64) - 1 if "Q" in layout else _FULL


def _sum_ranges(ranges: list[tuple[int, int, str]]) -> int:
    """Return the number of bytes of all members. Raises UnsafeFileError when two overlap."""
    total = last = 0
    for begin, end, name in sorted(ranges):
        if begin < last:
            _refuse(name, "overlaps another member")
        total, last = total + end - begin, end
    return total


def _require_affordable(members: dict[str, Member], size: int) -> None:
    declared, budget = sum(member.size for member in members.values()), max(FREE_BYTES, LARGEST_RATIO * size)
    if declared > budget:
        raise UnsafeFileError(f"a zip of {size} bytes that unfolds to {declared}, more than {budget}", "too_big")


def _refuse(name: str, problem: str) -> NoReturn:
    raise UnsafeFileError(f"zip member {printable(name)} {problem}", "refused")
