"""What the worker process does, run in this one."""

import io
import json
import sys
from types import SimpleNamespace

import h5py
import numpy as np
import pytest

from cnnkit import exporters
from cnnkit.files.file_part import FilePart
from cnnkit.files.hdf5 import worker
from cnnkit.files.hdf5.listing import list_contents
from cnnkit.files.hdf5.values import iterate_values
from cnnkit.files.unsafe_file import UnsafeFileError


@pytest.fixture
def path(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["g/x"] = np.arange(4, dtype=">i2")
        attributes = {"n": 3, "b": True, "f": np.float32(0.5), "nan": np.nan, "s": "text", "t": np.bytes_(b"\xff")}
        for name, value in (attributes | {"list": [b"a", b"b"], "none": np.zeros(0)}).items():
            file["g"].attrs[name] = value
        file["g"].attrs["skipped"] = file["g"].ref
        file["g"].attrs["nothing"] = h5py.Empty("f4")
        file["words"] = "words"
        file["half"] = np.zeros(2, "V2")
        file["half"].attrs["dtype"] = "bfloat16"
        file.create_dataset("virtual", (4,), "u1", external=[("passwords", 0, 4)])
        file["half-away"] = h5py.SoftLink("/g")
    return tmp_path / "a.h5"


@pytest.fixture
def ask(monkeypatch):
    """Give the worker requests, and return its frames as (letter, content)."""

    def ask(*requests):
        contents = [json.dumps(request | {"seconds": 1, "memory": 0}).encode() for request in requests]
        lines = io.BytesIO(b"".join(len(content).to_bytes(8, "big") + content for content in contents))
        replies = io.BytesIO()
        with monkeypatch.context() as patch:
            patch.setattr(worker, "ProcessLimits", NoLimits)
            patch.setattr(sys, "stdin", SimpleNamespace(buffer=lines))
            patch.setattr(sys, "stdout", SimpleNamespace(buffer=replies))
            worker.main()
        data, frames = replies.getvalue(), []
        while data:
            size = int.from_bytes(data[1:9], "big")
            frames.append((data[:1], data[9 : 9 + size]))
            data = data[9 + size :]
        return frames

    return ask


class NoLimits:
    active = ("none",)

    def allow(self, seconds, more_bytes):
        assert (seconds, more_bytes) == (1, 0)


def request(path, place=None, window=None, **more):
    wish = "listing" if place is None else "values"
    return {"path": str(path), "place": place, "window": window, "wish": wish, "which": []} | more


def test_a_listing_names_all_and_reads_no_values(path):
    with h5py.File(path) as file:
        found = list_contents(file, path.stat().st_size)
    begin = path.read_bytes().index(np.arange(4, dtype=">i2").tobytes())
    where = {"runs": [[begin, 8]], "checksums": False, "big_endian": True, "chunk": 0}
    assert found["datasets"]["g/x"] == {"dtype": "int16", "shape": [4], "attributes": {}} | where
    assert found["datasets"]["half"]["dtype"] == "bfloat16"
    assert found["groups"]["g"] == {
        **{"n": 3, "b": True, "f": 0.5, "nan": "nan", "s": "text", "t": "\udcff", "list": ["a", "b"], "none": []}
    }
    assert found["not_read"] == {
        "words": "text, not numbers",
        "virtual": "external storage: its values lie in other files",
    }
    assert found["not_followed"] == ["half-away (soft link)"]


def test_values_are_little_endian(path):
    with h5py.File(path) as file:
        assert b"".join(part.tobytes() for part in iterate_values(file, "g/x")) == np.arange(4, dtype="<i2").tobytes()
        for place, message in (("g", "g has gone"), ("words", "text, not numbers"), ("half-away", "not followed")):
            with pytest.raises(UnsafeFileError, match=message):
                list(iterate_values(file, place))


def test_requests_are_answered_one_by_one(path, ask, tmp_path):
    frames = ask(request(path), request(path, "g/x"), request(path, "words"), request(tmp_path), request("none"))
    assert [letter for letter, _ in frames] == [b"J", b"Z", b"D", b"Z", b"E", b"E", b"E"]
    assert frames[2][1] == np.arange(4, dtype="<i2").tobytes()
    assert json.loads(frames[4][1]) == ["words: text, not numbers", "refused"]
    assert [json.loads(content)[0][:19] for _, content in frames[5:]] == ["damaged HDF5 file: "] * 2


def test_rows_texts_and_protections(path, ask):
    with h5py.File(path, "a") as file:
        file["fixed"] = np.bytes_(b"{}")
    wishes = {"wish": "rows", "which": [[2, 4], [0, 1]]}, {"wish": "text"}, {"wish": "protections"}
    frames = ask(request(path, "g/x", **wishes[0]), request(path, "fixed", **wishes[1]), wishes[2])
    parts = [content for letter, content in frames if letter in b"DJ"]
    assert b"".join(parts[:2]) == np.array([2, 3, 0], "<i2").tobytes()
    assert parts[2:] == [b"{}", b'["none"]']


def test_a_file_inside_another(path, ask, tmp_path):
    data = path.read_bytes()
    (tmp_path / "outer").write_bytes(b"before" + data + b"after")
    window = [6, len(data)]
    assert ask(request(tmp_path / "outer", "g/x", window))[0][1] == np.arange(4, dtype="<i2").tobytes()
    with open(tmp_path / "outer", "rb", buffering=0) as stream:
        inner = FilePart(stream, 6, len(data))
        assert inner.read() == data
        assert inner.read() == b""
        assert (inner.seek(-3, 2), inner.tell(), inner.read(8)) == (len(data) - 3, len(data) - 3, data[-3:])
        buffer = bytearray(b"x" * 8)
        inner.seek(-3, 2)
        assert inner.readinto(buffer) == 8
        assert buffer == data[-3:] + bytes(5)  # not what lies behind


@pytest.mark.parametrize(
    ("error", "reply"),
    [
        (MemoryError(), ["reading it takes more memory than allowed", "too_big"]),
        (IndexError("a\nb"), [r"damaged HDF5 file: IndexError: a\x0ab", "unreadable"]),
    ],
)
def test_whatever_goes_wrong_is_a_line(path, ask, monkeypatch, error, reply):
    def fail(*_):
        raise error

    monkeypatch.setattr(worker, "list_contents", fail)
    assert json.loads(ask(request(path))[0][1]) == reply


def test_an_answer_without_end(path, ask, monkeypatch):
    monkeypatch.setattr(worker, "_MOST_ANSWER", 10)
    assert json.loads(ask(request(path))[0][1])[1] == "too_big"


def test_a_relative_path_is_that_of_the_caller(tmp_path, monkeypatch):
    """The worker lives on in the folder where it began; the caller may have moved."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        with h5py.File("net.h5", "w") as file:
            file["W"] = np.full(3, len(name + name[0]), "f4")
        assert exporters.read("net.h5")["W"].read().tolist() == [4.0, 4.0, 4.0]
