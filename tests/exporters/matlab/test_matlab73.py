"""MAT-files of version 7.3, which h5py writes here as MATLAB lays them out, and hostile ones."""

import h5py
import numpy as np
import pytest

from cnnkit import exporters
from cnnkit.errors import WeightFileError
from cnnkit.exporters.matlab import level73
from cnnkit.files.hdf5 import references
from cnnkit.files.hdf5.cage import list_hdf5

CLASSES = {"float64": "double", "float32": "single", "bool": "logical"}
TEXT = b"MATLAB 7.3 MAT-file, Platform: by hand"


class Writer:
    """An open file as MATLAB lays it out: axes reversed, classes as attributes, contents of cells under #refs#."""

    def __init__(self, file):
        self.file, self.count = file, 0

    def put(self, place, value):
        """Write arrays, texts, dicts (structs) and lists (cells), nested; a tuple is an array of structs."""
        if isinstance(value, dict):
            group = self.file.create_group(place)
            group.attrs["MATLAB_class"] = np.bytes_("struct")
            for name, inner in value.items():
                self.put(f"{place}/{name}", inner)
        elif isinstance(value, tuple):
            self.file.create_group(place).attrs["MATLAB_class"] = np.bytes_("struct")
            for name in value[0]:
                self.refer(f"{place}/{name}", [struct[name] for struct in value])
        elif isinstance(value, list):
            self.refer(place, value).attrs["MATLAB_class"] = np.bytes_("cell")
        elif isinstance(value, str):
            codes = np.frombuffer(value.encode("utf-16-le"), np.uint16).reshape(-1, 1)
            self.classed(place, codes, "char")
        else:
            stored = value.astype(np.uint8) if value.dtype == bool else value
            self.classed(place, stored.T, CLASSES.get(value.dtype.name, value.dtype.name))

    def classed(self, place, stored, name, **attributes):
        self.file[place] = stored
        for key, attribute in ({"MATLAB_class": np.bytes_(name)} | attributes).items():
            self.file[place].attrs[key] = attribute

    def refer(self, place, values):
        targets = []
        for value in values:
            target, self.count = f"#refs#/{self.count}", self.count + 1
            self.put(target, value)
            targets.append(self.file[target].ref)
        return self.file.create_dataset(
            place, data=np.array(targets, h5py.ref_dtype).reshape(-1, 1), dtype=h5py.ref_dtype
        )


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.mat"


@pytest.fixture
def save(path):
    def write(content, change=None):
        with h5py.File(path, "w", userblock_size=512) as file:
            writer = Writer(file)
            for name, value in content.items():
                writer.put(name, value)
            if change is not None:
                change(writer)
        with path.open("r+b") as stream:
            stream.write(TEXT.ljust(116) + bytes(8) + b"\x00\x02IM")
        return path

    return write


def test_all_classes_bit_for_bit(save):
    rng = np.random.default_rng(0)
    arrays = {}
    for name in [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)] + ["float32", "float64"]:
        for rank in (2, 4):
            shape = tuple(rng.integers(1, 5, rank))
            raw = rng.integers(0, 256, int(np.prod(shape)) * np.dtype(name).itemsize, np.uint8)
            arrays[f"{name}_{rank}"] = raw.view(name).reshape(shape)
    arrays |= {"truth": np.array([[True, False, True]]), "line": np.arange(70_000.0).reshape(1, -1)}
    back = exporters.read(save(arrays))
    assert {t.name for t in back} == arrays.keys()
    for name, wanted in arrays.items():
        assert (back[name].dtype, back[name].shape) == (wanted.dtype.name, wanted.shape)
        assert back[name].read().tobytes() == wanted.tobytes()
        assert back[name].sha256() == exporters.Tensor.of("", wanted).sha256()
    assert back.format == "matlab"
    assert back.metadata == {"matlab": {"heading": TEXT.decode()}}
    assert back["line"].stream is not None
    assert back["truth"].stream is back["float32_4"].stream is None


def test_structs_and_cells_have_the_names_that_matlab_gives_them(save):
    kernel, bias = np.arange(36.0).reshape(3, 3, 2, 2), np.array([[1.0, 2]])
    layers = [
        {"type": "conv", "weights": [kernel, bias], "stride": np.array([[2.0]])},
        {"type": "bnorm", "weights": [bias, bias + 1]},
        [kernel + 1],
    ]
    params = ({"name": "f", "value": kernel}, {"name": "b", "value": bias})
    back = exporters.read(save({"net": {"layers": layers}, "params": params}))
    assert [(t.name, t.layer, t.role, t.axes) for t in back] == [
        ("net.layers{1}.stride", "net.layers{1}", "other", ("0", "1")),
        ("net.layers{1}.weights{1}", "net.layers{1}", "weight", ("kh", "kw", "i", "o")),
        ("net.layers{1}.weights{2}", "net.layers{1}", "bias", ("0", "1")),
        ("net.layers{2}.weights{1}", "net.layers{2}", "gamma", ("0", "1")),
        ("net.layers{2}.weights{2}", "net.layers{2}", "beta", ("0", "1")),
        ("net.layers{3}{1}", "net", "other", ("0", "1", "2", "3")),
        ("params(1).value", "params(1)", "other", ("0", "1", "2", "3")),
        ("params(2).value", "params(2)", "other", ("0", "1")),
    ]
    np.testing.assert_array_equal(back["net.layers{1}.weights{1}"].read(), kernel)
    np.testing.assert_array_equal(back["params(2).value"].read(), bias)
    assert back.metadata["matlab"]["texts"] == {
        "net.layers{1}.type": "conv", "net.layers{2}.type": "bnorm", "params(1).name": "f", "params(2).name": "b",
    }  # fmt: skip
    assert back.not_read == ()


def test_what_is_no_array_of_numbers_is_named(save, tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["x"] = np.ones(3)

    def add(writer):
        file = writer.file
        writer.classed("nothing", np.uint64([0, 3]), "double", MATLAB_empty=np.uint8(1))
        writer.classed("words", np.zeros((5, 2), np.uint16), "char")
        writer.classed("date", np.uint32([1, 2]), "datetime", MATLAB_object_decode=np.int32(3))
        file["complex"] = np.zeros(3, [("real", "f8"), ("imag", "f8")])
        for name, key, value in (("f", "MATLAB_class", b"function_handle"), ("s", "MATLAB_sparse", 3)):
            file.create_group(name).attrs[key] = value
            file[f"{name}/data"] = np.ones(2)
        file["#subsystem#/MCOS"] = np.ones(3)
        file["away"], file["soft"] = h5py.ExternalLink("other.h5", "/x"), h5py.SoftLink("/words")
        writer.refer("lost", [np.ones((1, 1))]).attrs["MATLAB_class"] = np.bytes_("cell")
        file["lost"][0] = h5py.Reference()

    back = exporters.read(save({"x": np.ones((1, 2))}, add))
    assert [t.name for t in back] == ["x"]
    assert {note.what: (note.count, note.reason.split(",")[0]) for note in back.not_read} == {
        "data of objects and functions": (1, "not an array of its own"),
        "complex": (1, "complex numbers"),
        "date": (1, "an object of class datetime"),
        "f": (1, "an object of class function_handle"),
        "lost{1}": (1, "a reference to nothing in this file"),
        "s": (1, "sparse: only the values that are not 0 are stored"),
        "empty arrays": (1, "no numbers"),
        "long or several lines of text": (1, "no numbers"),
        "away (external link)": (1, "links are not followed"),
        "soft (soft link)": (1, "links are not followed"),
    }


def test_cells_in_a_circle_and_cells_that_double(save):
    def circle(writer):
        writer.refer("c", [np.ones((1, 1))]).attrs["MATLAB_class"] = np.bytes_("cell")
        writer.refer("#refs#/loop", [np.ones((1, 1))]).attrs["MATLAB_class"] = np.bytes_("cell")
        writer.file["#refs#/loop"][0] = writer.file["c"][0] = writer.file["#refs#/loop"].ref

    def double(writer):
        inner = "#refs#/x"
        writer.put(inner, np.ones((1, 1)))
        for level in range(30):
            place = f"#refs#/d{level}" if level < 29 else "c"
            data = np.array([writer.file[inner].ref] * 2, h5py.ref_dtype)
            writer.file.create_dataset(place, data=data, dtype=h5py.ref_dtype).attrs["MATLAB_class"] = np.bytes_("cell")
            inner = place

    for change, message in ((circle, "nested deeper than 32"), (double, "more than 200000 arrays")):
        with pytest.raises(WeightFileError, match=message) as caught:
            exporters.read(save({}, change))
        assert caught.value.kind == "too_big"


def test_truth_values_are_0_or_1(save):
    path = save({}, lambda writer: writer.classed("t", np.uint8([[0, 2]]), "logical"))
    with pytest.raises(WeightFileError, match="a bool is 2"):
        exporters.read(path)["t"].read()


def test_a_scalar_of_another_program_has_no_axes(save, read_damaged):
    path = save({"x": np.array(2.5, np.float32), "truth": np.array(True)})
    assert [(t.name, t.shape, t.read().shape, t.read().item()) for t in exporters.read(path)] == [
        ("truth", (), (), True),
        ("x", (), (), 2.5),
    ]
    assert read_damaged(path.read_bytes()) is None


def test_references_of_other_programs_are_left_alone(path):
    with h5py.File(path, "w") as file:
        file["x"] = np.ones(3)
        file.create_dataset("r", data=np.array([file["x"].ref], h5py.ref_dtype), dtype=h5py.ref_dtype)
    back = exporters.read(path)
    assert (back.format, [t.name for t in back]) == ("plain-hdf5", ["x"])
    assert [note.what for note in back.not_read] == ["r"]
    assert list_hdf5(path).references == {}


def test_references_are_counted(save, monkeypatch):
    path = save({"c": [np.ones((1, 1))] * 3})
    with h5py.File(path) as file:
        known = {}  # targets that no walk has found
        assert references.resolve_references(file, ["c"], known) == {"c": ["", "", ""]}
        monkeypatch.setattr(references, "_MOST", 2)
        with pytest.raises(references.UnsafeFileError, match="more than 2 references"):
            references.resolve_references(file, ["c"], known)


def test_texts_are_counted(save, monkeypatch):
    monkeypatch.setattr(level73, "_MOST_TEXTS", 1)
    back = exporters.read(save({"a": "one", "b": "two"}))
    assert back.metadata["matlab"]["texts"] == {"a": "one"}
    assert [note.count for note in back.not_read] == [1]


def test_the_command_line_lists_exports_and_compares(save, run_commands):
    document = run_commands(save({"net": {"W1": np.arange(6.0).reshape(2, 3), "c": [np.float32([[1, 2]])]}}))
    assert [(t["name"], t["shape"]) for t in document["tensors"]] == [("net.W1", [2, 3]), ("net.c{1}", [1, 2])]


def test_damaged_files_are_one_line_each(save, read_damaged):
    data = save({"net": {"w": np.arange(6.0).reshape(2, 3), "c": [np.ones((2, 2)), "words"]}}).read_bytes()
    assert read_damaged(data) is None
    rng = np.random.default_rng(0)
    lines = []
    for position in rng.choice(np.arange(512, len(data)), 100, replace=False):
        lines.append(read_damaged(data[:position] + bytes([rng.integers(256)]) + data[position + 1 :]))
    lines += [read_damaged(data[:size]) for size in (600, 1000, len(data) - 1)]
    assert sum(line is not None for line in lines) > 5
