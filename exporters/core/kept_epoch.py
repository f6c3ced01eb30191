"""The epoch whose weights a file holds, and the figures of that epoch: every view of a file reads them here."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cnnkit.files.names import format_count

FIGURES = ("loss", "accuracy", "validation_loss", "validation_accuracy")
TEST_FIGURES = ("loss", "accuracy", "mse")
_LARGEST = 1e300  # a whole number in JSON has any size, a float has not


@dataclass(frozen=True)
class KeptEpoch:
    """Which weights of a training a file holds.

    epoch    the epoch after which the weights were kept, from 1; 0 inside the first one
    batches  of the next epoch that these weights have seen too: above 0 where the training was stopped inside it
    epochs   finished in all
    figures  {name of FIGURES: value} of that epoch, only those that are known
    test     {name of TEST_FIGURES: value} on test images, and the number of `images`; empty without a test
    """

    epoch: int
    batches: int
    epochs: int
    figures: Mapping[str, float]
    test: Mapping[str, float]

    @property
    def text(self) -> str:
        """The epoch in words: "4 epochs", "epoch 3 of 4", "3 epochs and 12 batches"."""
        if self.epoch < self.epochs:
            return f"epoch {self.epoch} of {self.epochs}"
        epochs = format_count(self.epochs, "epoch")
        return f"{epochs} and {self.batches:,} batch{'' if self.batches == 1 else 'es'}" if self.batches else epochs

    @property
    def figures_text(self) -> str:
        """The figures in words: "training loss 0.1234, accuracy 97.10%; validation ...; test ... on 360 images"."""
        parts = (("training", self.figures, ""), ("validation", self.figures, "validation_"), ("test", self.test, ""))
        texts = []
        for title, figures, prefix in parts:
            loss, accuracy = figures.get(f"{prefix}loss"), figures.get(f"{prefix}accuracy")
            known = [f"loss {loss:.4f}"] if loss is not None else []
            known += [f"accuracy {accuracy:.2%}"] if accuracy is not None else []
            images = f" on {figures['images']:,} images" if known and "images" in figures else ""
            texts += [f"{title} {', '.join(known)}{images}"] if known else []
        return "; ".join(texts)

    def to_json(self) -> dict[str, Any]:
        """Return the keys that JSON outputs have; None for a figure that is not known."""
        figures: dict[str, Any] = {name: self.figures.get(name) for name in FIGURES}
        test = dict(self.test) if self.test else None
        return {"epoch": self.epoch, "batches": self.batches, "epochs": self.epochs} | figures | {"test": test}


def read_kept_epoch(metadata: Mapping[str, Any]) -> KeptEpoch | None:
    """Return what the metadata of a file say of the training of its weights; None where they tell of none.

    A file without the entry `kept` of its metadata is of an older training, which kept the weights of the smallest
    validation loss, or without validation the last ones. Values of a stranger that make no sense are left out.
    """
    history = list_history(metadata)
    kept = metadata.get("kept")
    epoch, batches = (_count(kept, "epoch"), _count(kept, "batches")) if isinstance(kept, dict) else (None, 0)
    if epoch is None or epoch > len(history):
        epoch, batches = _find_best(history), 0
    if not history and not batches:
        return None
    figures = read_figures(history[epoch - 1]) if epoch else {}
    test = metadata.get("test")
    tested = _numbers(test, TEST_FIGURES) if isinstance(test, dict) else {}
    images = _count(test, "images") if isinstance(test, dict) else None
    if tested and images:
        tested["images"] = images
    return KeptEpoch(epoch, batches or 0, len(history), figures, tested)


def list_history(metadata: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the entries of the history, one for each epoch; nothing where they are not entries."""
    history = metadata.get("history")
    good = isinstance(history, list) and all(isinstance(entry, dict) for entry in history)
    return history if good and isinstance(history, list) else []


def read_figures(entry: Mapping[str, Any]) -> dict[str, float]:
    """Return the figures of one epoch that are finite numbers, by the names of FIGURES."""
    return _numbers(entry, FIGURES)


def _find_best(history: list[dict[str, Any]]) -> int:
    """Return the epoch of the smallest validation loss, the first of equal ones; without validation the last."""
    losses = [_numbers(entry, ("validation_loss",)).get("validation_loss", math.inf) for entry in history]
    smallest = min(losses, default=math.inf)
    return losses.index(smallest) + 1 if smallest < math.inf else len(history)


def _count(values: Mapping[str, Any], name: str) -> int | None:
    value = values.get(name)
    return value if type(value) is int and value >= 0 else None


def _numbers(values: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, float]:
    """Return the named values that are finite numbers; an accuracy is a share of 1."""
    found = {name: values[name] for name in names if type(values.get(name)) in (int, float)}
    return {
        name: float(value)
        for name, value in found.items()
        if abs(value) < _LARGEST and not ("accuracy" in name and not 0 <= value <= 1)
    }
