"""Grad-CAM, saliency and occlusion: held against torch's autograd, and against a loop over squares."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812
from torch_networks import export, make_network

from cnnkit import layers as of
from cnnkit.errors import ConfigError
from cnnkit.explanation.attention import (
    compute_grad_cam,
    count_classes,
    enlarge,
    measure_occlusion,
    measure_saliency,
)
from cnnkit.explanation.heat_pictures import draw_heat
from cnnkit.explanation.scored_network import find_scores
from cnnkit.layers import Graph, Node, Sequential
from cnnkit.model import Model

NET = Sequential((
    of.Conv2D(4, 3, padding=1), of.ReLU(), of.MaxPool2D(2), of.Residual(of.Conv2D(4, 3, padding=1)), of.Tanh(),
    of.Flatten(), of.Dense(3), of.Softmax(),
))  # fmt: skip


class TorchNet(nn.Module):
    """The same network by torch's own functions; `features` keeps what Grad-CAM looks at."""

    def __init__(self, weights):
        super().__init__()
        self.w = {key: torch.from_numpy(np.asarray(value, np.float64)) for key, value in weights.items()}
        self.features = None

    def forward(self, x):
        w = self.w
        x = F.max_pool2d(F.relu(F.conv2d(x, w["0.weight"], w["0.bias"], padding=1)), 2)
        self.features = torch.tanh(x + F.conv2d(x, w["3.body.weight"], w["3.body.bias"], padding=1))
        return F.linear(self.features.flatten(1), w["6.weight"], w["6.bias"])


def explain_by_autograd(network, features_of, x, decided):
    """Return (score, saliency, Grad-CAM) by autograd; features_of(network) after the forward pass are the maps."""
    x = torch.tensor(x[None], dtype=torch.float64, requires_grad=True)
    score = network(x)[0, decided]
    maps = features_of()
    dx, gradient = torch.autograd.grad(score, (x, maps))
    weights = gradient.mean((2, 3), keepdim=True)
    cam = F.relu((weights * maps).sum(1, keepdim=True))
    cam = F.interpolate(cam, size=x.shape[2:], mode="bilinear", align_corners=False)
    return float(score.detach()), dx[0].abs().amax(0).numpy(), cam[0, 0].detach().numpy()


def agree(found, wanted, bound=2e-5):
    assert found.shape == wanted.shape
    assert np.abs(wanted).max() > 0, "nothing is compared"
    assert np.abs(found - wanted).max() <= bound * (1 + np.abs(wanted).max())


@pytest.mark.parametrize("backend_name", ["numpy", "torch", "cupy-sim", "reference"])
def test_gradients_are_those_of_autograd(backend_name):
    model = Model(NET, (2, 8, 10), backend=backend_name, seed=4)
    x = np.random.default_rng(0).normal(size=(2, 8, 10)).astype("float32")
    own = TorchNet(model.weights)
    for decided in (0, 2):
        score, saliency, cam = explain_by_autograd(own, lambda: own.features, x, decided)
        found = compute_grad_cam(model, x, decided)
        assert found.layer == "4", "the last with places"
        assert found.score == pytest.approx(score, abs=1e-5)
        agree(found.heat, cam)
        agree(measure_saliency(model, x, decided).heat, saliency)


@pytest.mark.parametrize(("name", "backend_name"), [("resnet", "numpy"), ("resnet", "torch"), ("mobilenet", "numpy")])
def test_an_adopted_network(name, backend_name, tmp_path):
    theirs = make_network(name)
    x = torch.randn(1, 3, 24, 24, generator=torch.Generator().manual_seed(2))
    export(theirs, x, tmp_path / "net.onnx", 17, dynamo=False)
    model = Model.load(tmp_path / "net.onnx", backend=backend_name)
    kept = []
    theirs.double()[-4].register_forward_hook(lambda module, given, made: kept.append(made))  # noqa: ARG005
    score, saliency, cam = explain_by_autograd(theirs, lambda: kept[-1], x[0].numpy(), 1)
    agree(measure_saliency(model, x[0].numpy(), 1).heat, saliency, 1e-4)
    found = compute_grad_cam(model, x[0].numpy(), 1)
    assert found.score == pytest.approx(score, abs=1e-4)
    agree(found.heat, cam, 1e-4)


def test_occlusion_by_hand():
    model = Model(NET, (2, 8, 10), seed=4)
    x = np.random.default_rng(0).normal(size=(2, 8, 10)).astype("float32")
    found = measure_occlusion(model, x, 1, patch=3, stride=2)
    whole = model.probabilities(x[None])[0, 1]
    total, times = np.zeros((8, 10)), np.zeros((8, 10))
    for top in (0, 2, 4, 5):
        for left in (0, 2, 4, 6, 7):
            covered = x.copy()
            for channel in (0, 1):
                covered[channel, top : top + 3, left : left + 3] = x[channel].mean()
            total[top : top + 3, left : left + 3] += whole - model.probabilities(covered[None])[0, 1]
            times[top : top + 3, left : left + 3] += 1
    agree(found.heat, total / times)
    assert found.score == pytest.approx(float(whole), abs=1e-6)


def test_one_output_for_two_classes_speaks_for_both():
    net = Sequential((of.Conv2D(1, 3), of.ReLU(), of.Flatten(), of.Dense(1)))
    model = Model(net, (1, 5, 5), loss="binary_cross_entropy", seed=1)
    x = np.random.default_rng(0).normal(size=(1, 5, 5)).astype("float32")
    assert count_classes(model) == 2
    yes, no = (measure_saliency(model, x, decided) for decided in (1, 0))
    assert yes.score == -no.score == pytest.approx(float(model.outputs(x[None])[0, 0]), abs=1e-6)
    assert np.array_equal(yes.heat, no.heat)
    assert measure_occlusion(model, x, 1).heat == pytest.approx(-measure_occlusion(model, x, 0).heat, abs=1e-6)


def test_a_graph_is_cut_at_its_first_score():
    nodes = (
        Node("conv", of.Conv2D(3, 3), ("input",)), Node("pool", of.GlobalAvgPool2D(), ("conv",)),
        Node("soft", of.Softmax(), ("pool",)), Node("other", of.Conv2D(2, 1), ("conv",)),
    )  # fmt: skip
    model = Model(Graph(nodes, ("input",), ("soft", "other")), (1, 5, 5), loss="soft=hinge;other=l1")
    scored = find_scores(model)
    assert [node.name for node in scored.layer.nodes] == ["conv", "pool"]
    assert scored.params.keys() == {"conv"}
    x = np.random.default_rng(0).normal(size=(1, 5, 5)).astype("float32")
    found = compute_grad_cam(model, x, 2)
    maps = next(model.network.outputs(of.Context(model.backend), model.params, model.state, x[None]))[2][0]
    cam = enlarge(np.maximum(maps[2].astype(float) / 9, 0), 5, 5)  # the mean of the gradient 1/9 of its own map
    agree(found.heat, cam)


def test_layers_that_cannot_be():
    model, x = Model(NET, (1, 8, 8)), np.ones((1, 8, 8), "float32")
    for path, message in (("9", "before the scores, got 9"), ("6", r"maps \(C, H, W\), 6 gives \(3,\)")):
        with pytest.raises(ConfigError, match=message):
            compute_grad_cam(model, x, 0, path)
    flat = Model(Sequential((of.Flatten(), of.Dense(3))), (1, 4, 4))
    with pytest.raises(ConfigError, match="no layer that gives maps"):
        compute_grad_cam(flat, x[:, :4, :4], 0)
    with pytest.raises(ConfigError, match="--patch: expected at most 4"):
        measure_occlusion(flat, x[:, :4, :4], 0, patch=5)


def test_colours_say_for_and_against():
    picture, heat, both = draw_heat(np.zeros((1, 1, 3)), np.array([[2.0, 0.0, -1.0]]))
    assert heat.pixels[0].tolist() == [[0, 126, 253], [247, 247, 247], [251, 186, 124]]
    assert picture.pixels.sum() == 0
    assert both.pixels[0, 1].tolist() == [0, 0, 0]
    assert both.pixels[0, 0, 2] > both.pixels[0, 2, 2]
