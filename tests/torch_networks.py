"""Known networks in miniature, written in PyTorch: the modules that a stranger exports."""

import contextlib
import io
import logging
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn


def _unit(inputs: int, features: int, window: int = 3, stride: int = 1, groups: int = 1, act: Any = None) -> Any:
    conv = nn.Conv2d(inputs, features, window, stride, window // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(features), *([act] if act is not None else []))


class ResidualUnit(nn.Module):
    """relu(body(x) + shortcut(x)): He et al. 2015, arXiv:1512.03385."""

    def __init__(self, inputs: int, features: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(*_unit(inputs, features, 3, stride, 1, nn.ReLU()), *_unit(features, features))
        self.shortcut = _unit(inputs, features, 1, stride) if stride > 1 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.body(x) + self.shortcut(x))


class InvertedUnit(nn.Module):
    """Expansion, depthwise convolution, excitation, projection: arXiv:1905.02244 and 1905.11946."""

    def __init__(self, channels: int, act: type[nn.Module], gate: type[nn.Module], window: int) -> None:
        super().__init__()
        wide = 3 * channels
        self.expand = _unit(channels, wide, 1, act=act())
        self.depth = _unit(wide, wide, window, 1, wide, act())
        self.squeeze, self.excite = nn.Conv2d(wide, 4, 1), nn.Conv2d(4, wide, 1)
        self.project, self.act, self.gate = _unit(wide, channels, 1), act(), gate()

    def forward(self, x: Tensor) -> Tensor:
        y = self.depth(self.expand(x))
        scale = self.excite(self.act(self.squeeze(nn.functional.adaptive_avg_pool2d(y, 1))))
        return x + self.project(y * self.gate(scale))


class ShuffledUnit(nn.Module):
    """Half of the channels through the branch, then all of them shuffled: arXiv:1807.11164."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.branch = nn.Sequential(
            *_unit(half, half, 1, act=nn.ReLU()), *_unit(half, half, 3, 1, half), *_unit(half, half, 1, act=nn.ReLU())
        )

    def forward(self, x: Tensor) -> Tensor:
        kept, changed = x.chunk(2, dim=1)
        y = torch.cat((kept, self.branch(changed)), dim=1)
        n, c, height, width = y.shape
        return y.view(n, 2, c // 2, height, width).transpose(1, 2).contiguous().view(n, c, height, width)


def make_network(name: str) -> Any:
    """Return a network for samples (3, 24, 24), for inference, with statistics and scales like those after training."""
    torch.manual_seed(5)
    stem = _unit(3, 8, 3, 2, 1, nn.ReLU())
    middle = {
        "resnet": lambda: (nn.MaxPool2d(3, 2, 1), ResidualUnit(8, 8, 1), ResidualUnit(8, 16, 2)),
        "mobilenet": lambda: (InvertedUnit(8, nn.Hardswish, nn.Hardsigmoid, 5), _unit(8, 16, 1, act=nn.Hardswish())),
        "shufflenet": lambda: (ShuffledUnit(8), ShuffledUnit(8), _unit(8, 16, 1, act=nn.ReLU())),
        "efficientnet": lambda: (InvertedUnit(8, nn.SiLU, nn.Sigmoid, 3), _unit(8, 16, 1, act=nn.SiLU())),
    }[name]()
    network = nn.Sequential(stem, *middle, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 5))
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)  # type: ignore[union-attr]  # it tracks statistics
            module.running_var.uniform_(0.5, 1.5)  # type: ignore[union-attr]
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.normal_(0, 0.1)
    return network.eval()


NAMES = ("resnet", "mobilenet", "shufflenet", "efficientnet")


def export(network: Any, x: Tensor, path: Path, version: int, *, dynamo: bool, folded: bool = True) -> None:
    """Write a network with an open batch as ONNX. folded: BatchNorm becomes part of the convolution before it."""
    quiet = contextlib.redirect_stdout(io.StringIO())
    with warnings.catch_warnings(), quiet, contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        if dynamo:
            more: dict[str, Any] = {"dynamic_shapes": ({0: torch.export.Dim("n")},), "external_data": False}
        else:
            mode = torch.onnx.TrainingMode.EVAL if folded else torch.onnx.TrainingMode.PRESERVE
            more = {"input_names": ["x"], "dynamic_axes": {"x": {0: "n"}}, "training": mode}
            more["do_constant_folding"] = folded
        torch.onnx.export(network, (x,), path, opset_version=version, dynamo=dynamo, **more)
