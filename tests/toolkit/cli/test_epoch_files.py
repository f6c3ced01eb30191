"""What `cnnkit train` writes after each epoch: tables, TensorBoard's events, the weights of epochs."""

import csv
import sys
from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from cnnkit import Model, exporters


@pytest.fixture
def train(cnnkit, net_toml):
    return lambda *options: cnnkit("train", "--model", net_toml, "--limit", 200, *options)


ALL = ("--log", "log.csv", "--tensorboard", "runs", "--save-every", 2)


def losses(file="log.csv") -> list[float]:
    return [float(row["loss"]) for row in csv.DictReader(Path(file).read_text().splitlines())]


def displayed() -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in EventAccumulator("runs").Reload().Scalars("loss")]


def history(file="weights.h5") -> list[float]:
    return [entry["loss"] for entry in exporters.read(Path(file)).metadata["history"]]


def test_all_of_them(train, cnnkit) -> None:
    assert train("--epochs", 4, *ALL).status == 0
    assert losses() == history()
    assert displayed() == [(epoch, np.float32(loss)) for epoch, loss in enumerate(history(), 1)]
    assert sorted(path.name for path in Path().glob("weights*")) == [
        "weights-epoch-0002.h5", "weights-epoch-0004.h5", "weights.h5",
    ]  # fmt: skip
    assert history("weights-epoch-0002.h5") == history()[:2]
    assert exporters.read(Path("weights-epoch-0002.h5")).position is None
    assert exporters.read(Path("weights-epoch-0002.h5")).metadata["kept"] == {"epoch": 2, "batches": 0}
    assert cnnkit("evaluate", "weights-epoch-0002.h5").status == 0
    last, kept = (Model.load(name).weights for name in ("weights.h5", "weights-epoch-0004.h5"))
    assert all(np.array_equal(last[name], kept[name]) for name in last)


def test_weights_of_an_epoch_that_is_not_the_best(train) -> None:
    """A rate that is too large ruins the net after the first epoch; its later weights are kept all the same."""
    train("--epochs", 3, "--validation-split", 0.2, "--learning-rate", 3.0, "--save-every", 1, "-o", "w.h5")
    position = exporters.read(Path("w.h5")).position
    best = position["best"]["epoch"]
    assert best < 3
    files = [Model.load(f"w-epoch-000{epoch}.h5").weights for epoch in (1, 2, 3)]
    result = Model.load("w.h5").weights
    assert [all(np.array_equal(result[n], w[n]) for n in w) for w in files] == [epoch == best for epoch in (1, 2, 3)]


def test_a_training_that_was_killed_tells_no_epoch_twice(train, cnnkit) -> None:
    """Two epochs are saved, the two after them are lost with the process."""
    train("--epochs", 2, *ALL)
    saved = Path("weights.h5").read_bytes()
    kept, times = Path("weights-epoch-0002.h5").read_bytes(), Path("log.csv").read_text().splitlines()
    assert cnnkit("train", "--resume", "--epochs", 4, *ALL).status == 0
    Path("weights.h5").write_bytes(saved)
    assert len(losses()) == 4
    assert cnnkit("train", "--resume", "--epochs", 5, *ALL).status == 0
    assert len(losses()) == 5
    assert losses() == history()
    assert displayed() == [(epoch, np.float32(loss)) for epoch, loss in enumerate(history(), 1)]
    assert Path("log.csv").read_text().splitlines()[:3] == times
    assert Path("weights-epoch-0002.h5").read_bytes() == kept
    assert Path("weights-epoch-0004.h5").exists()


def test_what_continues_a_stopped_training_repeats_the_options(train, monkeypatch) -> None:
    monkeypatch.setattr("cnnkit.cli.signals.StopRequest.__call__", lambda _: True)
    monkeypatch.setattr("cnnkit.cli.signals.StopRequest.status", 130, raising=False)
    result = train("--log", "a.jsonl", "--tensorboard", "runs", "--save-every", 3)
    assert "--log a.jsonl --tensorboard runs --save-every 3" in result.err


_REFUSED = [
    (("--tensorboard", "weights.h5"), "is no folder"),
    (("--tensorboard", "nowhere/runs"), "its folder does not exist"),
    (("--tensorboard", "runs"), "holds the events of another training"),
    (("--save-every", 0), "save-every"),
    (("--save-every", 1, "-o", "old.h5"), "old-epoch-0002.h5: already exists: --overwrite replaces it, -o OTHER.h5"),
    (("--save-every", 1, "-o", "old.h5", "--data", "old-epoch-0002.h5"), "expected a data set"),
    (("--log", "lines.csv"), "holds something else than a table of epochs"),
]


def test_refusals(train) -> None:
    train("--epochs", 2, *ALL)
    Path("weights-epoch-0002.h5").rename("old-epoch-0002.h5")
    Path("lines.csv").write_text("{}\n")
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    for options, message in _REFUSED:
        result = train("--epochs", 2, *(() if "-o" in options else ("-o", "new.h5")), *options)
        assert result.status == 2, options
        assert message in result.err, options
        assert {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()} == before, options


def test_overwrite_replaces_all(train) -> None:
    train("--epochs", 4, *ALL)
    assert train("--epochs", 2, "--seed", 1, "--overwrite", *ALL).status == 0
    assert len(displayed()) == 2
    assert len(losses()) == 6


def test_without_tensorboard(train, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    result = train("--tensorboard", "runs")
    assert result.status == 2
    assert "type pip install 'cnnkit[tensorboard]'" in result.err
    assert not Path("weights.h5").exists()
