"""What goes into an HDF5 file comes out, bit for bit, and plain h5py can read it too."""

import json
import os
import time

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cnnkit.errors import ExportError
from cnnkit.exporters import Tensor, WeightFile
from cnnkit.exporters.core.weight_file import KINDS, ROLES
from cnnkit.exporters.hdf5.format import Hdf5Format
from cnnkit.exporters.hdf5.layout import to_link_name

HDF5 = Hdf5Format()
INTEGERS = [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
DTYPES = ["bool", *INTEGERS, "float16", "float32", "float64", "bfloat16", "float8_e5m2"]
CARRIERS = {"bfloat16": "uint16", "float8_e5m2": "uint8"}
TEXT = st.text(st.characters(exclude_categories=()), max_size=8) | st.sampled_from([".", "..", "/", "a/b", "%", "%2F"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@st.composite
def tensors(draw):
    dtype = draw(st.sampled_from(DTYPES))
    carrier = np.dtype(CARRIERS.get(dtype, dtype))
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=6, min_side=0, max_side=3))
    if dtype == "bool":
        array = draw(hnp.arrays(carrier, shape))
    else:  # any bits at all: NaN with payloads, subnormals, negative zero
        bits = np.dtype(f"u{carrier.itemsize}")
        array = draw(hnp.arrays(bits, shape)).view(carrier)
    return Tensor.of(
        draw(TEXT),
        array,
        layer=draw(TEXT),
        kind=draw(st.sampled_from(KINDS)),
        role=draw(st.sampled_from(ROLES)),
        axes=tuple(draw(TEXT) for _ in shape),
        dtype=dtype,
    )


@st.composite
def weight_files(draw):
    chosen = draw(st.lists(tensors(), max_size=4, unique_by=lambda tensor: (tensor.kind, tensor.name)))
    trees = st.dictionaries(TEXT, JSON, max_size=3)
    return WeightFile(tuple(chosen), draw(st.none() | trees), draw(trees), draw(st.none() | trees))


@given(weight_files(), st.sampled_from([0, 1, 9]))
@settings(max_examples=150, deadline=None)
def test_everything_comes_back_bit_for_bit(tmp_path_factory, contents, weights, compression):
    path = tmp_path_factory.getbasetemp() / "round.h5"
    HDF5.write(weights, path, compression=compression)
    back = HDF5.read(path)
    assert contents(back) == contents(weights)
    assert back.not_read == ()
    assert [tensor.sha256() for tensor in back] == [tensor.sha256() for tensor in weights]
    assert all(tensor.read().dtype.isnative and tensor.read().flags.c_contiguous for tensor in back)


@given(st.lists(TEXT, min_size=2, max_size=2, unique=True))
def test_two_names_never_share_a_link(names):
    assert to_link_name(names[0]) != to_link_name(names[1])


def test_names_stay_readable():
    assert to_link_name("conv.2.weight") == "conv.2.weight"
    assert [to_link_name(name) for name in ("a/b", "100%", ".", "", "\0", "\ud800", "größe")] == [
        *("a%2Fb", "100%25", "%2E", "%", "%00", "%uD800", "größe")
    ]


def test_plain_h5py_finds_its_way(weights, tmp_path):
    HDF5.write(weights, tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5") as file:
        assert (file.attrs["format"], file.attrs["version"]) == (b"cnnkit-hdf5", 1)
        assert set(file) == {"architecture", "metadata", "position", "parameters", "state", "optimizer"}
        assert json.loads(file["architecture"][()]) == weights.architecture
        assert json.loads(file["metadata"][()]) == weights.metadata
        kernel = file["parameters/0.weight"]
        np.testing.assert_array_equal(kernel[...], weights["0.weight"].read())
        assert [dimension.label for dimension in kernel.dims] == ["o", "i", "kh", "kw"]
        assert (kernel.attrs["role"], kernel.attrs["layer"], kernel.attrs["index"]) == (b"weight", b"0", 0)
        assert kernel.attrs["sha256"].decode() == weights["0.weight"].sha256()
        assert kernel.fletcher32
        assert file["parameters/2.weight"].attrs["dtype"] == b"bfloat16"
        assert file["state/1.batches"][()] == 7


@pytest.mark.parametrize("compression", [0, 4])
def test_the_same_weights_give_the_same_bytes(weights, tmp_path, compression):
    HDF5.write(weights, tmp_path / "a.h5", compression=compression)
    time.sleep(1.1)  # HDF5 keeps times in whole seconds
    HDF5.write(HDF5.read(tmp_path / "a.h5"), tmp_path / "b.h5", compression=compression)
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_large_tensors_and_large_json(tmp_path, contents):
    rng = np.random.default_rng(0)
    weights = WeightFile(
        tuple(Tensor.of(name, rng.normal(size=shape)) for name, shape in {"a": (3, 700_000), "b": (2000, 301)}.items()),
        metadata={"history": [{"epoch": epoch, "note": "ä" * 90} for epoch in range(3000)]},
    )
    HDF5.write(weights, tmp_path / "a.h5")
    assert contents(HDF5.read(tmp_path / "a.h5")) == contents(weights)


def test_compression_makes_the_file_smaller(tmp_path):
    weights = WeightFile((Tensor.of("a", np.zeros((300, 300))),))
    HDF5.write(weights, tmp_path / "a.h5")
    HDF5.write(weights, tmp_path / "b.h5", compression=1)
    assert os.path.getsize(tmp_path / "b.h5") < os.path.getsize(tmp_path / "a.h5") / 20


def test_listing_loads_no_values(weights, tmp_path, monkeypatch):
    HDF5.write(weights, tmp_path / "a.h5")
    monkeypatch.setattr("cnnkit.exporters.core.hdf5_tensors.stream_values", lambda *_: pytest.fail("loaded"))
    monkeypatch.setattr("cnnkit.files.hdf5.runs.StoredRuns.blocks", lambda _: pytest.fail("loaded"))
    back = HDF5.read(tmp_path / "a.h5")
    for tensor in back:
        with pytest.raises(pytest.fail.Exception, match="loaded"):
            tensor.read()


@pytest.mark.parametrize(
    ("weights", "options", "message"),
    [
        (WeightFile((Tensor.of("a", np.zeros(2, np.complex64)),)), {}, "parameter a: HDF5 has no complex64"),
        (WeightFile((Tensor.of("a", np.zeros((1,) * 40)),)), {}, "at most 32 axes, got 40"),
        (WeightFile((Tensor.of("a" * 20_000, np.zeros(1)),)), {}, "a name of more than 10000 bytes"),
        (WeightFile((), metadata={"loss": float("nan")}), {}, "metadata is not JSON: Out of range float"),
        (WeightFile((), architecture={"x": object()}), {}, "architecture is not JSON: .*object"),
        (WeightFile(()), {"compression": 10}, "compression: expected a level from 0 to 9, got 10"),
    ],
)
def test_what_cannot_be_held_is_named(weights, options, message, tmp_path):
    with pytest.raises(ExportError, match=message):
        HDF5.write(weights, tmp_path / "a.h5", **options)
