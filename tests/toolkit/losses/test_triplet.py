"""The triplet loss against loops over all triplets, and autograd."""

import itertools

import numpy as np
import pytest
import torch
from torch.nn import functional

from cnnkit.data import TargetSpec
from cnnkit.errors import ConfigError, ShapeError
from cnnkit.losses import MeanSquaredError, Triplet

LABELS = np.array([0, 1, 0, 2, 1, 0, 3])


def triplets(y, labels, mining, margin) -> torch.Tensor:
    """Return the term of each triplet, or of each anchor."""
    count, terms = len(labels), []
    for anchor in range(count):
        positives = [i for i in range(count) if labels[i] == labels[anchor] and i != anchor]
        negatives = [i for i in range(count) if labels[i] != labels[anchor]]
        found = [
            functional.triplet_margin_loss(y[[anchor]], y[[p]], y[[n]], margin=margin, eps=0)
            for p, n in itertools.product(positives, negatives)
        ]
        terms += [max(found)] if found and mining == "hard" else found
    return torch.stack(terms)


@pytest.mark.parametrize("mining", ["hard", "all"])
@pytest.mark.parametrize("margin", [0.2, 3.0])
def test_value_and_gradient(arena, normal, assert_close, mining, margin) -> None:
    outputs = normal(7, 3)
    y = torch.tensor(outputs, requires_grad=True)
    wanted = triplets(y, LABELS, mining, margin).mean()
    wanted.backward()
    loss = Triplet(margin=margin, mining=mining)
    value, dy = loss.value_and_gradient(arena.backend, arena.array(outputs), arena.integers(LABELS))
    assert_close(arena.backend.to_numpy(value), wanted.item(), arena.dtype)
    assert_close(arena.backend.to_numpy(dy), y.grad.numpy(), arena.dtype, "gradient")


@pytest.mark.parametrize("mining", ["hard", "all"])
def test_a_weight_is_the_anchors(backend, mining) -> None:
    rng = np.random.default_rng(0)
    outputs, labels, on = rng.normal(size=(4, 2)), np.array([0, 0, 1, 1]), backend.asarray
    weights, loss = np.array([4.0, 0.0, 0.0, 0.0]), Triplet(margin=2.0, mining=mining)
    value, _ = loss.value_and_gradient(backend, on(outputs, "float64"), on(labels), on(weights, "float64"))
    wanted = triplets(torch.tensor(outputs), labels, mining, 2.0)
    mine = wanted[:1] if mining == "hard" else wanted[:2]
    assert float(backend.to_numpy(value)) == pytest.approx(4 * mine.sum().item() / len(wanted), rel=1e-12)


def test_a_batch_without_triplets_and_points_that_coincide_cost_the_margin_at_most(backend) -> None:
    on = backend.asarray
    value, dy = Triplet().value_and_gradient(backend, on(np.ones((3, 2)), "float64"), on(np.array([0, 1, 2])))
    assert float(backend.to_numpy(value)) == 0
    assert not backend.to_numpy(dy).any()
    value, dy = Triplet().value_and_gradient(backend, on(np.ones((3, 2)), "float64"), on(np.array([0, 0, 1])))
    assert float(backend.to_numpy(value)) == pytest.approx(0.2)
    assert not backend.to_numpy(dy).any()


def test_it_says_what_it_is() -> None:
    assert Triplet().couples_samples
    assert not Triplet().decides
    assert not MeanSquaredError().couples_samples
    Triplet().check((5,), TargetSpec.of_classes(3))
    with pytest.raises(ConfigError, match=r"expected outputs \(N, D\), got \(N, 4, 2, 2\)"):
        Triplet().check((4, 2, 2), TargetSpec.of_classes(2))
    with pytest.raises(ConfigError, match="expected class labels, got numbers"):
        Triplet().check((4,), TargetSpec("numbers", (4,)))
    for fields in ({"margin": -1.0}, {"mining": "soft"}):
        with pytest.raises(ConfigError, match="triplet: expected m"):
            Triplet(**fields)


def test_numbers_are_no_labels(backend) -> None:
    rows = backend.asarray(np.ones((2, 2)), "float64")
    with pytest.raises(ShapeError, match="expected class labels"):
        Triplet().value_and_gradient(backend, rows, rows)
