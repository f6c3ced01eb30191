"""npz and npy: NumPy's own files, ours read by NumPy, and arrays that lie or are pickles."""

import io
import json
import struct
import zipfile

import numpy as np
import pytest

from cnnkit import exporters
from cnnkit.errors import ExportError, WeightFileError
from cnnkit.exporters import Tensor, WeightFile
from cnnkit.exporters.npz.format import NpzFormat

FORMAT = NpzFormat()


def npy(values, **options):
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.asanyarray(values), **options)
    return stream.getvalue()


def header(text, version=b"\x01\x00"):
    data = text.encode("latin-1")
    return b"\x93NUMPY" + version + struct.pack("<H" if version[0] == 1 else "<I", len(data)) + data


def fields(descr="'<f4'", order="False", shape="(2,)"):
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n"


def zipped(path, members, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def test_numpy_reads_what_we_write(weights, tmp_path):
    exporters.write(weights, tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz", allow_pickle=False) as file:
        assert set(file.files) == {
            *("0.weight", "0.bias", "1.mean", "1.batches", "optimizer/0.weight", "2.weight", "cnnkit.json")
        }
        assert file["0.weight"].tobytes() == weights["0.weight"].read().tobytes()
        assert file["1.batches"].shape == ()
        assert file["2.weight"].dtype == np.uint16
        document = json.loads(file["cnnkit.json"].tobytes())
    assert document["architecture"] == weights.architecture
    assert document["tensors"][5]["dtype"] == "bfloat16"
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        assert archive.testzip() is None


def test_names_are_those_of_numpy(tmp_path):
    names = ["a/b/W", "a b", "größe", "a.npy", "\\", "..", "\x1b", "<b>"]
    exporters.write(WeightFile(tuple(Tensor.of(name, np.zeros(1)) for name in names)), tmp_path / "a.npz")
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        assert archive.namelist() == [f"{name}.npy" for name in [*names, "cnnkit.json"]]


def test_compression(weights, contents, tmp_path):
    many = WeightFile((*weights.tensors, Tensor.of("zeros", np.zeros((300, 300)))))
    FORMAT.write(many, tmp_path / "a")
    FORMAT.write(many, tmp_path / "b", compression=9)
    assert (tmp_path / "b").stat().st_size < (tmp_path / "a").stat().st_size / 20
    assert contents(FORMAT.read(tmp_path / "b")) == contents(many)
    with pytest.raises(ExportError, match="compression: expected a level from 0 to 9, got 10"):
        FORMAT.write(many, tmp_path / "a", compression=10)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_we_read_what_numpy_writes(tmp_path, save):
    rng = np.random.default_rng(0)
    arrays = {f"arr_{n}": rng.normal(size=(2, 3, n)) for n in range(11)}
    arrays["arr_2"] = np.asfortranarray(rng.normal(size=(3, 4, 5)).astype(np.float32))
    arrays["arr_3"] = rng.normal(size=(2, 2)).astype(">f4")
    arrays["arr_4"] = np.array(3 + 4j)
    arrays["arr_5"] = np.array([True, False])
    save(tmp_path / "a", **dict(reversed(arrays.items())))
    back = exporters.read(tmp_path / "a.npz")
    assert [tensor.name for tensor in back] == list(arrays)  # arr_10 last
    for name, array in arrays.items():
        read = back[name].read()
        np.testing.assert_array_equal(read, array)
        assert read.dtype == array.dtype.newbyteorder("=")
        assert read.flags.c_contiguous


def test_layers_are_found_in_names_with_slashes(tmp_path):
    shapes = {"bias": 4, "weight": (4, 1, 3, 3)}
    path = zipped(
        tmp_path / "a", {f"net/conv{n}/{part}.npy": npy(np.zeros(shapes[part])) for n in (10, 2) for part in shapes}
    )
    assert [(t.name, t.layer, t.role, t.axes) for t in exporters.read(path)][:2] == [
        ("net/conv2/weight", "net.conv2", "weight", ("o", "i", "kh", "kw")),
        ("net/conv2/bias", "net.conv2", "bias", ("o",)),
    ]


def test_what_is_not_numbers_is_named_and_left_alone(tmp_path):
    odd = {"text": np.array(["a", "b"]), "date": np.array(["2020-01-01"], "M8[D]"), "long": np.zeros(1, np.longdouble)}
    odd["fields"] = np.zeros(1, [("a", "<f4"), ("b", "<i4")])
    np.savez(tmp_path / "a", w=np.zeros(2), **odd)
    back = exporters.read(tmp_path / "a.npz")
    assert [tensor.name for tensor in back] == ["w"]
    assert [note.what for note in back.not_read] == list(odd)
    assert "not numbers: dtype '<U1'" in back.not_read[0].reason


BAD = {
    "no npy": (b"hello world", "unreadable", "expected an NPY array"),
    "empty": (b"", "unreadable", "expected an NPY array"),
    "version": (header(fields(), b"\x09\x00") + bytes(8), "unreadable", "versions 1 to 3"),
    "header cut": (header(fields())[:40], "unreadable", "header with descr"),
    "long header": (header(fields() + " " * 20_000) + bytes(8), "unreadable", "header of 1 to 10000"),
    "code": (header("__import__('os').system('true')\n"), "unreadable", "header with descr"),
    "code inside": (header(fields(shape="(__import__('os').getpid(),)")), "unreadable", "header with descr|shape"),
    "nested": (header("(" * 5000), "unreadable", "header with descr"),
    "key twice": (
        header("{'descr': '<f4', 'descr': '<f8', 'fortran_order': True, 'shape': (1,)}"),
        "unreadable",
        "descr",
    ),
    "objects that are no pickle": (header(fields("'|O'")) + bytes(16), "unreadable", "damaged pickle: operation 0x00"),
    "objects inside": (header(fields("[('a', '|O')]")) + bytes(16), "unreadable", "damaged pickle: operation 0x00"),
    "objects cut": (npy(np.array([{}, 1], object), allow_pickle=True)[:-4], "unreadable", "truncated pickle"),
    "order": (header(fields(order="1")) + bytes(8), "unreadable", "header with descr"),
    "negative": (header(fields(shape="(-2,)")) + bytes(8), "unreadable", "shape of whole numbers"),
    "float shape": (header(fields(shape="(2.0,)")) + bytes(8), "unreadable", "shape of whole numbers"),
    "list shape": (header(fields(shape="[2]")) + bytes(8), "unreadable", "shape of whole numbers"),
    "underscore": (header(fields(shape="(1_0,)")) + bytes(40), "unreadable", "shape of whole numbers"),
    "no comma": (header(fields(shape="(2)")) + bytes(8), "unreadable", "shape of whole numbers"),
    "huge": (header(fields(shape="(4294967296, 4294967296)")) + bytes(8), "unreadable", r"more than 2\^62 bytes"),
    "hidden huge": (header(fields(shape="(0, 4294967296, 4294967296)")), "unreadable", r"more than 2\^62 bytes"),
    "more digits": (header(fields(shape=f"({'9' * 5000},)")), "unreadable", "shape of whole numbers"),
    "rank": (header(fields(shape=f"({'1, ' * 33})")) + bytes(4), "unreadable", "shape of whole numbers"),
    "declares more": (header(fields(shape="(3,)")) + bytes(8), "unreadable", r"float32 \(3,\) takes 12 bytes, 8 there"),
}


@pytest.mark.parametrize(("data", "kind", "message"), BAD.values(), ids=BAD)
@pytest.mark.parametrize("alone", [True, False])
def test_arrays_that_lie(tmp_path, data, kind, message, alone):
    if alone:
        if not data.startswith(b"\x93NUMPY"):
            return
        (tmp_path / "a").write_bytes(data)
    else:
        zipped(tmp_path / "a", {"x.npy": data})
    with pytest.raises(WeightFileError, match=message) as caught:
        exporters.read(tmp_path / "a")
    assert (caught.value.kind, caught.value.format) == (kind, "npy" if alone else "npz")
    assert "\n" not in str(caught.value)


def test_bytes_behind_an_array(tmp_path):
    (tmp_path / "a").write_bytes(npy(np.arange(3)) + b"tail")
    back = exporters.read(tmp_path / "a")
    assert back["arr_0"].read().tolist() == [0, 1, 2]
    assert [(note.what, note.count) for note in back.not_read] == [("bytes behind the array", 4)]
    zipped(tmp_path / "b", {"x.npy": npy(np.arange(3)) + b"tail"})
    with pytest.raises(WeightFileError, match=r"array x\.npy: 28 bytes for int64 \(3,\)"):
        exporters.read(tmp_path / "b")


def test_one_array_alone(tmp_path):
    for array in (
        np.arange(6.0).reshape(2, 3),
        np.asfortranarray(np.ones((2, 3, 4), ">i2")),
        np.array(5),
        np.zeros((0, 3)),
    ):
        np.save(tmp_path / "a.npy", array)
        back = exporters.read(tmp_path / "a.npy")
        assert (back.format, len(back)) == ("npy", 1)
        np.testing.assert_array_equal(back["arr_0"].read(), array)
    with pytest.raises(ExportError, match="can only be read"):
        exporters.choose("b", "npy")


@pytest.mark.parametrize("alone", [True, False])
def test_a_bool_is_0_or_1(tmp_path, alone):
    data = header(fields("'|b1'")) + b"\1\2"
    if alone:
        (tmp_path / "a").write_bytes(data)
    else:
        zipped(tmp_path / "a", {"x.npy": data})
    with pytest.raises(WeightFileError, match="a bool is 2, neither 0 nor 1"):
        next(iter(exporters.read(tmp_path / "a"))).read()


GOOD_ROW = {
    "key": "a",
    "name": "a",
    "layer": "",
    "kind": "parameter",
    "role": "weight",
    "axes": ["0"],
    "dtype": "float32",
}
DOCUMENTS = {
    "version": ({"version": 2}, r"another version of cnnkit \(2\): upgrade"),
    "maker": ({"format": "x"}, "another version"),
    "text": ({"metadata": [1]}, "metadata is not a JSON object"),
    "no list": ({"tensors": None}, "list of tensors is missing"),
    "rows": ({"tensors": [1]}, "list of tensors is missing"),
    "more": ({"tensors": [GOOD_ROW, GOOD_ROW]}, "not that of the tensors in the file"),
    "other": ({"tensors": [GOOD_ROW | {"key": "b"}]}, "not that of the tensors in the file"),
    "key": ({"tensors": [GOOD_ROW | {"key": [1]}]}, "not that of the tensors in the file"),
    "axes": ({"tensors": [GOOD_ROW | {"axes": [1]}]}, "the description of tensor a is incomplete"),
    "rank": ({"tensors": [GOOD_ROW | {"axes": []}]}, "expected a name for each axis"),
    "dtype": ({"tensors": [GOOD_ROW | {"dtype": "float64"}]}, "is described as float64, stored as float32"),
    "no dtype": ({"tensors": [GOOD_ROW | {"dtype": "x"}]}, "element type 'x' is not one of"),
    "kind": ({"tensors": [GOOD_ROW | {"kind": "x"}]}, "kind 'x' is not one of"),
}


@pytest.mark.parametrize(("change", "message"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_a_list_that_does_not_fit(tmp_path, change, message):
    document = {"format": "cnnkit", "version": 1, "tensors": [GOOD_ROW]} | change
    text = np.frombuffer(json.dumps(document).encode(), np.uint8)
    path = zipped(tmp_path / "a", {"a.npy": npy(np.zeros(2, np.float32)), "cnnkit.json.npy": npy(text)})
    with pytest.raises(WeightFileError, match=message) as caught:
        exporters.read(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (np.zeros(3), r"cnnkit\.json: expected at most \d+ bytes, got float64"),
        (np.array(["x"]), "dtype '<U1'"),
        (np.frombuffer(b"[1]", np.uint8), r"cnnkit\.json is not a JSON object"),
        (np.frombuffer(b"{", np.uint8), "not JSON"),
    ],
)
def test_a_document_that_is_none(tmp_path, document, message):
    path = zipped(tmp_path / "a", {"cnnkit.json.npy": npy(document)})
    with pytest.raises(WeightFileError, match=message):
        exporters.read(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_zips_that_contradict_themselves(tmp_path):
    with zipfile.ZipFile(tmp_path / "a", "w") as archive:
        archive.writestr("x.npy", npy(np.zeros(1)))
        archive.writestr("x.npy", npy(np.ones(1)))
    with pytest.raises(WeightFileError, match=r"zip member x\.npy occurs twice") as caught:
        exporters.read(tmp_path / "a")
    assert caught.value.kind == "refused"
    data = (tmp_path / "a").read_bytes()
    (tmp_path / "a").write_bytes(data[: len(data) // 2])
    with pytest.raises(WeightFileError, match="truncated zip") as caught:
        exporters.read(tmp_path / "a")
    assert "copy or download it again" in caught.value.hint


def test_a_bomb_is_refused(tmp_path):
    big = header(fields(shape="(20000000,)")) + bytes(80_000_000)
    path = zipped(tmp_path / "a", {"x.npy": big}, zipfile.ZIP_DEFLATED)
    with pytest.raises(WeightFileError, match="unfolds to") as caught:
        exporters.read(path)
    assert caught.value.kind == "too_big"
