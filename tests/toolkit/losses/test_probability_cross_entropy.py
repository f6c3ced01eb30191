"""Cross-entropy on probabilities, against PyTorch's loss on their logarithms."""

import numpy as np
import torch

from cnnkit.losses import ProbabilityCrossEntropy, SoftmaxCrossEntropy


def test_value_and_gradient_are_those_of_the_logarithms_in_pytorch(arena, assert_close) -> None:
    p = np.random.default_rng(0).dirichlet(np.ones(4), 6)
    labels = np.array([0, 3, 1, 1, 2, 0])
    value, dy = ProbabilityCrossEntropy().value_and_gradient(
        arena.backend, arena.array(p), arena.backend.asarray(labels)
    )
    tp = torch.tensor(p, requires_grad=True)
    expected = torch.nn.functional.nll_loss(tp.log(), torch.tensor(labels))
    expected.backward()
    assert_close(arena.backend.to_numpy(value), expected.detach().numpy(), arena.dtype)
    assert_close(arena.backend.to_numpy(dy), tp.grad.numpy(), arena.dtype, "gradient")


def test_it_is_softmax_cross_entropy_of_the_logits(backend) -> None:
    z, labels = np.random.default_rng(1).normal(size=(5, 3)), np.array([0, 1, 2, 1, 0])
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    on = backend.asarray
    ours, _ = ProbabilityCrossEntropy().value_and_gradient(backend, on(p, "float64"), on(labels))
    other, _ = SoftmaxCrossEntropy().value_and_gradient(backend, on(z, "float64"), on(labels))
    np.testing.assert_allclose(backend.to_numpy(ours), backend.to_numpy(other), rtol=1e-12)


def test_a_probability_of_zero_has_a_finite_loss_and_a_gradient(backend) -> None:
    p, labels = backend.asarray(np.array([[0.0, 1.0]]), "float64"), backend.asarray(np.array([0]))
    value, dy = ProbabilityCrossEntropy().value_and_gradient(backend, p, labels)
    assert 17 < float(backend.to_numpy(value)) < 17.2
    np.testing.assert_allclose(backend.to_numpy(dy), [[-1e7, 0]])
