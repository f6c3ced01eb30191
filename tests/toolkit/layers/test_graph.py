"""Graphs against PyTorch's autograd, and what a graph refuses."""

import numpy as np
import pytest
import torch
from torch.nn import functional as tf

from cnnkit import gradient_check
from cnnkit import layers as ck
from cnnkit.architecture import build, describe
from cnnkit.backends.registry import get_backend
from cnnkit.errors import ConfigError, ShapeError
from cnnkit.layers import Context, Graph, Node
from cnnkit.layers.base import list_shapes
from cnnkit.losses import MeanSquaredError
from cnnkit.tree import flatten, map_leaves

N = 5


def chain(*parts) -> list[Node]:
    """("name", layer, inputs...) -> nodes."""
    return [Node(name, layer, inputs) for name, layer, *inputs in parts]


def conv(x, w, name, **options):
    return tf.conv2d(x, w[f"{name}.weight"], w.get(f"{name}.bias"), **options)


def norm(x, w, name):
    return tf.batch_norm(x, None, None, w[f"{name}.gamma"], w[f"{name}.beta"], training=True)


UNET = Graph(chain(
    ("down1", ck.Conv2D(4, 3, padding=1), "input"), ("act1", ck.ReLU(), "down1"), ("pool", ck.MaxPool2D(2), "act1"),
    ("down2", ck.Conv2D(6, 3, padding=1), "pool"), ("act2", ck.ReLU(), "down2"),
    ("up", ck.ConvTranspose2D(4, 3, 2, output_padding=0), "act2"), ("skip", ck.Concatenate(), "act1", "up"),
    ("last", ck.Conv2D(2, 3, padding=1), "skip"),
))  # fmt: skip


def unet(w, x):
    first = tf.relu(conv(x, w, "down1", padding=1))
    second = tf.relu(conv(tf.max_pool2d(first, 2), w, "down2", padding=1))
    up = tf.conv_transpose2d(second, w["up.weight"], w["up.bias"], 2)
    return conv(torch.cat([first, up], 1), w, "last", padding=1)


DENSENET = Graph(chain(
    ("stem", ck.Conv2D(4, 3, padding=1, bias=False), "input"), ("n1", ck.BatchNorm(), "stem"), ("r1", ck.ReLU(), "n1"),
    ("c1", ck.Conv2D(3, 3, padding=1, bias=False), "r1"), ("j1", ck.Concatenate(), "stem", "c1"),
    ("n2", ck.BatchNorm(), "j1"), ("r2", ck.ReLU(), "n2"), ("c2", ck.Conv2D(3, 3, padding=1, bias=False), "r2"),
    ("j2", ck.Concatenate(), "stem", "c1", "c2"), ("mean", ck.GlobalAvgPool2D(), "j2"), ("head", ck.Dense(3), "mean"),
))  # fmt: skip


def densenet(w, x):
    stem = conv(x, w, "stem", padding=1)
    c1 = conv(tf.relu(norm(stem, w, "n1")), w, "c1", padding=1)
    c2 = conv(tf.relu(norm(torch.cat([stem, c1], 1), w, "n2")), w, "c2", padding=1)
    return tf.linear(torch.cat([stem, c1, c2], 1).mean((2, 3)), w["head.weight"], w["head.bias"])


MOBILE = Graph(chain(
    ("expand", ck.Conv2D(6, 1, bias=False), "input"), ("n", ck.BatchNorm(), "expand"), ("a", ck.Tanh(), "n"),
    ("deep", ck.Conv2D(6, 3, padding=1, groups=6, bias=False), "a"),
    ("squeeze", ck.GlobalAvgPool2D(), "deep"), ("fc1", ck.Dense(2), "squeeze"), ("fa", ck.ReLU(), "fc1"),
    ("fc2", ck.Dense(6), "fa"), ("gate", ck.Sigmoid(), "fc2"), ("shape", ck.Reshape((6, 1, 1)), "gate"),
    ("scale", ck.Multiply(), "deep", "shape"), ("project", ck.Conv2D(3, 1), "scale"),
    ("y", ck.Add(), "project", "input"),
))  # fmt: skip


def mobile(w, x):
    deep = tf.conv2d(torch.tanh(norm(conv(x, w, "expand"), w, "n")), w["deep.weight"], None, padding=1, groups=6)
    hidden = tf.relu(tf.linear(deep.mean((2, 3)), w["fc1.weight"], w["fc1.bias"]))
    gate = torch.sigmoid(tf.linear(hidden, w["fc2.weight"], w["fc2.bias"]))[:, :, None, None]
    return conv(deep * gate, w, "project") + x


HEADS = Graph(chain(
    ("c", ck.Conv2D(4, 3), "input"), ("r", ck.ReLU(), "c"), ("f", ck.Flatten(), "r"), ("one", ck.Dense(3), "f"),
    ("m", ck.GlobalAvgPool2D(), "r"), ("two", ck.Dense(2), "m"),
), output_names=("two", "one"))  # fmt: skip


def heads(w, x):
    r = tf.relu(conv(x, w, "c"))
    one = tf.linear(r.flatten(1), w["one.weight"], w["one.bias"])
    return tf.linear(r.mean((2, 3)), w["two.weight"], w["two.bias"]), one


SIAMESE = Graph((
    *chain(("left", ck.Sequential((ck.Conv2D(3, 3), ck.Tanh(), ck.Flatten(), ck.Dense(4))), "a")),
    Node("right", None, ("b",), shares="left"),
    *chain(("less", ck.Subtract(), "left", "right"), ("y", ck.Dense(2), "less", )),
), input_names=("a", "b"))  # fmt: skip


def siamese(w, x):
    def encode(image):
        hidden = torch.tanh(conv(image, w, "left.0")).flatten(1)
        return tf.linear(hidden, w["left.3.weight"], w["left.3.bias"])

    return tf.linear(encode(x[0]) - encode(x[1]), w["y.weight"], w["y.bias"])


NETS = [
    pytest.param(UNET, (2, 9, 11), unet, id="unet-odd"),
    pytest.param(DENSENET, (2, 8, 8), densenet, id="densenet"),
    pytest.param(MOBILE, (3, 6, 5), mobile, id="mobilenet-v3"),
    pytest.param(HEADS, (1, 6, 6), heads, id="two-heads"),
    pytest.param(SIAMESE, ((1, 6, 6), (1, 6, 6)), siamese, id="siamese"),
]


@pytest.mark.parametrize("name", ["numpy", "torch", "cupy-sim", "reference"])
@pytest.mark.parametrize(("graph", "x_shape", "build_torch"), NETS)
def test_outputs_and_gradients_are_those_of_autograd(name, graph, x_shape, build_torch) -> None:
    rng = np.random.default_rng(0)
    drawn = graph.init(rng, x_shape)
    params = map_leaves(lambda values: values + rng.normal(scale=0.2, size=values.shape), drawn.params)
    shapes = list_shapes(x_shape)
    x = [rng.normal(size=(N, *shape)) for shape in shapes]
    dy = [rng.normal(size=(N, *shape)) for shape in list_shapes(graph.output_shape(x_shape))]

    backend = get_backend(name)
    on = lambda values: backend.asarray(values, "float64")  # noqa: E731
    context = Context(backend, training=True, key=(1, 2))
    given = tuple(map(on, x)) if len(x) > 1 else on(x[0])
    tree = map_leaves(on, params)
    y, cache = graph.forward(context, tree, map_leaves(on, drawn.state), given)
    dx, grads = graph.backward(context, tree, cache, tuple(map(on, dy)) if len(dy) > 1 else on(dy[0]))

    weights = {key: torch.tensor(value, requires_grad=True) for key, value in flatten(params).items()}
    inputs = [torch.tensor(values, requires_grad=True) for values in x]
    expected = build_torch(weights, inputs if len(inputs) > 1 else inputs[0])
    outputs = expected if isinstance(expected, tuple) else (expected,)
    torch.autograd.backward(outputs, [torch.tensor(values) for values in dy])

    for ours, theirs in zip(y if isinstance(y, tuple) else (y,), outputs, strict=True):
        np.testing.assert_allclose(backend.to_numpy(ours), theirs.detach(), rtol=1e-10, atol=1e-10)
    for ours, source in zip(dx if isinstance(dx, tuple) else (dx,), inputs, strict=True):
        np.testing.assert_allclose(backend.to_numpy(ours), source.grad, rtol=1e-9, atol=1e-10)
    for key, grad in flatten(grads).items():
        np.testing.assert_allclose(backend.to_numpy(grad), weights[key].grad, rtol=1e-9, atol=1e-10, err_msg=key)


@pytest.mark.parametrize(("graph", "x_shape"), [net.values[:2] for net in NETS])
def test_the_architecture_goes_through_json(graph, x_shape) -> None:
    assert build(describe(graph, x_shape)) == (graph, x_shape)


def test_nodes_may_stand_in_any_order() -> None:
    shuffled = Graph(tuple(reversed(UNET.nodes)), output_names=("last",))
    assert {node.name for node in shuffled.nodes} == {node.name for node in UNET.nodes}
    assert shuffled.output_shape((2, 9, 11)) == UNET.output_shape((2, 9, 11))


def test_a_dropout_that_is_used_twice_draws_two_masks(backend) -> None:
    graph = Graph(
        (*chain(("a", ck.Dropout(0.5), "input")), Node("b", None, ("input",), shares="a")), output_names=("a", "b")
    )
    x = backend.zeros((4, 50), "float32") + 1
    (a, b), _ = graph.forward(Context(backend, True, key=(3, 4)), {}, {}, x)
    assert (backend.to_numpy(a) != backend.to_numpy(b)).any()


REFUSED = {
    "wait for each other": lambda: Graph(chain(("a", ck.ReLU(), "b"), ("b", ck.ReLU(), "a"))),
    "has the name 'x'": lambda: Graph(chain(("a", ck.ReLU(), "x"))),
    "expected 1 inputs, got 2": lambda: Graph(chain(("a", ck.ReLU(), "input", "input"))),
    "nothing uses it": lambda: Graph(chain(("a", ck.ReLU(), "input"), ("b", ck.Tanh(), "input"))),
    "two nodes or inputs": lambda: Graph(chain(("a", ck.ReLU(), "input"), ("a", ck.ReLU(), "a"))),
    "has 2 outputs": lambda: Graph(chain(("s", ck.Split((1, 1)), "input"), ("a", ck.ReLU(), "s:2"))),
    "share": lambda: Graph((Node("a", None, ("input",), shares="b"),)),
    "without blanks": lambda: Graph(chain(("a.b", ck.ReLU(), "input"))),
    "the number of an output": lambda: Graph(chain(("a", ck.ReLU(), "input:-1"))),
}


@pytest.mark.parametrize("problem", REFUSED)
def test_a_graph_that_cannot_run_is_refused(problem) -> None:
    with pytest.raises(ConfigError, match=problem):
        REFUSED[problem]()


def test_shapes_that_do_not_fit_name_the_node() -> None:
    graph = Graph(chain(("a", ck.Conv2D(2, 3), "input"), ("sum", ck.Add(), "a", "input")))
    with pytest.raises(ShapeError, match=r"layer sum \(Add\): expected inputs of one shape"):
        graph.output_shape((2, 8, 8))
    shared = Graph((*chain(("a", ck.Dense(3), "input")), Node("b", None, ("a",), shares="a")))
    with pytest.raises(ShapeError, match=r"layer b \(Dense\)"):
        shared.variable_shapes((2,))


def test_a_graph_of_many_nodes_is_sorted_without_recursion() -> None:
    nodes = [Node(f"n{i}", ck.ReLU(), [f"n{i - 1}" if i else "input"]) for i in range(20_000)]
    assert Graph(tuple(reversed(nodes)), output_names=("n19999",)).nodes[0].name == "n0"


def test_an_input_that_no_node_reads_has_a_gradient_of_zeros() -> None:
    graph = Graph(chain(("c", ck.Conv2D(2, 3), "a")), ("a", "b"))
    report = gradient_check(graph, MeanSquaredError(), ((1, 5, 5), (2, 3)))
    assert report.passed, str(report)


def test_an_output_that_nothing_reads_has_a_gradient_of_zeros_where_its_values_are_infinite() -> None:
    inner = Graph(chain(("s", ck.Split((1, 2)), "q"), ("inverse", ck.Reciprocal(), "s")), ("q",), ("inverse", "s:1"))
    graph = Graph(chain(("inner", inner, "input"), ("c", ck.Conv2D(1, 3), "inner:1")))
    backend = get_backend("numpy")
    params = map_leaves(lambda t: backend.asarray(t, "float32"), graph.init(np.random.default_rng(0), (3, 5, 5)).params)
    x = np.random.default_rng(1).normal(size=(2, 3, 5, 5))
    x[:, 0] = 0
    context = Context(backend, training=True)
    with np.errstate(divide="ignore"):
        y, cache = graph.forward(context, params, {}, backend.asarray(x, "float32"))
    with np.errstate(all="ignore"):
        dx = backend.to_numpy(graph.backward(context, params, cache, y)[0])
    assert np.isfinite(dx[:, 1:]).all()
