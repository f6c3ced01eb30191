"""A training that was stopped and went on is the training that was not stopped, bit for bit."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from cnnkit import exporters
from cnnkit.cli.app import run

OPTIONS = ("--limit", 300, "--validation-split", 0.2)


@pytest.fixture
def train(cnnkit, net_toml):
    return lambda *options: cnnkit("train", "--model", net_toml, *OPTIONS, *options)


def content(path):
    """Every tensor of a file, the optimizer's too, and the history without its times."""
    file = exporters.read(Path(path))
    history = [{k: v for k, v in entry.items() if k != "seconds"} for entry in file.metadata.get("history", [])]
    return {(t.kind, t.name): t.sha256() for t in file}, history


def test_five_epochs_and_five_more_are_ten(train):
    assert train("--epochs", 10, "-o", "whole.h5").status == 0
    assert train("--epochs", 5, "-o", "parts.h5").status == 0
    result = train("--epochs", 10, "-o", "parts.h5", "--resume")
    assert result.status == 0, result.err
    assert "epochs: 5, now 10" in result.err
    assert content("parts.h5") == content("whole.h5")


@pytest.fixture(scope="module")
def four_epochs(net_toml, tmp_path_factory):
    """What a training of four epochs ends with."""
    path = tmp_path_factory.mktemp("whole") / "whole.h5"
    assert run(["train", "--model", str(net_toml), *map(str, OPTIONS), "--epochs", "4", "-o", str(path), "-q"]) == 0
    return content(path)


@pytest.mark.parametrize("batches", [0, 1, 3, 5, 12])
def test_stopped_inside_an_epoch_and_gone_on(train, stop_after, four_epochs, batches):
    with stop_after(batches):
        stopped = train("--epochs", 4, "-o", "parts.h5")
    assert stopped.status == 130
    assert "--resume" in stopped.err
    assert content("parts.h5") != four_epochs
    assert train("--epochs", 4, "-o", "parts.h5").status == 2, "what is unfinished is not overwritten"
    result = train("--epochs", 4, "-o", "parts.h5", "--resume", "--json")
    assert result.status == 0, result.err
    assert result.json["epochs_run"] == 4
    assert content("parts.h5") == four_epochs


def test_sigterm_has_its_own_status(train, stop_after):
    with stop_after(3, signal.SIGTERM):
        result = train("--json")
    assert result.status == 143
    assert "stopped" in result.json["error"]["message"]


def test_a_finished_run_has_nothing_to_resume(train):
    train()
    assert train("--resume", "--json").json["skipped"] is True


@pytest.mark.parametrize("change", [("--seed", 3), ("--batch-size", 7), ("--dtype", "float64")])
def test_another_run_cannot_be_resumed(train, change):
    train("--epochs", 1)
    before = Path("weights.h5").read_bytes()
    result = train(*change, "--resume")
    assert result.status == 2
    assert change[0].removeprefix("--").replace("-", "_") in result.err
    assert Path("weights.h5").read_bytes() == before


@pytest.fixture
def resume(cnnkit):
    """Go on with what the file holds, and no other option than these."""
    return lambda *options: cnnkit("train", "--resume", "-o", "parts.h5", *options)


def test_the_file_holds_all_options(train, resume, stop_after):
    options = ("--batch-size", 40, "--optimizer", "sgd:momentum=0.5", "--seed", 3, "--threads", 1, "--epochs", 3)
    assert train(*options, "--schedule", "cosine", "--dtype", "float64", "-o", "whole.h5").status == 0
    with stop_after(8):
        stopped = train(*options, "--schedule", "cosine", "--dtype", "float64", "-o", "parts.h5", "--limit-test", 9)
    assert stopped.status == 130
    command = stopped.err.splitlines()[-1].partition("continue with: cnnkit ")[2].split()
    assert command == ["train", "--resume", "-o", "parts.h5", "--limit-test", "9"]
    result = resume("--limit-test", 9, "--json")
    assert result.status == 0, result.err
    assert (result.json["seed"], result.json["dtype"], result.json["test"]["images"]) == (3, "float64", 9)
    assert content("parts.h5") == content("whole.h5")
    assert exporters.read(Path("parts.h5")).metadata["run"] == exporters.read(Path("whole.h5")).metadata["run"]


def test_a_network_that_started_from_others_weights_goes_on(train, resume, stop_after):
    train("--epochs", 1, "-o", "first.h5")
    line = ("--data", "bright-dark", "--init-from", "first.h5", "--epochs", 2)
    assert train(*line, "-o", "whole.h5").status == 0
    with stop_after(0):
        assert train(*line, "-o", "parts.h5").status == 130
    Path("first.h5").unlink()
    assert resume().status == 0
    assert content("parts.h5") == content("whole.h5")


def test_a_recipe_given_with_a_resume_brings_defaults_only(train, stop_after):
    with stop_after(3):
        train("--learning-rate", 0.01, "-o", "parts.h5")
    result = train("--resume", "-o", "parts.h5")
    assert result.status == 0
    assert "learning_rate: 0.01 as in parts.h5; the recipe has 0.05" in result.err


@pytest.fixture(scope="module")
def stopped():
    """The file of a stopped training, once it has been made."""
    return []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--seed", 3), "seed: 0, now 3"),
        (("--learning-rate", 0.5), "learning_rate: 0.05, now 0.5"),
        (("--limit", 299), "limit: 300, now 299"),
        (("--recipe", "lenet5"), "--recipe: another architecture; recipe: tiny, now lenet5"),
        (("--recipe", "digits-cnn"), "--recipe: another architecture; recipe: tiny, now digits-cnn"),
        (("--initializer", "zeros"), "--initializer: another architecture"),
        (("--data", "bright-dark"), "data: digits, now bright-dark"),
        (("--backend", "reference"), "backend: numpy, now reference"),
        (("--tf32",), "tf32"),
        (("--epochs", 2), "parts.h5 has begun 3 epochs: expected at least that many, got 2"),
        (("--init-from", "parts.h5"), "--resume alone"),
        (("--faithful",), "tiny"),
    ],
)
def test_options_that_do_not_agree_are_refused_by_name(train, resume, stop_after, stopped, options, said):
    if not stopped:
        with stop_after(12):
            assert train("--epochs", 5, "-o", "parts.h5").status == 130
        stopped.append(Path("parts.h5").read_bytes())
    Path("parts.h5").write_bytes(stopped[0])
    before = Path("parts.h5").read_bytes()
    result = resume(*options)
    assert result.status == 2
    assert said in result.err
    assert result.err.count("\n") == 1
    assert Path("parts.h5").read_bytes() == before


def test_options_that_agree_are_no_matter(train, resume, stop_after):
    with stop_after(8):
        train("--epochs", 3, "-o", "parts.h5")
    agreeing = ("--seed", 0, "--data", "digits", "--epochs", 3, "--backend", "numpy", "--dtype", "float32")
    assert resume(*agreeing).status == 0


def test_fewer_epochs_end_a_training_early(train, resume, stop_after):
    with stop_after(12):
        train("--epochs", 5, "-o", "parts.h5")
    assert train("--epochs", 3, "-o", "whole.h5").status == 0
    assert resume("--epochs", 3).status == 0
    assert content("parts.h5") == content("whole.h5")
    assert exporters.read(Path("parts.h5")).position["finished"] is True


def test_a_training_out_of_patience_says_what_trains_on(train, resume):
    ruin = ("--learning-rate", 3, "--schedule", "warmup:epochs=6,start=0", "--epochs", 8)
    assert train(*ruin, "--patience", 1, "-o", "parts.h5").status == 0
    assert train(*ruin, "--patience", 2, "-o", "whole.h5").status == 0
    said = resume("--epochs", 9)
    assert (said.status, "--resume --patience N above 1;" in said.out) == (0, True)
    assert exporters.read(Path("parts.h5")).metadata["run"]["options"]["epochs"] == 8, "nothing was changed"
    result = resume("--patience", 2)
    assert "patience: 1, now 2" in result.err
    assert content("parts.h5") == content("whole.h5")


@pytest.mark.parametrize("change", [{"epochs": "ten"}, {"optimizer": 3}, {"batch_size": 0}, 5])
def test_a_file_whose_options_make_no_sense(train, resume, stop_after, change):
    with stop_after(3):
        train("-o", "parts.h5")
    file = exporters.read(Path("parts.h5"))
    kept = file.metadata["run"]
    options = kept["options"] | change if isinstance(change, dict) else change
    odd = replace(file, metadata=file.metadata | {"run": kept | {"options": options}})
    exporters.write(odd, Path("parts.h5"), overwrite=True)
    for result in (resume(), train("-o", "parts.h5")):
        assert result.status == 2
        assert result.err.count("\n") == 1
        assert "defect" not in result.err


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_real_signal(net_toml, folder, number, status):
    command = [sys.executable, "-m", "cnnkit.cli", "train", "--model", str(net_toml), "--epochs", "100000"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=folder) as program:
        try:
            assert program.stderr is not None
            for line in program.stderr:
                if "/100000" in line:  # the first row of the epochs
                    break
            program.send_signal(number)
            _, errors = program.communicate(timeout=30)
        finally:
            program.kill()
    assert program.returncode == status
    assert "everything so far is in weights.h5" in errors
    assert "Traceback" not in errors
    assert exporters.read(folder / "weights.h5").position["finished"] is False
    assert [path.name for path in folder.iterdir()] == ["weights.h5"]
