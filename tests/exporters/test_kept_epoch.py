"""What a file tells of its weights' training, from files of ours, older ones and those of strangers."""

import pytest

from cnnkit.exporters.core.kept_epoch import read_kept_epoch


def entries(*validation_losses, accuracy=0.5):
    return [
        {
            "epoch": i + 1,
            "loss": 1.0 / (i + 1),
            "accuracy": accuracy,
            "validation_loss": loss,
            "validation_accuracy": None,
        }
        for i, loss in enumerate(validation_losses)
    ]


@pytest.mark.parametrize(
    ("metadata", "epoch", "text"),
    [
        ({"history": entries(3.0, 1.0, 2.0), "kept": {"epoch": 2, "batches": 0}}, 2, "epoch 2 of 3"),
        ({"history": entries(3.0, 1.0, 1.0)}, 2, "epoch 2 of 3"),  # an older file: the first of the smallest losses
        ({"history": entries(None, None)}, 2, "2 epochs"),
        ({"history": entries(None)}, 1, "1 epoch"),
        ({"history": entries(None), "kept": {"epoch": 1, "batches": 7}}, 1, "1 epoch and 7 batches"),
        ({"history": [], "kept": {"epoch": 0, "batches": 7}}, 0, "0 epochs and 7 batches"),
        ({"history": entries(2.0, 1.0), "kept": {"epoch": 99, "batches": 3}}, 2, "2 epochs"),
        ({"history": entries(2.0, 1.0), "kept": {"epoch": -1}}, 2, "2 epochs"),
        ({"history": entries(2.0, 1.0), "kept": [1]}, 2, "2 epochs"),
        ({"history": entries(float("nan"), 1.0, float("inf"))}, 2, "epoch 2 of 3"),
    ],
)
def test_which_epoch_is_kept(metadata, epoch, text):
    kept = read_kept_epoch(metadata)
    assert (kept.epoch, kept.text) == (epoch, text)
    assert kept.figures.get("loss") == (1.0 / epoch if epoch else None)


@pytest.mark.parametrize("metadata", [{}, {"history": []}, {"history": 3}, {"history": [3]}, {"kept": {"epoch": 2}}])
def test_no_training_is_told(metadata):
    assert read_kept_epoch(metadata) is None


def test_values_that_make_no_sense_are_left_out():
    odd = {"epoch": 1, "loss": 10**400, "accuracy": 2.0, "validation_loss": "low", "validation_accuracy": True}
    kept = read_kept_epoch({"history": [odd], "test": {"accuracy": 0.25, "images": "many", "loss": float("nan")}})
    assert kept.figures == {}
    assert kept.test == {"accuracy": 0.25}
    assert kept.figures_text == "test accuracy 25.00%"
    assert kept.to_json()["loss"] is None


def test_the_figures_in_words():
    test = {"accuracy": 0.75, "images": 1234, "loss": 0.5, "mse": 0.1}
    kept = read_kept_epoch({"history": entries(2.0, 3.0, accuracy=0.125), "test": test})
    assert kept.figures_text == (
        "training loss 1.0000, accuracy 12.50%; validation loss 2.0000; "
        "test loss 0.5000, accuracy 75.00% on 1,234 images"
    )
    assert kept.to_json()["test"] == test
