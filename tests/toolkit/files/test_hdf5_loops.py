"""Circles among the nodes of a B-tree, which libhdf5 would follow for ever."""

import struct

import h5py
import pytest

from cnnkit.files.hdf5_gate import open_hdf5
from cnnkit.files.hdf5_loops import refuse_loops
from cnnkit.files.unsafe_file import UnsafeFileError


def _write(path, groups=40):
    with h5py.File(path, "w") as file:
        for index in range(groups):
            file.create_group(f"group{index}")
            file[f"group{index}/a"] = [1.0]
    return bytearray(path.read_bytes())


def _nodes(content):
    places, place = [], content.find(b"TREE")
    while place >= 0:
        places.append(place)
        place = content.find(b"TREE", place + 1)
    return places


def test_a_sound_file_is_walked(tmp_path):
    path = tmp_path / "a.h5"
    _write(path)
    with open_hdf5(path) as file:
        assert len(file.datasets()) == 40


@pytest.mark.parametrize("side", [8, 16])
@pytest.mark.parametrize("length", [1, 2, 3])
def test_a_circle_is_refused_before_libhdf5_meets_it(tmp_path, side, length):
    path = tmp_path / "a.h5"
    content = _write(path)
    ring = _nodes(content)[:length]
    for node, after in zip(ring, ring[1:] + ring[:1], strict=True):
        struct.pack_into("<Q", content, node + side, after)
    path.write_bytes(content)
    with pytest.raises(UnsafeFileError, match="in a circle"):
        refuse_loops(path)
    with open_hdf5(path) as file, pytest.raises(UnsafeFileError, match="in a circle"):
        file.datasets()


def test_marks_among_values_and_at_the_end_are_no_nodes(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"TREE" * 50)
    refuse_loops(path)
    path.write_bytes(b"")
    refuse_loops(path)
