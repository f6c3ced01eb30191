"""--external: the commands that read weight files open the files beside them too, and say so where they do not."""

import json

import numpy as np
import pytest


@pytest.fixture
def model(folder):
    kernel, bias = np.arange(18, dtype=np.float32), np.ones(2, np.float32)
    (folder / "group1-shard1of1.bin").write_bytes(kernel.tobytes() + bias.tobytes())
    entries = [
        {"name": "conv/kernel", "shape": [3, 3, 1, 2], "dtype": "float32"},
        {"name": "conv/bias", "shape": [2], "dtype": "float32"},
    ]
    path = folder / "model.json"
    groups = [{"paths": ["group1-shard1of1.bin"], "weights": entries}]
    path.write_text(json.dumps({"modelTopology": {}, "weightsManifest": groups}))
    return path


def test_inspect(cnnkit, model):
    alone = cnnkit("inspect", model)
    assert alone.status == 0
    assert "nothing could be read: 2 objects left out, see below" in alone.out
    assert "its values lie in group1-shard1of1.bin: --external reads them" in alone.out
    assert cnnkit("inspect", model, "--external", "--json").json["parameters"] == 20


def test_export(cnnkit, model, folder):
    refused = cnnkit("export", model, "-o", "out.npz")
    assert refused.status == 1
    assert "--external reads them" in refused.err
    assert not (folder / "out.npz").exists()
    assert cnnkit("export", model, "-o", "out.npz", "--external").status == 0
    assert cnnkit("diff", "out.npz", model, "--external", "--json").json["equal"] is True


def test_diff(cnnkit, model):
    alone = cnnkit("diff", model, model)
    assert alone.status == 2
    assert "--external reads them" in alone.err
    assert cnnkit("diff", model, model, "--external").status == 0


def test_show(cnnkit, model):
    assert cnnkit("show", model, "conv").status == 2
    assert "conv.kernel: 3 x 3 x 1 x 2" in cnnkit("show", model, "conv", "--external").out


def test_a_folder_says_what_to_type_and_that_works(cnnkit, model):
    said = cnnkit("inspect", model.parent, "--json")
    assert said.status == 2
    command = said.json["error"]["hint"]
    assert command == f"cnnkit inspect {model} --external"
    assert cnnkit(*command.split()[1:]).status == 0


def test_train_says_how_to_get_a_file_that_holds_all(cnnkit, model, net_toml):
    said = cnnkit("train", "--model", net_toml, "--init-from", model, "-o", "out.h5")
    assert said.status == 2
    assert f"cnnkit export {model} --external -o all.safetensors makes a file that holds all" in said.err
