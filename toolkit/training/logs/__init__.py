"""Figures of epochs outside the weight file: lines of JSON, a table, TensorBoard's events."""

from pathlib import Path

from cnnkit.training.logs.epoch_log import Entries, EpochLog
from cnnkit.training.logs.line_log import CsvLog, JsonLog, LineLog
from cnnkit.training.logs.tensorboard_log import TensorBoardLog


def open_log(path: Path, history: Entries | None = None) -> LineLog:
    """Return the log at `path`: a table where the name ends in .csv, else lines of JSON. Nothing is opened yet.

    history: of a training that goes on, None for a new one.
    """
    return (CsvLog if path.suffix.lower() == ".csv" else JsonLog)(path, history)


__all__ = ["CsvLog", "Entries", "EpochLog", "JsonLog", "LineLog", "TensorBoardLog", "open_log"]
