"""What the Rust program wrote is written again byte for byte; other nets are refused."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import cnnkit
from cnnkit import exporters
from cnnkit.errors import ExportError
from cnnkit.exporters.diy_cnn.writer import format_float

# the forms that ryu has for an f32: a point with up to 13 digits before it or 5 zeros behind it, else an exponent
RYU = {
    0.0: "0.0", 1.0: "1.0", -1.0: "-1.0", 0.3: "0.3", 1.17549435e-38: "1.1754944e-38", 3.4028235e38: "3.4028235e38",
    1e-45: "1e-45", 9.5e-7: "9.5e-7", -1.25e-5: "-0.0000125", 3.3554432e7: "33554432.0", 1e13: "1e13", 123.25: "123.25",
    1e12: "1000000000000.0",
}  # fmt: skip


@pytest.mark.parametrize("value", RYU)
def test_numbers_are_written_as_ryu_writes_them(value):
    assert format_float(np.float32(value)) == RYU[value]
    assert format_float(np.float32(-0.0)) == "-0.0"


@pytest.mark.mnist
def test_the_real_file_is_written_again_byte_for_byte(tmp_path):
    folder = os.environ.get("CNNKIT_DATA_DIR")
    if not folder or not (path := Path(folder) / "diy-cnn" / "pesos.json").is_file():
        pytest.skip("needs diy-cnn/pesos.json in CNNKIT_DATA_DIR")
    exporters.write(exporters.read(path), tmp_path / "again.json", "diy-cnn-json")
    assert (tmp_path / "again.json").read_bytes() == path.read_bytes()


def test_a_network_of_the_recipe_comes_back_bit_for_bit(tmp_path):
    model = cnnkit.Model(*cnnkit.recipes.get("diy-cnn").network(), seed=3)
    model.save(tmp_path / "pesos.json", "diy-cnn-json")
    back = exporters.read(tmp_path / "pesos.json")
    assert back.format == "diy-cnn-json"
    assert [t.sha256() for t in back] == [t.sha256() for t in model.to_weights()]


def test_a_json_that_names_no_format_is_our_own():
    assert exporters.choose("pesos.json").name == "json"


@pytest.mark.parametrize("recipe", ["lenet5", "digits-cnn", "scratch-mlp"])
def test_another_net_is_refused_in_one_line(tmp_path, recipe):
    model = cnnkit.Model(*cnnkit.recipes.get(recipe).network())
    with pytest.raises(ExportError, match=r"the network of recipe diy-cnn alone, got [^\n]*: choose another format"):
        model.save(tmp_path / "pesos.json", "diy-cnn-json")
    assert not list(tmp_path.iterdir())


def test_float64_and_values_that_are_not_finite_are_refused(tmp_path):
    network = cnnkit.recipes.get("diy-cnn").network()
    with pytest.raises(ExportError, match="float64, expected float32"):
        cnnkit.Model(*network, dtype="float64").save(tmp_path / "x.json", "diy-cnn-json")
    weights = cnnkit.Model(*network).to_weights()
    odd = replace(weights["4.bias"], read=lambda: np.full(10, np.nan, np.float32), stream=None)
    tensors = tuple(odd if tensor.name == "4.bias" else tensor for tensor in weights)
    with pytest.raises(ExportError, match="not finite"):
        exporters.write(replace(weights, tensors=tensors), tmp_path / "x.json", "diy-cnn-json")
