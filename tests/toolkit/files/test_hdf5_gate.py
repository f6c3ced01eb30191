"""The gate lets through what is in the file and numeric, and names all the rest."""

import os
import subprocess
import sys

import h5py
import numpy as np
import pytest

from cnnkit.files import hdf5_rules, hdf5_walk
from cnnkit.files.hdf5_gate import open_hdf5
from cnnkit.files.unsafe_file import UnsafeFileError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.h5"


def test_numeric_data_sets_come_by_path_with_their_values(path):
    with h5py.File(path, "w") as file:
        file.attrs["answer"] = 42
        file["x"] = np.arange(3, dtype=">i2")
        file["flags"] = np.array([True, False])
        file.create_dataset("deep/er/y", data=np.ones((4, 4), "f4"), compression="gzip", shuffle=True, fletcher32=True)
        file.create_dataset("lzf", data=np.ones(4), compression="lzf")
        file["text"] = np.bytes_(b"{}")
        file["deep"].attrs["layer"] = 7
    with open_hdf5(path) as file:
        found = file.datasets()
        assert set(found) == {"x", "flags", "deep/er/y", "lzf"}
        assert found["deep/er/y"].shape == (4, 4)
        np.testing.assert_array_equal(file.read("x"), [0, 1, 2])
        np.testing.assert_array_equal(file["flags"][...], [True, False])
        assert file.text("text") == b"{}"
        assert file.attrs["answer"] == 42
        assert set(file.groups()) == {"", "deep", "deep/er"}
        assert file.groups()["deep"].attrs["layer"] == 7
        assert list(file.attributes("x")) == []
        assert (file.not_followed, file.not_read) == ([], {"text": "neither float, integer, bool nor enum"})


def test_a_handle_may_stay_open_until_it_is_closed(path):
    with h5py.File(path, "w") as file:
        file["x"] = 1.5
    file = open_hdf5(path)
    assert file.read("x") == 1.5
    file.close()
    with pytest.raises(UnsafeFileError):
        file.read("x")


def test_links_that_lead_elsewhere_are_listed_and_never_followed(path, tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["secret"] = 1.0
    with h5py.File(path, "w") as file:
        file["g/x"] = 1.0
        file["g/loop"] = file["g"]
        file["alias"] = file["g/x"]
        file["soft"] = h5py.SoftLink("/g")
        file["external"] = h5py.ExternalLink("other.h5", "/secret")
    with open_hdf5(path) as file:
        assert set(file.datasets()) == {"g/x", "alias"}
        assert sorted(file.not_followed) == [
            "external (external link)",
            "g/loop (the same group as g)",
            "soft (soft link)",
        ]
        for place in ("soft/x", "external"):
            with pytest.raises(UnsafeFileError, match="not followed") as caught:
                file.read(place)
            assert caught.value.kind == "refused"


@pytest.mark.parametrize("place", ["none", "g", "", ".", "g/", "g/./x", "g/x/x", "/g/x"])
def test_what_is_no_data_set_is_a_key_error(path, place):
    with h5py.File(path, "w") as file:
        file["g/x"] = 1.0
    with open_hdf5(path) as file, pytest.raises(KeyError):
        file[place]


def external(file, tmp_path):
    file.create_dataset("bad", (4,), "u1", external=[(str(tmp_path / "passwords"), 0, 4)])


def virtual(file, tmp_path):
    layout = h5py.VirtualLayout((4,), "u1")
    layout[:] = h5py.VirtualSource(str(tmp_path / "passwords.h5"), "x", (4,))
    file.create_virtual_dataset("bad", layout)


def scale_offset(file, _):
    file.create_dataset("bad", data=np.arange(8), chunks=(8,), scaleoffset=4)


def bomb(file, _):
    file.create_dataset("bad", (1 << 33,), "u1", chunks=(1 << 20,), compression="gzip")


def giant_chunk(file, _):
    file.create_dataset("bad", (8,), "u1", chunks=(1 << 27,), maxshape=(None,))


def objects(file, _):
    file["bad"] = np.array(["a", "b"], dtype=h5py.string_dtype())


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (external, "other files"),
        (virtual, "other data sets"),
        (scale_offset, "filter 6"),
        (bomb, "declares 8589934592 bytes and stores 0"),
        (giant_chunk, "declares 8 bytes in chunks of 134217728"),
        (objects, "neither float"),
        (lambda file, _: file.create_dataset("bad", data=h5py.Empty("f4")), "null space"),
        (lambda file, _: file.create_dataset("bad", data=np.zeros(2, "c8")), "neither float"),
        (lambda file, _: file.create_dataset("bad", data=np.zeros(2, "f4,i4")), "neither float"),
        (lambda file, _: file.create_dataset("bad", (2,), h5py.ref_dtype), "neither float"),
    ],
)
def test_a_data_set_outside_the_rules_is_listed_with_its_reason_and_not_read(path, tmp_path, make, reason):
    with h5py.File(path, "w") as file:
        file["good"] = 1.0
        make(file, tmp_path)
    with open_hdf5(path) as file:
        assert set(file.datasets()) == {"good"}
        assert reason in file.not_read["bad"]
        with pytest.raises(UnsafeFileError, match=reason) as caught:
            file.read("bad")
        assert caught.value.kind == "refused"


@pytest.mark.parametrize("value", ["variable length", np.array([b"two", b"texts"]), 1.0])
def test_text_is_one_text_of_fixed_length(path, value):
    with h5py.File(path, "w") as file:
        file["text"] = value
    with open_hdf5(path) as file, pytest.raises(UnsafeFileError, match="not one text of fixed length"):
        file.text("text")


def test_a_text_beyond_the_limit(path, monkeypatch):
    with h5py.File(path, "w") as file:
        file["text"] = np.bytes_(b"12345")
    monkeypatch.setattr(hdf5_rules, "TEXT_LIMIT", 4)
    with open_hdf5(path) as file, pytest.raises(UnsafeFileError, match="a text of 5 bytes, more than 4"):
        file.text("text")


def test_budgets_on_depth_and_number(path, monkeypatch):
    with h5py.File(path, "w") as file:
        file.create_group("/".join("g" * hdf5_walk.MAX_DEPTH))
    with open_hdf5(path) as file:
        assert len(file.groups()) == hdf5_walk.MAX_DEPTH + 1
    with h5py.File(path, "a") as file:
        file.create_group("/".join("g" * (hdf5_walk.MAX_DEPTH + 1)))
    with open_hdf5(path) as file, pytest.raises(UnsafeFileError, match="deeper than 64") as caught:
        file.datasets()
    assert caught.value.kind == "too_big"
    monkeypatch.setattr(hdf5_walk, "MAX_NODES", 60)
    with open_hdf5(path) as file, pytest.raises(UnsafeFileError, match="more than 60"):
        file.datasets()


def test_no_file_no_hdf5_cut_file(path, tmp_path):
    with pytest.raises(UnsafeFileError, match="no such file"):
        open_hdf5(path)
    with pytest.raises(UnsafeFileError, match="not a file"):
        open_hdf5(tmp_path)
    path.write_bytes(b"no HDF5 at all")
    with pytest.raises(UnsafeFileError, match="damaged HDF5 file: file signature not found"):
        open_hdf5(path)
    with h5py.File(path, "w") as file:
        file["x"] = np.zeros(1000)
    os.truncate(path, 5000)
    with pytest.raises(UnsafeFileError, match="damaged HDF5 file: truncated file") as caught:
        open_hdf5(path)
    assert caught.value.kind == "unreadable"
    assert "\n" not in str(caught.value)


def test_damaged_values_name_the_data_set(path):
    with h5py.File(path, "w") as file:
        dataset = file.create_dataset("g/x", data=np.zeros(100, "u1"), chunks=(100,), fletcher32=True)
        offset = dataset.id.get_chunk_info(0).byte_offset
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(data)
    with open_hdf5(path) as file, pytest.raises(UnsafeFileError, match="g/x: damaged: "):
        file.read("g/x")


@pytest.mark.parametrize("first", ["", "import h5py"])
def test_plug_ins_are_off_whoever_imported_h5py_first(first, tmp_path):
    code = f"{first}\nfrom cnnkit.files.hdf5_library import load_h5py\nprint(load_h5py().h5pl.size())"
    result = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"HDF5_PLUGIN_PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout == "0\n"


def test_the_gate_imports_h5py_only_when_used():
    code = "import sys, cnnkit.files.hdf5_gate, cnnkit.exporters; print('h5py' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "False\n"
