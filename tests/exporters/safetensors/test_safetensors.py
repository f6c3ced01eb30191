"""safetensors against the real library, and files that lie."""

import json
import struct

import numpy as np
import pytest
import safetensors
import safetensors.numpy

from cnnkit import exporters
from cnnkit.errors import ExportError, WeightFileError
from cnnkit.exporters import Tensor, WeightFile
from cnnkit.exporters.safetensors.format import SafetensorsFormat

FORMAT = SafetensorsFormat()


def build(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(dtype="F32", shape=(2,), offsets=(0, 8)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def test_the_real_library_reads_what_we_write(weights, tmp_path):
    path = tmp_path / "a.safetensors"
    exporters.write(weights, path)
    with safetensors.safe_open(path, "np") as file:
        assert set(file.keys()) == {"0.weight", "0.bias", "1.mean", "1.batches", "optimizer/0.weight", "2.weight"}
        assert json.loads(file.metadata()["architecture"]) == weights.architecture
        assert json.loads(file.metadata()["tensors"])[0]["axes"] == ["o", "i", "kh", "kw"]
        for key in ("0.weight", "0.bias", "1.mean", "1.batches"):
            assert file.get_tensor(key).tobytes() == weights[key].read().tobytes()
    length = struct.unpack("<Q", path.read_bytes()[:8])[0]
    assert (length + 8) % 64 == 0


def test_the_real_library_takes_all_types_and_names(tmp_path):
    names = ["", "a b", "ünï", "\x1b[31m", '"', "__metadata__", "a/b", "\0", "\ud800"]
    weights = WeightFile(tuple(Tensor.of(name, np.arange(n, dtype=np.int16)) for n, name in enumerate(names)))
    exporters.write(weights, tmp_path / "names.safetensors")
    with safetensors.safe_open(tmp_path / "names.safetensors", "np") as file:
        assert len(file.keys()) == len(names)
        assert set(file.keys()) >= set(names[:5])
    types = ["bfloat16", "float8_e4m3fn", "float8_e5m2", "float8_e8m0fnu", "float8_e4m3fnuz", "float8_e5m2fnuz"]
    bits = {name: np.arange(6, dtype=np.uint16 if name == "bfloat16" else np.uint8) for name in types}
    exporters.write(
        WeightFile(tuple(Tensor.of(name, array, dtype=name) for name, array in bits.items())),
        tmp_path / "t.safetensors",
    )
    data = dict(safetensors.deserialize((tmp_path / "t.safetensors").read_bytes()))
    assert {name: bytes(data[name]["data"]) for name in types} == {name: bits[name].tobytes() for name in types}
    assert [data[name]["dtype"] for name in types[:2]] == ["BF16", "F8_E4M3"]


def test_we_read_what_the_real_library_writes(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {
        "module.conv10.weight": rng.normal(size=(4, 2, 3, 3)).astype(np.float32),
        "module.conv10.bias": rng.normal(size=4).astype(np.float32),
        "module.conv2.weight": rng.normal(size=(2, 1, 3, 3)),
        "n": np.array(3),
        "empty": np.zeros((0, 2), np.uint8),
    }
    safetensors.numpy.save_file(arrays, tmp_path / "a", metadata={"format": "np"})
    back = exporters.read(tmp_path / "a")
    assert [t.name for t in back] == ["empty", "n", "module.conv2.weight", "module.conv10.weight", "module.conv10.bias"]
    assert all(back[name].read().tobytes() == array.tobytes() for name, array in arrays.items())
    kernel = back["module.conv10.weight"]
    assert (kernel.layer, kernel.role, kernel.axes) == ("conv10", "weight", ("o", "i", "kh", "kw"))
    assert back.metadata == {"safetensors": {"format": "np"}}
    assert back.format == "safetensors"


def test_elements_of_less_than_a_byte_are_named(tmp_path):
    (tmp_path / "a").write_bytes(build({"four": entry("F4", (2, 2), (0, 2)), "b": entry("U8", (1,), (2, 3))}, bytes(3)))
    back = exporters.read(tmp_path / "a")
    assert [t.name for t in back] == ["b"]
    assert [(note.what, note.reason) for note in back.not_read] == [("four", "element type F4, of less than a byte")]


PAIR = {"a": entry(), "b": entry(offsets=(8, 16))}
BAD = {
    "cut": (build({"a": entry()}, bytes(7)), "unreadable", "8 bytes of tensors declared, 7 stored"),
    "more behind": (build({"a": entry()}, bytes(9)), "unreadable", "8 bytes of tensors declared, 9 stored"),
    "header length": (build(b"{}", length=1000), "unreadable", "header length of 1000 in a file of 10 bytes"),
    "long header": (build(b"{}", length=100_000_001), "too_big", "header of 100000001 bytes"),
    "no object": (build(b'{"a":1} x'), "unreadable", "not JSON"),
    "tensor twice": (build(b'{"a":1,"a":2}'), "unreadable", "tensor a: expected dtype, shape, data_offsets"),
    "key twice": (
        build(b'{"a":{"dtype":"F32","dtype":"F64","shape":[1],"data_offsets":[0,4]}}', bytes(4)),
        "unreadable",
        "key dtype occurs twice",
    ),
    "metadata twice": (build(b'{"__metadata__":{},"__metadata__":{}}'), "unreadable", "key __metadata__ occurs twice"),
    "nan": (build(b'{"a":NaN}'), "unreadable", "NaN is not JSON"),
    "deep": (build(b'{"a":' + b"[" * 100_000), "unreadable", "JSON"),
    "many nodes": (build(b'{"a":[' + b"[]," * 1_600_000 + b"0]}"), "too_big", "brackets and commas"),
    "not utf-8": (build(b'{"\xff":1}'), "unreadable", "not UTF-8 at byte 2"),
    "overlap": (
        build({"a": entry(), "b": entry(offsets=(4, 12))}, bytes(12)),
        "unreadable",
        "b overlaps another, at off",
    ),
    "hole": (build({"a": entry(), "b": entry(offsets=(9, 17))}, bytes(17)), "unreadable", "b leaves a hole before it"),
    "begins late": (build({"a": entry(offsets=(1, 9))}, bytes(9)), "unreadable", "leaves a hole"),
    "backwards": (build({"a": entry(offsets=(8, 0))}, bytes(8)), "unreadable", "-8 bytes for F32"),
    "wrong size": (build({"a": entry(shape=(3,))}, bytes(8)), "unreadable", r"8 bytes for F32 \(3,\), which takes 12"),
    "product": (build({"a": entry(shape=(1 << 32, 1 << 32))}, bytes(8)), "unreadable", "more than 2.62 bytes"),
    "negative": (build({"a": entry(shape=(-2,))}, bytes(8)), "unreadable", "shape of whole numbers"),
    "true": (build({"a": entry(shape=(True, 2))}, bytes(8)), "unreadable", "shape of whole numbers"),
    "float": (build({"a": entry(shape=(2.0,))}, bytes(8)), "unreadable", "shape of whole numbers"),
    "text": (build({"a": entry() | {"shape": "2"}}, bytes(8)), "unreadable", "expected a shape, got a str"),
    "rank": (build({"a": entry(shape=(1 << 40,) * 40)}, bytes(8)), "unreadable", "40 axes, more than 32"),
    "dtype": (build({"a": entry("F128")}, bytes(8)), "unreadable", "unknown dtype 'F128'"),
    "odd bits": (build({"a": entry("F4", (3,), (0, 1))}, bytes(1)), "unreadable", "which takes 1.5"),
    "offsets": (build({"a": entry(offsets=(0,))}, bytes(8)), "unreadable", "expected two offsets"),
    "big number": (build(b'{"a":' + b"9" * 5000 + b"}"), "unreadable", "Exceeds the limit"),
    "missing key": (build({"a": {"dtype": "F32", "shape": [2]}}, bytes(8)), "unreadable", "expected dtype, shape"),
    "metadata": (build({"__metadata__": {"a": 1}}), "unreadable", "not an object of texts"),
    "escape": (build({"\x1b[31m": 1}), "unreadable", r"tensor \\x1b\[31m"),
    "ours, no sum": (build({"__metadata__": {"cnnkit": "1"}}), "unreadable", "does not fit its SHA-256"),
}


@pytest.mark.parametrize(("data", "kind", "message"), BAD.values(), ids=BAD)
def test_files_that_lie(tmp_path, data, kind, message):
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(WeightFileError, match=message) as caught:
        exporters.read(tmp_path / "a")
    assert (caught.value.kind, caught.value.format) == (kind, "safetensors")
    assert "\n" not in str(caught.value)


A = b'"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}'
ODD = {
    "a key of its own": b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"note":[1,{"x":null}]}}',
    "that key twice": b'{"a":{"dtype":"F32","x":1,"x":2,"shape":[1],"data_offsets":[0,4]}}',
    "blanks around": b" \n\t\r{" + A + b"}\n\t  ",
    "no metadata": b'{"__metadata__":null,' + A + b"}",
    "metadata key twice": b'{"__metadata__":{"x":"1","x":"2"},' + A + b"}",
    "tensor twice": b"{" + A + b"," + A + b"}",
    "tensor of two types": b"{" + A + b',"a":{"dtype":"I32","shape":[1],"data_offsets":[0,4]}}',
    "a list": b'{"a":["F32",[1],[0,4]]}',
    "escaped": b'{"\\u0061":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
    "many axes": b'{"a":{"dtype":"F32","shape":[' + b"1," * 39 + b'1],"data_offsets":[0,4]}}',
    "nothing, twice": b"{" + A + b',"b":{"dtype":"F64","shape":[0,3],"data_offsets":[4,4]},"":'
    b'{"dtype":"F64","shape":[0,4611686018427387904,8],"data_offsets":[4,4]}}',
    "nothing, too large": b"{" + A + b',"b":{"dtype":"F64","shape":[4611686018427387904,64,0],"data_offsets":[4,4]}}',
    "nul behind": b"{" + A + b"}\0",
    "hole": b"{" + A + b',"b":{"dtype":"U8","shape":[0],"data_offsets":[8,8]}}',
    "twice, apart": b"{" + A + b',"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}',
    "real extent": b'{"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}}',
    "type of no name": b'{"a":{"dtype":"Q4","shape":[1],"data_offsets":[0,4]}}',
    "not a number": b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"n":NaN}}',
}


@pytest.mark.parametrize("header", ODD.values(), ids=ODD)
def test_what_the_library_reads_is_read_and_no_more(tmp_path, header):
    """Tensors that NumPy cannot hold are listed; so is a name that occurs twice."""
    data = build(header, b"\0\0\xc0\x3f")
    (tmp_path / "a").write_bytes(data)
    try:
        theirs = dict(safetensors.deserialize(data))
    except safetensors.SafetensorError:
        with pytest.raises(WeightFileError):
            exporters.read(tmp_path / "a")
        return
    back = exporters.read(tmp_path / "a")
    listed = {item.what for item in back.not_read if "occurs twice" not in item.reason}
    assert {t.name: (list(t.shape), t.read().tobytes()) for t in back} == {
        name: (value["shape"], bytes(value["data"])) for name, value in theirs.items() if name not in listed
    }
    assert {*theirs} == {t.name for t in back} | listed


def test_what_is_odd_is_said(tmp_path):
    def read(name):
        (tmp_path / "a").write_bytes(build(ODD[name], bytes(4)))
        return exporters.read(tmp_path / "a")

    assert read("a key of its own").metadata == {"safetensors_extra": {"a": {"note": [1, {"x": None}]}}}
    assert [(n.what, n.reason) for n in read("tensor of two types").not_read] == [
        ("a", "occurs twice in the header: its last entry is read")
    ]
    assert [(n.what, n.reason) for n in read("many axes").not_read] == [("a", "40 axes, more than 32")]
    assert [(n.what, n.reason) for n in read("nothing, twice").not_read] == [("", "a shape of more than 2^62 bytes")]


def test_a_bool_is_0_or_1(tmp_path):
    (tmp_path / "a").write_bytes(build({"a": entry("BOOL", (2,), (0, 2))}, b"\1\2"))
    with pytest.raises(WeightFileError, match="tensor a: a bool is 2, neither 0 nor 1"):
        exporters.read(tmp_path / "a")["a"].read()


def test_a_value_that_another_program_changed_is_noticed(weights, tmp_path):
    exporters.write(weights, tmp_path / "a.safetensors")
    data = bytearray((tmp_path / "a.safetensors").read_bytes())
    data[-1] ^= 1
    (tmp_path / "a.safetensors").write_bytes(data)
    with pytest.raises(WeightFileError, match="does not fit its SHA-256: damaged, or changed by another program"):
        [tensor.read() for tensor in exporters.read(tmp_path / "a.safetensors")]


def test_what_is_no_safetensors_is_not_taken_for_one(tmp_path):
    assert not FORMAT.recognises(tmp_path, b"weights {")
    assert not FORMAT.recognises(tmp_path, b"{}")
    with pytest.raises(ExportError, match="parameter a: safetensors has no complex128"):
        FORMAT.write(WeightFile((Tensor.of("a", np.zeros(1, complex)),)), tmp_path / "a")


def test_many_tensors_are_listed_quickly(tmp_path):
    value = np.zeros((), np.float32)
    weights = WeightFile(tuple(Tensor.of(f"{n}.weight", value) for n in range(5000)))
    FORMAT.write(weights, tmp_path / "a")
    assert [tensor.name for tensor in FORMAT.read(tmp_path / "a")] == [tensor.name for tensor in weights]
