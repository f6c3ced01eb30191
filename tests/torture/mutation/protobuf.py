"""Changes to protocol buffers: fields are changed at any depth, and all lengths around them made right again."""

import random

from torture.mutation.raw_bytes import change_bytes, draw_edge

Field = tuple[int, int, int | bytes]
_DEEPEST = 8


def change_message(data: bytes, rng: random.Random, depth: int = 0) -> bytes:
    """Return a message with one or two of its fields changed; bytes that are no message, as bytes."""
    fields = _parse(data)
    if not fields or depth > _DEEPEST:
        return change_bytes(data, rng, data)
    for _ in range(rng.choice((1, 1, 2))):
        if not fields:
            break
        at = rng.randrange(len(fields))
        number, wire, value = fields[at]
        match rng.randrange(10):
            case 0:
                del fields[at]
            case 1:
                fields.insert(rng.randrange(len(fields) + 1), fields[at])
            case 2:
                fields[at] = rng.choice((number + 1, number - 1, draw_edge(rng) % 5000)) or 1, wire, value
            case 3:
                other = rng.randrange(len(fields))
                fields[at], fields[other] = fields[other], fields[at]
            case _ if isinstance(value, int):
                fields[at] = number, wire, draw_edge(rng, value) % (1 << 64)
            case _ if wire == 2 and _parse(value):
                fields[at] = number, wire, change_message(value, rng, depth + 1)
            case _:
                fields[at] = number, wire, change_bytes(value, rng, value) if wire == 2 else rng.randbytes(len(value))
    return b"".join(_encode(field) for field in fields)


def _parse(data: bytes) -> list[Field] | None:
    fields: list[Field] = []
    at = 0
    while at < len(data):
        key, at = _read_varint(data, at)
        number, wire = key >> 3, key & 7
        if at < 0 or not number or number > 5000:
            return None
        if wire == 0:
            value, at = _read_varint(data, at)
            fields.append((number, wire, value))
        elif wire in (1, 2, 5):
            size, at = _read_varint(data, at) if wire == 2 else ((8, at) if wire == 1 else (4, at))
            if at < 0 or at + size > len(data):
                return None
            fields.append((number, wire, data[at : at + size]))
            at += size
        else:
            return None
        if at < 0:
            return None
    return fields


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at < 0 or at >= len(data):
            return 0, -1
        value |= (data[at] & 127) << shift
        at += 1
        if data[at - 1] < 128:
            return value, at
    return 0, -1


def _encode(field: Field) -> bytes:
    number, wire, value = field
    head = _encode_varint(number << 3 | wire)
    if isinstance(value, int):
        return head + _encode_varint(value)
    return head + (_encode_varint(len(value)) if wire == 2 else b"") + value


def _encode_varint(value: int) -> bytes:
    parts = bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes((*parts, value))
