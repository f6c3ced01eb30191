"""MAT-files of version 5: what SciPy writes, what MATLAB writes and SciPy does not, and files that lie."""

import io
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
import scipy.io
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cnnkit import exporters
from cnnkit.errors import WeightFileError
from cnnkit.exporters.matlab import level5, sources

DTYPES = [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
DTYPES += ["float32", "float64", "complex64", "complex128"]
INT8, UINT8, INT16, INT32, UINT32, DOUBLE, MATRIX, COMPRESSED = 1, 2, 3, 5, 6, 9, 14, 15


@pytest.fixture
def save(tmp_path):
    def write(content, **options):
        path = tmp_path / "a.mat"
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            scipy.io.savemat(path, content, **options)
        return path

    return write


def element(kind, data, order="<"):
    return struct.pack(f"{order}2I", kind, len(data)) + data + bytes(-len(data) % 8 if kind < MATRIX else 0)


def array(code, shape, content, name=b"x", flags=0, order="<"):
    """Return an array: its heading as elements, then `content`."""
    parts = element(UINT32, struct.pack(f"{order}2I", code | flags << 8, 0), order)
    parts += element(INT32, np.array(shape, f"{order}i4").tobytes(), order) + element(INT8, name, order)
    return element(MATRIX, parts + content, order)


def mat(*elements, order="<"):
    text = b"MATLAB 5.0 MAT-file, by hand".ljust(124)
    return text + struct.pack(f"{order}2H", 0x0100, 0x4D49) + b"".join(elements)


def numbers(values, kind=DOUBLE, order="<"):
    return element(kind, np.asarray(values).tobytes(), order)


def packed(content, size=None):
    data = zlib.compress(content)[:size]
    return struct.pack("<2I", COMPRESSED, len(data)) + data


@pytest.mark.parametrize("packing", [False, True])
def test_all_classes_bit_for_bit(save, packing):
    rng = np.random.default_rng(0)
    arrays = {}
    for number, name in enumerate(DTYPES):
        dtype = np.dtype(name)
        for rank in range(2, 5):
            shape = tuple(rng.integers(1, 5, rank))
            raw = rng.integers(0, 256, int(np.prod(shape)) * dtype.itemsize, np.uint8)
            arrays[f"x{number}_{rank}"] = raw.view(dtype).reshape(shape)
    arrays |= {"truth": np.array([[True, False, True]]), "column": np.arange(9.0).reshape(9, 1)}
    back = exporters.read(save(arrays, do_compression=packing))
    assert [t.name for t in back] == list(arrays)
    for name, wanted in arrays.items():
        assert (back[name].dtype, back[name].shape) == (wanted.dtype.name, wanted.shape)
        assert back[name].read().tobytes() == wanted.tobytes()
        assert back[name].sha256() == exporters.Tensor.of("", wanted).sha256()
    assert (back["column"].stream is None, back["x8_3"].stream is None) == (False, True)
    assert back.format == "matlab"
    assert back.metadata["matlab"]["heading"].startswith("MATLAB 5.0 MAT-file")


@pytest.mark.parametrize("packing", [False, True])
def test_structs_and_cells_have_the_names_that_matlab_gives_them(save, packing):
    kernel, bias = np.arange(36.0).reshape(3, 3, 2, 2), np.array([[1.0, 2]])
    layers = np.empty((1, 3), object)
    pair, norm = np.empty((1, 2), object), np.empty((1, 3), object)
    pair[0, 0], pair[0, 1] = kernel, bias
    norm[0, 0], norm[0, 1], norm[0, 2] = bias, bias + 1, np.ones((2, 2))
    layers[0, 0] = {
        "type": "conv",
        "name": "c1",
        "weights": pair,
        "stride": np.array([[2.0]]),
        "opts": np.zeros((0, 0)),
    }
    layers[0, 1] = {"type": "bnorm", "weights": norm}
    layers[0, 2] = {"type": "conv", "filters": kernel, "biases": bias}
    params = np.zeros((1, 2), [("name", object), ("value", object)])
    params[0, 0], params[0, 1] = ("f", kernel), ("b", bias)
    back = exporters.read(save({"net": {"layers": layers}, "params": params, "W1": bias}, do_compression=packing))
    assert [(t.name, t.layer, t.role, t.axes) for t in back] == [
        ("net.layers{1}.weights{1}", "net.layers{1}", "weight", ("kh", "kw", "i", "o")),
        ("net.layers{1}.weights{2}", "net.layers{1}", "bias", ("0", "1")),
        ("net.layers{1}.stride", "net.layers{1}", "other", ("0", "1")),
        ("net.layers{2}.weights{1}", "net.layers{2}", "gamma", ("0", "1")),
        ("net.layers{2}.weights{2}", "net.layers{2}", "beta", ("0", "1")),
        ("net.layers{2}.weights{3}", "net.layers{2}", "other", ("0", "1")),
        ("net.layers{3}.filters", "net.layers{3}", "weight", ("kh", "kw", "i", "o")),
        ("net.layers{3}.biases", "net.layers{3}", "bias", ("0", "1")),
        ("params(1).value", "params(1)", "other", ("0", "1", "2", "3")),
        ("params(2).value", "params(2)", "other", ("0", "1")),
        ("W1", "W1", "weight", ("0", "1")),
    ]
    assert back["net.layers{2}.weights{3}"].kind == "state"
    np.testing.assert_array_equal(back["net.layers{1}.weights{1}"].read(), kernel)
    np.testing.assert_array_equal(back["params(2).value"].read(), bias)
    assert back.metadata["matlab"]["texts"] == {
        "net.layers{1}.type": "conv", "net.layers{1}.name": "c1", "net.layers{2}.type": "bnorm",
        "net.layers{3}.type": "conv", "params(1).name": "f", "params(2).name": "b",
    }  # fmt: skip
    assert [(note.what, note.count) for note in back.not_read] == [("empty arrays", 1)]


def structs(*rows):
    """Return an array of structs with the same fields."""
    array = np.zeros((1, len(rows)), [(name, object) for name in rows[0]])
    for index, row in enumerate(rows):
        array[0, index] = tuple(row.values())
    return array


def cell(*items):
    array = np.empty((1, len(items)), object)
    for index, item in enumerate(items):
        array[0, index] = item
    return array


def test_the_arrays_of_a_graph_of_matconvnet_belong_to_the_layers_that_list_them(save):
    kernel, bias = np.ones((3, 3, 2, 4)), np.ones((4, 1))
    layers = structs(
        {"name": "c1", "type": "dagnn.Conv", "params": cell("cf", "cb")},
        {"name": "n1", "type": "dagnn.BatchNorm", "params": cell("ng", "nb", "nm")},
        {"name": "r1", "type": "dagnn.ReLU", "params": cell()},
        {"name": "t1", "type": "dagnn.ConvTranspose", "params": cell("tf")},
        {"name": "mine", "type": "my.Layer", "params": cell("a")},
    )
    values = {
        "nm": np.ones((4, 2)),
        "tf": kernel,
        "cb": bias,
        "cf": kernel,
        "ng": bias,
        "nb": bias,
        "a": kernel,
        "z": bias,
    }
    params = structs(*({"name": name, "value": value} for name, value in values.items()))
    back = exporters.read(save({"net": {"layers": layers, "params": params}}))
    assert [(t.name, t.layer, t.kind, t.role, t.axes) for t in back] == [
        ("net.params(1).value", "net.n1", "state", "other", ("0", "1")),
        ("net.params(2).value", "net.t1", "parameter", "weight", ("kh", "kw", "o", "i")),
        ("net.params(3).value", "net.c1", "parameter", "bias", ("0", "1")),
        ("net.params(4).value", "net.c1", "parameter", "weight", ("kh", "kw", "i", "o")),
        ("net.params(5).value", "net.n1", "parameter", "gamma", ("0", "1")),
        ("net.params(6).value", "net.n1", "parameter", "beta", ("0", "1")),
        ("net.params(7).value", "net.mine", "parameter", "other", ("0", "1", "2", "3")),
        ("net.params(8).value", "net.params(8)", "parameter", "other", ("0", "1")),
    ]


@pytest.mark.parametrize("order", ["<", ">"])
def test_numbers_stored_in_less_than_their_class(save, order):
    """As MATLAB stores whole numbers; SciPy reads the same."""
    small = np.arange(6, dtype=np.uint8)
    halves = numbers(np.array([1.5, 2], f"{order}f8"), DOUBLE, order)
    content = mat(
        array(6, (2, 3), numbers(small, UINT8, order), b"d", order=order),
        array(7, (3, 2), numbers(np.arange(6, dtype=f"{order}i2"), INT16, order), b"s", order=order),
        array(14, (1, 6), numbers(small, UINT8, order), b"long", order=order),
        array(9, (6, 1), numbers(small % 2, UINT8, order), b"truth", flags=2, order=order),
        array(6, (1, 2), halves + numbers(np.uint8([3, 4]), UINT8, order), b"z", flags=8, order=order),
        order=order,
    )  # fmt: skip
    back = exporters.read(save(content))
    theirs = scipy.io.loadmat(io.BytesIO(content))
    assert {t.name: t.dtype for t in back} == {
        "d": "float64", "s": "float32", "long": "int64", "truth": "bool", "z": "complex128",
    }  # fmt: skip
    for tensor in back:
        np.testing.assert_array_equal(tensor.read(), theirs[tensor.name])
        assert tensor.read().dtype.isnative
    assert back["d"].read().tolist() == [[0, 2, 4], [1, 3, 5]]
    assert back["z"].read().tolist() == [[1.5 + 3j, 2 + 4j]]


def test_a_value_that_its_class_cannot_hold(save):
    path = save(mat(array(8, (1, 2), numbers([1.0, 1.5]))))
    with pytest.raises(WeightFileError, match="array x: values stored as float64 that do not fit int8"):
        exporters.read(path)["x"].read()


def test_what_is_no_array_of_numbers_is_named(save):
    import scipy.sparse

    opaque = element(UINT32, struct.pack("<2I", 17, 0)) + element(INT8, b"s") + element(INT8, b"MCOS") + bytes(8)
    handle = array(16, (1, 1), element(MATRIX, b""), b"f")
    path = save({"sparse": scipy.sparse.csc_matrix(np.eye(3)), "lines": np.array(["ab", "cd"]), "z": np.zeros((0, 3))})
    content = path.read_bytes() + element(MATRIX, opaque) + handle
    content += array(9, (1, 8), numbers(bytes(8), UINT8), b"") + array(
        12, (1, 1), numbers(bytes(4), INT32) * 2, b"c", 8
    )
    back = exporters.read(save(content))
    assert len(back) == 0
    assert [(note.what, note.count, note.reason) for note in back.not_read] == [
        ("sparse (3, 3)", 1, "sparse, 3 values are stored"),
        ("s", 1, "an object, not numbers"),
        ("f", 1, "a function, not numbers"),
        ("data of objects and functions", 1, "not an array of its own"),
        ("c (1, 1)", 1, "complex numbers of int32"),
        ("empty arrays", 1, "no numbers"),
        ("long or several lines of text", 1, "no numbers"),
    ]


def test_matlab_4_is_known_and_refused(save):
    path = save({"x": np.arange(6.0)}, format="4")
    with pytest.raises(WeightFileError, match="a file of MATLAB 4, which is not read") as caught:
        exporters.read(path)
    assert "-v7" in caught.value.hint
    big = struct.pack(">5i", 1000, 1, 1, 0, 2) + b"x\0" + bytes(8)
    with pytest.raises(WeightFileError, match="a file of MATLAB 4"):
        exporters.read(save(big))
    for other in (big[:-1], b"\0" * 30, struct.pack("<5i", 0, 1, 1, 0, 2) + b"1\0" + bytes(8)):
        with pytest.raises(WeightFileError, match="unknown content"):
            exporters.read(save(other))


def test_values_deep_in_compressed_data_are_found_again(save, monkeypatch):
    """States of the decompressor are kept on the way; every second one is dropped when there are many."""
    monkeypatch.setattr(sources, "_SPACING", 1 << 14)
    monkeypatch.setattr(sources, "_MOST_MARKS", 4)
    monkeypatch.setattr(sources, "_BLOCK", 1 << 10)
    rng = np.random.default_rng(0)
    cell = np.empty((1, 40), object)
    for index in range(40):
        cell[0, index] = rng.integers(0, 9, (1, int(rng.integers(1, 9000)))).astype(np.float32)
    back = exporters.read(save({"c": cell}, do_compression=True))
    for index in (39, 0, 20, 7, 33):
        assert back[f"c{{{index + 1}}}"].read().tobytes() == cell[0, index].tobytes()
        assert back[f"c{{{index + 1}}}"].sha256() == exporters.Tensor.of("", cell[0, index]).sha256()


def test_the_command_line_lists_exports_and_compares(save, run_commands):
    document = run_commands(
        save({"net": {"W1": np.arange(6.0).reshape(2, 3), "b1": np.float32([[1, 2]])}, "t": "words"})
    )
    assert document["format"] == "matlab"
    assert [(t["name"], t["shape"], t["role"]) for t in document["tensors"]] == [
        ("net.W1", [2, 3], "weight"),
        ("net.b1", [1, 2], "bias"),
    ]


SCALAR = array(6, (1, 1), numbers([1.0]))
CELL = array(1, (1, 1), SCALAR)
DEEP = SCALAR
for _ in range(40):
    DEEP = array(1, (1, 1), DEEP, b"c")
FIELDS = element(INT32, struct.pack("<i", 8)) + element(INT8, b"a\0\0\0\0\0\0\0")
BAD = {
    "cut": (mat(SCALAR)[:-3], "unreadable", "truncated: an element of 64 bytes where 61 are left at byte 128"),
    "a few bytes more": (mat(SCALAR) + b"1234", "unreadable", "4 bytes where an element of 8 and more"),
    "no array": (mat(element(DOUBLE, bytes(8))), "unreadable", "an element of type 9 where an array is expected"),
    "beyond its array": (mat(array(6, (1, 1), struct.pack("<2I", 9, 800))), "unreadable", "element of 800 bytes wh"),
    "too few": (mat(array(6, (1, 3), numbers([1.0]))), "unreadable", "3 values of 8 bytes in 8"),
    "too many": (mat(array(6, (1, 1), numbers([1.0, 2]))), "unreadable", "1 values of 8 bytes in 16"),
    "negative": (mat(array(6, (-1, 1), numbers([1.0]))), "unreadable", "shape of whole numbers, got -1"),
    "huge": (mat(array(6, (1 << 30,) * 3, numbers([1.0]))), "unreadable", "more than 2.62 bytes"),
    "rank": (mat(array(6, (1,) * 33, numbers([1.0]))), "unreadable", "an element of type 5 and 132 bytes"),
    "type": (mat(array(6, (1, 1), element(8, bytes(8)))), "unreadable", "values of type 8"),
    "small": (mat(struct.pack("<2I", 5 << 16 | MATRIX, 0)), "unreadable", "a small element of 5 bytes"),
    "deep": (mat(DEEP), "too_big", "nested deeper than 32"),
    "wide cell": (mat(array(1, (1 << 20, 1), b"")), "too_big", "more than 200000 arrays"),
    "short cell": (mat(array(1, (3, 1), SCALAR)), "unreadable", "0 bytes where an element of 8 and more"),
    "wide struct": (mat(array(2, (1 << 20, 1), FIELDS)), "too_big", "more than 200000 arrays"),
    "no fields": (mat(array(2, (1, 1), element(INT32, bytes(4)))), "unreadable", "0 bytes where an element"),
    "width 0": (mat(array(2, (1, 1), element(INT32, bytes(4)) + element(INT8, b""))), "unreadable", "names of fields"),
    "twice": (mat(SCALAR, SCALAR), "unreadable", "parameter x occurs twice"),
    "not packed": (mat(struct.pack("<2I", COMPRESSED, 8) + b"12345678"), "unreadable", "cannot be unfolded"),
    "packed and cut": (mat(packed(CELL, 20)), "unreadable", "truncated: compressed data ends early"),
    "packed shorter": (mat(packed(CELL[:-8])), "unreadable", "data of 120 bytes, 128 declared"),
    "packed longer": (mat(packed(CELL + bytes(8))), "unreadable", "of 136 bytes, 128 declared"),
    "packed twice": (mat(packed(packed(SCALAR))), "unreadable", "an element of type 15 where an array"),
    "bomb": (mat(packed(element(MATRIX, bytes(70 << 20)))), "too_big", "unfolds to 73400328 and more, than 67108864"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "kind", "message"), BAD.values(), ids=BAD)
def test_lies_are_one_line(save, assert_refused, content, kind, message):
    assert_refused(save(content), kind, message)


def test_a_wrong_checksum_is_found_when_values_are_read(save, monkeypatch):
    monkeypatch.setattr(sources, "_BLOCK", 80)  # so that listing does not see the end
    data = bytearray(packed(array(6, (1, 3), numbers([1.0, 2, 3]))))
    data[-1] ^= 1
    tensor = exporters.read(save(mat(bytes(data))))["x"]
    for read in (tensor.read, tensor.sha256):
        with pytest.raises(WeightFileError, match=r"cannot be unfolded: .*incorrect data check"):
            read()


def test_what_follows_the_values_is_looked_at_when_they_are_read(save, monkeypatch):
    monkeypatch.setattr(sources, "_BLOCK", 64)  # so that listing does not see the end
    tensor = exporters.read(save(mat(packed(SCALAR + bytes(8)))))["x"]
    for read in (tensor.read, tensor.sha256):
        with pytest.raises(WeightFileError, match="compressed data of 80 bytes, 72 declared"):
            read()


def test_arrays_are_counted(save, monkeypatch):
    monkeypatch.setattr(level5, "_MOST_ARRAYS", 5)
    cell = np.empty((1, 3), object)
    cell[:] = [[1.0, 2.0, 3.0]]
    assert len(exporters.read(save({"a": cell}))) == 3
    with pytest.raises(WeightFileError, match="more than 5 arrays"):
        exporters.read(save({"a": cell, "b": cell}))


@pytest.fixture(scope="module")
def sound():
    """Return files of all forms, plain and compressed."""
    cell = np.empty((1, 2), object)
    cell[0, 0], cell[0, 1] = np.arange(6.0).reshape(2, 3), {"w": np.arange(3, dtype=np.int16), "t": "words"}
    content = {"net": {"layers": cell}, "z": np.array([[1 + 2j]]), "truth": np.array([[True]])}
    files = []
    for packing in (False, True):
        stream = io.BytesIO()
        scipy.io.savemat(stream, content, do_compression=packing)
        files.append(stream.getvalue())
    return files


def test_the_files_to_be_damaged_are_sound(sound, read_damaged):
    assert [read_damaged(content) for content in sound] == [None, None]


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_damage_is_a_line_or_values(sound, read_damaged, damaged, data):
    read_damaged(damaged(data, data.draw(st.sampled_from(sound)), 128))


def test_an_endless_array_of_structs_without_fields(save):
    fields = element(INT32, struct.pack("<i", 32)) + element(INT8, b"")
    with pytest.raises(WeightFileError, match="more than 200000 arrays") as caught:
        exporters.read(save(mat(array(2, (2**31 - 1, 2**30), fields))))
    assert caught.value.kind == "too_big"


def test_the_memory_of_a_list_does_not_grow_with_its_compressed_arrays(save):
    values = numbers(np.zeros(4000))
    path = save(mat(*(packed(array(6, (1, 4000), values, b"x%d" % n)) for n in range(200))))
    exporters.read(path)  # all modules are imported
    tracemalloc.start()
    back = exporters.read(path)
    held = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(back) == 200
    assert not back["x199"].read().any()
    assert held < 2 << 20
