import json
import shutil

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
    result = cnnkit("export", "-o", "copy.h5", "--compression", 9, "--json")
    assert result.json["out"] == "copy.h5"
    assert result.json["format"] == "hdf5"
    assert result.json["left_out"] == []
    assert digests("copy.h5") == digests(source)
    assert exporters.read(folder / "copy.h5").metadata["exported_from"]["file"] == "weights.h5"
    assert "wrote other.h5 (hdf5" in cnnkit("export", "-o", "other.h5").out


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
    assert cnnkit("export", "-o", "copy.h5", "--overwrite").status == 0
    assert digests("copy.h5") == digests(trained)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "cnnkit writes hdf5"),
        (("--format", "nope"), "hdf5"),
        (("--format", "diy-cnn-json"), "can only be read"),
        (("-o", "weights.xyz"), "hdf5"),
        (("-o", "weights.h5"), "is FILE itself"),
        (("--format", "hdf5"), "is FILE itself"),
        (("-o", "./../{name}/weights.h5"), "is FILE itself"),
        (("-o", "nowhere/copy.h5"), "nowhere"),
        (("-o", "."), "."),
        (("--format", "hdf5", "-o", "."), "."),
        (("--format", "hdf5", "-o", "-"), "standard output"),
        (("-o", "copy.h5", "--compression", 10), "--compression"),
    ],
)
def test_wrong_options_are_refused_in_one_line(refused, source, folder, options, said):
    before = source.read_bytes()
    assert said in refused("export", *(str(option).format(name=folder.name) for option in options))
    assert source.read_bytes() == before


def test_a_missing_file_is_refused(refused):
    assert "cnnkit train" in refused("export", "--format", "hdf5")
