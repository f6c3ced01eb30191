"""Networks written here in PyTorch, exported by both of its exporters, adopted: the outputs are PyTorch's own."""

import contextlib
import io
import logging
import warnings

import numpy as np
import onnxruntime
import pytest
import torch
from onnx_cases import run_case
from torch import nn

from cnnkit.adopting.onnx import adopt_onnx
from cnnkit.layers import Graph

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")]


class Block(nn.Module):
    def __init__(self, inputs, features, stride):
        super().__init__()
        self.a, self.b = nn.Conv2d(inputs, features, 3, stride, 1, bias=False), nn.BatchNorm2d(features)
        self.c, self.d = nn.Conv2d(features, features, 3, 1, 1, bias=False), nn.BatchNorm2d(features)
        shortcut = (nn.Conv2d(inputs, features, 1, stride, bias=False), nn.BatchNorm2d(features))
        self.down = nn.Sequential(*shortcut) if stride != 1 else nn.Identity()

    def forward(self, x):
        return nn.functional.relu(self.d(self.c(nn.functional.relu(self.b(self.a(x))))) + self.down(x))


class Excite(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.pool, self.a, self.b = nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, 4, 1), nn.Conv2d(4, channels, 1)

    def forward(self, x):
        return x * nn.functional.hardsigmoid(self.b(nn.functional.relu(self.a(self.pool(x)))))


class Shuffle(nn.Module):
    def forward(self, x):
        n, c, h, w = x.shape
        return x.view(n, 2, c // 2, h, w).transpose(1, 2).contiguous().view(n, -1, h, w)


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 16, 3, padding=1)
        self.up, self.c = nn.ConvTranspose2d(16, 8, 2, 2), nn.Conv2d(16, 4, 3, padding=1)

    def forward(self, x):
        a = nn.functional.silu(self.a(x))
        b = nn.functional.gelu(self.b(nn.functional.max_pool2d(a, 2)))
        y = self.c(torch.cat([a, self.up(b)], 1))
        return y, nn.functional.interpolate(b, scale_factor=2, mode="bilinear", align_corners=False).mean((2, 3))


class ChannelNorm(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.norm = nn.LayerNorm(channels)

    def forward(self, x):
        return self.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ConvNeXt(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.d, self.n = nn.Conv2d(c, c, 7, padding=3, groups=c), nn.LayerNorm(c)
        self.a, self.b, self.g = nn.Linear(c, 4 * c), nn.Linear(4 * c, c), nn.Parameter(torch.randn(c))

    def forward(self, x):
        y = self.b(nn.functional.gelu(self.a(self.n(self.d(x).permute(0, 2, 3, 1))))) * self.g
        return x + y.permute(0, 3, 1, 2)


class Halves(nn.Module):
    def __init__(self):
        super().__init__()
        self.c = nn.Conv2d(4, 8, 1)

    def forward(self, x):
        a, b = self.c(x).chunk(2, 1)
        return torch.cat([a * torch.sigmoid(b), torch.flip(a, [3])], 1)


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.c = nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, x):
        return self.c(nn.functional.relu(self.c(x)))


class RootMeanSquare(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.w = nn.Parameter(torch.rand(channels) + 0.5)

    def forward(self, x):
        return x / torch.sqrt((x * x).mean(1, keepdim=True) + 1e-6) * self.w[None, :, None, None]


def head(channels, classes):
    return nn.AdaptiveAvgPool2d(1), nn.Flatten(1), nn.Linear(channels, classes)


# name: (network, shape of a sample, types of layers that must be found)
NETWORKS = {
    "resnet": lambda: (
        nn.Sequential(nn.Conv2d(3, 8, 7, 2, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(3, 2, 1),
                      Block(8, 8, 1), Block(8, 16, 2), *head(16, 5)),
        (3, 32, 32), {"Conv2D": 6, "Add": 2, "GlobalAvgPool2D": 1, "Dense": 1},
    ),
    "mobile": lambda: (
        nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.Hardswish(),
                      nn.Conv2d(8, 8, 3, 1, 1, groups=8), nn.ReLU6(), Excite(8), nn.Hardswish(), *head(8, 4),
                      nn.Softmax(1)),
        (3, 32, 32), {"Hardswish": 2, "ReLU6": 1, "Hardsigmoid": 1, "Multiply": 1},
    ),
    "shuffle": lambda: (
        nn.Sequential(nn.Conv2d(3, 8, 3), Shuffle(), nn.Conv2d(8, 8, 3, groups=2), nn.AdaptiveMaxPool2d(1),
                      nn.Flatten(), nn.Linear(8, 3), nn.LogSoftmax(1)),
        (3, 16, 16), {"ChannelShuffle": 1, "GlobalMaxPool2D": 1, "LogSoftmax": 1},
    ),
    "unet": lambda: (
        UNet(), (3, 16, 16),
        {"SiLU": 1, "GELU": 1, "ConvTranspose2D": 1, "Concatenate": 1, "Upsample": 1},
    ),
    "convnext": lambda: (
        nn.Sequential(nn.Conv2d(3, 8, 4, 4), ChannelNorm(8), ConvNeXt(8), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                      nn.LayerNorm(8), nn.Linear(8, 3)),
        (3, 32, 32), {"LayerNorm": 3, "GELU": 1, "Dense": 3, "Scale": 1},
    ),
    "norms": lambda: (
        nn.Sequential(nn.Conv2d(3, 8, 3), nn.GroupNorm(4, 8), nn.Mish(), nn.Conv2d(8, 8, 3),
                      nn.InstanceNorm2d(8, affine=True), nn.GELU("tanh"), nn.PReLU(8), nn.Conv2d(8, 6, 3),
                      nn.InstanceNorm2d(6), RootMeanSquare(6)),
        (3, 16, 16), {"GroupNorm": 1, "InstanceNorm": 2, "Mish": 1, "GELU": 1, "PReLU": 1, "RMSNorm": 1},
    ),
    "shapes": lambda: (
        nn.Sequential(Halves(), nn.PixelShuffle(2), nn.PixelUnshuffle(2), nn.Upsample(scale_factor=2, mode="nearest"),
                      nn.Upsample(size=(9, 11), mode="bilinear", align_corners=True),
                      nn.Upsample(size=(12, 13), mode="bicubic"),
                      nn.ReflectionPad2d((1, 2, 0, 1)), nn.ZeroPad2d((0, 1, 2, 0)), nn.ReplicationPad2d(1),
                      nn.AvgPool2d(3, 2, 1, count_include_pad=False), nn.MaxPool2d(2, 2, ceil_mode=True), nn.Flatten()),
        (4, 8, 8), {"DepthToSpace": 1, "Upsample": 3, "Pad": 3},
    ),
    "sequences": lambda: (
        nn.Sequential(nn.Conv1d(3, 8, 5, padding="same"), nn.BatchNorm1d(8), nn.ReLU(), nn.MaxPool1d(2),
                      nn.ConvTranspose1d(8, 4, 3, 2, 1, 1), nn.Flatten(), nn.Linear(80, 2)),
        (3, 20), {"Conv1D": 1, "MaxPool1D": 1, "ConvTranspose1D": 1},
    ),
    "volumes": lambda: (
        nn.Sequential(nn.Conv3d(1, 4, 3, padding=1), nn.BatchNorm3d(4), nn.ReLU(), nn.AvgPool3d(2),
                      nn.ConvTranspose3d(4, 2, 2, 2), nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(2, 2)),
        (1, 6, 6, 6), {"Conv3D": 1, "AvgPool3D": 1, "ConvTranspose3D": 1, "GlobalAvgPool3D": 1},
    ),
    "tied": lambda: (Tied(), (4, 7, 7), {"Conv2D": 1, "shared": 1}),
}  # fmt: skip
BY_SCRIPT = (12, 13, 17, 20)  # operator sets of the exporter that records TorchScript
BY_DYNAMO = {"resnet": 18, "convnext": 20, "shapes": 18, "unet": 20}


def make_network(name):
    torch.manual_seed(1)
    network, shape, expected = NETWORKS[name]()
    network.eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
        if isinstance(module, nn.BatchNorm2d | nn.GroupNorm | nn.LayerNorm):
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.normal_()
    x = torch.randn(3, *shape)
    with torch.no_grad():
        y = network(x)
    return network, x, [part.numpy() for part in (y if isinstance(y, tuple) else (y,))], expected


def export(network, x, path, version, dynamo):
    quiet = contextlib.redirect_stdout(io.StringIO())
    with warnings.catch_warnings(), quiet, contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        if dynamo:
            names = {"dynamic_shapes": ({0: torch.export.Dim("n")},), "external_data": False}
            torch.onnx.export(network, (x,), path, opset_version=version, dynamo=True, **names)
        else:
            names = {"input_names": ["x"], "dynamic_axes": {"x": {0: "n"}}}
            torch.onnx.export(network, (x,), path, opset_version=version, dynamo=False, **names)


def list_types(network):
    nodes = network.nodes if isinstance(network, Graph) else ()
    layers = [node.layer for node in nodes] if nodes else network.layers
    return ["shared" if layer is None else layer.type for layer in layers]


def require_equal(got, wanted):
    assert len(got) == len(wanted)
    for mine, theirs in zip(got, wanted, strict=True):
        assert mine.shape == theirs.shape
        assert np.abs(mine - theirs).max() <= 1e-5 * max(np.abs(theirs).max(), 1)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_exporter_of_torchscript(name, tmp_path):
    network, x, wanted, expected = make_network(name)
    for version in BY_SCRIPT:
        if name == "norms" and version == 12:
            continue  # the exporter lacks LayerNorm's parts there
        export(network, x, tmp_path / "net.onnx", version, dynamo=False)
        adopted = adopt_onnx(tmp_path / "net.onnx")
        require_equal(run_case(adopted, (x.numpy(),), "numpy"), wanted)
        types = list_types(adopted.network)
        assert {kind: types.count(kind) for kind in expected} == expected, (version, types)


@pytest.mark.parametrize("name", BY_DYNAMO)
def test_the_exporter_of_torch_export(name, tmp_path):
    network, x, wanted, expected = make_network(name)
    export(network, x, tmp_path / "net.onnx", BY_DYNAMO[name], dynamo=True)
    adopted = adopt_onnx(tmp_path / "net.onnx")
    require_equal(run_case(adopted, (x.numpy(),), "torch"), wanted)
    types = list_types(adopted.network)
    assert {kind: types.count(kind) for kind in expected} == expected, types


def test_upsampling_of_old_operator_sets_is_as_onnxruntime_has_it(tmp_path):
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Upsample(scale_factor=2, mode="bilinear"))
    x = torch.randn(2, 3, 6, 7)
    export(network, x, tmp_path / "net.onnx", 9, dynamo=False)  # whose Upsample lacks half pixels: not PyTorch's
    session = onnxruntime.InferenceSession(tmp_path / "net.onnx", providers=["CPUExecutionProvider"])
    wanted = session.run(None, {"x": x.numpy()})
    require_equal(run_case(adopt_onnx(tmp_path / "net.onnx"), (x.numpy(),), "numpy"), wanted)


def test_a_batch_of_fixed_size_is_left_open(tmp_path):
    network = nn.Sequential(nn.Conv2d(3, 4, 3), Shuffle(), nn.Flatten(), nn.Linear(64, 2))
    x = torch.randn(3, 3, 6, 6)
    torch.onnx.export(network, (x[:1],), tmp_path / "net.onnx", opset_version=13, dynamo=False)
    adopted = adopt_onnx(tmp_path / "net.onnx")
    require_equal(run_case(adopted, (x.numpy(),), "numpy"), [network(x).detach().numpy()])
    assert "ChannelShuffle" in list_types(adopted.network)
