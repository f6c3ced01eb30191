import hashlib
import shutil
from dataclasses import replace

import h5py
import numpy as np
import pytest
import torch

from cnnkit import exporters
from cnnkit.exporters import Tensor, WeightFile

KEYS = {"file", "format", "size", "sha256", "edited", "not_read", "layers", "parameters", "tensors", "findings"}
TENSOR = {"name", "layer", "kind", "role", "axes", "shape", "dtype", "parameters", "sha256"}
TENSOR |= {"min", "max", "mean", "std", "zeros", "nan", "inf"}


def test_json_has_the_keys_that_scripts_rely_on(cnnkit, trained):
    inspected = cnnkit("inspect", trained, "--json").json
    assert inspected.keys() >= KEYS
    assert inspected["format"] == "hdf5"
    assert inspected["size"] == trained.stat().st_size
    assert inspected["sha256"] == hashlib.sha256(trained.read_bytes()).hexdigest()
    assert inspected["findings"] == inspected["edited"] == inspected["not_read"] == []
    assert [t["name"] for t in inspected["tensors"]] == ["0.weight", "0.bias", "5.weight", "5.bias"]
    assert inspected["parameters"] == 36 + 4 + 360 + 10
    file = exporters.read(trained)
    for listed in inspected["tensors"]:
        assert listed.keys() == TENSOR
        values = file[listed["name"]].read().astype(np.float64)
        assert listed["shape"] == list(values.shape)
        assert (listed["min"], listed["max"]) == (values.min(), values.max())
        assert listed["mean"] == pytest.approx(values.mean())
        assert listed["std"] == pytest.approx(values.std())
        assert listed["zeros"] == (values == 0).sum()
        assert listed["sha256"] == file[listed["name"]].sha256()
    assert [layer["type"] for layer in inspected["layers"]][:2] == ["Conv2D", "ReLU"]
    assert sum(layer["share"] for layer in inspected["layers"]) == pytest.approx(1)


def test_people_see_a_tree(cnnkit, trained):
    result = cnnkit("inspect", trained)
    lines = result.out.splitlines()
    assert "0 Conv2D  -> 4 x 6 x 6  40 parameters, 9.8%" in lines
    assert next(line for line in lines if "weight: 4 x 1 x 3 x 3 (o, i, kh, kw)  float32  36 values  min" in line)
    assert "besides: 4 optimizer tensors of 410 values (--optimizer shows them)" in lines


def test_optimizer_and_no_stats(cnnkit, trained):
    inspected = cnnkit("inspect", trained, "--optimizer", "--no-stats", "--json").json
    assert len(inspected["tensors"]) == 8
    assert "min" not in inspected["tensors"][0]
    assert "findings" not in inspected, "nothing was looked at"
    text = cnnkit("inspect", trained, "--optimizer", "--no-stats").out
    assert " min " not in text
    assert "besides" not in text


def weight_file(**arrays):
    return WeightFile(tuple(Tensor.of(name, np.asarray(array)) for name, array in arrays.items()))


def test_values_that_are_not_finite_are_found_and_left_out_of_the_statistics(cnnkit, folder):
    arrays = {"a": np.float32([1, np.nan, 3, -np.inf, 0]), "b": np.float32([np.nan]), "c": np.float32([2, 4])}
    exporters.write(weight_file(**arrays), folder / "odd.h5")
    result = cnnkit("inspect", "odd.h5", "--json")
    assert result.status == 0
    a, b, c = result.json["tensors"]
    assert (a["min"], a["max"], a["nan"], a["inf"], a["zeros"]) == (0, 3, 1, 1, 1)
    assert (b["min"], b["nan"]) == (None, 1)
    assert "no finite value" in result.json["undefined"]["b.min"]
    assert (c["mean"], c["std"], c["nan"]) == (3, 1, 0)
    listed = [(f["tensor"], f["finding"], f["severity"], f["count"], f["index"]) for f in result.json["findings"]]
    assert listed == [("a", "nan", "error", 1, [1]), ("a", "inf", "error", 1, [3]), ("b", "nan", "error", 1, [0])]
    assert "finding: a: 1 value is NaN, first at [1]" in cnnkit("inspect", "odd.h5").out


def test_element_types_that_numpy_lacks(cnnkit, folder):
    half = np.array([0x3F80, 0xC000], np.uint16)  # 1 and -2
    tensors = (
        Tensor.of("half", half, dtype="bfloat16"),
        Tensor.of("eighth", np.array([0x3C, 0x40], np.uint8), dtype="float8_e5m2"),
        Tensor.of("whole", np.arange(4)),
        Tensor.of("one", np.array(3.0)),
        Tensor.of("none", np.zeros((0, 2))),
        Tensor.of("huge", np.array([1e300, -1e300])),
    )
    exporters.write(WeightFile(tensors), folder / "types.h5")
    listed = {t["name"]: t for t in cnnkit("inspect", "types.h5", "--json").json["tensors"]}
    assert (listed["half"]["min"], listed["half"]["max"], listed["half"]["dtype"]) == (-2, 1, "bfloat16")
    assert listed["eighth"]["mean"] == 1.5
    assert (listed["whole"]["mean"], listed["whole"]["zeros"]) == (1.5, 1)
    assert (listed["one"]["shape"], listed["one"]["mean"]) == ([], 3)
    assert listed["none"]["mean"] is None
    assert listed["huge"]["std"] == pytest.approx(1e300)
    assert cnnkit("inspect", "types.h5").status == 0


def test_names_of_strangers_cannot_reach_the_terminal(cnnkit, folder):
    tensor = Tensor.of("a\x1b[2J[red]", np.zeros(2), axes=("\x1b]0;x\x07",), layer="l\x9b[bold]")
    metadata = {"recipe": "r\x1b[31m[/]", "data": {"name": "\x07"}, "class_names": []}
    file = WeightFile((tensor,), {"layers": [{"type": "T\x1b[", "path": "l\x9b[bold]"}]}, metadata)
    exporters.write(file, folder / "odd.h5")
    for options in ((), ("--json",)):
        out = cnnkit("inspect", "odd.h5", *options).out
        assert not set(out) & set("\x1b\x07\x9b")
        assert "[red]" in out


def test_a_file_without_architecture(cnnkit, trained, folder):
    exporters.write(replace(exporters.read(trained), architecture=None, metadata={}), folder / "bare.h5")
    inspected = cnnkit("inspect", "bare.h5", "--json").json
    assert [(layer["path"], layer["type"]) for layer in inspected["layers"]] == [("0", None), ("5", None)]


def test_layers_inside_layers(cnnkit, folder):
    net = 'input_shape = [1, 8, 8]\n[[layers]]\ntype = "Residual"\n[layers.body]\ntype = "Sequential"\n'
    net += 'layers = [{type = "Conv2D", features = 1, window = 3, padding = 1}]\n[[layers]]\ntype = "Flatten"\n'
    net += '[[layers]]\ntype = "Dense"\nfeatures = 10\n'
    (folder / "net.toml").write_text(net)
    assert cnnkit("train", "--model", "net.toml", "--limit", 50, "--epochs", 1).status == 0
    lines = cnnkit("inspect").out.splitlines()
    assert any(line.startswith("    0.body.0 Conv2D") for line in lines)


def test_damage_is_refused_in_one_line(refused, trained, folder):
    shutil.copy(trained, folder / "cut.h5")
    (folder / "cut.h5").write_bytes(trained.read_bytes()[:3000])
    assert "cut.h5" in refused("inspect", "cut.h5")
    assert "nope.h5" in refused("inspect", "nope.h5")
    (folder / "empty.h5").touch()
    assert "empty" in refused("inspect", "empty.h5")


def test_tied_weights_are_named_and_counted_once(cnnkit, folder):
    weight = torch.ones(4, 3)
    torch.save({"enc.weight": weight, "dec.weight": weight, "own.weight": torch.ones(2, 2)}, folder / "tied.pt")
    inspected = cnnkit("inspect", "tied.pt", "--json", "--no-stats").json
    assert inspected["parameters"] == 16
    assert [tensor.get("shares") for tensor in inspected["tensors"]] == [None, "enc.weight", None]
    assert [layer["parameters"] for layer in inspected["layers"]] == [12, 0, 4]
    text = cnnkit("inspect", "tied.pt", "--no-stats").out
    assert "weight: 4 x 3 (out, in)  float32  12 values, those of enc.weight" in text
    assert "those of enc.weight" in exporters.read(folder / "tied.pt")._repr_html_()
    cnnkit("inspect", "tied.pt", "--html", "tied.html")
    exported = cnnkit("export", "tied.pt", "-o", "tied.safetensors", "--json").json
    assert any("1 tensor with the values of another" in line for line in exported["left_out"])
    assert exporters.read(folder / "tied.safetensors").parameters == 28
    assert "the values of enc.weight, counted there" in (folder / "tied.html").read_text("utf-8")


def test_the_latest_weights_are_not_called_the_optimizers(cnnkit, folder):
    tensors = [Tensor.of("0.weight", np.zeros((1, 2)))]
    tensors += [Tensor.of(f"{slot}.0.weight", np.zeros((1, 2)), kind="optimizer", role="slot") for slot in ("m", "v")]
    tensors.append(Tensor.of("latest.params.0.weight", np.zeros((1, 2)), kind="optimizer", role="slot"))
    exporters.write(WeightFile(tuple(tensors)), folder / "net.h5")
    shown = cnnkit("inspect", "net.h5").out
    assert "1 tensor of 2 parameters\n" in shown
    assert "besides: 2 optimizer tensors of 4 values (--optimizer shows them)\n" in shown
    assert "besides: 1 tensor of 2 values: the weights of the latest epoch, from which a resume continues" in shown


def test_kernels_of_theano_are_said_to_be_mirrored(cnnkit, folder):
    with h5py.File(folder / "th.h5", "w") as file:
        file.attrs["layer_names"] = ["conv"]
        file.create_group("conv").attrs["weight_names"] = ["conv_W", "conv_b"]
        file["conv/conv_W"], file["conv/conv_b"] = np.ones((8, 3, 3, 3), np.float32), np.ones(8, np.float32)
    said = cnnkit("inspect", "th.h5", "--no-stats").out
    assert "8 x 3 x 3 x 3 (o, i, kh, kw)" in said
    assert "Theano's kernels may be mirrored in height and width against those of others: conv.W\n" in said


def test_brackets_in_names(cnnkit, folder):
    tensors = (Tensor.of("blk[0].weight", np.zeros((2, 3))), Tensor.of("blk0.weight", np.zeros((2, 3))))
    exporters.write(WeightFile(tensors), folder / "net.npz")
    assert [t["name"] for t in cnnkit("inspect", "net.npz", "--layer", "blk[0].weight", "--json").json["tensors"]] == [
        "blk[0].weight"
    ]
    assert [t["name"] for t in cnnkit("show", "net.npz", "blk[0]", "--json").json["tensors"]] == ["blk[0].weight"]
    compared = cnnkit("diff", "net.npz", "net.npz", "--only", "blk[0].weight", "--json")
    assert [t["a"] for t in compared.json["tensors"]] == ["blk[0].weight"]


def test_the_fingerprint_of_a_training_is_shown_by_train_and_by_inspect(cnnkit):
    arguments = ("train", "--recipe", "digits-cnn", "--limit", 32, "--epochs", 1, "--limit-test", 8)
    told = cnnkit(*arguments, "--json").json["fingerprint"]
    assert len(told) == 64
    assert cnnkit("inspect", "weights.h5", "--fingerprint", "--json").json["fingerprint"] == told
    assert f"fingerprint {told}" in cnnkit("inspect", "weights.h5", "--fingerprint").out.splitlines()
    assert "fingerprint" not in cnnkit("inspect", "weights.h5", "--json").json
    assert cnnkit(*arguments, "--json").json["fingerprint"] == told, "which found the same run"
