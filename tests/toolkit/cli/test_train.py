import json
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import torch

from cnnkit import Options, exporters
from cnnkit.cli.prepared_run import _SETTINGS

KEYS = {"recipe", "backend", "device", "dtype", "seed", "parameters", "epochs_run", "seconds", "images_per_second"}
ENTRY = {"epoch", "loss", "accuracy", "validation_loss", "validation_accuracy", "learning_rate", "seconds"}


def weights(path):
    return {name: array.tobytes() for name, array in exporters.read(Path(path)).arrays("parameter").items()}


@pytest.fixture
def train(cnnkit, net_toml):
    """Train the tiny net with further options."""
    return lambda *options: cnnkit("train", "--model", net_toml, "--limit", 300, *options)


def test_json_has_the_keys_that_scripts_rely_on(train):
    result = train("--json", "--validation-split", 0.2)
    trained_run = result.json
    assert result.status == 0
    assert trained_run.keys() >= KEYS | {"history", "out", "skipped"}
    assert trained_run["skipped"] is False
    assert trained_run["out"] == "weights.h5"
    assert trained_run["recipe"] == "tiny"
    assert trained_run["epochs_run"] == len(trained_run["history"]) == 2
    assert all(entry.keys() >= ENTRY for entry in trained_run["history"])
    assert trained_run["history"][0]["validation_loss"] > 0
    assert trained_run["history"][1]["loss"] < trained_run["history"][0]["loss"]


def test_people_see_a_line_an_epoch_and_what_to_do_next(train):
    result = train("--validation-split", 0.2)
    lines = result.err.splitlines()
    heading = next(k for k, line in enumerate(lines) if "val loss" in line)
    assert lines[heading].split() == ["epoch", "loss", "acc", "val", "loss", "val", "acc", "best", "images/s"]
    assert [line.split()[0] for line in lines[heading + 1 : heading + 3]] == ["1/2", "2/2"]
    assert result.err.count("images/s") == 1
    assert max(map(len, lines[heading : heading + 3])) <= 80
    assert "cnnkit evaluate weights.h5" in result.err
    assert "test: accuracy" in result.out
    assert "wrote weights.h5" in result.out


def test_quiet_prints_results_alone(train):
    result = train("-q")
    assert result.err == ""
    assert "test: accuracy" in result.out


def test_a_second_run_finds_that_all_is_done(train):
    train()
    before = Path("weights.h5").read_bytes()
    again = train("--json")
    assert again.json["skipped"] is True
    assert again.json["epochs_run"] == 2
    assert Path("weights.h5").read_bytes() == before
    assert "nothing to do" in train().out


@pytest.mark.parametrize(
    ("change", "resumable"),
    [
        (("--seed", 1), False),
        (("--epochs", 3), True),
        (("--epochs", 1), False),
        (("--threads", 1), True),
    ],
)
def test_another_run_is_not_overwritten_silently_and_every_way_named_works(train, change, resumable):
    train("--threads", 2)
    before = Path("weights.h5").read_bytes()
    result = train("--threads", 2, *change)
    assert result.status == 2
    assert result.err.count("\n") == 1
    assert Path("weights.h5").read_bytes() == before
    assert ("--resume" in result.err) == resumable
    assert train("--threads", 2, *change, "--resume").status == (0 if resumable else 2)
    for way in ("--overwrite", "-o OTHER.h5", "--init-from weights.h5 -o OTHER.h5"):
        assert way in result.err
        assert train(*change, *way.split()).status == 0
        Path("OTHER.h5").unlink(missing_ok=True)


def test_a_way_that_would_not_work_is_not_named(train, cnnkit):
    assert cnnkit("train", "--recipe", "bright-dark", "--epochs", 1, "-o", "weights.h5").status == 0
    said = train().err
    assert "--overwrite" in said
    assert "--init-from" not in said, "no tensor fits"
    assert "--resume" not in said
    assert cnnkit("export", "--format", "hdf5", "-o", "plain.h5").status == 0
    said = cnnkit("train", "--recipe", "bright-dark", "--epochs", 1, "-o", "plain.h5").err
    assert "weights without the state of their training" in said
    assert "--resume" not in said
    assert "--init-from plain.h5 -o OTHER.h5" in cnnkit("train", "--resume", "-o", "plain.h5").err


def test_overwrite_trains_again(train):
    train()
    result = train("--seed", 1, "--overwrite", "--json")
    assert result.status == 0
    assert result.json["seed"] == 1
    assert exporters.read(Path("weights.h5")).metadata["seed"] == 1


def test_what_is_no_weight_file_is_kept(train):
    Path("weights.h5").write_text("my diary")
    assert train().status == 2
    assert Path("weights.h5").read_text() == "my diary"


def test_the_same_seed_gives_the_same_weights(train):
    train("-o", "a.h5")
    train("-o", "b.h5")
    train("-o", "c.h5", "--seed", 7)
    assert weights("a.h5") == weights("b.h5") != weights("c.h5")


def test_init_from_takes_what_fits_and_says_what_it_left(train, cnnkit):
    train()
    other = cnnkit("train", "--recipe", "digits-cnn", "--epochs", 1, "--init-from", "weights.h5", "-o", "n.h5")
    assert other.status == 2, "nothing of the tiny net fits digits-cnn"
    result = train("--init-from", "weights.h5", "-o", "n.h5", "--epochs", 1)
    assert result.status == 0
    assert "4 tensors taken" in result.err


def test_init_from_loads_what_diff_pairs(train, cnnkit, folder):
    train()
    file = exporters.read(Path("weights.h5"))
    wrapped = {
        f"module.net.{tensor.name}": torch.from_numpy(tensor.read().copy()) for tensor in file.select("parameter")
    }
    torch.save({"state_dict": wrapped, "epoch": 3}, folder / "wrapped.pt")
    assert cnnkit("export", "weights.h5", "-o", "net.weights.h5").status == 0
    for source in ("wrapped.pt", "net.weights.h5"):
        result = train("--init-from", source, "-o", "n.h5", "--epochs", 1, "--learning-rate", 1e-30, "--overwrite")
        assert "4 tensors taken" in result.err, result.err
        for tensor in exporters.read(Path("n.h5")).select("parameter"):
            np.testing.assert_allclose(tensor.read(), file[tensor.name].read(), atol=1e-6)


def test_init_from_refuses_whole_numbers_by_name(refused, net_toml, folder):
    shapes = {"0.weight": (4, 1, 3, 3), "0.bias": (4,)}
    np.savez(folder / "whole.npz", **{name: np.ones(shape, np.int8) for name, shape in shapes.items()})
    line = refused("train", "--model", net_toml, "--init-from", "whole.npz", "-o", "n.h5")
    assert "whole.npz: tensor 0.weight is int8" in line


def test_init_from_gives_another_number_of_classes_a_fresh_last_layer(train, cnnkit, net_toml):
    train()
    result = cnnkit("train", "--model", net_toml, "--data", "bright-dark", "--init-from", "weights.h5", "-o", "two.h5")
    assert result.status == 0, result.err
    assert "newly drawn: 5.weight ((2, 36) here, (10, 36) there), 5.bias" in result.err
    assert exporters.read(Path("two.h5"))["5.weight"].shape == (2, 36)


def test_a_run_that_started_from_weights_can_be_resumed(train, cnnkit, net_toml):
    train()
    line = ("train", "--model", net_toml, "--data", "bright-dark", "-o", "two.h5", "--schedule", "constant")
    whole = cnnkit(*line[:5], "-o", "whole.h5", *line[7:], "--epochs", 4, "--init-from", "weights.h5")
    assert cnnkit(*line, "--epochs", 2, "--init-from", "weights.h5").status == 0
    result = cnnkit(*line, "--epochs", 4, "--resume")
    assert (whole.status, result.status) == (0, 0), result.err
    one, two = (exporters.read(Path(name)) for name in ("whole.h5", "two.h5"))
    assert all(np.array_equal(one[t.name].read(), two[t.name].read()) for t in one.select("parameter"))


def test_the_last_epochs_are_saved_too(train):
    train("--checkpoint-every", 2, "--epochs", 3)
    assert exporters.read(Path("weights.h5")).position["epoch"] == 3


def test_log_has_a_line_an_epoch(train):
    train("--log", "log.jsonl")
    lines = [json.loads(line) for line in Path("log.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2]
    assert all(line.keys() >= ENTRY for line in lines)


@pytest.mark.parametrize(("name", "magic"), [("curves.svg", b"<?xml"), ("curves.png", b"\x89PNG")])
def test_plot(train, name, magic):
    assert train("--plot", name, "--epochs", 1).status == 0
    assert Path(name).read_bytes().startswith(magic)


def test_initializer_of_all_weights(train):
    train("--initializer", "zeros", "--learning-rate", 1e-30, "--epochs", 1)
    assert np.abs(exporters.read(Path("weights.h5"))["0.weight"].read()).max() < 1e-20


def test_faithful_takes_the_published_settings(cnnkit, net_toml, folder):
    published = '[published]\nweight_initializer = "constant:value=0.5"\nlearning_rate = 1e-30\nepochs = 1\n\n'
    (folder / "net.toml").write_text(net_toml.read_text().replace("[training]", published + "[training]"))
    result = cnnkit("train", "--model", "net.toml", "--faithful", "--limit", 50, "--json")
    assert result.json["epochs_run"] == 1
    assert set(exporters.read(folder / "weights.h5")["0.weight"].read().ravel()) == {0.5}


def test_checkpoint_every(train, monkeypatch):
    saves = []
    write = exporters.write
    monkeypatch.setattr(exporters, "write", lambda *a, **k: (saves.append(1), write(*a, **k)))
    train("--checkpoint-every", 0, "--epochs", 3)
    assert len(saves) == 2, "the result, and once more with its test"
    train("--checkpoint-every", 1, "--epochs", 3, "--overwrite")
    assert len(saves) == 6


def test_limit_test(train):
    assert train("--limit-test", 40, "--json").json["test"]["images"] == 40


def test_schedules_optimizers_and_losses_by_name(train):
    options = ("--optimizer", "adamw:weight_decay=0.1", "--schedule", "inverse:decay=1", "--loss", "mean_squared_error")
    history = train("--json", *options).json["history"]
    assert history[1]["learning_rate"] == pytest.approx(history[0]["learning_rate"] / 2)


def test_torch(train):
    trained_run = train("--backend", "torch", "--device", "cpu", "--json").json
    assert (trained_run["backend"], trained_run["device"]) == ("torch", "cpu")


def test_a_loss_that_is_not_finite_stops_with_the_place_and_a_hint(train, folder):
    result = train("--learning-rate", "1e30")
    assert result.status == 2
    line = result.err.splitlines()[-1]
    for part in ("not finite", "step", "--learning-rate"):
        assert part in line
    assert not (folder / "weights.h5").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--backend", "cupy"), "cupy"),
        (("--backend", "nope"), "numpy"),
        (("--device", "cuda"), "cpu"),
        (("--recipe", "lenet"), "lenet5"),
        (("--recipe", "lenet5"), "1 x 8 x 8, which the recipe lenet5 cannot take"),
        (("--data", "nowhere.npz"), "nowhere.npz"),
        (("--optimizer", "sgd:momentum=x"), "momentum"),
        (("--schedule", "nope"), "cosine"),
        (("--loss", "nope"), "softmax_cross_entropy"),
        (("--initializer", "nope"), "he"),
        (("--epochs", 0), "--epochs"),
        (("--validation-split", 2), "validation_split"),
        (("--patience", 2, "--validation-split", 0), "validation_split"),
        (("--plot", "curves.gif"), ".svg"),
        (("-o", "nowhere/weights.h5"), "nowhere"),
        (("-o", "."), ".h5"),
        (("-o", "weights.txt"), ".h5"),
        (("--log", "nowhere/log.jsonl"), "nowhere"),
        (("--plot", "nowhere/curves.svg"), "nowhere"),
        (("--resume",), "resume"),
        (("--resume", "--overwrite"), "--overwrite"),
        (("--init-from", "nope.h5"), "nope.h5"),
        (("--dtype", "int8"), "float32"),
        (("--model", "nope.toml"), "nope.toml"),
        (("--nope",), "--nope"),
    ],
)
def test_wrong_options_are_refused_in_one_line(refused, options, said):
    data = () if "--data" in options else ("--data", "digits")
    if "cupy" in options and _has_cupy():
        pytest.skip("CuPy and a GPU are here")
    assert said in refused("train", *data, *options)


def _has_cupy():
    from cnnkit.backends.registry import availability

    return availability("cupy").usable


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("layers = 3", "input_shape"),
        ("not toml", "TOML"),
        ('input_shape = [1, 8, 8]\n[[layers]]\ntype = "Nope"', "Nope"),
        ('input_shape = [1, 8, 8]\n[[layers]]\ntype = "Dense"\nfeatures = 10', "Flatten"),
        ('input_shape = [1, 8, 8]\nlayers = [{type = "Flatten"}, {type = "Dense", features = 3}]', "Dense(10)"),
    ],
)
def test_wrong_model_files_are_refused_in_one_line(refused, folder, text, said):
    (folder / "net.toml").write_text(text)
    assert said in refused("train", "--model", "net.toml", "--data", "digits")


def test_a_terminal_gets_a_bar(train, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    result = train("--epochs", 3)
    assert result.status == 0
    assert "3/3" in result.err
    assert "━" in result.err, "the bar"


def test_data_without_a_test_part(train):
    arrays = {"x_train": np.zeros((20, 8, 8), np.uint8), "y_train": np.arange(20) % 10}
    np.savez("only.npz", **arrays)
    assert train("--data", "only.npz", "--epochs", 1, "--json").json["test"] is None


def test_every_option_of_a_training_reaches_it_from_the_command_line():
    assert {field.name for field in fields(Options)} - _SETTINGS == {"shuffle"}
