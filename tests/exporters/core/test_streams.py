"""Tensors that come piece by piece: values and sums as read at once, in little memory, and no damage passes."""

import io
import json
import tracemalloc
import zipfile

import h5py
import numpy as np
import pytest
import torch

from cnnkit import exporters
from cnnkit.errors import WeightFileError
from cnnkit.exporters import Tensor, WeightFile
from cnnkit.exporters.core.weight_file import sha256

VALUES = np.random.default_rng(0).normal(size=(700, 1500)).astype(np.float32)  # 4.2 MB


def npy(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def npz(array, packing):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", packing) as archive:
        archive.writestr("w.npy", npy(array))
    return stream.getvalue()


def safetensors(array):
    header = json.dumps({"w": {"dtype": "F32", "shape": array.shape, "data_offsets": [0, array.nbytes]}}).encode()
    return len(header).to_bytes(8, "little") + header + array.tobytes()


def pytorch(array, zipped):
    stream = io.BytesIO()
    whole = torch.from_numpy(np.concatenate((np.zeros((3, array.shape[1]), np.float32), array)))
    torch.save({"w": whole[3:]}, stream, _use_new_zipfile_serialization=zipped)  # a view, from an offset on
    return stream.getvalue()


def hdf5(array, name="w", userblock_size=0, **options):
    stream = io.BytesIO()
    with h5py.File(stream, "w", userblock_size=userblock_size) as file:
        file.create_dataset(name, data=array, **options)
    return stream.getvalue()


def keras(array):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("metadata.json", "{}")
        archive.writestr("config.json", "{}")
        archive.writestr("model.weights.h5", hdf5(array, "layers/dense/vars/0"))
    return stream.getvalue()


FILES = {
    "npy": npy(VALUES),
    "npy, big-endian": npy(VALUES.astype(">f4")),
    "npz": npz(VALUES, zipfile.ZIP_STORED),
    "npz, packed": npz(VALUES, zipfile.ZIP_DEFLATED),
    "safetensors": safetensors(VALUES),
    "torch": pytorch(VALUES, True),
    "torch before 1.6": pytorch(VALUES, False),
    "hdf5": hdf5(VALUES),
    "hdf5, big-endian": hdf5(VALUES.astype(">f4")),
    "hdf5, user block": hdf5(VALUES, userblock_size=1024),
    "hdf5, in chunks": hdf5(VALUES, chunks=(64, 700), compression="lzf"),
    "keras": keras(VALUES),
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a"


def streamed(tensor):
    """Return the pieces and the sum."""
    parts, found = tensor.stream(), []
    while True:
        try:
            found.append(next(parts).copy())
        except StopIteration as end:
            return found, end.value


def the_one(path):
    (tensor,) = exporters.read(path).tensors
    return tensor


@pytest.mark.parametrize("data", FILES.values(), ids=FILES)
def test_a_stream_is_what_is_read_at_once(path, data):
    path.write_bytes(data)
    tensor = the_one(path)
    pieces, digest = streamed(tensor)
    assert max(piece.nbytes for piece in pieces) <= 8 << 20
    assert {piece.dtype for piece in pieces} == {np.dtype("=f4")}
    assert np.concatenate(pieces).tobytes() == tensor.read().tobytes() == VALUES.tobytes()
    assert digest == tensor.sha256() == sha256(VALUES)


@pytest.mark.parametrize("name", ["npy", "npz", "npz, packed", "safetensors", "torch", "torch before 1.6", "hdf5"])
def test_a_sum_takes_little_memory(path, name):
    path.write_bytes(FILES[name])
    tensor = the_one(path)
    tracemalloc.start()
    try:
        tensor.sha256()
        assert tracemalloc.get_traced_memory()[1] < VALUES.nbytes
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("format_name", ["hdf5", "npz", "safetensors"])
@pytest.mark.parametrize("shape", [(), (0, 3), (1, 300_001), (300_001, 1), (3, 7, 50_001)])
def test_what_cnnkit_writes_comes_back_in_pieces(path, format_name, shape):
    array = np.random.default_rng(1).normal(size=shape)
    exporters.write(WeightFile((Tensor.of("w", array),)), path, format=format_name)
    tensor = the_one(path)
    pieces, digest = streamed(tensor)
    assert b"".join(piece.tobytes() for piece in pieces) == array.tobytes()
    assert all(piece.nbytes <= 1 << 20 for piece in pieces)
    assert digest == sha256(array)


def test_what_does_not_lie_in_order_is_read_at_once(path):
    path.write_bytes(npy(np.asfortranarray(VALUES[:4])))
    assert the_one(path).stream is None
    path.write_bytes(npy(np.asfortranarray(VALUES[:1])))  # of one row: in any order
    assert the_one(path).stream is not None
    torch.save({"w": torch.from_numpy(VALUES[:4]).T}, path)
    assert the_one(path).stream is None
    assert the_one(path).sha256() == sha256(VALUES[:4].T)


@pytest.mark.parametrize(
    ("name", "message"),
    [("npz", r"CRC-32\): damaged"), ("torch", r"CRC-32\): damaged"), ("npz, packed", "damaged|unfold")],
)
def test_damage_shows_at_the_end_at_the_latest(path, name, message):
    data = bytearray(FILES[name])
    data[len(data) // 2] ^= 16
    path.write_bytes(data)
    tensor = the_one(path)
    for _ in range(2):
        with pytest.raises(WeightFileError, match=message):
            streamed(tensor)


@pytest.mark.parametrize("format_name", ["hdf5", "safetensors"])
def test_damage_of_what_cnnkit_wrote(path, format_name):
    exporters.write(WeightFile((Tensor.of("w", VALUES),)), path, format=format_name)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(WeightFileError, match="does not fit its SHA-256"):
        streamed(the_one(path))


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_changes_while_it_is_read(path, name):
    path.write_bytes(FILES[name])
    parts = the_one(path).stream()
    next(parts)
    path.write_bytes(FILES[name] + b"x")
    if name in ("npz", "npz, packed", "torch"):  # whose checksum says that these bytes are right
        return
    with pytest.raises(WeightFileError, match="changed since it was listed"):
        list(parts)


def test_a_bool_that_is_none(path):
    path.write_bytes(npy(np.array([0, 1, 7], np.uint8)).replace(b"|u1", b"|b1"))
    with pytest.raises(WeightFileError, match="arr_0: a bool is 7, neither 0 nor 1"):
        streamed(the_one(path))


def test_two_streams_of_one_worker_take_turns(path):
    path.write_bytes(hdf5(np.arange(6 << 20, dtype=np.float32).reshape(6, -1), chunks=(1, 1 << 20)))
    tensor = the_one(path)
    left, right = tensor.stream(), tensor.stream()
    first = [next(left), next(right), next(left), next(right)]
    assert np.array_equal(first[0], first[1])
    assert np.array_equal(first[2], first[3])
    assert first[2][0] == first[0].size


@pytest.mark.parametrize("begin", [-1, 1 << 40])
def test_a_place_outside_of_the_file_is_left_to_the_worker(path, begin, monkeypatch):
    """What the worker says about a file of a stranger is not believed either."""
    from cnnkit.exporters.core import hdf5_tensors

    path.write_bytes(FILES["hdf5"])
    listed = hdf5_tensors.list_hdf5(path)
    moved = {name: stored._replace(runs=((begin, stored.nbytes),)) for name, stored in listed.datasets.items()}
    monkeypatch.setattr(hdf5_tensors, "list_hdf5", lambda *_: listed._replace(datasets=moved))
    foreign = hdf5_tensors.Hdf5Tensors.open(path, "plain-hdf5")
    assert foreign.tensor("w", "w", "", "parameter", "other", None).read().tobytes() == VALUES.tobytes()
