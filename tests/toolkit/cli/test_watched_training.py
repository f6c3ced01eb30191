"""`train --log-every` and `--watch test`: more figures, the same weights."""

import json

import pytest

from cnnkit import exporters

FEW = ("train", "--data", "digits", "--recipe", "digits-cnn", "--limit", 64, "--epochs", 2, "--limit-test", 40)


@pytest.fixture(name="plain", scope="module")
def _plain(tmp_path_factory):
    from cnnkit.cli.app import run

    out = tmp_path_factory.mktemp("plain") / "plain.h5"
    assert run([*map(str, FEW), "-o", str(out)]) == 0
    return out


def digests(path):
    return {tensor.name: tensor.sha256() for tensor in exporters.read(path) if tensor.kind == "parameter"}


def test_the_test_images_are_measured_and_decide_nothing(cnnkit, plain, tmp_path):
    words = ("--validation-split", 0.25, "--patience", 1)
    cnnkit(*FEW, *words, "-o", "unwatched.h5")
    told = cnnkit(
        *FEW, *words, "--watch", "test", "-o", "watched.h5", "--log", "log.csv", "--plot", "plot.svg", "--json"
    )
    assert digests("unwatched.h5") == digests("watched.h5")
    entry, *_ = told.json["history"]
    assert {"test_loss", "test_accuracy", "test_mse"} <= entry.keys()
    assert "nothing is chosen by them" in told.err
    assert "test mse" in told.err
    header, first, *_ = (tmp_path / "log.csv").read_text().splitlines()
    assert float(dict(zip(header.split(","), first.split(","), strict=True))["test_mse"]) == entry["test_mse"]
    assert (tmp_path / "plot.svg").stat().st_size
    cnnkit(*FEW, "--watch", "test", "-o", "all.h5")
    last = exporters.read("all.h5").metadata["history"][-1]
    test = exporters.read("all.h5").metadata["test"]
    assert last["test_mse"] == test["mse"]
    assert last["test_accuracy"] == test["accuracy"]
    assert digests("all.h5") == digests(plain)


def test_every_nth_update_has_a_line(cnnkit, plain):
    result = cnnkit(*FEW, "--batch-size", 16, "--log-every", 3, "-o", "logged.h5")
    lines = [line.split() for line in result.err.splitlines() if line.startswith("iteration")]
    assert [(line[1], line[3]) for line in lines] == [("3", "1"), ("6", "2")]
    assert all(line[4] == "loss" and line[6] == "acc" for line in lines)
    assert digests("logged.h5").keys() == digests(plain).keys()


def test_where_an_epoch_is_one_update_every_nth_has_its_row(cnnkit, tmp_path):
    words = ("--recipe", "numpy-mlp", "--data", "digits-28", "--limit", 50, "--epochs", 25, "--limit-test", 10)
    result = cnnkit("train", *words, "--log-every", 10, "-o", "mlp.h5", "--log", "log.jsonl")
    rows = [line.split()[0] for line in result.err.splitlines() if line.lstrip()[:2].isdigit()]
    assert rows == ["10/25", "20/25", "25/25"]
    assert len([json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]) == 25


def test_data_without_test_images_cannot_be_watched(cnnkit, tmp_path):
    (tmp_path / "t.csv").write_text("label,1x1,1x2\n0,0,9\n1,9,0\n0,0,8\n1,8,0\n")
    head = 'name = "n"\ndata = "t"\ninput_shape = [1, 1, 2]\n'
    layers = '[[layers]]\ntype = "Flatten"\n[[layers]]\ntype = "Dense"\nfeatures = 2\n'
    (tmp_path / "net.toml").write_text(head + layers)
    result = cnnkit("train", "--model", "net.toml", "--data", "t.csv", "--watch", "test", "-o", "x.h5")
    assert result.status == 2
    assert "t.csv has no test images: leave it out" in result.err
