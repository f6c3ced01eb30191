"""Zips (here with arrays of NumPy) whose two directories disagree, that overlap, explode, or hide something."""

import io
import struct
import zlib
from dataclasses import replace

import numpy as np

from hostile.making import READ, make_cases
from hostile.zips import FLAG_DESCRIBED, FLAG_ENCRYPTED, FLAG_UTF8, Entry, deflate, deflated, write_zip, zeros


def npy(values: object) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.asarray(values))
    return stream.getvalue()


ARRAY = npy(np.arange(6, dtype=np.float32))
GOOD = Entry(b"a.npy", ARRAY)
CRC = zlib.crc32(ARRAY)
DESCRIPTOR = struct.pack("<4sIII", b"PK\7\x08", CRC, len(ARRAY), len(ARRAY))


def described(behind: bytes) -> bytes:
    """Return a zip whose sizes stand behind the member."""
    zero = {"crc": 0, "stored": 0, "size": 0}
    return write_zip([Entry(b"a.npy", ARRAY, flags=FLAG_DESCRIBED, behind=behind, local=zero)])


def local(**facts: int | bytes) -> bytes:
    return write_zip([Entry(b"a.npy", ARRAY, local=facts)])


def central(**facts: int | bytes) -> bytes:
    return write_zip([Entry(b"a.npy", ARRAY, central=facts)])


def named(name: bytes, flags: int = 0) -> bytes:
    return write_zip([Entry(name, ARRAY, flags=flags)])


def wide(members: int = 1, size: int | None = None, offset: int | None = None, length: int = 44) -> bytes:
    """Return a zip with a 64-bit end record."""
    plain = write_zip([GOOD])
    at = plain.rfind(b"PK\5\6")
    start, whole = plain.find(b"PK\1\2"), at - plain.find(b"PK\1\2")
    record = struct.pack("<4sQ2H2I4Q", b"PK\6\6", length, 45, 45, 0, 0, members, members,
                         whole if size is None else size, start)  # fmt: skip
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, at if offset is None else offset, 1)
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return plain[:at] + record + locator + end


def bomb(size: int, times: int = 1) -> bytes:
    """Return members that unfold to `size` zero bytes each."""
    member = zeros(b"", size)
    return write_zip([replace(member, name=b"%d.npy" % n) for n in range(times)])


def overlap(count: int) -> bytes:
    """Return the zip of death: many entries of one member's bytes."""
    packed, size = deflate(bytes(1 << 20)), 1 << 20
    facts: dict[str, int | bytes] = {"crc": zlib.crc32(bytes(size)), "size": size}
    first = Entry(b"0.npy", packed, 8, local=facts, central=facts)
    again = (Entry(b"0.npy", b"", 8, central=facts | {"offset": 0, "stored": len(packed)}) for _ in range(count - 1))
    return write_zip([first, *again])


def quine() -> bytes:
    """Return two members of which the second lies within the first."""
    inner = write_zip([GOOD])[: 30 + 5 + len(ARRAY)]
    facts: dict[str, int | bytes] = {"offset": 30 + 7}
    return write_zip(
        [
            Entry(b"out.npy", inner),
            Entry(b"a.npy", b"", central=facts | {"stored": len(ARRAY), "crc": CRC, "size": len(ARRAY)}),
        ]
    )


def zip64_extra(*values: int) -> bytes:
    return struct.pack(f"<HH{len(values)}Q", 1, 8 * len(values), *values)


WRONG_DEFLATE = deflate(ARRAY)[:-4] + b"\xff\xff\xff\xff"

CASES = make_cases(
    "weights",
    [
        ("zip-local-name.npz", "another name before the bytes", local(name=b"b.npy")),
        ("zip-local-size.npz", "another size before the bytes", local(size=3)),
        ("zip-local-crc.npz", "another checksum before the bytes", local(crc=1)),
        ("zip-local-method.npz", "deflate before the bytes, stored in the directory", local(method=8)),
        ("zip-local-flags.npz", "encrypted before the bytes alone", local(flags=FLAG_ENCRYPTED)),
        ("zip-local-longer.npz", "a longer name before the bytes", local(name=b"a.npyx")),
        ("zip-central-name.npz", "another name in the directory", central(name=b"b.npy")),
        ("zip-central-size.npz", "another size in the directory", central(size=1 << 31)),
        ("zip-central-stored.npz", "more bytes than the file has", central(stored=1 << 31, size=1 << 31)),
        ("zip-central-crc.npz", "another checksum in the directory", central(crc=1)),
        ("zip-central-offset.npz", "a member beyond the end", central(offset=1 << 30)),
        ("zip-central-offset-1.npz", "a member one byte late", central(offset=1)),
        ("zip-central-disk.npz", "a member on another disk", central(disk=7)),
        ("zip-crc-both.npz", "a wrong checksum in both", write_zip([Entry(b"a.npy", ARRAY, local={"crc": 1},
                                                                          central={"crc": 1})])),
        ("zip-twice.npz", "a name twice", write_zip([GOOD, GOOD])),
        ("zip-twice-slash.npz", "two spellings of one name", write_zip([GOOD, Entry(b"./a.npy", ARRAY)]), (0, 2)),
        ("zip-overlap.npz", "1,000 members of the same bytes", lambda: overlap(1_000)),
        ("zip-within.npz", "a member within another", quine()),
        ("zip-bomb-1g.npz", "a member of 1 GB of zeros", lambda: bomb(1 << 30)),
        ("zip-bomb-100.npz", "100 members of 16 MB of zeros", lambda: bomb(1 << 24, 100)),
        ("zip-bomb-lie.npz", "unfolds to more than it says", write_zip([Entry(
            b"a.npy", deflate(ARRAY + bytes(1 << 24)), 8, content=ARRAY)])),
        ("zip-unfolds-less.npz", "unfolds to less than it says", write_zip([Entry(
            b"a.npy", deflate(ARRAY[:-4]), 8, content=ARRAY)])),
        ("zip-ratio.npz", "a ratio that deflate cannot reach", write_zip([Entry(
            b"a.npy", b"\3\0", 8, local={"size": 1 << 20, "crc": 0}, central={"size": 1 << 20, "crc": 0})])),
        ("zip-deflate-broken.npz", "damaged deflate", write_zip([Entry(b"a.npy", WRONG_DEFLATE, 8, content=ARRAY)])),
        ("zip-deflate-none.npz", "deflate of no bytes", write_zip([Entry(b"a.npy", b"", 8, content=ARRAY)])),
        ("zip-deflate-behind.npz", "bytes behind the end of deflate", write_zip([Entry(
            b"a.npy", deflate(ARRAY) + b"hidden", 8, content=ARRAY)])),
        ("zip-method-12.npz", "packed with bzip2", write_zip([Entry(b"a.npy", ARRAY, 12)])),
        ("zip-method-14.npz", "packed with lzma", write_zip([Entry(b"a.npy", ARRAY, 14)])),
        ("zip-method-99.npz", "packed with AES", write_zip([Entry(b"a.npy", ARRAY, 99)])),
        ("zip-encrypted.npz", "encrypted", write_zip([Entry(b"a.npy", ARRAY, flags=FLAG_ENCRYPTED)])),
        ("zip-strong.npz", "strongly encrypted", write_zip([Entry(b"a.npy", ARRAY, flags=0x41)])),
        ("zip-masked.npz", "an encrypted directory", write_zip([Entry(b"a.npy", ARRAY, flags=0x2000)])),
        ("zip-prefix.npz", "a program before the zip", write_zip([GOOD], b"#!/bin/sh\n")),
        ("zip-prefix-self.npz", "bytes before it, offsets as if there were none", b"MZ" * 50 + write_zip([GOOD])),
        ("zip-prefix-local.npz", "a hidden member before the first", write_zip([GOOD], write_zip([Entry(
            b"hidden.npy", ARRAY)])[: 30 + 10 + len(ARRAY)]), (0, 2)),
        ("zip-suffix.npz", "bytes behind the zip", write_zip([GOOD], behind=b"trailing bytes")),
        ("zip-two.npz", "two zips, one behind the other", write_zip([GOOD]) + write_zip([Entry(b"b.npy", ARRAY)])),
        ("zip-comment.npz", "a comment", write_zip([GOOD], comment=b"a comment"), READ),
        ("zip-comment-zip.npz", "a comment that is the end of a zip", write_zip([GOOD], comment=write_zip([])), (0, 2)),
        ("zip-comment-long.npz", "a comment longer than it says", write_zip([GOOD], comment=b"abc", length=1)),
        ("zip-comment-short.npz", "a comment shorter than it says", write_zip([GOOD], comment=b"abc", length=50_000)),
        ("zip-members-more.npz", "more members than there are", write_zip([GOOD], members=2)),
        ("zip-members-less.npz", "fewer members than there are", write_zip([GOOD, Entry(b"b.npy", ARRAY)], members=1)),
        ("zip-members-none.npz", "no member in the directory", write_zip([GOOD], members=0, size=0)),
        ("zip-size.npz", "a directory of another size", write_zip([GOOD], size=7)),
        ("zip-start.npz", "a directory at another place", write_zip([GOOD], start=3)),
        ("zip-start-huge.npz", "a directory beyond the end", write_zip([GOOD], start=0xFFFFFFF0)),
        ("zip-disk.npz", "the second of two disks", write_zip([GOOD], disk=1)),
        ("zip-no-end.npz", "no directory", write_zip([GOOD])[: 30 + 5 + len(ARRAY)]),
        ("zip-end-cut.npz", "cut within the last record", write_zip([GOOD])[:-3]),
        ("zip-hidden-before-end.npz", "bytes between directory and end", write_zip([GOOD], before=b"hidden")),
        ("zip-64.npz", "64-bit records of a small file", wide(), READ),
        ("zip-64-members.npz", "2^40 members", wide(members=1 << 40)),
        ("zip-64-size.npz", "a directory of 2^60 bytes", wide(size=1 << 60)),
        ("zip-64-offset.npz", "a 64-bit record beyond the end", wide(offset=1 << 60)),
        ("zip-64-itself.npz", "a 64-bit record that is the locator", wide(offset=10**6)),
        ("zip-64-length.npz", "a 64-bit record of 2^60 bytes", wide(length=1 << 60)),
        ("zip-64-extra.npz", "64-bit sizes that lie", write_zip([Entry(
            b"a.npy", ARRAY, central={"size": 0xFFFFFFFF, "extra": zip64_extra(1 << 50)})])),
        ("zip-64-extra-missing.npz", "64-bit sizes that are not there", central(size=0xFFFFFFFF, stored=0xFFFFFFFF)),
        ("zip-64-extra-cut.npz", "64-bit sizes that are cut", central(size=0xFFFFFFFF, stored=0xFFFFFFFF,
                                                                    extra=b"\1\0\x10\0abc")),
        ("zip-extra-lies.npz", "an extra field longer than the extra fields",
         central(extra=b"\xfe\xca\xff\xff"), (0, 2)),
        ("zip-unicode-path.npz", "another name in an extra field", central(
            extra=struct.pack("<HHBI", 0x7075, 10, 1, zlib.crc32(b"a.npy")) + b"b.npy"), (0, 2)),
        ("zip-described.npz", "sizes behind the bytes", described(DESCRIPTOR), READ),
        ("zip-described-bare.npz", "sizes behind the bytes, without a mark", described(DESCRIPTOR[4:]), READ),
        ("zip-described-lies.npz", "wrong sizes behind the bytes", described(DESCRIPTOR[:8] + b"\1\0\0\0\1\0\0\0")),
        ("zip-described-none.npz", "no sizes behind the bytes", described(b"")),
        ("zip-name-outside.npz", "zip slip: ../../etc/passwd", named(b"../../../../etc/passwd.npy"), READ),
        ("zip-name-absolute.npz", "an absolute name", named(b"/etc/cron.d/x.npy"), READ),
        ("zip-name-drive.npz", "a drive's name", named(b"C:\\Windows\\x.npy"), READ),
        ("zip-name-nul.npz", "a name that ends early", named(b"a.npy\0.txt")),
        ("zip-name-empty.npz", "no name", named(b""), (0, 2)),
        ("zip-name-not-utf-8.npz", "a name that is not UTF-8", named(b"\xff\xfe.npy", FLAG_UTF8)),
        ("zip-name-long.npz", "a name of 65,535 letters", named(b"a" * 65_531 + b".npy"), READ),
        ("zip-name-control.npz", "a name that clears the screen", named(b"\x1b[2J\x1b[31m.npy"), READ),
        ("zip-link.npz", "a symbolic link",
         write_zip([Entry(b"a.npy", b"/etc/passwd", central={"mode": 0xA1FF << 16})])),
        ("zip-folder.npz", "folders with bytes", write_zip([GOOD, Entry(b"dir/", ARRAY)]), (0, 2)),
        ("zip-many.npz", "65,535 empty members", lambda: write_zip([Entry(b"%d" % n, b"") for n in range(65_535)])),
        ("zip-in-zip.npz", "an array that is a zip", write_zip([Entry(b"a.npy", write_zip([GOOD]))])),
        ("zip-deflated.npz", "an honest deflated array", write_zip([deflated(b"a.npy", ARRAY)]), READ),
    ],
)  # fmt: skip
