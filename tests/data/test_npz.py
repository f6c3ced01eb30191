import io
import struct
import zipfile

import numpy as np
import pytest

from cnnkit.data import load
from cnnkit.errors import DataError


def npy(values):
    stream = io.BytesIO()
    np.save(stream, values)
    return stream.getvalue()


def write(path, members, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return path


@pytest.fixture
def members(arrays):
    return {f"{key}.npy": npy(values) for key, values in arrays.items()}


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_numpys_own_files(tmp_path, arrays, same, save):
    save(tmp_path / "set.npz", **arrays)
    same(load(tmp_path / "set.npz"))


def test_order_in_memory_and_bytes_does_not_matter(tmp_path, arrays, same):
    swapped = {k: np.asfortranarray(v) if k[0] == "x" else v.astype(">i4") for k, v in arrays.items()}
    np.savez(tmp_path / "set.npz", **swapped)
    same(load(tmp_path / "set.npz"))


def test_content_decides_not_the_name(tmp_path, arrays, same):
    np.savez(tmp_path / "set.npz", **arrays)
    same(load((tmp_path / "set.npz").rename(tmp_path / "set.data")))


def test_the_test_split_is_optional_and_other_arrays_are_ignored(tmp_path, arrays, same):
    objects = np.array([{}], dtype=object)
    np.savez(tmp_path / "set.npz", x_train=arrays["x_train"], y_train=arrays["y_train"], extra=objects)
    same(load(tmp_path / "set.npz"), test=False)


@pytest.mark.parametrize("key", ["x_train", "y_train", "x_test", "y_test"])
def test_a_missing_array_is_named(tmp_path, arrays, key):
    del arrays[key]
    np.savez(tmp_path / "set.npz", **arrays)
    with pytest.raises(DataError, match=rf"set\.npz: expected an array {key}, got arrays"):
        load(tmp_path / "set.npz")


class Bomb:
    def __reduce__(self):
        return pytest.fail, ("the pickle ran",)


@pytest.mark.parametrize("key", ["x_train", "y_train"])
def test_pickled_arrays_are_refused_and_not_run(tmp_path, arrays, key):
    arrays[key] = np.array([Bomb()] * 7, dtype=object)
    np.savez(tmp_path / "set.npz", **arrays)
    with pytest.raises(DataError, match="pickles, which run code"):
        load(tmp_path / "set.npz")


def header(text, version=b"\x01\x00"):
    data = text.encode()
    return b"\x93NUMPY" + version + struct.pack("<H" if version[0] == 1 else "<I", len(data)) + data


def fields(descr="'|u1'", order="False", shape="(7, 5, 6)"):
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}}}\n"


BAD_ARRAYS = {
    "no npy": (b"hello world", "NPY array"),
    "empty": (b"", "NPY array"),
    "version": (header(fields(), b"\x09\x00") + bytes(210), "versions 1 to 3"),
    "header cut": (header(fields())[:40], "header with descr"),
    "long header": (header(fields() + " " * 20_000) + bytes(210), "header of 1 to 10000"),
    "no header": (b"\x93NUMPY\x01\x00\x00\x00", "header of 1 to 10000"),
    "code": (header("__import__('os').system('true')\n"), "header with descr"),
    "nested": (header("(" * 5000), "header with descr"),
    "missing key": (header("{'descr': '|u1', 'shape': (7, 5, 6)}\n"), "header with descr"),
    "string dtype": (header(fields("'<U2'")) + bytes(840), "dtype '<U2'"),
    "long double": (header(fields("'<f16'")), "64 bits"),
    "unknown dtype": (header(fields("'zz'")), "64 bits"),
    "structured": (header(fields("[('a', '<f4')]")), "64 bits"),
    "date": (header(fields("'<M8[s]'")), "64 bits"),
    "negative": (header(fields(shape="(-7, 5, 6)")) + bytes(210), "a shape"),
    "float shape": (header(fields(shape="(7.0, 5, 6)")) + bytes(210), "a shape"),
    "list shape": (header(fields(shape="[7, 5, 6]")) + bytes(210), "a shape"),
    "declares more": (header(fields(shape="(8, 5, 6)")) + bytes(210), "bytes for uint8"),
    "declares less": (header(fields(shape="(6, 5, 6)")) + bytes(210), "bytes for uint8"),
    "overflow": (header(fields(shape="(4294967296, 4294967296, 1)")) + bytes(210), "a shape that an array can have"),
    "flat": (npy(np.zeros((7, 30), np.uint8)), "expected samples of 1 axes, as layout F says"),
    "nan": (npy(np.full((7, 5, 6), np.nan)), "NaN"),
    "none": (npy(np.zeros((0, 5, 6), np.uint8)), "expected"),
    "fewer": (npy(np.zeros((6, 5, 6), np.uint8)), "each of the 6 images"),
}


@pytest.mark.parametrize(("data", "message"), BAD_ARRAYS.values(), ids=BAD_ARRAYS)
def test_malformed_arrays(tmp_path, members, data, message):
    members["x_train.npy"] = data
    with pytest.raises(DataError, match=message) as caught:
        load(write(tmp_path / "set.npz", members.items()))
    assert "\n" not in str(caught.value)


def test_header_versions_2_and_3(tmp_path, members, arrays, same):
    for version in (b"\x02\x00", b"\x03\x00"):
        members["x_train.npy"] = header(fields(), version) + arrays["x_train"].tobytes()
        same(load(write(tmp_path / "set.npz", members.items())))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_duplicates_are_refused(tmp_path, members):
    twice = [*members.items(), ("x_train.npy", members["x_test.npy"])]
    with pytest.raises(DataError, match=r"x_train\.npy occurs twice"):
        load(write(tmp_path / "set.npz", twice))


def test_other_compressions_are_refused(tmp_path, members):
    with pytest.raises(DataError, match="neither stored nor deflate"):
        load(write(tmp_path / "set.npz", members.items(), zipfile.ZIP_LZMA))


@pytest.mark.parametrize("change", [lambda data: data + b"tail", lambda data: data[:-1], lambda data: data[:300]])
def test_truncated_or_extended_zip(tmp_path, members, change):
    path = write(tmp_path / "set.npz", members.items())
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(DataError, match=r"set\.npz: expected"):
        load(path)


def test_bytes_before_the_zip(tmp_path, members):
    path = write(tmp_path / "set.npz", members.items())
    path.write_bytes(b"PK\x03\x04 and something else" + path.read_bytes())
    with pytest.raises(DataError, match="directory does not end where it should"):
        load(path)


def test_every_flipped_bit_of_values_is_noticed(tmp_path, members, arrays):
    path = write(tmp_path / "set.npz", members.items(), zipfile.ZIP_STORED)
    good = path.read_bytes()
    at = good.index(arrays["x_train"].tobytes())
    for offset in range(0, 210, 7):
        bad = bytearray(good)
        bad[at + offset] ^= 1 << offset % 8
        path.write_bytes(bad)
        with pytest.raises(DataError, match="CRC"):
            load(path)


def test_a_zip_that_lies_about_a_size(tmp_path, members):
    path = write(tmp_path / "set.npz", members.items(), zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    entry = data.index(b"PK\x01\x02")
    data[entry + 24 : entry + 28] = struct.pack("<I", 0xFFFFFF00)
    path.write_bytes(data)
    with pytest.raises(DataError, match="cannot unfold to 4294967040"):
        load(path)


def test_a_hostile_name_does_not_reach_the_terminal(tmp_path, members):
    members["\x1b[31m\u202e.npy"] = members.pop("y_train.npy")
    with pytest.raises(DataError, match="expected an array y_train") as caught:
        load(write(tmp_path / "set.npz", members.items()))
    assert not {"\x1b", "\u202e"} & set(str(caught.value))


def test_a_member_that_ends_before_its_declared_size(tmp_path, members):
    members["x_train.npy"] = header(fields(shape="(8, 5, 6)")) + bytes(210)
    path = write(tmp_path / "set.npz", members.items())
    data = bytearray(path.read_bytes())
    entry = data.index(b"PK\x01\x02")
    data[entry + 24 : entry + 28] = struct.pack("<I", len(members["x_train.npy"]) + 30)
    path.write_bytes(data)
    with pytest.raises(DataError, match="described differently in the directory and before its bytes"):
        load(path)


def test_a_bomb_is_refused_before_memory_is_taken(tmp_path, members, monkeypatch):
    monkeypatch.setattr("cnnkit.data.refusal.FREE_BYTES", 1 << 20)
    members["x_train.npy"] = header(fields(shape="(7, 1000, 1000)")) + bytes(7_000_000)
    path = write(tmp_path / "set.npz", members.items())
    monkeypatch.setattr(np, "empty", lambda *_: pytest.fail("memory was asked for"))
    with pytest.raises(DataError, match="after unpacking"):
        load(path)


@pytest.mark.parametrize("content", [b"", b"PK", b"\x80\x04]\x94.", b"hello world"])
def test_a_file_that_is_not_a_zip(tmp_path, content):
    path = tmp_path / "set.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match="a zip file with arrays"):
        load(path)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            {"images": np.zeros((2, 3, 3)), "labels": np.arange(2)},
            r"numpy\.savez\(FILE, x_train=images, y_train=labels\)",
        ),
        (
            {"x_train": np.zeros((2, 3, 3)), "y_train": np.array(["a", "b"])},
            r"numpy\.unique\(labels, return_inverse=True\)",
        ),
        ({"x_train": np.zeros((2, 3, 3)), "y_train": np.array([0, None])}, "objects are pickles"),
    ],
)
def test_arrays_of_another_kind_say_what_to_type(tmp_path, arrays, message):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(DataError, match=message):
        load(tmp_path / "a.npz")
