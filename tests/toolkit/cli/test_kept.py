"""Figures are those of the weights in the file, wherever they are told."""

from pathlib import Path

import pytest

from cnnkit import exporters
from cnnkit.cli import curves
from cnnkit.exporters.core.kept_epoch import read_kept_epoch

RUINED = ("--validation-split", 0.2, "--learning-rate", 3, "--schedule", "warmup:epochs=6,start=0", "--epochs", 6)


@pytest.fixture
def train(cnnkit, net_toml):
    return lambda *options: cnnkit("train", "--model", net_toml, "--limit", 300, *options)


def test_all_views_tell_the_figures_of_the_best_epoch(train, cnnkit):
    """A learning rate that grows ruins the net after its best epoch."""
    result = train(*RUINED, "--json").json
    losses = [entry["validation_loss"] for entry in result["history"]]
    best = losses.index(min(losses))
    assert best < 5
    entry = result["history"][best]
    kept = result["kept"]
    assert (kept["epoch"], kept["validation_loss"], kept["accuracy"]) == (best + 1, losses[best], entry["accuracy"])
    evaluated = cnnkit("evaluate", "--json").json
    assert kept["test"] == result["test"] == {name: evaluated[name] for name in ("images", "loss", "accuracy", "mse")}

    assert cnnkit("inspect", "--json", "--html", "page.html").json["training"] == kept
    accuracy = f"{entry['validation_accuracy']:.2%}"
    text = f"validation loss {losses[best]:.4f}, accuracy {accuracy}; test loss {kept['test']['loss']:.4f}, accuracy"
    assert f"epoch {best + 1} of 6" in cnnkit("inspect").out
    assert text in cnnkit("inspect").out
    page = Path("page.html").read_text()
    assert text in page
    assert f"<b>{best + 1} of 6</b>epoch of these weights" in page
    assert f"<b>{accuracy}</b>validation accuracy" in page
    assert f"<b>{kept['test']['accuracy']:.2%}</b>test accuracy (360 images)" in page

    assert cnnkit("export", "--format", "svg", "-q").status == 0
    picture = Path("weights.svg").read_text()
    assert f"epoch {best + 1} of 6, test accuracy {100 * kept['test']['accuracy']:.2f} %" in picture
    assert train(*RUINED, "--json").json["kept"] == kept, "of a run that is skipped"


def test_diff_runs_compares_the_kept_epochs(train, cnnkit):
    train(*RUINED, "-o", "a.h5")
    kept = exporters.read(Path("a.h5")).metadata["kept"]["epoch"]
    train(*RUINED[:-1], kept, "-o", "b.h5", "--schedule", "warmup:epochs=6,start=0")
    changes = {c["what"]: (c["a"], c["b"]) for c in cnnkit("diff", "a.h5", "b.h5", "--runs", "--json").json["runs"]}
    assert changes == {"run.options.epochs": (6, kept), "history.epochs": (6, kept)}, "the weights are the same"


def test_a_training_that_goes_on_forgets_its_test(train, stop_after):
    train("--epochs", 1)
    assert "test" in exporters.read(Path("weights.h5")).metadata
    with stop_after(3):
        assert train("--epochs", 3, "--resume").status == 130
    metadata = exporters.read(Path("weights.h5")).metadata
    assert "test" not in metadata
    assert metadata["kept"] == {"epoch": 1, "batches": 4}
    assert len(metadata["history"]) == 1


@pytest.fixture
def drawings(monkeypatch):
    """The number of epochs in each drawing of the curves."""
    drawn = []
    monkeypatch.setattr("cnnkit.training.plot.plot_history", lambda history, *_: drawn.append(len(history)))
    return drawn


def test_curves_of_a_short_training_are_drawn_once(train, drawings):
    assert train("--plot", "c.svg", "--epochs", 4).status == 0
    assert drawings == [4]


def test_curves_of_a_finished_training_are_drawn_from_its_file(train, drawings):
    train("--epochs", 3)
    assert train("--epochs", 3, "--plot", "c.svg", "--json").json["skipped"] is True
    assert drawings == [3]


def test_curves_are_drawn_now_and_then_and_at_the_end(train, drawings, monkeypatch):
    monkeypatch.setattr(curves, "REDRAW_EVERY", 0.0)
    assert train("--plot", "c.svg", "--epochs", 3).status == 0
    assert drawings == [1, 2, 3], "what is drawn is not drawn again at the end"


def test_curves_are_drawn_after_a_stop(train, drawings, stop_after):
    with stop_after(15):
        assert train("--plot", "c.svg", "--epochs", 4).status == 130
    assert drawings == [2]


def test_time_spent_on_pictures_and_saves_is_no_training_time(train, monkeypatch):
    clock = [0.0]

    def spend(*_):
        clock[0] += 1000.0

    monkeypatch.setattr("time.perf_counter", lambda: clock[0])
    monkeypatch.setattr("cnnkit.training.plot.plot_history", spend)
    result = train("--plot", "c.svg", "--epochs", 3, "--json").json
    assert clock[0] >= 1000.0
    assert result["seconds"] == sum(entry["seconds"] for entry in result["history"]) < 1000.0


def test_the_epoch_in_words():
    def tell(epoch, batches, epochs):
        return read_kept_epoch({"history": [{"epoch": 1}] * epochs, "kept": {"epoch": epoch, "batches": batches}}).text

    said = [tell(1, 0, 1), tell(1, 1, 1), tell(0, 12, 0), tell(3, 0, 4)]
    assert said == ["1 epoch", "1 epoch and 1 batch", "0 epochs and 12 batches", "epoch 3 of 4"]
