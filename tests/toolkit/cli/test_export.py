import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

from cnnkit import exporters


@pytest.fixture
def source(trained, folder):
    return shutil.copy(trained, folder / "weights.h5")


@pytest.fixture
def pesos(folder):
    """A file of the do-it-yourself CNN, with small whole numbers."""
    shapes = {"conv_filters": (8, 1, 3, 3), "conv_biases": (8,), "fc_weights": (10, 1352), "fc_biases": (10,)}
    arrays = {k: {"v": 1, "dim": s, "data": [n % 7 for n in range(int(np.prod(s)))]} for k, s in shapes.items()}
    path = folder / "pesos.json"
    path.write_text(json.dumps(arrays))
    return path


def digests(path):
    return {(t.kind, t.name): t.sha256() for t in exporters.read(path)}


def test_every_tensor_arrives(cnnkit, source, folder):
    result = cnnkit("export", "-o", "copy.h5", "--compression", 9, "--json", "--optimizer")
    assert result.json["out"] == "copy.h5"
    assert result.json["format"] == "hdf5"
    assert result.json["left_out"] == []
    assert digests("copy.h5") == digests(source)
    assert exporters.read(folder / "copy.h5").metadata["exported_from"]["file"] == "weights.h5"
    assert "wrote other.h5 (hdf5" in cnnkit("export", "-o", "other.h5").out


@pytest.mark.usefixtures("source")
def test_what_only_a_resume_needs_is_left_out_and_that_is_said(cnnkit, folder):
    result = cnnkit("export", "-o", "copy.h5")
    assert "left out: 4 tensors" in result.err
    assert {kind for kind, _ in digests("copy.h5")} == {"parameter"}
    assert exporters.read(folder / "copy.h5").position is None


@pytest.mark.usefixtures("source")
@pytest.mark.parametrize("form", ["txt", "json", "npz", "safetensors", "svg", "hdf5"])
def test_there_and_back_through_every_exact_format(cnnkit, folder, form):
    there, back = folder / f"there.{form}", folder / "back.h5"
    assert cnnkit("export", "--format", form, "-o", there).status == 0
    assert cnnkit("export", there, "-o", back).status == 0
    assert cnnkit("export", "-o", "plain.h5").status == 0
    assert digests(back) == digests("plain.h5")
    losses = [cnnkit("evaluate", file, "--limit", 50, "--json").json["loss"] for file in (there, "plain.h5")]
    assert losses[0] == losses[1]


@pytest.mark.usefixtures("source")
@pytest.mark.parametrize(("form", "name"), [("torch", "a.pt"), ("keras", "a.weights.h5"), ("onnx", "a.onnx")])
def test_formats_of_others_are_written_and_say_what_they_leave(cnnkit, folder, form, name):
    result = cnnkit("export", "--format", form, "-o", name, "--json")
    assert result.status == 0, result.err
    assert result.json["format"] == form
    assert result.json["size"] == (folder / name).stat().st_size


def test_text_goes_to_standard_output_whole(source):
    line = [sys.executable, "-m", "cnnkit.cli", "export", source, "--format", "txt", "-o", "-", "--precision", "4"]
    lines = subprocess.run(line, check=True, capture_output=True).stdout.splitlines()
    assert lines[0] == b"cnnkit-text 2"
    assert b"precision 4" in lines
    assert lines[-1].startswith(b"end of file, 4 tensors")


@pytest.mark.usefixtures("source")
def test_activations_of_one_sample_are_drawn_and_kept(cnnkit, folder):
    result = cnnkit("export", "--format", "svg", "--activations", 3, "-o", "way.svg")
    assert result.status == 0, result.err
    kept = exporters.read(folder / "way.svg").select("activation")
    assert kept[0].name == "input"
    assert kept[-1].shape == (10,)
    prediction = cnnkit("predict", "--index", 3, "--json").json["predictions"][0]
    assert kept[-1].read().tolist() == pytest.approx(prediction["outputs"], abs=1e-5)
    sample = exporters.read(folder / "way.svg").metadata["sample"]
    assert (sample["name"], sample["label"]) == ("test image 3 of digits", prediction["label"])
    assert sample["predicted"] == prediction["predicted"]
    assert f"activations of test image 3 of digits, truth {prediction['label']}" in (folder / "way.svg").read_text()
    assert (sample["black"], sample["white"]) == (0.0, 1.0)


def test_out_defaults_to_the_files_stem_beside_it(cnnkit, pesos, folder):
    (folder / "sub").mkdir()
    moved = shutil.move(pesos, folder / "sub" / "pesos.json")
    result = cnnkit("export", moved, "--format", "hdf5")
    assert result.status == 0, result.err
    assert (folder / "sub" / "pesos.h5").is_file()
    assert digests(folder / "sub" / "pesos.h5") == digests(moved)
    described = exporters.read(folder / "sub" / "pesos.h5").architecture
    assert [layer["output_shape"] for layer in described["layers"]][-1] == [10]


@pytest.mark.usefixtures("source")
def test_an_export_of_the_same_file_is_replaced(cnnkit):
    assert cnnkit("export", "-o", "copy.h5").status == 0
    assert cnnkit("export", "-o", "copy.h5", "--compression", 5).status == 0


@pytest.mark.usefixtures("source")
def test_anything_else_is_kept_unless_overwrite_is_given(refused, cnnkit, trained, binary, folder):
    (folder / "diary.h5").write_text("dear diary")
    assert "--overwrite" in refused("export", "-o", "diary.h5")
    assert (folder / "diary.h5").read_text() == "dear diary"
    shutil.copy(binary, folder / "binary.h5")
    assert "--overwrite" in refused("export", "-o", "binary.h5")
    assert cnnkit("export", binary, "-o", "copy.h5").status == 0
    assert "--overwrite" in refused("export", "-o", "copy.h5"), "an export of another file"
    assert cnnkit("export", "-o", "copy.h5", "--overwrite", "--optimizer").status == 0
    assert digests("copy.h5") == digests(trained)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "cnnkit writes c, diy-cnn-json, hdf5"),
        (("--format", "nope"), "hdf5"),
        (("--format", "gguf"), "can only be read"),
        (("--format", "diy-cnn-json"), "the network of recipe diy-cnn alone"),
        (("-o", "weights.xyz"), "hdf5"),
        (("-o", "weights.h5"), "is FILE itself"),
        (("--format", "hdf5"), "is FILE itself"),
        (("-o", "./../{name}/weights.h5"), "is FILE itself"),
        (("-o", "nowhere/copy.h5"), "nowhere"),
        (("-o", "."), "."),
        (("--format", "hdf5", "-o", "."), "Is a directory"),
        (("--format", "hdf5", "-o", "-"), "txt or json"),
        (("--format", "hdf5", "--precision", 4), "--precision"),
        (("--format", "txt", "--compression", 4), "--compression"),
        (("--format", "txt", "--activations", 0), "--activations"),
        (("--format", "svg", "--activations", 100000), "--activations: expected 0 to 359"),
        (("-o", "copy.h5", "--compression", 10), "--compression"),
    ],
)
def test_wrong_options_are_refused_in_one_line(refused, source, folder, options, said):
    before = source.read_bytes()
    assert said in refused("export", *(str(option).format(name=folder.name) for option in options))
    assert source.read_bytes() == before


def test_a_missing_file_is_refused(refused):
    assert "cnnkit train" in refused("export", "--format", "hdf5")


@pytest.mark.usefixtures("source")
def test_an_edited_export_is_not_written_over(cnnkit, folder, source):
    assert cnnkit("export", source, "-o", "edit.txt").status == 0
    assert cnnkit("export", source, "-o", "edit.txt").status == 0  # its own, as it was written
    text = (folder / "edit.txt").read_text()
    number = re.search(r"(?m)^ +-?(0\.\d+)", text)
    (folder / "edit.txt").write_text(text.replace(number[1], "7.5", 1))
    refused = cnnkit("export", source, "-o", "edit.txt")
    assert refused.status == 2
    assert "was edited since it was exported" in refused.err
    assert "7.5" in (folder / "edit.txt").read_text()
    assert cnnkit("export", source, "-o", "edit.txt", "--overwrite").status == 0
