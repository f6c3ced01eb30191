"""Small tensors that only the worker can read come several in one request, each with its values or its own fault."""

import time

import h5py
import numpy as np
import pytest

from cnnkit.errors import WeightFileError
from cnnkit.exporters import Tensor, WeightFile
from cnnkit.exporters.foreign_hdf5.format import PlainHdf5Format
from cnnkit.exporters.hdf5.format import Hdf5Format
from cnnkit.files.hdf5.worker_process import WORKER


@pytest.fixture
def requests(monkeypatch):
    """Return the wishes that the worker has been told."""
    wishes, ask = [], WORKER.ask

    def count(request, *others):
        wishes.append(request["wish"])
        return ask(request, *others)

    monkeypatch.setattr(WORKER, "ask", count)
    return wishes


def test_a_thousand_chunked_tensors_take_few_requests_and_little_time(tmp_path, requests):
    arrays = {f"layers.{i}.weight": np.full((12, 12), i, np.float32) for i in range(1_000)}
    tensors = tuple(
        Tensor.of(name, array, layer=name, kind="parameter", role="weight", axes=("out", "in"))
        for name, array in arrays.items()
    )
    path = tmp_path / "a.h5"
    Hdf5Format().write(WeightFile(tensors), path, compression=1)
    requests.clear()
    started = time.process_time()
    weights = Hdf5Format().read(path)
    for name, array in arrays.items():
        np.testing.assert_array_equal(weights[name].read(), array)
    assert time.process_time() - started < 20  # of this process: 0.3 s
    assert requests.count("values") == 0
    assert requests.count("several") <= 1_000 // 50


def test_any_order_gives_the_same_values(tmp_path, requests):
    path = tmp_path / "a.h5"
    write_chunked(path, 200)
    weights = PlainHdf5Format().read(path)
    for index in (7, 7, 3, 0, 1, 2, 199, 64, 65, 130, 0, *range(200)):
        np.testing.assert_array_equal(weights[f"w{index:03}"].read(), np.full((4, 4), index))
    assert "several" in requests


def test_large_tensors_and_large_chunks_are_asked_for_alone(tmp_path, requests):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        for index in range(3):
            file.create_dataset(f"w{index}", data=np.full((200, 200), index, "f4"), compression="gzip")
            shape = {"shape": (2, 2), "maxshape": (None, None), "chunks": (200, 200)}
            file.create_dataset(f"wide{index}", data=np.full((2, 2), index, "f4"), **shape, compression="gzip")
    weights = PlainHdf5Format().read(path)
    for index in range(3):
        assert (weights[f"w{index}"].read() == index).all()
        assert (weights[f"wide{index}"].read() == index).all()
    assert "several" not in requests


def test_a_damaged_tensor_is_told_by_its_own_name_and_the_others_are_read(tmp_path):
    path = tmp_path / "a.h5"
    write_chunked(path, 100)
    with h5py.File(path, "r") as file:
        chunk = file["w050"].id.get_chunk_info(0)
    with path.open("r+b") as stream:
        stream.seek(chunk.byte_offset)
        stream.write(b"\xff" * chunk.size)
    weights = PlainHdf5Format().read(path)
    for index in range(100):
        if index == 50:
            with pytest.raises(WeightFileError, match="w050"):
                weights["w050"].read()
        else:
            assert (weights[f"w{index:03}"].read() == index).all()


def write_chunked(path, count):
    with h5py.File(path, "w") as file:
        for index in range(count):
            file.create_dataset(f"w{index:03}", data=np.full((4, 4), index, "f4"), compression="gzip", fletcher32=True)
