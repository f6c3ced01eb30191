import hashlib
import struct
from dataclasses import fields, replace

import numpy as np
import pytest

from cnnkit import exporters
from cnnkit.errors import WeightFileError
from cnnkit.exporters import Tensor, WeightFile


def test_of_fills_in_layer_axes_and_dtype():
    tensor = Tensor.of("block.2.weight", np.zeros((2, 3), np.float32))
    assert (tensor.layer, tensor.kind, tensor.role, tensor.axes) == ("block.2", "parameter", "other", ("0", "1"))
    assert (tensor.dtype, tensor.shape, tensor.parameters, tensor.nbytes) == ("float32", (2, 3), 6, 24)
    assert Tensor.of("weight", np.zeros(())).layer == ""


def test_sha256_is_of_little_endian_bytes_in_c_order():
    expected = hashlib.sha256(struct.pack("<4f", 1, 2, 3, 4)).hexdigest()
    values = np.array([[1, 2], [3, 4]], np.float32)
    assert Tensor.of("a", values).sha256() == expected
    assert Tensor.of("a", np.asfortranarray(values)).sha256() == expected
    assert Tensor.of("a", values.astype(">f4")).sha256() == expected
    assert Tensor.of("a", values.T).sha256() != expected
    assert Tensor.of("a", np.array(True)).sha256() == hashlib.sha256(b"\1").hexdigest()
    assert Tensor.of("a", np.zeros((0, 3))).sha256() == hashlib.sha256(b"").hexdigest()


def test_values_come_native_and_contiguous():
    values = Tensor.of("a", np.asfortranarray(np.arange(6, dtype=">i4").reshape(2, 3))).read()
    assert values.dtype.isnative
    assert values.flags.c_contiguous
    assert values.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_a_tensor_prints_without_its_values():
    assert "read" not in repr(Tensor.of("a", np.zeros(3)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "weights"}, "kind 'weights' is not one of parameter, state"),
        ({"role": "kernel"}, "role 'kernel' is not one of weight, recurrent_weight"),
        ({"axes": ("o",)}, "expected a name for each axis"),
        ({"dtype": "bfloat16"}, "bfloat16 is carried by uint16, got float64"),
        ({"dtype": "bfloat17"}, "'bfloat17' is not one of bool, int8"),
    ],
)
def test_a_tensor_that_does_not_fit_together(change, message):
    with pytest.raises(ValueError, match=message):
        Tensor.of("a", np.zeros((2, 3)), **change)


def test_objects_are_no_tensor():
    with pytest.raises(ValueError, match="'object'"):
        Tensor.of("a", np.array([None]))


def test_a_name_is_unique_within_its_kind_only():
    tensor = Tensor.of("2.weight", np.zeros(3))
    WeightFile((tensor, Tensor.of("2.weight", np.zeros(3), kind="optimizer")))
    with pytest.raises(WeightFileError, match=r"parameter 2\.weight occurs twice"):
        WeightFile((tensor, tensor))


def test_access_by_name_and_kind(weights):
    assert weights["0.weight"].kind == "parameter"
    assert weights["1.mean"].role == "mean"
    assert "1.mean" in weights
    assert "1.nothing" not in weights
    with pytest.raises(KeyError):
        weights["1.nothing"]
    assert [tensor.name for tensor in weights.select("state")] == ["1.mean", "1.batches"]
    assert len(weights) == 6
    assert weights.parameters == 36 + 4 + 6
    assert weights.arrays("state")["1.batches"] == 7


def test_a_file_that_was_read_equals_the_same_contents(tmp_path) -> None:
    weights = WeightFile((Tensor.of("0.weight", np.ones((2, 3), np.float32)),), metadata={"a": 1})
    exporters.write(weights, tmp_path / "w.h5")
    read = exporters.read(tmp_path / "w.h5")
    plain = WeightFile(*(getattr(read, field.name) for field in fields(WeightFile)))
    assert plain == read
    assert read == plain
    assert read != replace(plain, metadata={})
