"""Graphs have right gradients: in all inputs, of all outputs, of what is shared."""

import pytest
from graphs import NETWORKS

from cnnkit.finite_differences import gradient_check
from cnnkit.layers import Add, Dense, Graph, Node


@pytest.mark.parametrize("name", NETWORKS)
def test_the_backward_pass_agrees_with_differences(name):
    report = gradient_check(*_args(name), samples=2)
    assert report.passed, str(report)
    assert len({row.name for row in report.rows}) == len(report.rows) > 2


def test_every_input_is_moved():
    report = gradient_check(*_args("siamese"))
    assert [row.name for row in report.rows][:2] == ["input left", "input right"]


def test_a_wrong_gradient_of_one_input_is_found(monkeypatch):
    right = Add.backward

    def halve(layer, context, params, cache, dy):
        dxs, grads = right(layer, context, params, cache, dy)
        return (dxs[0], dxs[1] * 0.5), grads

    monkeypatch.setattr(Add, "backward", halve)
    nodes = (Node("sum", Add(), ("left", "right")), Node("classes", Dense(3), ("sum",)))
    report = gradient_check(Graph(nodes, ("left", "right")), "softmax_cross_entropy", ((4,), (4,)))
    assert [row.name for row in report.rows if not row.passed] == ["input right"]


def _args(name):
    network, shape = NETWORKS[name]()
    return network, "binary_cross_entropy" if network.output_shape(shape) == (1,) else "softmax_cross_entropy", shape
