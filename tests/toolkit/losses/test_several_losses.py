"""One loss for each output of a network."""

import numpy as np
import pytest
import torch

from cnnkit import Model, losses
from cnnkit.errors import ConfigError
from cnnkit.layers import Dense, Flatten, Graph, Node
from cnnkit.losses import SeveralLosses

TEXT = "main=softmax_cross_entropy;aux=0.3*huber:delta=2.0"
HEADS = Graph(
    (Node("flat", Flatten(), ("input",)), Node("main", Dense(3), ("flat",)), Node("aux", Dense(3), ("flat",))),
    output_names=("main", "aux"),
)


def test_the_text_comes_back() -> None:
    loss = losses.parse(TEXT)
    assert losses.render(loss) == TEXT
    assert losses.parse(losses.render(loss)) == loss


def test_value_and_gradients_are_the_weighted_sum_of_autograd(backend) -> None:
    rng = np.random.default_rng(0)
    outputs = [rng.normal(size=(4, 3)) for _ in range(2)]
    labels, numbers = np.array([0, 2, 1, 1]), rng.normal(size=(4, 3))
    on = backend.asarray
    value, dys = losses.parse(TEXT).value_and_gradient(
        backend, tuple(on(y, "float64") for y in outputs), (on(labels), on(numbers, "float64"))
    )
    first, second = (torch.tensor(y, requires_grad=True) for y in outputs)
    torch_huber = torch.nn.functional.huber_loss(second, torch.tensor(numbers), delta=2.0)
    alone, _ = losses.parse("huber:delta=2.0").value_and_gradient(
        backend, on(outputs[1], "float64"), on(numbers, "float64")
    )
    scale = float(backend.to_numpy(alone)) / torch_huber.item()  # what is averaged within a sample is the loss's to say
    total = torch.nn.functional.cross_entropy(first, torch.tensor(labels)) + 0.3 * scale * torch_huber
    total.backward()
    assert float(backend.to_numpy(value)) == pytest.approx(total.item(), rel=1e-12)
    for ours, theirs in zip(dys, (first, second), strict=True):
        np.testing.assert_allclose(backend.to_numpy(ours), theirs.grad, rtol=1e-10, atol=1e-12)


def test_losses_are_put_in_the_order_of_the_outputs() -> None:
    model = Model(HEADS, (1, 8, 8), loss="aux=0.5*softmax_cross_entropy;main=softmax_cross_entropy")
    assert isinstance(model.loss, SeveralLosses)
    assert model.loss.names == ("main", "aux")
    assert model.loss.weights == (1.0, 0.5)


def test_one_loss_stands_for_each_of_several_outputs() -> None:
    assert losses.render(Model(HEADS, (1, 8, 8)).loss) == "main=softmax_cross_entropy;aux=softmax_cross_entropy"


def test_a_net_with_an_auxiliary_head_learns(tmp_path) -> None:
    graph = Graph(
        (HEADS.nodes[0], *(Node(name, Dense(10), ("flat",)) for name in ("main", "aux"))), output_names=("main", "aux")
    )
    model = Model(graph, (1, 8, 8), loss="main=softmax_cross_entropy;aux=0.3*softmax_cross_entropy")
    assert model.fit("digits", epochs=3)[-1]["accuracy"] > 0.5
    model.save(tmp_path / "two.h5")
    again = Model.load(tmp_path / "two.h5")
    x = np.ones((2, 1, 8, 8), "float32")
    assert all(np.array_equal(a, b) for a, b in zip(model.outputs(x), again.outputs(x), strict=True))
    assert again.loss == model.loss


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("main=softmax_cross_entropy;huber", "expected OUTPUT=LOSS"),
        ("main=softmax_cross_entropy;main=huber", "each output once"),
        ("main=-1*huber;aux=huber", "expected a weight >= 0"),
        ("main=nan*huber;aux=huber", "expected a weight >= 0"),
        ("main=hubr;aux=huber", "did you mean huber"),
        ("main=huber", "losses of the outputs main, aux, got main"),
    ],
)
def test_losses_that_cannot_be_used_are_one_line(text, problem) -> None:
    with pytest.raises(ConfigError, match=problem):
        Model(HEADS, (1, 8, 8), loss=text)
