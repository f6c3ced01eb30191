"""What an adopted network is scored by."""

import numpy as np
import pytest

from cnnkit.adopting import Adopted
from cnnkit.layers import Dense, Graph, Node, Sequential, Softmax, Variables

ENDS = {
    "softmax": (Sequential((Dense(2), Softmax())), "probability_cross_entropy"),
    "logits": (Sequential((Dense(2),)), None),
    "inside": (Sequential((Sequential((Dense(2), Softmax())),)), "probability_cross_entropy"),
    "graph": (
        Graph((Node("d", Dense(2), ("input",)), Node("p", Softmax(), ("d",)))), "probability_cross_entropy",
    ),
    "two outputs": (
        Graph((Node("d", Dense(2), ("input",)), Node("p", Softmax(), ("d",))), output_names=("d", "p")), None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("end", ENDS)
def test_a_network_that_ends_with_a_softmax_gets_the_loss_on_probabilities(end) -> None:
    network, loss = ENDS[end]
    adopted = Adopted(network, (3,), network.init(np.random.default_rng(0), (3,)), ())
    assert adopted.loss == loss
    assert adopted.to_weights().metadata.get("loss") == loss


def test_the_loss_of_the_file_counts() -> None:
    adopted = Adopted(Sequential((Softmax(),)), (3,), Variables({}, {}), (), {"loss": "mean_squared_error"})
    assert adopted.to_weights().metadata["loss"] == "mean_squared_error"
