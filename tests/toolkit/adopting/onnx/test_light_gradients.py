"""Gradients of two light networks on NumPy, against PyTorch's autograd of the same networks in its functions."""

import os

import numpy as np
import pytest
import torch
from onnx_cases import LIGHT, draw_weights
from torch.nn import functional

from cnnkit import layers as ck
from cnnkit.adopting.onnx import adopt_onnx
from cnnkit.backends.registry import get_backend
from cnnkit.layers import Context
from cnnkit.tree import flatten, map_leaves


def shuffle(x, groups):
    n, c, h, w = x.shape
    return x.reshape(n, groups, c // groups, h, w).transpose(1, 2).reshape(n, c, h, w)


FUNCTIONS = {
    ck.Conv2D: lambda layer, x, own: functional.conv2d(
        x, own["weight"], own.get("bias"), layer.stride, layer.padding, layer.dilation, layer.groups
    ),
    ck.Dense: lambda _, x, own: functional.linear(x, own["weight"], own["bias"]),
    ck.BatchNorm: lambda layer, x, own: functional.batch_norm(
        x, own["mean"], own["variance"], own["gamma"], own["beta"], training=False, eps=layer.epsilon
    ),
    ck.MaxPool2D: lambda layer, x, _: functional.max_pool2d(x, layer.window, layer.stride, layer.padding),
    ck.AvgPool2D: lambda layer, x, _: functional.avg_pool2d(
        x, layer.window, layer.stride, layer.padding, count_include_pad=layer.count_padding
    ),
    ck.GlobalAvgPool2D: lambda _, x, __: x.mean((2, 3), keepdim=True),
    ck.ReLU: lambda _, x, __: functional.relu(x),
    ck.Dropout: lambda _, x, __: x,
    ck.Flatten: lambda _, x, __: x.flatten(1),
    ck.ChannelShuffle: lambda layer, x, _: shuffle(x, layer.groups),
    ck.Softmax: lambda _, x, __: x.flatten(1).softmax(1).reshape(x.shape),
}


def run_torch(graph, weights, x):
    values = {"input": x} | dict.fromkeys(graph.input_names, x)
    for node in graph.nodes:
        taken = [values[name] for name in node.inputs]
        own = {key.rpartition(".")[2]: value for key, value in weights.items() if key.rpartition(".")[0] == node.name}
        match node.layer:
            case ck.Add():
                values[node.name] = sum(taken)
            case ck.Concatenate():
                values[node.name] = torch.cat(taken, node.layer.axis)
            case _:
                values[node.name] = FUNCTIONS[type(node.layer)](node.layer, taken[0], own)
    return values[graph.output_names[0]]


SIZES = {"squeezenet": 64}  # the other one needs images of 224 pixels, and its time: with CNNKIT_ALL_NETWORKS=1
if os.environ.get("CNNKIT_ALL_NETWORKS"):
    SIZES["shufflenet"] = 224


@pytest.mark.parametrize("name", SIZES)
def test_the_gradients_are_those_of_autograd(name, tmp_path) -> None:
    draw_weights(LIGHT / f"light_{name}.onnx", tmp_path / "drawn.onnx")
    adopted = adopt_onnx(tmp_path / "drawn.onnx")
    graph, rng = adopted.network, np.random.default_rng(5)
    x_shape = (3, SIZES[name], SIZES[name])
    x, dy = (rng.normal(size=(1, *shape)) for shape in (x_shape, graph.output_shape(x_shape)))

    backend = get_backend("numpy")
    params, state = (map_leaves(lambda a: np.asarray(a, "float64"), tree) for tree in adopted.variables)
    y, cache = graph.forward(Context(backend), params, state, x)
    dx, grads = graph.backward(Context(backend), params, cache, dy)

    trained = {key: torch.tensor(np.array(value), requires_grad=True) for key, value in flatten(params).items()}
    fixed = {key: torch.tensor(np.array(value)) for key, value in flatten(state).items()}
    tx = torch.tensor(x, requires_grad=True)
    expected = run_torch(graph, trained | fixed, tx)
    expected.backward(torch.tensor(dy))

    def require_close(ours, theirs, what) -> None:
        theirs = theirs.detach().numpy()
        assert np.abs(ours - theirs).max() <= 1e-9 * np.abs(theirs).max(), what

    require_close(y, expected, "y")
    require_close(dx, tx.grad, "dx")
    for key, grad in flatten(grads).items():
        require_close(grad, trained[key].grad, key)
