"""Lines of JSON and rows of a table: one an epoch, whatever was lost before a training went on."""

import csv
import json
import os

import numpy as np
import pytest

from cnnkit.errors import ConfigError
from cnnkit.training.logs import CsvLog, JsonLog, open_log


def entry(epoch: int, loss: float = 0.5, seconds: float = 1.0) -> dict:
    return {"epoch": epoch, "loss": loss / epoch, "validation_loss": None, "seconds": seconds}


def written(path) -> list[tuple[int, float]]:
    """Return (epoch, seconds) of each line, as the standard library reads them."""
    text = path.read_text()
    rows = csv.DictReader(text.splitlines()) if path.suffix == ".csv" else map(json.loads, text.splitlines())
    return [(int(row["epoch"]), float(row["seconds"])) for row in rows]


@pytest.fixture(params=["log.jsonl", "log.csv"])
def path(request, tmp_path):
    return tmp_path / request.param


def log(path, epochs, history=None, **figures) -> None:
    opened = open_log(path, history)
    opened.require_writable()
    for epoch in epochs:
        opened.write(entry(epoch, **figures))


def test_the_suffix_decides(tmp_path) -> None:
    assert isinstance(open_log(tmp_path / "A.CSV"), CsvLog)
    assert isinstance(open_log(tmp_path / "a.log"), JsonLog)


def test_a_line_an_epoch_and_trainings_after_each_other(path) -> None:
    log(path, [1, 2])
    log(path, [1, 2, 3], seconds=2.0)  # a new training, of the same figures: nothing is dropped
    assert written(path) == [(1, 1.0), (2, 1.0), (1, 2.0), (2, 2.0), (3, 2.0)]


def test_a_table_as_others_read_it(tmp_path) -> None:
    log(tmp_path / "log.csv", [1, 3], loss=0.1)
    table = np.genfromtxt(tmp_path / "log.csv", delimiter=",", names=True)
    assert table.dtype.names == ("epoch", "loss", "validation_loss", "seconds")
    assert list(table["loss"]) == [0.1, 0.1 / 3]
    assert np.isnan(table["validation_loss"]).all()


@pytest.mark.parametrize("torn", [b"", b'{"epoch": 6, "lo', b"6,0.0"])
def test_lines_of_lost_epochs_are_dropped(path, torn) -> None:
    log(path, [1, 2, 3, 4, 5])
    with path.open("ab") as file:
        file.write(torn)
    history = [entry(1), entry(2)]
    log(path, [], history)
    assert len(path.read_bytes().splitlines()) >= 5  # nothing is dropped before there is a new line
    log(path, [3, 4, 5, 6], history, loss=0.7, seconds=3.0)  # other figures, as with other --epochs
    assert written(path) == [(1, 1.0), (2, 1.0), (3, 3.0), (4, 3.0), (5, 3.0), (6, 3.0)]


def test_lost_epochs_from_the_first_on(path) -> None:
    log(path, [1, 2, 3], loss=0.1)
    log(path, [1, 2])
    log(path, [1, 2, 3], history=[], seconds=4.0)  # equal figures: these two lines were its own
    assert written(path)[3:] == [(1, 4.0), (2, 4.0), (3, 4.0)]
    log(path, [1], history=[], loss=0.2)  # others: of another training
    assert len(written(path)) == 7


@pytest.mark.parametrize("before", [[1, 2, 3, 4], [3, 4, 6], [4, 5], [3, 3, 4]])
def test_lines_of_other_trainings_stay(path, before) -> None:
    log(path, before, seconds=9.0)
    log(path, [3], history=[entry(1), entry(2)], loss=0.7)
    assert [epoch for epoch, _ in written(path)] == [*before, 3]


def test_a_log_that_begins_with_the_second_part(path) -> None:
    log(path, [3, 4], history=[entry(1), entry(2)])
    assert [epoch for epoch, _ in written(path)] == [3, 4]


@pytest.mark.parametrize(
    ("name", "content", "history", "error", "message"),
    [
        ("log.jsonl", "epoch,loss\n", [], OSError, "something else than lines of JSON"),
        ("log.csv", '{"epoch": 1}\n', [], OSError, "something else than a table of epochs"),
        ("log.csv", "epoch,gain\n", [entry(1)], ConfigError, "expected the columns epoch, loss, .*, got epoch, gain: "),
        ("log.csv", "epoch," + "x" * 200_000, [entry(1)], ConfigError, "expected the columns"),
    ],
)  # fmt: skip
def test_files_of_others_are_left_alone(tmp_path, name, content, history, error, message) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(error, match=message):
        open_log(tmp_path / name, history).require_writable()
    assert (tmp_path / name).read_text() == content


def test_other_columns_at_the_first_row(tmp_path) -> None:
    (tmp_path / "log.csv").write_text("epoch,gain\n1,2\n")
    with pytest.raises(ConfigError, match="choose another file"):
        log(tmp_path / "log.csv", [1])
    assert (tmp_path / "log.csv").read_text() == "epoch,gain\n1,2\n"


def test_columns_in_another_order(tmp_path) -> None:
    (tmp_path / "log.csv").write_text("epoch,seconds,validation_loss,loss\n")
    log(tmp_path / "log.csv", [2])
    assert (tmp_path / "log.csv").read_text().splitlines()[1] == "2,1.0,,0.25"


def test_a_full_disk_leaves_whole_lines(path, monkeypatch) -> None:
    log(path, [1])
    before = path.read_bytes()
    real = os.write

    def write(descriptor, content):
        if len(content) < 4:
            raise OSError(28, "No space left on device")
        return real(descriptor, content[: len(content) - 3])

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(OSError, match="No space left") as caught:
        log(path, [2])
    assert caught.value.filename == str(path)
    assert path.read_bytes() == before
