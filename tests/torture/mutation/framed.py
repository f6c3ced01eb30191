"""Changes inside a frame, which is then closed again: lengths and checksums are right, what they frame is not."""

import ast
import gzip
import io
import random
import re
import struct
import zipfile
import zlib
from collections.abc import Callable

from torture.mutation.pickles import change_pickle
from torture.mutation.protobuf import change_message
from torture.mutation.raw_bytes import change_bytes, draw_edge
from torture.mutation.texts import change_json, change_text

_CHUNK = struct.Struct(">I4s")


def change_safetensors(data: bytes, rng: random.Random) -> bytes:
    size = int.from_bytes(data[:8], "little")
    header, values = change_json(data[8 : 8 + size], rng), data[8 + size :]
    if rng.random() < 0.2:
        values = values[: rng.randrange(len(values) + 1)] + bytes(rng.choice((0, 0, 4, 8)))
    return len(header).to_bytes(8, "little") + header + values


def change_npy(data: bytes, rng: random.Random) -> bytes:
    """Change the dictionary of an NPY header."""
    begin, width = (10, 2) if data[6:7] == b"\1" else (12, 4)
    size = int.from_bytes(data[8:begin], "little")
    text = data[begin : begin + size]
    try:
        header = ast.literal_eval(text.decode("latin-1"))
        key = rng.choice(list(header))
        header[key] = rng.choice(_make_npy_values(header, rng))
        text = repr(header).encode() if rng.random() < 0.8 else change_text(text, rng)
    except (ValueError, SyntaxError, AttributeError, IndexError):
        text = change_text(text, rng)
    text = (text.rstrip() + b"\n")[: (1 << 8 * width) - 1]
    return data[:8] + len(text).to_bytes(width, "little") + text + data[begin + size :]


def _make_npy_values(header: dict[str, object], rng: random.Random) -> tuple[object, ...]:
    shape = header.get("shape") if isinstance(header.get("shape"), tuple) else ()
    edge = draw_edge(rng)
    numbers = ((edge,), (*shape, edge), (edge, *shape), (0, edge), shape[::-1], shape[1:], (-1,), (1.0,), (True, 4), 4)
    types = ("<f4", ">f8", "|O", "|V4", "<U8", "|b1", "<c16", "<M8[s]", "<f2", "|S4", ">i2", "<f16", [("a", "<f4")], "")
    return rng.choice(((*numbers,), types, (True, False, None, 1, "x"), (shape,)))


def change_zip(data: bytes, rng: random.Random) -> bytes:
    """Change members of a zip, and pack it again as it was packed."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [(info, archive.read(info)) for info in archive.infolist()]
    except (zipfile.BadZipFile, NotImplementedError, zlib.error, EOFError, ValueError):
        return data
    at = rng.randrange(len(members))
    info, content = members[at]
    match rng.randrange(12):
        case 0:
            del members[at]
        case 1:
            members.insert(rng.randrange(len(members)), members.pop(at))
        case 2:
            info.filename = rng.choice((info.filename[:-1], "../" + info.filename, info.filename.upper(), "a\x1b/b"))
        case 3:
            other = rng.randrange(len(members))
            members[at], members[other] = (info, members[other][1]), (members[other][0], content)
        case _:
            members[at] = info, change_member(info.filename, content, rng)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for member, inner in members:
            packed = zipfile.ZipInfo(member.filename, member.date_time)
            packed.compress_type, packed.flag_bits = member.compress_type, member.flag_bits & 0x800
            archive.writestr(packed, inner)
    return stream.getvalue()


def change_member(name: str, content: bytes, rng: random.Random) -> bytes:
    """Change the content of a zip's member as its name says what it is."""
    for ending, change in _MEMBERS.items():
        if name.endswith(ending) and rng.random() < 0.85:
            return change(content, rng)
    return change_bytes(content, rng, content)


def change_gzip(data: bytes, rng: random.Random, change: Callable[[bytes, random.Random], bytes]) -> bytes:
    return gzip.compress(change(gzip.decompress(data), rng), mtime=0)


def change_png(data: bytes, rng: random.Random) -> bytes:
    """Change chunks of a PNG, with right checksums; picture data before they are packed."""
    chunks, at = [], 8
    while at + 12 <= len(data):
        size, kind = _CHUNK.unpack_from(data, at)
        chunks.append((kind, data[at + 8 : at + 8 + size]))
        at += 12 + size
    at = rng.randrange(len(chunks))
    kind, content = chunks[at]
    match rng.randrange(5):
        case 0:
            del chunks[at]
        case 1:
            chunks.insert(rng.randrange(len(chunks)), chunks[at])
        case 2 if kind == b"IDAT":
            chunks[at] = kind, zlib.compress(change_bytes(zlib.decompress(content), rng, content))
        case _:
            chunks[at] = kind, change_bytes(content or b"\0", rng, content)
    parts = [_CHUNK.pack(len(c), k) + c + struct.pack(">I", zlib.crc32(k + c)) for k, c in chunks]
    return data[:8] + b"".join(parts)


def change_matlab(data: bytes, rng: random.Random) -> bytes:
    """Change elements of a MAT-file of version 5; those that are packed, before they are packed."""
    elements, at = [], 128
    while at + 8 <= len(data):
        kind, size = struct.unpack_from("<2I", data, at)
        elements.append((kind, data[at + 8 : at + 8 + size]))
        at += 8 + size
    if not elements:
        return data
    at = rng.randrange(len(elements))
    kind, content = elements[at]
    if kind == 15:
        content = zlib.compress(change_bytes(zlib.decompress(content), rng, content))
    else:
        content = change_bytes(content, rng, content)
    elements[at] = kind, content
    return data[:128] + b"".join(struct.pack("<2I", kind, len(content)) + content for kind, content in elements)


def change_svg(data: bytes, rng: random.Random) -> bytes:
    """Change the header of the data block of an SVG of cnnkit, or a tag."""
    found = re.search(rb"(<[a-z]+:header[^>]*>)(.*?)(</)", data, re.DOTALL)
    if found is None or rng.random() < 0.3:
        return change_text(data, rng)
    text = found[2].replace(b"&lt;", b"<").replace(b"&gt;", b">").replace(b"&amp;", b"&")
    text = change_json(text, rng).replace(b"&", b"&amp;").replace(b"<", b"&lt;")
    return data[: found.start(2)] + text + data[found.end(2) :]


_MEMBERS: dict[str, Callable[[bytes, random.Random], bytes]] = {
    ".json": change_json,
    ".npy": change_npy,
    ".pkl": change_pickle,
    ".onnx": change_message,
}
