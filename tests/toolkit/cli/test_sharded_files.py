"""Weights in shards on the command line: every command that reads takes them, export writes them."""

import json

import pytest

from cnnkit.cli.sizes import parse_size
from cnnkit.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "size"),
    [("500MB", 500_000_000), ("2GiB", 2 << 30), ("1.5kb", 1500), ("77", 77), ("77 B", 77), ("1TB", 10**12)],
)
def test_sizes(text, size):
    assert parse_size(text, "--shard-size") == size


@pytest.mark.parametrize("text", ["", "0", "-1", "MB", "5XB", "1e9", "0.1B", "nan", "5 MB 3", "9" * 30, "٣MB", "1PB"])
def test_wrong_sizes(text):
    with pytest.raises(ConfigError, match=r"--shard-size .*: expected a size of 1 byte or more, such as 500MB or 2GiB"):
        parse_size(text, "--shard-size")


@pytest.fixture
def sharded(cnnkit, trained, folder):
    assert cnnkit("export", trained, "--format", "safetensors", "--shard-size", "1KB", "-o", "out").status == 0
    return folder / "out"


def test_all_commands_read_the_folder_as_one_file(cnnkit, sharded, trained):
    assert cnnkit("diff", sharded, trained, "--json").json["equal"] is True
    inspected = cnnkit("inspect", sharded)
    assert " shards and their index" in inspected.out
    assert "of all of them in a row" in inspected.out
    part = cnnkit("inspect", sharded, "--layer", "0", "--json").json
    assert (part["sha256"], part["undefined"]["sha256"]) == (None, "not all shards were opened")
    assert part["size"] == sum(path.stat().st_size for path in sharded.iterdir())
    assert cnnkit("show", sharded, "0").status == 0
    assert cnnkit("summary", sharded).status == 0
    evaluated = [cnnkit("evaluate", file, "--limit", "20", "--json").json for file in (sharded, trained)]
    assert evaluated[0]["accuracy"] == evaluated[1]["accuracy"]
    assert evaluated[0]["loss"] == evaluated[1]["loss"]


def test_shards_become_one_file_again_and_a_training_begins_with_them(cnnkit, sharded, trained, net_toml):
    assert cnnkit("export", sharded, "-o", "one.h5").status == 0
    assert cnnkit("diff", "one.h5", trained, "--json").json["equal"] is True
    begin = ("train", "--model", net_toml, "--limit", "20", "--epochs", "1", "--init-from", sharded, "-q")
    assert cnnkit(*begin, "-o", "next.h5").status == 0


def test_torch_shards_fill_a_recipe(cnnkit, trained, net_toml):
    said = cnnkit("export", trained, "-o", "out/pytorch_model.bin.index.json", "--shard-size", "1KB", "--json")
    assert said.json["format"] == "torch"
    assert said.json["out"] == "out/pytorch_model.bin.index.json"
    assert cnnkit("adopt", "out", "--model", net_toml, "-o", "adopted.h5").status == 0


def test_an_export_again_is_one_of_the_same_shards(cnnkit, sharded, refused):
    assert cnnkit("export", sharded, "-o", "one.npz").status == 0
    assert cnnkit("export", sharded, "-o", "one.npz").status == 0, "an earlier export of FILE may be replaced"
    (sharded / "model.safetensors.index.json").write_text((sharded / "model.safetensors.index.json").read_text() + "\n")
    assert f"is not an export of {sharded}" in refused("export", sharded, "-o", "one.npz")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--format safetensors --shard-size 0 -o new", "--shard-size 0: expected a size"),
        ("--format safetensors --shard-size 1MB", "--shard-size: expected -o OUT"),
        ("--format safetensors --shard-size 1MB -o -", "--shard-size: expected -o OUT"),
        ("--format safetensors --shard-size 1MB -o new --overwrite", "--shard-size: expected no --overwrite"),
        ("--format npz --shard-size 1MB -o new", "expected format safetensors or torch, got npz"),
        ("--shard-size 1MB -o new", "expected a format, safetensors or torch"),
        ("--format torch --shard-size 1MB -o full", "full: already exists: choose a new folder"),
        ("--format torch --shard-size 1MB -o none/new", "none/new: its folder does not exist"),
        ("--format safetensors --shard-size 1MB -o new --precision 3", "--precision: safetensors has no such option"),
    ],
)
def test_what_cannot_be_is_one_line(refused, trained, folder, words, message):
    (folder / "full").mkdir()
    (folder / "full" / "file").touch()
    assert message in refused("export", trained, *words.split())
    assert {path.name for path in folder.iterdir()} <= {"full"}


def test_a_wrong_shard_is_one_line_for_every_reader(refused, sharded):
    index = sharded / "model.safetensors.index.json"
    names = json.loads(index.read_text())
    first = next(iter(names["weight_map"]))
    names["weight_map"][first] = "../outside.safetensors"
    index.write_text(json.dumps(names))
    for words in (
        ("inspect", sharded),
        ("diff", sharded, index),
        ("export", index, "-o", "x.npz"),
        ("show", index, "0"),
    ):
        assert f"{first} in shard ../outside.safetensors: " in refused(*words)


def test_a_shard_of_file_is_not_replaced(refused, sharded):
    shard = next(sharded.glob("*.safetensors"))
    content = shard.read_bytes()
    assert "is FILE itself" in refused("export", sharded, "-o", shard, "--overwrite")
    assert shard.read_bytes() == content


def test_the_folder_here_is_exported_beside_itself(cnnkit, sharded, folder, monkeypatch):
    monkeypatch.chdir(sharded)
    assert cnnkit("export", ".", "--format", "npz").status == 0
    assert (folder / "out.npz").is_file()


def test_a_format_that_needs_a_network_says_that_there_is_none(cnnkit, trained, refused):
    assert cnnkit("export", trained, "--format", "torch", "--shard-size", "1KB", "-o", "out").status == 0
    assert "holds tensors but no architecture" in refused("export", "out", "-o", "net.onnx")
    assert "holds tensors but no architecture" in refused("evaluate", "out")
