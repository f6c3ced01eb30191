"""--external: the commands that read weight files open the files beside them too, and say so where they do not."""

import json

import numpy as np
import pytest
import safetensors.numpy


@pytest.fixture
def index(folder):
    kernel = np.arange(18, dtype=np.float32).reshape(2, 1, 3, 3)
    safetensors.numpy.save_file({"conv.weight": kernel}, folder / "part-1.safetensors")
    safetensors.numpy.save_file({"conv.bias": np.ones(2, np.float32)}, folder / "part-2.safetensors")
    path = folder / "model.safetensors.index.json"
    names = {"conv.weight": "part-1.safetensors", "conv.bias": "part-2.safetensors"}
    path.write_text(json.dumps({"weight_map": names}))
    return path


def test_inspect(cnnkit, index):
    alone = cnnkit("inspect", index)
    assert alone.status == 0
    assert "nothing could be read: 2 objects left out, see below" in alone.out
    assert "not read: 1 tensors in part-1.safetensors: --external reads them" in alone.out
    assert cnnkit("inspect", index, "--external", "--json").json["parameters"] == 20


def test_export(cnnkit, index, folder):
    refused = cnnkit("export", index, "-o", "out.npz")
    assert refused.status == 1
    assert "--external reads them" in refused.err
    assert not (folder / "out.npz").exists()
    assert cnnkit("export", index, "-o", "out.npz", "--external").status == 0
    assert cnnkit("diff", "out.npz", index, "--external", "--json").json["equal"] is True


def test_diff(cnnkit, index):
    alone = cnnkit("diff", index, index)
    assert alone.status == 2
    assert "--external reads them" in alone.err
    assert cnnkit("diff", index, index, "--external").status == 0


def test_show(cnnkit, index):
    assert cnnkit("show", index, "conv").status == 2
    assert "conv.weight: 2 x 1 x 3 x 3" in cnnkit("show", index, "conv", "--external").out


def test_a_folder_says_what_to_type_and_that_works(cnnkit, index):
    said = cnnkit("inspect", index.parent, "--json")
    assert said.status == 2
    command = said.json["error"]["hint"]
    assert command == f"cnnkit inspect {index} --external"
    assert cnnkit(*command.split()[1:]).status == 0


def test_train_says_how_to_get_a_file_that_holds_all(cnnkit, index, net_toml):
    said = cnnkit("train", "--model", net_toml, "--init-from", index, "-o", "out.h5")
    assert said.status == 2
    assert f"cnnkit export {index} --external -o all.safetensors makes a file that holds all" in said.err
