"""Ways to take training steps: ours on any backend, and a hand-written PyTorch loop."""

import itertools
from collections.abc import Callable
from typing import Any

from workloads import CLASSES, Workload

from cnnkit.layers import (
    BatchNorm,
    Conv2D,
    Dense,
    Flatten,
    GlobalAvgPool2D,
    Layer,
    MaxPool2D,
    ReLU,
    Residual,
    Sequential,
    Sigmoid,
)

Run = Callable[[int], None]


def ours(work: Workload, backend: str, threads: int, numerics: str = "plain", leaf: int | None = None) -> Run:
    """Return run(steps) on a backend of cnnkit: the step that `cnnkit train` takes, with --leaf."""
    from cnnkit import Model, losses, optimizers
    from cnnkit.flat_tree import flat_tree
    from cnnkit.training.step import StepWork, TrainState, make_step

    how: dict[str, Any] = {"backend": backend, "threads": threads, "numerics": numerics}
    model = Model(work.trained(), work.input_shape, dtype="float32", seed=0, **how)
    optimizer, loss = optimizers.parse(work.optimizer), losses.parse(work.loss)
    params = flat_tree(model.backend, model.params)
    joined = work.batch_size if leaf is not None and model.network.couples_samples else None
    step = make_step(StepWork(model.backend, model.network, loss, optimizer, (0, 0)), leaf, joined)
    state = {"variables": TrainState(params, model.state, optimizer.init(model.backend, params, "float32"))}
    asarray = model.backend.asarray
    batches = itertools.cycle([(asarray(x, "float32"), asarray(labels)) for x, labels in work.batches()])
    counts = itertools.count(1)

    def run(steps: int) -> None:
        for (x, labels), count in zip(itertools.islice(batches, steps), counts, strict=False):
            scalars = optimizer.scalars(count, work.learning_rate) | {"step": count}
            state["variables"], _ = step(state["variables"], x, labels, scalars)
        model.backend.synchronize()

    return run


def torch_module(network: Layer, input_shape: tuple[int, ...]) -> Any:
    """Return the net, a Sequential, as one writes it with torch.nn."""
    from torch import nn

    assert isinstance(network, Sequential)

    modules: list[Any] = []
    shape = input_shape
    for layer in network.layers:
        match layer:
            case Conv2D():
                padding = layer.window // 2 if layer.padding == "same" else layer.padding
                geometry = (layer.window, layer.stride, padding)
                modules.append(nn.Conv2d(shape[0], layer.features, *geometry, bias=layer.bias))
            case Dense():
                modules.append(nn.Linear(shape[0], layer.features))
            case MaxPool2D():
                modules.append(nn.MaxPool2d(layer.window, layer.stride, layer.padding))
            case BatchNorm():
                modules.append(nn.BatchNorm2d(shape[0]))
            case GlobalAvgPool2D():
                modules.extend([nn.AdaptiveAvgPool2d(1), nn.Flatten()])
            case Residual():
                modules.append(torch_residual(layer, shape))
            case ReLU():
                modules.append(nn.ReLU())
            case Sigmoid():
                modules.append(nn.Sigmoid())
            case Flatten():
                modules.append(nn.Flatten())
            case _:
                raise ValueError(f"no torch.nn module for {layer.type}")
        shape = layer.output_shape(shape)
    return nn.Sequential(*modules)


def torch_residual(layer: Residual, shape: tuple[int, ...]) -> Any:
    """Return body(x) + shortcut(x) as a module."""
    from torch import nn

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = torch_module(layer.body, shape)
            self.shortcut = torch_module(layer.shortcut, shape) if layer.shortcut else nn.Identity()

        def forward(self, x: Any) -> Any:
            return self.body(x) + self.shortcut(x)

    return Block()


def theirs(work: Workload, threads: int, channels_last: bool = False, compiled: bool = False) -> Run:
    """Return run(steps) of a hand-written PyTorch loop."""
    import torch

    torch.set_num_threads(threads)
    functional = torch.nn.functional
    net = torch_module(work.network, work.input_shape)
    batches = [(torch.from_numpy(x), torch.from_numpy(labels)) for x, labels in work.batches()]
    if channels_last:
        net = net.to(memory_format=torch.channels_last)
        batches = [(x.to(memory_format=torch.channels_last), labels) for x, labels in batches]
    if compiled:
        net = torch.compile(net)
    endless = itertools.cycle(batches)
    make = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}[work.optimizer]
    optimizer = make(net.parameters(), lr=work.learning_rate)

    def squared(outputs: Any, labels: Any) -> Any:
        wanted = functional.one_hot(labels, CLASSES).to(outputs.dtype)
        return 0.5 * (outputs - wanted).square().sum() / len(labels)

    def binary(outputs: Any, labels: Any) -> Any:
        wanted = functional.one_hot(labels, CLASSES).to(outputs.dtype)
        return functional.binary_cross_entropy_with_logits(outputs, wanted, reduction="sum") / len(labels)

    loss = {
        "softmax_cross_entropy": functional.cross_entropy,
        "half_squared_error": squared,
        "binary_cross_entropy:over_outputs=sum": binary,
    }[work.loss]

    def run(steps: int) -> None:
        for x, labels in itertools.islice(endless, steps):
            optimizer.zero_grad(set_to_none=True)
            loss(net(x), labels).backward()
            optimizer.step()

    return run


def gemm(size: int) -> Run:
    """Return run(steps), each one float32 product of two square matrices: what the machine can do at best."""
    import numpy as np

    x, y = (np.random.default_rng(i).random((size, size), np.float32) for i in (0, 1))
    out = np.empty_like(x)

    def run(steps: int) -> None:
        for _ in range(steps):
            np.matmul(x, y, out=out)

    return run
