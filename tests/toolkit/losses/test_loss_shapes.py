"""Outputs of any shape for losses on numbers, and targets that do not fit their outputs."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from cnnkit.errors import ShapeError
from cnnkit.losses import (
    L1,
    BinaryCrossEntropy,
    Dice,
    HalfSquaredError,
    Huber,
    MeanSquaredError,
    SoftmaxCrossEntropy,
    Triplet,
)

NUMERIC = [
    (MeanSquaredError(), functional.mse_loss),
    (HalfSquaredError(), lambda y, t: functional.mse_loss(y, t, reduction="sum") / 2 / (y.numel() / y.shape[1])),
    (L1(), functional.l1_loss),
    (Huber(delta=0.7), lambda y, t: functional.huber_loss(y, t, delta=0.7)),
    (BinaryCrossEntropy(), functional.binary_cross_entropy_with_logits),
    (
        BinaryCrossEntropy(over_outputs="sum"),
        lambda y, t: functional.binary_cross_entropy_with_logits(y, t, reduction="sum") / (y.numel() / y.shape[1]),
    ),
]
EVERY = [
    SoftmaxCrossEntropy(),
    BinaryCrossEntropy(),
    MeanSquaredError(),
    Dice(),
    Triplet(),
]  # one of each way to read targets
each_loss = pytest.mark.parametrize("loss", EVERY, ids=lambda loss: type(loss).__name__)


@pytest.mark.parametrize("shape", [(4, 3, 5, 2), (2, 1, 1, 7), (3, 4, 2), (5, 1)], ids=str)
@pytest.mark.parametrize(("loss", "function"), NUMERIC, ids=lambda value: type(value).__name__)
def test_images_and_sequences_against_torch(arena, normal, assert_close, loss, function, shape) -> None:
    outputs, targets = normal(*shape, scale=2), np.clip(normal(*shape, seed=1), 0, 1)
    y = torch.tensor(outputs, requires_grad=True)
    wanted = function(y, torch.tensor(targets))
    wanted.backward()
    value, dy = loss.value_and_gradient(arena.backend, arena.array(outputs), arena.array(targets))
    assert_close(arena.backend.to_numpy(value), wanted.item(), arena.dtype)
    assert_close(arena.backend.to_numpy(dy), y.grad.numpy(), arena.dtype, "gradient")


def refuse(arena, loss, outputs, targets) -> str:
    with pytest.raises(ShapeError) as caught:
        loss.value_and_gradient(arena.backend, outputs, targets)
    prefix, message = f"{type(loss).__name__}: ", str(caught.value)
    assert message.startswith(prefix)
    assert "\n" not in message
    return message.removeprefix(prefix)


@each_loss
@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ((5,), "expected a label for each of 4 samples, got 5"),
        ((1,), "expected a label for each of 4 samples, got 1"),
        ((4, 1), "expected targets of the outputs' shape (4, 3), got (4, 1): labels have the shape (N,)"),
        ((1, 4), "expected targets of the outputs' shape (4, 3), got (1, 4): labels have the shape (N,)"),
        ((1, 3), "expected targets of the outputs' shape (4, 3), got (1, 3)"),
        ((4, 2), "expected targets of the outputs' shape (4, 3), got (4, 2)"),
        ((3, 4), "expected targets of the outputs' shape (4, 3), got (3, 4)"),
        ((), "expected targets of the outputs' shape (4, 3), got ()"),
        ((4, 3, 1), "expected targets of the outputs' shape (4, 3), got (4, 3, 1)"),
    ],
    ids=str,
)
def test_targets_of_another_shape(arena, loss, targets, message) -> None:
    assert refuse(arena, loss, arena.array(np.ones((4, 3))), arena.integers(np.ones(targets, int))) == message


@each_loss
def test_targets_of_another_dtype(arena, loss) -> None:
    outputs = arena.array(np.ones((4, 3)))
    floats = str(outputs.dtype).rpartition(".")[2]
    hint = "numbers to be approached have the outputs' shape (N, K)"
    assert refuse(arena, loss, outputs, arena.array(np.ones(4))) == (
        f"expected labels (N,) of integers, got {floats}: {hint}"
    )
    assert refuse(arena, loss, outputs, outputs[:, 0] > 0) == f"expected labels (N,) of integers, got bool: {hint}"
    assert refuse(arena, loss, outputs, arena.integers(np.ones((4, 3), int))) == (
        f"expected targets of {floats} as the outputs, got int64: convert them by backend.asarray(targets, '{floats}')"
    )


def test_numbers_are_not_promoted_in_silence(arena) -> None:
    if arena.dtype == "float32" and arena.backend.name != "reference":
        wide = arena.backend.asarray(np.ones((4, 3)), "float64")
        for loss in EVERY:
            assert "expected targets of float32 as the outputs, got float64" in refuse(
                arena, loss, arena.array(np.ones((4, 3))), wide
            )


@each_loss
def test_labels_need_rows(arena, loss) -> None:
    message = refuse(arena, loss, arena.array(np.ones((4, 3, 2, 2))), arena.integers([0, 1, 2, 0]))
    assert message.endswith("put a Flatten or GlobalAvgPool2D at the network's end")
    assert refuse(arena, loss, arena.array(np.ones(4)), arena.integers([0, 1, 2, 0])).startswith(
        "expected outputs (N, K)"
    )


@each_loss
def test_outputs_that_are_integers(arena, loss) -> None:
    rows = arena.integers(np.ones((4, 3), int))
    assert refuse(arena, loss, rows, rows) == "expected outputs (N, K) of floats, got (4, 3) of int64"


@each_loss
@pytest.mark.parametrize("value", [None, [0, 1, 2, 0], 3], ids=str)
def test_what_is_no_array(arena, loss, value) -> None:
    rows = arena.array(np.ones((4, 3)))
    assert "expected targets as an array of the backend, got " in refuse(arena, loss, rows, value)
    assert "expected outputs as an array of the backend, got " in refuse(arena, loss, value, rows)


@each_loss
def test_a_batch_without_samples(arena, loss) -> None:
    message = refuse(arena, loss, arena.array(np.ones((0, 3))), arena.integers(np.ones(0, int)))
    assert message == "expected at least one sample and one output, got (0, 3)"


def test_one_output_has_nothing_to_be_compared_with_by_softmax(arena) -> None:
    message = refuse(arena, SoftmaxCrossEntropy(), arena.array(np.ones((4, 1))), arena.integers([0, 1, 0, 1]))
    assert message.endswith("one output decides between two classes with BinaryCrossEntropy")
