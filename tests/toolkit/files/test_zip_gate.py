"""Zip files that contradict themselves, and what ZipWriter writes, against Python's own zipfile."""

import io
import os
import struct
import time
import tracemalloc
import zipfile
import zlib

import pytest

from cnnkit.files.unsafe_file import UnsafeFileError
from cnnkit.files.zips import directory, end, writer
from cnnkit.files.zips.gate import ZipGate, read_member_names
from cnnkit.files.zips.writer import ZipWriter

DATA = {"a.npy": b"hello" * 100, "b/c": b"", "größe": bytes(range(256)) * 40}


def build(members, compression=zipfile.ZIP_STORED, **options):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression, **options) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()


class Pipe(io.BytesIO):
    """A place that cannot seek: sizes and checksums come behind the members."""

    def seekable(self):
        return False

    def seek(self, *_):
        raise OSError("cannot seek")

    def tell(self):
        raise OSError("cannot tell")


def piped(members, compression=zipfile.ZIP_STORED):
    stream = Pipe()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, data in members.items():
            with archive.open(name, "w", force_zip64=name == "b/c") as member:
                member.write(data)
    return stream.getvalue()


def gate(tmp_path, data):
    (tmp_path / "a.zip").write_bytes(data)
    return ZipGate(tmp_path / "a.zip")


@pytest.mark.parametrize("make", [build, piped])
@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_what_zipfile_writes_is_read(tmp_path, make, compression):
    opened = gate(tmp_path, make(DATA, compression))
    assert list(opened.members) == list(DATA)
    assert opened.unclaimed == 0
    for name, data in DATA.items():
        assert opened.peek(name, 7) == data[:7]
        for _ in range(2):  # the second time without checksum
            assert opened.read(name).tobytes() == data
            assert (
                opened.read(name, len(data) // 3, len(data) // 2).tobytes() == data[len(data) // 3 :][: len(data) // 2]
            )


@pytest.mark.parametrize("level", [0, 1, 9])
@pytest.mark.parametrize("wide", [False, True])
def test_what_we_write_is_read_by_zipfile_and_by_us(tmp_path, level, wide, monkeypatch):
    if wide:  # as if every file were larger than 4 GiB
        monkeypatch.setattr(writer, "_WIDE", 1)
    path = tmp_path / "w.zip"
    for _ in range(2):
        with path.open("wb") as stream:
            archive = ZipWriter(stream)
            for name, data in DATA.items():
                archive.add(name, (data[:50], memoryview(data)[50:]), len(data), level)
            archive.finish()
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == DATA
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    opened = ZipGate(path)
    assert {name: opened.read(name).tobytes() for name in opened.members} == DATA
    assert opened.unclaimed == 0
    assert all(member.start % 64 == 0 for member in opened.members.values())


def test_a_writer_that_is_told_another_size(tmp_path):
    with (tmp_path / "a").open("wb") as stream, pytest.raises(ValueError, match="expected 3 bytes, got 2"):
        ZipWriter(stream).add("a", (b"12",), 3)


def test_names_tell_formats_apart_even_when_the_zip_is_damaged(tmp_path):
    data = build(DATA)
    (tmp_path / "a").write_bytes(data)
    assert read_member_names(tmp_path / "a", data[:8192]) == tuple(DATA)
    (tmp_path / "a").write_bytes(data[:700])
    assert read_member_names(tmp_path / "a", data[:700]) == ("a.npy",)
    assert read_member_names(tmp_path / "a", b"hello") == ()


def patched(data, mark, offset, layout, value, which=0):
    """Change one number of the `which`-th header that begins with `mark`."""
    at, found = -1, bytearray(data)
    for _ in range(which + 1):
        at = data.index(mark, at + 1)
    struct.pack_into(layout, found, at + offset, value)
    return bytes(found)


LOCAL, CENTRAL, END = b"PK\3\4", b"PK\1\2", b"PK\5\6"
GOOD, PACKED = build(DATA), build(DATA, zipfile.ZIP_DEFLATED)
WIDE = build({"a": b"1"})
BAD = {
    "empty": (b"", "directory, at the end, is missing"),
    "cut": (GOOD[:-1], "directory, at the end, is missing"),
    "half": (GOOD[: len(GOOD) // 2], "directory, at the end, is missing"),
    "behind": (GOOD + b"x", "directory, at the end, is missing"),
    "before": (b"PK\3\4xx" + GOOD, "does not end where it should"),
    "two ends": (GOOD + END + bytes(18), "does not end where it should"),
    "disk": (patched(GOOD, END, 4, "<H", 1), "several parts"),
    "count": (patched(GOOD, END, 10, "<H", 2), "several parts"),
    "both counts": (patched(patched(GOOD, END, 10, "<H", 2), END, 8, "<H", 2), "the length of its directory is wrong"),
    "more": (patched(patched(GOOD, END, 10, "<H", 4), END, 8, "<H", 4), "is cut|does not end"),
    "start": (patched(GOOD, END, 16, "<I", 3), "does not end where it should"),
    "name": (patched(GOOD, LOCAL, 30, "<B", 98), "a.npy is described differently"),
    "central name": (patched(GOOD, CENTRAL, 46, "<B", 98), "b.npy is described differently"),
    "local size": (patched(GOOD, LOCAL, 22, "<I", 499), "a.npy is described differently"),
    "local crc": (patched(GOOD, LOCAL, 14, "<I", 1), "a.npy is described differently"),
    "local method": (patched(GOOD, LOCAL, 8, "<H", 8), "a.npy is described differently"),
    "local mark": (patched(GOOD, LOCAL, 0, "<I", 1), "a.npy is described differently"),
    "size": (patched(GOOD, CENTRAL, 24, "<I", 501), "500 bytes cannot unfold to 501"),
    "both sizes": (patched(patched(GOOD, CENTRAL, 24, "<I", 1 << 20), CENTRAL, 20, "<I", 1 << 20), "described differ"),
    "ratio": (patched(PACKED, CENTRAL, 24, "<I", 1 << 30), "bytes cannot unfold to 1073741824"),
    "packing": (patched(GOOD, CENTRAL, 10, "<H", 12), "packing 12 is neither stored nor deflate"),
    "encrypted": (patched(GOOD, CENTRAL, 8, "<H", 1), "a.npy is encrypted"),
    "offset": (patched(GOOD, CENTRAL, 42, "<I", 1 << 30), "a.npy lies outside"),
    "same bytes": (patched(GOOD, CENTRAL, 42, "<I", 0, 1), "described differently|overlaps"),
    "no 64": (patched(GOOD, CENTRAL, 24, "<I", 0xFFFFFFFF), "lacks its 64-bit sizes"),
    "descriptor": (patched(piped(DATA), b"PK\7\x08", 4, "<I", 1), "behind its bytes"),
    "nul": (patched(patched(GOOD, CENTRAL, 47, "<B", 0), LOCAL, 31, "<B", 0), "ends early"),
    "not utf-8": (patched(GOOD, CENTRAL, 48, "<B", 0xFF, 2), "not UTF-8"),
}


@pytest.mark.parametrize(("data", "message"), BAD.values(), ids=BAD)
def test_contradictions_are_refused(tmp_path, data, message):
    with pytest.raises(UnsafeFileError, match=message) as caught:
        gate(tmp_path, data)
    assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_duplicates_and_overlaps(tmp_path):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a", "1")
        archive.writestr("a", "2")
    with pytest.raises(UnsafeFileError, match="zip member a occurs twice"):
        gate(tmp_path, stream.getvalue())
    # The first member holds a whole second one among its bytes, as the bombs of D. Fifield do.
    inner = struct.pack("<4s5H3I2H", LOCAL, 20, 0, 0, 0, 33, zlib.crc32(b"x"), 1, 1, 1, 0) + b"bx"
    data = build({"a": inner, "b": b"x"})
    moved = patched(data, CENTRAL, 42, "<I", 31, 1)
    with pytest.raises(UnsafeFileError, match="zip member b overlaps another member"):
        gate(tmp_path, moved)


def test_bytes_that_belong_to_nobody_are_counted(tmp_path):
    data = build({"a": b"1"})
    at = data.index(CENTRAL)
    gap = patched(data[:at] + b"hidden" + data[at:], END, 16, "<I", at + 6)
    assert gate(tmp_path, gap).unclaimed == 6


def test_damage_of_values_is_noticed(tmp_path):
    for data in (GOOD, PACKED):
        at = data.index(b"a.npy") + 5
        bad = bytearray(data)
        bad[at + 3] ^= 1
        opened = gate(tmp_path, bytes(bad))
        with pytest.raises(UnsafeFileError, match=r"zip member a\.npy (does not fit its checksum|cannot be|unfolds)"):
            opened.read("a.npy")


@pytest.mark.parametrize(("declared", "message"), [(400, "more than its 400"), (501, "unfolds to 500 bytes where 501")])
def test_a_member_that_unfolds_to_another_size(tmp_path, declared, message):
    data = patched(patched(PACKED, CENTRAL, 24, "<I", declared), LOCAL, 22, "<I", declared)
    with pytest.raises(UnsafeFileError, match=message):
        gate(tmp_path, data).read("a.npy")


def test_bytes_behind_the_end_of_a_deflate_stream(tmp_path):
    folded = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = folded.compress(b"1" * 50) + folded.flush() + b"tail"
    data = build({"a": packed})
    for mark, method, size in ((CENTRAL, 10, 24), (LOCAL, 8, 22)):
        data = patched(patched(data, mark, method, "<H", 8), mark, size, "<I", 50)
    opened = gate(tmp_path, data)
    with pytest.raises(UnsafeFileError, match="unfolds to"):
        opened.read("a")


def test_bombs_are_refused_at_once_and_take_no_memory(tmp_path):
    data = build({f"{n}": bytes(16 << 20) for n in range(5)}, zipfile.ZIP_DEFLATED)
    (tmp_path / "a.zip").write_bytes(data)
    tracemalloc.start()
    began = time.process_time()
    with pytest.raises(
        UnsafeFileError, match=r"a zip of \d+ bytes that unfolds to 83886080, more than 67108864"
    ) as caught:
        ZipGate(tmp_path / "a.zip")
    assert time.process_time() - began < 10
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()
    assert caught.value.kind == "too_big"


def test_too_many_members_and_too_long_a_directory(tmp_path, monkeypatch):
    monkeypatch.setattr(directory, "MAX_MEMBERS", 2)
    with pytest.raises(UnsafeFileError, match="3 members, more than 2"):
        gate(tmp_path, GOOD)
    monkeypatch.setattr(end, "_MAX_BYTES", 100)
    with pytest.raises(UnsafeFileError, match=r"a zip directory of .* bytes, more than 100"):
        gate(tmp_path, GOOD)


def test_a_64_bit_end_record_must_agree(tmp_path, monkeypatch):
    monkeypatch.setattr(writer, "_WIDE", 1)
    stream = io.BytesIO()
    archive = ZipWriter(stream)
    archive.add("a", (b"1",), 1)
    archive.finish()
    data = stream.getvalue()
    assert list(gate(tmp_path, data).members) == ["a"]
    for offset, layout, value in ((4, "<Q", 45), (16, "<I", 1), (24, "<Q", 2), (48, "<Q", 9), (0, "<I", 0)):
        with pytest.raises(UnsafeFileError, match=r"64-bit end record|does not end|several parts"):
            gate(tmp_path, patched(data, b"PK\6\6", offset, layout, value))
    with pytest.raises(UnsafeFileError, match="two end records disagree"):
        gate(tmp_path, patched(data, END, 16, "<I", 1))


def test_a_comment_is_no_obstacle_and_no_hiding_place(tmp_path):
    data = GOOD[:-2] + struct.pack("<H", 5) + b"hello"
    assert list(gate(tmp_path, data).members) == list(DATA)
    hiding = GOOD[:-2] + struct.pack("<H", 27) + b"hello" + END + bytes(18)
    with pytest.raises(UnsafeFileError, match="does not end where it should"):
        gate(tmp_path, hiding)


def test_every_single_byte_changed_is_noticed_or_harmless(tmp_path):
    data = build({"a": b"hello", "b": b"x" * 40}, zipfile.ZIP_DEFLATED)
    for position in range(len(data)):
        bad = bytearray(data)
        bad[position] ^= 0xFF
        try:
            opened = gate(tmp_path, bytes(bad))
            found = {name: opened.read(name).tobytes() for name in opened.members}
        except UnsafeFileError:
            continue
        assert found == {"a": b"hello", "b": b"x" * 40}
    assert os.path.getsize(tmp_path / "a.zip") == len(data)
