"""HDF5 of other programs, and the worker process that stands between their files and this one."""

import os
import signal
import threading
import time

import h5py
import numpy as np
import pytest

from cnnkit.errors import WeightFileError
from cnnkit.exporters import read, write
from cnnkit.exporters.hdf5.format import Hdf5Format
from cnnkit.files.hdf5 import cage, values, worker_process
from cnnkit.files.hdf5.cage import list_hdf5, read_values
from cnnkit.files.hdf5.contents import ListedDataset
from cnnkit.files.hdf5.worker_process import WORKER
from cnnkit.files.unsafe_file import UnsafeFileError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "weights"


def test_names_are_paths_and_sorted_as_people_count(path):
    rng = np.random.default_rng(0)
    arrays = {f"W{i}": rng.normal(size=(3, i)) for i in (10, 2, 1)} | {"b1": rng.normal(size=(3, 1))}
    arrays |= {"bn/mean": np.float32([1, np.nan]), "table": np.arange(6, dtype=">i2").reshape(1, 2, 3)}
    with h5py.File(path, "w") as file:
        file.attrs["maker"] = "somebody"
        for name, array in arrays.items():
            file[name] = array
    weights = read(path)
    assert weights.format == "plain-hdf5"
    assert [(t.name, t.layer, t.kind, t.role) for t in weights] == [
        ("W1", "", "parameter", "weight"),
        ("W2", "", "parameter", "weight"),
        ("W10", "", "parameter", "weight"),
        ("b1", "", "parameter", "bias"),
        ("bn/mean", "bn", "state", "mean"),
        ("table", "", "parameter", "other"),
    ]
    for tensor in weights:
        np.testing.assert_array_equal(tensor.read(), arrays[tensor.name])
        assert tensor.read().dtype.isnative
    assert weights.metadata == {"attributes": {"maker": "somebody"}}
    assert weights["W2"].axes == ("0", "1")  # whether (in, out) or (out, in) nobody says


def test_attribute_index_is_the_order(path):
    with h5py.File(path, "w") as file:
        for index, name in enumerate(["Z/conv/W", "Z/conv/b", "A/affine/W", "A/affine/b"]):
            file[name] = np.zeros((2, 1, 3, 3) if "conv/W" in name else (2, 5) if name.endswith("W") else 5, "f4")
            file[name].attrs["index"], file[name].attrs["need_grad"] = index, True
    assert [(t.name, t.axes) for t in read(path)] == [
        ("Z/conv/W", ("o", "i", "kh", "kw")),
        ("Z/conv/b", ("o",)),
        ("A/affine/W", ("in", "out")),
        ("A/affine/b", ("out",)),
    ]


def test_what_is_left_alone_is_listed(path):
    with h5py.File(path, "w") as file:
        file["x"] = 1.0
        file.create_dataset("object", (), np.dtype([("layers", h5py.ref_dtype)]))
        file["reference"] = file.ref
        file["text"], file["lists"] = "words", np.array([b"a"])
        file.create_dataset("varying", (1,), h5py.vlen_dtype(np.int32))
        file.create_dataset("huge", (1 << 40,), "u1", chunks=(1 << 20,))
        file.create_dataset("large", (1 << 29,), "u1", chunks=(1 << 20,))
        file["soft"], file["away"] = h5py.SoftLink("/x"), h5py.ExternalLink("other.h5", "/x")
        file["circle/again"] = file["/"]
    weights = read(path)
    assert [tensor.name for tensor in weights] == ["x"]
    found = {item.what: item.reason for item in weights.not_read}
    assert "references to other data" in found["object"]
    assert "references to other data" in found["reference"]
    assert found["text"] == found["lists"] == "text, not numbers"
    assert found["varying"] == "a list of varying length, not numbers"
    assert found["huge"] == f"declares {1 << 40} bytes and stores 0"
    assert found["large"] == f"declares {1 << 29} bytes and stores 0"
    assert found["soft (soft link)"] == found["away (external link)"] == "links are not followed"
    assert "circle/again (the same group as /)" in found


def test_an_attribute_of_lists_in_a_heap_is_left_alone(path):
    """MATLAB names fields so; a damaged heap can hold libhdf5 for ever."""
    lists = np.empty(2, object)
    lists[:] = [np.arange(2, dtype="i4"), np.arange(3, dtype="i4")]
    with h5py.File(path, "w") as file:
        file["x"] = 1.0
        file["x"].attrs.create("fields", lists, dtype=h5py.vlen_dtype(np.int32))
        file["x"].attrs["words"], file["x"].attrs["number"] = ["a", "b"], 3
    assert list_hdf5(path).datasets["x"].attributes == {"words": ["a", "b"], "number": 3}


def test_a_user_block_before_the_signature(path):
    with h5py.File(path, "w", userblock_size=1024) as file:
        file["x"] = np.arange(3)
    assert read(path)["x"].read().tolist() == [0, 1, 2]


def test_objects_of_julia_are_named_with_what_to_type(path):
    """A file of JLD2 is HDF5 behind a text of 512 bytes; its objects hold references to their arrays."""
    with h5py.File(path, "w", userblock_size=512) as file:
        file.create_dataset("model_state", (), np.dtype([("layers", h5py.ref_dtype)]))
    with path.open("r+b") as stream:
        stream.write(b"HDF5-based Julia Data Format, version 0.1.1\0")
    weights = read(path)
    assert len(weights) == 0
    assert [(item.what, item.count) for item in weights.not_read] == [("model_state", 1)]
    assert weights.not_read[0].reason.startswith("an object of Julia, its arrays behind references: in Julia, NPZ.")


def test_a_file_with_nothing_in_it(path):
    h5py.File(path, "w").close()
    with pytest.raises(WeightFileError, match="HDF5 file without any data set"):
        read(path)


def test_ours_is_told_from_others_by_its_root_attribute(path, weights, contents):
    write(weights, path, format="hdf5")
    with h5py.File(path) as ours, h5py.File(path.with_suffix(".copy"), "w") as copy:  # another layout of the file
        copy["padding"] = np.zeros(20_000)
        for name, value in ours.attrs.items():
            copy.attrs.create(name, value, dtype=ours.attrs.get_id(name).dtype)
        for name in ours:
            ours.copy(name, copy)
    copied = path.with_suffix(".copy")
    assert b"cnnkit-hdf5" not in copied.read_bytes()[:100]
    assert Hdf5Format().recognises(copied, copied.read_bytes()[:100])
    assert contents(read(copied)) == contents(weights)
    with h5py.File(copied, "r+") as copy:
        del copy.attrs["format"]
    assert read(copied).format == "plain-hdf5"


def test_large_arrays_come_in_pieces(path, monkeypatch):
    rng = np.random.default_rng(0)
    arrays = {"a": rng.normal(size=(3, 5, 70)), "b": rng.normal(size=(1, 2, 300)), "c": np.zeros((0, 3)), "d": 1.5}
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file[name] = array
        file.create_dataset("e", data=arrays["a"], chunks=(2, 2, 7), compression="gzip")
    monkeypatch.setattr(values, "_PIECE", 1000)
    with h5py.File(path) as file:
        for name, dataset in list_hdf5(path).datasets.items():
            pieces = [part.tobytes() for part in values.iterate_values(file, name)]
            assert b"".join(pieces) == file[name][()].tobytes() == read_values(path, name, dataset).tobytes()
            assert len(pieces) == 1 or max(map(len, pieces)) <= 1000


def test_a_data_set_that_changed_since_it_was_listed(path):
    with h5py.File(path, "w") as file:
        file["x"], file["y"] = np.zeros(4), np.zeros(4)
    weights = read(path)
    with h5py.File(path, "w") as file:
        file["x"] = np.zeros(5)
    for name in ("x", "y"):
        with pytest.raises(WeightFileError, match="changed since it was listed"):
            weights[name].read()
    with pytest.raises(UnsafeFileError, match="has changed since it was listed"):
        read_values(path, "x", ListedDataset("float64", (4,), {}))
    with pytest.raises(UnsafeFileError, match="y has gone since the file was listed"):
        read_values(path, "y", ListedDataset("float64", (4,), {}))
    path.unlink()
    with pytest.raises(WeightFileError, match="cannot be read: No such file"):
        weights["x"].read()
    with pytest.raises(UnsafeFileError, match="no such file"):
        list_hdf5(path)


def numbers(path):
    with h5py.File(path, "w") as file:
        file["x"] = np.zeros(4)
    return path


def test_a_worker_that_dies_is_one_line_and_the_next_file_is_read(path, monkeypatch):
    numbers(path)
    list_hdf5(path)
    cage._list.cache_clear()
    stored = list_hdf5(path).datasets["x"]

    def crash(*_):
        os.kill(WORKER._process.pid, signal.SIGSEGV)
        time.sleep(0.2)
        raise EOFError

    with monkeypatch.context() as patch:
        patch.setattr(worker_process, "_read_frames", crash)
        with pytest.raises(UnsafeFileError, match=r"crashes the HDF5 library \(SIGSEGV\)") as caught:
            read_values(path, "x", stored)
    assert caught.value.kind == "refused"
    assert read_values(path, "x", stored).tolist() == [0] * 4


def test_a_worker_that_hangs_is_ended(path, monkeypatch):
    stored = list_hdf5(numbers(path)).datasets["x"]
    monkeypatch.setattr(worker_process, "PATIENCE", 0.05)
    os.kill(WORKER._process.pid, signal.SIGSTOP)
    with pytest.raises(UnsafeFileError, match="takes too long") as caught:
        read_values(path, "x", stored)
    assert caught.value.kind == "refused"
    monkeypatch.undo()
    assert read_values(path, "x", stored).tolist() == [0] * 4


def test_threads_share_the_worker(path):
    stored = list_hdf5(numbers(path)).datasets["x"]
    found = []
    threads = [threading.Thread(target=lambda: found.append(read_values(path, "x", stored).tolist())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[0] * 4] * 8


def test_an_answer_that_is_given_up_does_not_mix_with_the_next(path):
    stored = list_hdf5(numbers(path)).datasets["x"]
    request = {"path": str(path), "window": None, "wish": "values", "place": "x", "which": []}
    descriptor = os.open(path, os.O_RDONLY)
    answer = WORKER.ask(request | {"seconds": 5, "memory": 100 << 20}, descriptor)
    next(answer)
    answer.close()
    os.close(descriptor)
    assert read_values(path, "x", stored).tolist() == [0] * 4


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="limits can be looked at under /proc only")
def test_the_worker_has_limits(path):
    list_hdf5(numbers(path))
    with open(f"/proc/{WORKER._process.pid}/limits") as stream:
        limits = {line[:26].strip(): line[26:].split()[0] for line in stream}
    assert limits["Max file size"] == "0"
    assert limits["Max core file size"] == "0"
    assert limits["Max open files"] == "32"
    assert int(limits["Max address space"]) < 256 << 20


def test_damaged_files_are_one_line_each(path, tmp_path):
    """A byte here and there: a line or values, never an end of this process."""
    with h5py.File(tmp_path / "good", "w") as file:
        file["g/x"] = np.arange(4)
        file["g/x"].attrs["index"] = 1
    data = (tmp_path / "good").read_bytes()
    rng = np.random.default_rng(0)
    lines = []
    for position in rng.choice(len(data), 250, replace=False):
        path.write_bytes(data[:position] + bytes([rng.integers(256)]) + data[position + 1 :])
        try:
            for tensor in read(path):
                tensor.read()
        except WeightFileError as error:
            lines.append(str(error))
    assert len(lines) > 10
    assert not any("\n" in line or "cannot be read as" in line for line in lines)
