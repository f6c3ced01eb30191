"""Networks with several inputs, outputs, joins and shared layers, small enough to run everywhere, and their outputs."""

from dataclasses import replace

import numpy as np

from cnnkit.exporters import Tensor
from cnnkit.layers import (
    Add,
    Average,
    BatchNorm,
    Branches,
    Concatenate,
    Context,
    Conv1D,
    Conv2D,
    Conv3D,
    ConvTranspose2D,
    Dense,
    Flatten,
    GlobalAvgPool2D,
    Graph,
    LeakyReLU,
    Maximum,
    MaxPool2D,
    Minimum,
    Multiply,
    Node,
    ReLU,
    Reshape,
    Residual,
    Sequential,
    Sigmoid,
    Split,
    Subtract,
    Tanh,
)
from cnnkit.model import Model


def unet():
    """Two levels down, two up, each up level sees the down level beside it."""
    nodes, skips, x = [], [], "input"

    def put(name, layer, *inputs):
        nodes.append(Node(name, layer, inputs))
        return name

    for level, features in enumerate((4, 6)):
        x = put(f"down{level}", Conv2D(features, 3, padding="same"), x)
        x = put(f"down{level}_relu", ReLU(), x)
        skips.append(x)
        x = put(f"pool{level}", MaxPool2D(2), x)
    x = put("middle", Conv2D(8, 3, padding="same"), x)
    for level, features in enumerate((6, 4)):
        x = put(f"up{level}", ConvTranspose2D(features, 2, stride=2), x)
        x = put(f"join{level}", Concatenate(), skips.pop(), x)
        x = put(f"conv{level}", Conv2D(features, 3, padding="same"), x)
        x = put(f"conv{level}_relu", ReLU(), x)
    put("mask", Conv2D(2, 1), x)
    return Graph(tuple(nodes)), (1, 8, 12)


def dense_blocks(blocks=3):
    """Each convolution sees all feature maps before it; then flattened rows are joined and added."""
    nodes, maps = [Node("stem", Conv2D(4, 3, padding="same"), ("input",))], ["stem"]
    for k in range(blocks):
        x = maps[0]
        if k:
            x = f"cat{k}"
            nodes.append(Node(x, Concatenate(), tuple(maps)))
        nodes += [
            Node(f"norm{k}", BatchNorm(), (x,)),
            Node(f"relu{k}", ReLU(), (f"norm{k}",)),
            Node(f"conv{k}", Conv2D(3, 3, padding="same"), (f"relu{k}",)),
        ]
        maps.append(f"conv{k}")
    nodes += [
        Node("all", Concatenate(), tuple(maps)),
        Node("flat", Flatten(), ("all",)),
        Node("leaky", LeakyReLU(), ("flat",)),
        Node("both", Average(), ("flat", "leaky", "flat")),
        Node("hidden", Dense(5), ("both",)),
        Node("beside", Concatenate(), ("hidden", "flat")),
        Node("classes", Dense(3), ("beside",)),
    ]
    return Graph(tuple(nodes)), (2, 5, 4)


def squeeze(prefix, x, channels):
    """Return the nodes of a squeeze-and-excitation of x."""
    return [
        Node(f"{prefix}_mean", GlobalAvgPool2D(), (x,)),
        Node(f"{prefix}_less", Dense(2), (f"{prefix}_mean",)),
        Node(f"{prefix}_relu", ReLU(), (f"{prefix}_less",)),
        Node(f"{prefix}_more", Dense(channels), (f"{prefix}_relu",)),
        Node(f"{prefix}_gate", Sigmoid(), (f"{prefix}_more",)),
        Node(f"{prefix}_image", Reshape((channels, 1, 1)), (f"{prefix}_gate",)),
        Node(f"{prefix}_times", Multiply(), (x, f"{prefix}_image")),
    ]


def mobile():
    """An inverted residual with squeeze-and-excitation, a split, and joins of its parts."""
    nodes = [
        Node("stem", Conv2D(4, 3, stride=2, padding="same"), ("input",)),
        Node("wide", Conv2D(8, 1), ("stem",)),
        Node("depth", Conv2D(8, 3, padding="same", groups=8), ("wide",)),
        *squeeze("se", "depth", 8),
        Node("narrow", Conv2D(4, 1), ("se_times",)),
        Node("sum", Add(), ("narrow", "stem")),
        Node("split", Split((1, 3)), ("sum",)),
        Node("small", Maximum(), ("split", "split:1", "split")),
        Node("least", Minimum(), ("split", "split:1")),
        Node("beside", Concatenate(2), ("least", "small")),
        Node("rest", Residual(Branches((Conv2D(2, 1), Sequential((Conv2D(1, 1), Tanh()))))), ("beside",)),
        Node("tall", Split((5, 5), axis=2), ("rest",)),
        Node("difference", Subtract(), ("tall:1", "tall")),
        Node("flat", Flatten(), ("difference",)),
        Node("parts", Split((7, 68)), ("flat",)),
        Node("classes", Dense(3), ("parts:1",)),
    ]
    return Graph(tuple(nodes)), (3, 10, 10)


def heads():
    """One trunk, an output of classes, one of boxes, and the trunk's own."""
    nodes = (
        Node("trunk", Conv2D(4, 3, padding="same"), ("input",)),
        Node("relu", ReLU(), ("trunk",)),
        Node("flat", Flatten(), ("relu",)),
        Node("classes", Dense(3), ("flat",)),
        Node("boxes", Conv2D(2, 1), ("relu",)),
    )
    return Graph(nodes, output_names=("classes", "boxes", "relu", "flat")), (2, 4, 5)


def siamese():
    """Two images through the same layers; what they give is compared."""
    tower = (
        Node("conv", Conv2D(3, 3, stride=2, padding=1), ("left",)),
        Node("inner", Sequential((ReLU(), Residual(Conv2D(3, 1)))), ("conv",)),
        Node("flat", Flatten(), ("inner",)),
        Node("code", Dense(4), ("flat",)),
    )
    again = [
        Node(f"{node.name}_right", None, (before,), node.name)
        for node, before in zip(tower, ("right", "conv_right", "inner_right", "flat_right"), strict=True)
    ]
    last = (
        Node("difference", Subtract(), ("code", "code_right")),
        Node("square", Multiply(), ("difference", "difference")),
        Node("deeper", Graph((Node("score", Dense(1), ("x",)),), input_names=("x",)), ("square",)),
    )
    return Graph((*tower, *again, *last), ("left", "right")), ((1, 6, 7), (1, 6, 7))


def twice():
    """A convolution that runs on its own output, and on a smaller image."""
    nodes = (
        Node("conv", Conv2D(2, 3, padding="same"), ("input",)),
        Node("again", None, ("conv",), "conv"),
        Node("pool", MaxPool2D(2), ("again",)),
        Node("small", None, ("pool",), "conv"),
        Node("mean", GlobalAvgPool2D(), ("small",)),
    )
    return Graph(nodes), (2, 6, 6)


def signals():
    """Signals and volumes: joined along either axis, split, flattened; two outputs."""
    nodes = (
        Node("wide", Conv1D(3, 5, padding="same"), ("left",)),
        Node("narrow", Conv1D(3, 1), ("left",)),
        Node("sum", Add(), ("wide", "narrow")),
        Node("longer", Concatenate(2), ("sum", "wide")),
        Node("more", Concatenate(), ("longer", "longer")),
        Node("split", Split((5, 1)), ("more",)),
        Node("classes", Sequential((Flatten(), Dense(3))), ("split",)),
        Node("volume", Conv3D(2, 2), ("right",)),
        Node("deep", Concatenate(2), ("volume", "volume")),
        Node("code", Sequential((Flatten(), Dense(2))), ("deep",)),
    )
    return Graph(nodes, ("left", "right"), ("classes", "code", "split:1")), ((2, 8), (1, 3, 4, 5))


NETWORKS = {f.__name__: f for f in (unet, dense_blocks, mobile, heads, siamese, twice, signals)}


def make_model(name, dtype="float32"):
    """Return a network of NETWORKS with every parameter and statistic moved from its neutral value."""
    model = Model(*NETWORKS[name](), dtype=dtype)
    rng = np.random.default_rng(1)
    file = model.to_weights()
    tensors = tuple(
        Tensor.of(
            t.name, (t.read() + 0.1 * rng.normal(size=t.shape)).astype(t.dtype), layer=t.layer, kind=t.kind,
            role=t.role, axes=t.axes,
        )
        for t in file.tensors
    )  # fmt: skip
    return Model.from_weights(replace(file, tensors=tensors))


def draw_samples(model, count=3):
    """Return {name of an input: samples}."""
    rng, shapes = np.random.default_rng(2), model.input_shape
    shapes = (shapes,) if model.network.input_count == 1 else shapes
    return {
        name: rng.normal(size=(count, *shape)).astype(model.dtype)
        for name, shape in zip(model.network.input_names, shapes, strict=True)
    }


def compute_outputs(model, samples):
    """Return {name of an output: values} of our own forward pass."""
    arrays = tuple(model.backend.asarray(x, model.dtype) for x in samples.values())
    x = arrays[0] if len(arrays) == 1 else arrays
    y = model.network.forward(Context(model.backend), model.params, model.state, x)[0]
    values = y if isinstance(y, tuple) else (y,)
    return {n: np.array(model.backend.to_numpy(v)) for n, v in zip(model.network.output_names, values, strict=True)}
