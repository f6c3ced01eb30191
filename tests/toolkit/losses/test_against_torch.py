"""The losses of classes, tags and numbers against those of torch.nn.functional and autograd, also on maps."""

import numpy as np
import pytest
import torch
from sklearn.metrics import hinge_loss
from torch.nn import functional

from cnnkit.losses import (
    BinaryCrossEntropy,
    BinaryFocal,
    BinaryHinge,
    CosineDistance,
    Dice,
    Focal,
    Hinge,
    KLDivergence,
    NegativeLogLikelihood,
    Poisson,
    ProbabilityCrossEntropy,
    SoftmaxCrossEntropy,
)

LABELS = np.array([2, 0, 1, 1, 2, 0])
MAPS = np.random.default_rng(3).integers(-1, 3, (6, 4, 2))  # some places are ignored
TAGS = np.random.default_rng(4).integers(0, 2, (6, 3)).astype(float)
SHARES = np.random.default_rng(5).dirichlet(np.ones(3), 6)
COUNTS = np.random.default_rng(6).poisson(2, (6, 3)).astype(float)


def focal(y, t, gamma=2.0, alpha=1.0):
    logs = functional.log_softmax(y, 1).gather(1, t.clamp(min=0)[:, None])[:, 0][t >= 0]
    return -(alpha * (1 - logs.exp()) ** gamma * logs).mean()


def binary_focal(y, t, gamma=2.0, alpha=0.25):
    cost = functional.binary_cross_entropy_with_logits(y, t, reduction="none")
    p = torch.sigmoid(y)
    right = p * t + (1 - p) * (1 - t)
    return ((alpha * t + (1 - alpha) * (1 - t)) * (1 - right) ** gamma * cost).mean()


def dice(y, t, smooth=1.0):
    p = torch.softmax(y, 1) * (t >= 0)[:, None]
    rows = functional.one_hot(t.clamp(min=0), 3).movedim(-1, 1) * (t >= 0)[:, None]
    sums = [v.flatten(2).sum(2) for v in (p * rows, p, rows)]
    return (1 - (2 * sums[0] + smooth) / (sums[1] + sums[2] + smooth)).mean()


def mask_dice(y, t):
    p = torch.sigmoid(y)
    sums = [v.flatten(2).sum(2) for v in (p * t, p, t)]
    return (1 - (2 * sums[0] + 0.5) / (sums[1] + sums[2] + 0.5)).mean()


def smooth(t, share, choices):
    return t * (1 - share) + share / choices


ORACLES = {
    "cross-entropy": (SoftmaxCrossEntropy(), LABELS, functional.cross_entropy),
    "cross-entropy of maps": (
        SoftmaxCrossEntropy(), MAPS, lambda y, t: functional.cross_entropy(y, t, ignore_index=-1),
    ),
    "smoothed cross-entropy of maps": (
        SoftmaxCrossEntropy(0.1), MAPS,
        lambda y, t: functional.cross_entropy(y, t, ignore_index=-1, label_smoothing=0.1),
    ),
    "likelihood of maps": (NegativeLogLikelihood(), MAPS, lambda y, t: functional.nll_loss(y, t, ignore_index=-1)),
    "smoothed likelihood": (
        NegativeLogLikelihood(0.2), LABELS,
        lambda y, t: -(smooth(functional.one_hot(t, 3).double(), 0.2, 3) * y).sum(1).mean(),
    ),
    "focal": (Focal(gamma=1.5, alpha=0.3), LABELS, lambda y, t: focal(y, t, 1.5, 0.3)),
    "focal of maps": (Focal(), MAPS, focal),
    "focal without focus": (
        Focal(gamma=0.0, label_smoothing=0.1), LABELS,
        lambda y, t: functional.cross_entropy(y, t, label_smoothing=0.1),
    ),
    "binary focal": (BinaryFocal(), TAGS, binary_focal),
    "binary focal, other fields": (
        BinaryFocal(gamma=0.5, alpha=0.9), TAGS, lambda y, t: binary_focal(y, t, 0.5, 0.9),
    ),
    "tags": (BinaryCrossEntropy(), TAGS, functional.binary_cross_entropy_with_logits),
    "smoothed tags": (
        BinaryCrossEntropy(0.1), TAGS,
        lambda y, t: functional.binary_cross_entropy_with_logits(y, smooth(t, 0.1, 2)),
    ),
    "dice": (Dice(), MAPS, dice),
    "dice of masks": (Dice(smooth=0.5), (MAPS[:, None] > 0).astype(float), mask_dice),
    "hinge": (Hinge(), LABELS, functional.multi_margin_loss),
    "squared hinge": (
        Hinge(margin=0.5, power=2), LABELS, lambda y, t: functional.multi_margin_loss(y, t, p=2, margin=0.5),
    ),
    "binary hinge": (
        BinaryHinge(margin=2.0, power=2), TAGS, lambda y, t: ((2 - (2 * t - 1) * y).clamp(min=0) ** 2).mean(),
    ),
    "divergence": (KLDivergence(), SHARES, lambda y, t: functional.kl_div(y, t, reduction="batchmean")),
    "counts": (Poisson(), COUNTS, functional.poisson_nll_loss),
    "angles": (
        CosineDistance(), COUNTS - 1.5, lambda y, t: (1 - functional.cosine_similarity(y, t, dim=1)).mean(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ORACLES)
def test_value_and_gradient(arena, normal, assert_close, name) -> None:
    loss, targets, function = ORACLES[name]
    shape = targets.shape if targets.dtype.kind == "f" else (6, 3, *targets.shape[1:])
    outputs = normal(*shape, scale=2)
    y = torch.tensor(outputs, requires_grad=True)
    given = arena.array(targets) if targets.dtype.kind == "f" else arena.integers(targets)
    rounded = arena.backend.to_numpy(given)  # the targets that the backend sees
    wanted = function(y, torch.tensor(rounded, dtype=None if targets.dtype.kind == "i" else torch.float64))
    wanted.backward()
    value, dy = loss.value_and_gradient(arena.backend, arena.array(outputs), given)
    assert tuple(value.shape) == ()
    assert value.dtype == dy.dtype == arena.array(0.0).dtype
    assert_close(arena.backend.to_numpy(value), wanted.item(), arena.dtype)
    assert_close(arena.backend.to_numpy(dy), y.grad.numpy(), arena.dtype, "gradient")


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_smoothed_probabilities(backend, smoothing) -> None:
    y = torch.tensor(SHARES, requires_grad=True)
    wanted = -(smooth(functional.one_hot(torch.tensor(LABELS), 3).double(), smoothing, 3) * y.log()).sum(1).mean()
    wanted.backward()
    on = backend.asarray
    value, dy = ProbabilityCrossEntropy(smoothing).value_and_gradient(backend, on(SHARES, "float64"), on(LABELS))
    np.testing.assert_allclose(backend.to_numpy(value), wanted.item(), rtol=1e-12)
    np.testing.assert_allclose(backend.to_numpy(dy), y.grad.numpy(), rtol=1e-12)


def test_rates_below_the_smallest_go_on_as_a_line(backend) -> None:
    loss, on = Poisson(log_input=False), backend.asarray
    y = torch.tensor(np.abs(COUNTS - 0.7), requires_grad=True)
    wanted = functional.poisson_nll_loss(y, torch.tensor(COUNTS), log_input=False, eps=0)
    wanted.backward()
    value, dy = loss.value_and_gradient(backend, on(np.abs(COUNTS - 0.7), "float64"), on(COUNTS, "float64"))
    np.testing.assert_allclose(backend.to_numpy(value), wanted.item(), rtol=1e-12)
    np.testing.assert_allclose(backend.to_numpy(dy), y.grad.numpy(), rtol=1e-12)
    value, dy = loss.value_and_gradient(backend, on(np.array([[0.0]]), "float64"), on(np.array([[1.0]]), "float64"))
    np.testing.assert_allclose(backend.to_numpy(value), 1 - np.log(1e-8), rtol=1e-12)
    np.testing.assert_allclose(backend.to_numpy(dy), [[1 - 1e8]])


def test_the_binary_hinge_is_that_of_scikit_learn(backend, normal) -> None:
    labels, z = np.array([0, 1, 1, 0, 1, 0]), normal(6, 1)
    value, _ = BinaryHinge().value_and_gradient(backend, backend.asarray(z, "float64"), backend.asarray(labels))
    assert float(backend.to_numpy(value)) == pytest.approx(hinge_loss(labels, z[:, 0]), rel=1e-12)


def test_one_output_is_a_map_of_two_classes(backend, normal) -> None:
    labels, z = np.where(MAPS == 2, 0, MAPS), normal(6, 1, 4, 2)
    y, counts = torch.tensor(z, requires_grad=True), torch.tensor(labels >= 0)
    wanted = functional.binary_cross_entropy_with_logits(y[:, 0][counts], torch.tensor(labels * 1.0)[counts])
    wanted.backward()
    on = backend.asarray
    value, dy = BinaryCrossEntropy().value_and_gradient(backend, on(z, "float64"), on(labels))
    np.testing.assert_allclose(backend.to_numpy(value), wanted.item(), rtol=1e-12)
    np.testing.assert_allclose(backend.to_numpy(dy), y.grad.numpy(), rtol=1e-10, atol=1e-15)
    shares = backend.to_numpy(BinaryCrossEntropy().probabilities(backend, on(z, "float64")))
    assert shares.shape == (6, 2, 4, 2)
    assert np.array_equal(backend.to_numpy(BinaryCrossEntropy().decide(backend, on(z, "float64"))), shares.argmax(1))
