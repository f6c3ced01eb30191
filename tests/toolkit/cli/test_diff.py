import csv
import json

import numpy as np
import pytest

from cnnkit import exporters
from cnnkit.exporters import Tensor, WeightFile

KEYS = {"a", "b", "status", "max_abs", "max_rel", "max_ulp", "l2", "first_index", "paired_by", "transform"}


@pytest.fixture
def changed(trained, folder):
    """The trained net with one bias a step away."""
    file = exporters.read(trained)
    values = file["0.bias"].read().copy()
    values[2] = np.nextafter(values[2], np.float32(9))
    tensors = [Tensor.of(t.name, values, role=t.role, axes=t.axes) if t.name == "0.bias" else t for t in file]
    exporters.write(WeightFile(tuple(tensors), file.architecture, file.metadata), folder / "changed.h5")
    return folder / "changed.h5"


def test_a_file_is_equal_to_itself(cnnkit, trained):
    result = cnnkit("diff", trained, trained, "--json")
    assert result.status == 0
    assert result.json["equal"] is True
    assert result.json["only_in_a"] == result.json["only_in_b"] == []
    assert {(t["status"], t["paired_by"], t["max_abs"], t["max_ulp"]) for t in result.json["tensors"]} == {
        ("equal", "name", 0, 0)
    }
    assert "4 pairs: 4 equal" in cnnkit("diff", trained, trained).out


def test_one_step_of_one_value(cnnkit, trained, changed):
    result = cnnkit("diff", trained, changed, "--json")
    assert result.status == 1
    assert not result.json["equal"]
    pairs = {t["a"]: t for t in result.json["tensors"]}
    assert all(t.keys() >= KEYS for t in pairs.values())
    assert pairs["0.bias"]["status"] == "different"
    assert (pairs["0.bias"]["max_ulp"], pairs["0.bias"]["first_index"], pairs["0.bias"]["different"]) == (
        1,
        [2],
        1,
    )
    assert pairs["0.weight"]["status"] == "equal"
    assert cnnkit("diff", trained, changed, "--atol", "1e-6").status == 0
    assert cnnkit("diff", trained, changed, "--rtol", "1e-5").status == 0
    assert cnnkit("diff", trained, changed, "--only", "5").status == 0
    assert cnnkit("diff", trained, changed, "--only", "0.*").status == 1
    line = next(line for line in cnnkit("diff", trained, changed).out.splitlines() if line.startswith("0.bias"))
    assert line.split()[:4] == ["0.bias", "0.bias", "name", "different"]


def test_other_forms(cnnkit, trained, changed):
    result = cnnkit("diff", trained, changed, "--format", "csv")
    assert result.status == 1
    rows = {row["A"]: row for row in csv.DictReader(result.out.splitlines())}
    assert rows["0.bias"]["status"] == "different"
    assert int(rows["0.bias"]["ulp"]) == 1
    assert float(rows["0.bias"]["max abs"]) > 0
    assert "4 pairs: 3 equal, 1 different" in cnnkit("diff", trained, changed, "--format", "markdown").out


@pytest.mark.parametrize("form", ["torch", "keras", "onnx", "npz", "safetensors", "txt", "json", "svg"])
def test_across_formats(cnnkit, trained, folder, form):
    other = folder / f"other.{'weights.h5' if form == 'keras' else form}"
    assert cnnkit("export", trained, "-f", form, "-o", other, "-q").status == 0
    result = cnnkit("diff", trained, other, "--json")
    assert result.status == 0, result
    assert {t["status"] for t in result.json["tensors"]} == {"equal"}
    transforms = {t["a"]: t["transform"] for t in result.json["tensors"]}
    assert set(transforms) == {"0.weight", "0.bias", "5.weight", "5.bias"}
    if form == "keras":
        assert transforms["0.weight"] == "HWIO->OIHW"
        assert transforms["5.weight"] == "(in,out)->(out,in), H,W,C->C,H,W"
    assert cnnkit("diff", other, trained).status == 0


def test_other_nets(cnnkit, trained, binary):
    result = cnnkit("diff", trained, binary, "--json")
    assert result.status == 1
    assert "shape" in {t["status"] for t in result.json["tensors"]} or result.json["only_in_a"]
    assert all(reason for reason in result.json["undefined"].values())


def test_a_map(cnnkit, refused, trained, folder):
    (folder / "map.json").write_text(json.dumps({"0.weight": "0.weight"}))
    pairs = cnnkit("diff", trained, trained, "--map", "map.json", "--json").json["tensors"]
    assert [t["paired_by"] for t in pairs] == ["map", "name", "name", "name"]
    (folder / "wrong.json").write_text(json.dumps({"nope": "0.weight"}))
    assert "--map: expected names of tensors" in refused("diff", trained, trained, "--map", "wrong.json")
    (folder / "wrong.json").write_text('{"a": 1}')
    assert "expected {" in refused("diff", trained, trained, "--map", "wrong.json")
    (folder / "wrong.json").write_text("a = b")
    assert "not JSON" in refused("diff", trained, trained, "--map", "wrong.json")


def test_runs(cnnkit, trained, net_toml):
    assert cnnkit("diff", trained, trained, "--runs").out.endswith(
        "the trainings are the same: options, data, history, final figures\n"
    )
    run = ("train", "--model", net_toml, "-o", "other.h5", "-q", "--seed", 1, "--epochs", 1)
    assert cnnkit(*run).status == 0
    result = cnnkit("diff", trained, "other.h5", "--runs", "--json")
    assert result.status == 1
    changes = {change["what"]: (change["a"], change["b"]) for change in result.json["runs"]}
    assert changes["run.options.seed"] == (0, 1)
    assert changes["run.options.epochs"] == (2, 1)
    assert changes["history.epochs"] == (2, 1)
    assert any(what.startswith("history.epoch 1.loss") for what in changes)
    assert "final.accuracy" in changes or "final.loss" in changes
    assert not any("seconds" in what for what in changes)
    assert "run.options.seed" in cnnkit("diff", trained, "other.h5", "--runs").out


def test_what_is_refused(refused, trained, folder):
    assert "nope.h5" in refused("diff", trained, "nope.h5")
    assert "--only nope" in refused("diff", trained, trained, "--only", "nope")
    exporters.write(WeightFile(()), folder / "empty.npz")
    assert "expected tensors to compare" in refused("diff", "empty.npz", "empty.npz")


def test_every_status_as_people_see_it(cnnkit, folder):
    def write(name, **arrays):
        exporters.write(
            WeightFile(tuple(Tensor.of(key, np.asarray(array)) for key, array in arrays.items())), folder / name
        )

    write("a.npz", x=np.float32([1, np.nan]), y=np.float32([0.5]), z=np.zeros((2, 3)), nan=np.float32([np.nan]))
    write("b.npz", x=np.float32([2, 0]), y=np.float64([0.5]), z=np.zeros((3, 5)), nan=np.float32([1]), more=np.zeros(9))
    out = cnnkit("diff", "a.npz", "b.npz").out
    for text in ("1 not finite", "float32 against float64", "2 x 3 against 3 x 5", "only in B: more", " - ", "1 dtype"):
        assert text in out
    undefined = cnnkit("diff", "a.npz", "b.npz", "--json").json["undefined"]
    assert undefined["nan.max_abs"] == "no value is finite on both sides"
    assert "one floating-point type" in undefined["y.max_ulp"]
    assert "do not fit" in undefined["z.l2"]


def test_names_of_strangers(cnnkit, folder):
    for name, value in (("a", 1.0), ("b", 2.0)):
        exporters.write(WeightFile((Tensor.of("x\x1b[2J", np.array([value])),)), folder / f"{name}.h5")
    for options in ((), ("--json",), ("--runs",)):
        assert "\x1b" not in cnnkit("diff", "a.h5", "b.h5", *options).out
