"""A damaged file is never silently wrong: one line, or the right values."""

import random
from collections import Counter

import h5py
import numpy as np
import pytest

from cnnkit.errors import WeightFileError
from cnnkit.exporters.hdf5.format import Hdf5Format

HDF5 = Hdf5Format()


@pytest.fixture
def path(weights, tmp_path):
    HDF5.write(weights, tmp_path / "a.h5")
    return tmp_path / "a.h5"


def verdict(path, contents, good):
    if not HDF5.recognises(path, path.read_bytes()[:8192]):
        return "detected"
    try:
        back = HDF5.read(path)
        return "harmless" if contents(back) == good and back.not_read == () else "wrong"
    except WeightFileError as error:
        return "detected" if "\n" not in str(error) and error.file == str(path) else "no clear line"


def test_single_bit_flips_are_detected_or_harmless(path, contents):
    data, good = bytearray(path.read_bytes()), contents(HDF5.read(path))
    rng, verdicts = random.Random(0), Counter()
    for bit in rng.sample(range(len(data) * 8), 300):
        data[bit // 8] ^= 1 << bit % 8
        path.write_bytes(data)
        found = verdict(path, contents, good)
        assert found in {"detected", "harmless"}, f"bit {bit}: {found}"
        verdicts[found] += 1
        data[bit // 8] ^= 1 << bit % 8
    assert verdicts["detected"] > 100


def test_the_verdict_can_be_wrong(path, contents, weights):
    good = contents(weights)
    HDF5.write(type(weights)(weights.tensors, metadata={}), path)
    assert verdict(path, contents, good) == "wrong"


@pytest.mark.parametrize("place", ["architecture", "metadata", "position"])
def test_every_bit_of_the_json_counts(path, place):
    with h5py.File(path) as file:
        offset, size = file[place].id.get_offset(), file[place].id.get_storage_size()
    data = bytearray(path.read_bytes())
    for position in range(size):
        data[offset + position] ^= 1
        path.write_bytes(data)
        with pytest.raises(WeightFileError, match=f"{place}: damaged: does not fit its SHA-256"):
            HDF5.read(path)
        data[offset + position] ^= 1


def test_a_damaged_tensor_is_named_and_the_others_are_read(path, weights):
    with h5py.File(path) as file:
        offset = file["parameters/0.bias"].id.get_chunk_info(0).byte_offset
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(data)
    back = HDF5.read(path)
    with pytest.raises(WeightFileError, match=r"a\.h5: parameters/0\.bias: does not fit its SHA-256") as caught:
        back["0.bias"].read()
    assert (caught.value.kind, caught.value.format) == ("unreadable", "hdf5")
    np.testing.assert_array_equal(back["0.weight"].read(), weights["0.weight"].read())


def test_a_file_cut_short_at_any_place(path):
    data = path.read_bytes()
    for size in range(8, len(data), 97):
        path.write_bytes(data[:size])
        with pytest.raises(WeightFileError) as caught:
            [tensor.read() for tensor in HDF5.read(path)]
        assert "\n" not in str(caught.value)


def test_a_value_changed_by_another_tool_is_noticed(path):
    with h5py.File(path, "r+") as file:
        file["parameters/0.bias"][0] = 7
        file["state/1.batches"][()] = 8
    back = HDF5.read(path)
    for name in ("0.bias", "1.batches"):
        with pytest.raises(WeightFileError, match=f"{name}: does not fit its SHA-256"):
            back[name].read()


def test_a_file_replaced_after_the_list(path, weights):
    back = HDF5.read(path)
    HDF5.write(type(weights)(weights.tensors[1:3]), path)
    with pytest.raises(WeightFileError, match=r"changed since it was listed: read it again"):
        back["0.weight"].read()
    path.unlink()
    with pytest.raises(WeightFileError, match="cannot be read: No such file"):
        back["0.bias"].read()


def test_another_makers_file(path):
    with h5py.File(path, "w") as file:
        file["x"] = 1.0
    with pytest.raises(WeightFileError, match="HDF5 file that cnnkit did not write"):
        HDF5.read(path)


def change(path, place, key, value):
    with h5py.File(path, "r+") as file:
        if value is None:
            del file[place].attrs[key]
        else:
            file[place].attrs[key] = value


@pytest.mark.parametrize(
    ("place", "key", "value", "message"),
    [
        ("/", "version", 2, "version 2 of cnnkit-hdf5, this cnnkit reads 1"),
        ("/", "version", None, "version None of cnnkit-hdf5"),
        ("/", "format", np.bytes_(b"cnnkit-hdf6"), "HDF5 file that cnnkit did not write"),
        ("parameters/0.bias", "layer", 3, "attribute layer is not a text"),
        ("parameters/0.bias", "layer", np.bytes_(b"\xff"), "surrogates not allowed"),
        ("parameters/0.bias", "name", np.bytes_(b"1.bias"), "its name or axes do not fit"),
        ("parameters/0.bias", "axes", np.bytes_(b"[1]"), "its name or axes do not fit"),
        ("parameters/0.bias", "axes", np.bytes_(b"7"), "damaged: its name or axes do not fit"),
        ("parameters/0.bias", "axes", np.bytes_(b"[]"), "expected a name for each axis"),
        ("parameters/0.bias", "role", np.bytes_(b"kernel"), "role 'kernel' is not one of"),
        ("parameters/0.bias", "role", None, "attribute role is missing"),
        ("parameters/0.bias", "index", None, "damaged: attribute index is not a number"),
        ("parameters/0.bias", "dtype", np.bytes_(b"bfloat16"), "bfloat16 stored as float32"),
        ("parameters/0.bias", "dtype", np.bytes_(b"float64"), "float64 stored as float32"),
        ("metadata", "sha256", None, "metadata: damaged: attribute sha256 is missing"),
    ],
)
def test_headers_that_do_not_fit(path, place, key, value, message):
    change(path, place, key, value)
    with pytest.raises(WeightFileError, match=message):
        HDF5.read(path)


def test_texts_of_varying_length(path, contents, weights):
    """Another tool may store them so: those of attributes are read, those of data sets are not."""
    change(path, "/", "format", "cnnkit-hdf5")
    assert contents(HDF5.read(path)) == contents(weights)
    with h5py.File(path, "r+") as file:
        del file["metadata"]
        file["metadata"] = "{}"
    with pytest.raises(WeightFileError, match="metadata: not one text of fixed length"):
        HDF5.read(path)


def test_metadata_that_is_no_object(path, weights):
    HDF5.write(type(weights)((), metadata=[1, 2]), path)
    with pytest.raises(WeightFileError, match="metadata: damaged: not a JSON object"):
        HDF5.read(path)


def test_what_is_not_part_of_the_format_is_listed(path, contents, weights):
    with h5py.File(path, "r+") as file:
        file["notes"] = np.zeros(3)
        file["words"] = "variable"
        file["elsewhere"] = h5py.ExternalLink("other.h5", "/x")
    back = HDF5.read(path)
    assert contents(back) == contents(weights)
    assert [(item.what, item.count) for item in back.not_read] == [
        *(("notes", 1), ("words", 1), ("elsewhere (external link)", 1))
    ]


def test_a_tensor_outside_the_rules_is_refused(path):
    with h5py.File(path, "r+") as file:
        file.create_dataset("parameters/x", (4,), "u1", external=[("/etc/passwd", 0, 4)])
    with pytest.raises(WeightFileError, match="parameters/x: external storage") as caught:
        HDF5.read(path)
    assert caught.value.kind == "refused"
