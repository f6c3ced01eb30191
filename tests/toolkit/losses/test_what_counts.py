"""Laws of every loss: weights are factors of the samples' losses, and a label of -1 is as if it were not there."""

import numpy as np
import pytest

from cnnkit.losses import (
    LOSSES,
    BinaryCrossEntropy,
    CosineDistance,
    Dice,
    Focal,
    HalfSquaredError,
    Hinge,
    Loss,
    NegativeLogLikelihood,
    Poisson,
    ProbabilityCrossEntropy,
    SoftmaxCrossEntropy,
    Triplet,
)

ALONE = [cls() for name, cls in sorted(LOSSES.items()) if name not in ("triplet", "dice")]
ALONE += [BinaryCrossEntropy(over_outputs="sum"), SoftmaxCrossEntropy(0.2), Focal(label_smoothing=0.2)]
each_loss = pytest.mark.parametrize("loss", ALONE, ids=str)
WEIGHTS = np.array([0.5, 0.0, 2.0, 1.5])
LABELS = np.array([2, 0, 1, 1])


def evaluate(backend, loss: Loss, outputs, targets, weights=None) -> tuple:
    on = backend.asarray
    wanted = on(targets) if targets.dtype.kind == "i" else on(targets, "float64")
    given = None if weights is None else on(weights, "float64")
    value, dy = loss.value_and_gradient(backend, on(outputs, "float64"), wanted, given)
    return float(backend.to_numpy(value)), backend.to_numpy(dy)


@pytest.fixture(scope="module", params=["rows", "maps"])
def batch(request) -> tuple:
    rng = np.random.default_rng(0)
    places = {"rows": (), "maps": (3, 2)}[request.param]
    outputs = np.moveaxis(rng.dirichlet(np.ones(3), (4, *places)), -1, 1)  # probabilities, for all losses to take
    labels = LABELS if not places else rng.integers(0, 3, (4, *places))
    return outputs, labels


@each_loss
@pytest.mark.parametrize("numbers", [False, True], ids=["labels", "numbers"])
def test_weights_are_factors_of_the_samples(backend, batch, loss, numbers) -> None:
    outputs, labels = batch
    targets = np.moveaxis(np.eye(3)[labels], -1, 1) if numbers else labels
    value, dy = evaluate(backend, loss, outputs, targets, WEIGHTS)
    alone = [evaluate(backend, loss, outputs[i : i + 1], targets[i : i + 1]) for i in range(4)]
    assert value == pytest.approx(np.mean([w * part[0] for w, part in zip(WEIGHTS, alone, strict=True)]), rel=1e-12)
    wanted = np.concatenate([w * part[1] / 4 for w, part in zip(WEIGHTS, alone, strict=True)])
    np.testing.assert_allclose(dy, wanted, rtol=1e-10, atol=1e-15)


@each_loss
def test_a_sample_without_a_label_is_as_if_it_were_not_there(backend, batch, loss) -> None:
    outputs, labels = batch
    ignored = labels.copy()
    ignored[1] = -1
    for weights in (None, WEIGHTS):
        rest = None if weights is None else np.delete(weights, 1)
        value, dy = evaluate(backend, loss, outputs, ignored, weights)
        other, slope = evaluate(backend, loss, np.delete(outputs, 1, 0), np.delete(labels, 1, 0), rest)
        assert value == pytest.approx(other, rel=1e-12)
        np.testing.assert_allclose(np.delete(dy, 1, 0), slope, rtol=1e-10, atol=1e-15)
        assert not dy[1].any()


@each_loss
def test_a_batch_without_labels_costs_nothing(backend, batch, loss) -> None:
    value, dy = evaluate(backend, loss, batch[0], np.full_like(batch[1], -1))
    assert value == 0
    assert not dy.any()


def test_an_ignored_place_may_have_any_output(backend) -> None:
    for loss in (Focal(), Hinge(), HalfSquaredError(), NegativeLogLikelihood(), ProbabilityCrossEntropy(), Dice()):
        outputs = np.full((1, 2, 2), 0.5)
        wild = outputs.copy()
        wild[:, :, 1] = -1e30, 1e30
        labels = np.array([[1, -1]])
        (value, dy), (other, slope) = (evaluate(backend, loss, y, labels) for y in (outputs, wild))
        assert (value, dy.tolist()) == (other, slope.tolist()), str(loss)


def test_dice_counts_samples_that_have_a_place(backend) -> None:
    rng = np.random.default_rng(1)
    outputs, labels = rng.normal(size=(3, 3, 4)), rng.integers(0, 3, (3, 4))
    labels[1] = -1
    value, dy = evaluate(backend, Dice(), outputs, labels, WEIGHTS[:3])
    parts = [evaluate(backend, Dice(), outputs[i : i + 1], labels[i : i + 1]) for i in (0, 2)]
    assert value == pytest.approx((0.5 * parts[0][0] + 2 * parts[1][0]) / 2, rel=1e-12)
    np.testing.assert_allclose(dy[[0]], 0.25 * parts[0][1], rtol=1e-12)
    assert not dy[1].any()


@pytest.mark.parametrize("loss", [Triplet(), Triplet(mining="all")], ids=str)
def test_triplets_of_samples_without_a_label_are_none(backend, loss) -> None:
    rng = np.random.default_rng(2)
    outputs, labels = rng.normal(size=(7, 2)), np.array([0, 1, 0, -1, 1, 0, -1])
    kept = np.flatnonzero(labels >= 0)
    value, dy = evaluate(backend, loss, outputs, labels)
    other, slope = evaluate(backend, loss, outputs[kept], labels[kept])
    assert value == pytest.approx(other, rel=1e-12)
    np.testing.assert_allclose(dy[kept], slope, rtol=1e-12, atol=1e-15)
    assert not np.delete(dy, kept, 0).any()


EXTREME = [cls() for name, cls in sorted(LOSSES.items()) if name not in ("mean_squared_error", "half_squared_error")]


@pytest.mark.parametrize("loss", EXTREME, ids=str)
@pytest.mark.parametrize("size", [0.0, 1e-30, 200.0, 5000.0])
def test_extreme_outputs_give_finite_numbers(arena, loss, size) -> None:
    shape = (2, 2) if isinstance(loss, Triplet) else (2, 2, 1)
    outputs = np.array([[size, -size], [-size, size]]).reshape(shape)
    for labels in ([0, 1], [1, 0], [0, 0]):
        targets = arena.integers(np.reshape(labels, (2, *shape[2:])))
        if isinstance(loss, CosineDistance | Poisson):
            targets = arena.array(np.eye(2)[labels].reshape(shape))
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            value, dy = loss.value_and_gradient(arena.backend, arena.array(outputs), targets)
        assert np.isfinite(arena.backend.to_numpy(value)).all()
        assert np.isfinite(arena.backend.to_numpy(dy)).all()
