"""Known networks in miniature, exported by PyTorch and adopted: outputs, and gradients of all parameters."""

import numpy as np
import pytest
import torch
from onnx_cases import run_case
from torch_networks import NAMES, export, make_network

from cnnkit.adopting.onnx import adopt_onnx
from cnnkit.backends.registry import get_backend
from cnnkit.layers import Context
from cnnkit.tree import flatten, map_leaves

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")]


def draw_images(samples=4):
    return torch.randn(samples, 3, 24, 24, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize(("name", "version", "dynamo"), [(n, 13, False) for n in NAMES] + [("shufflenet", 18, True)])
def test_outputs_are_those_of_torch(name, version, dynamo, tmp_path):
    network, x = make_network(name), draw_images()
    export(network, x[:2], tmp_path / "net.onnx", version, dynamo=dynamo)
    adopted = adopt_onnx(tmp_path / "net.onnx")
    wanted = network(x).detach().numpy()
    for backend in ("numpy", "torch"):
        (got,) = run_case(adopted, (x.numpy(),), backend)
        assert np.abs(got - wanted).max() <= 1e-5 * np.abs(wanted).max()


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-8), ("float32", 1e-4)])
@pytest.mark.parametrize("name", ["resnet", "shufflenet"])
@pytest.mark.parametrize("training", [False, True])
def test_gradients_are_those_of_torch(name, dtype, tolerance, training, tmp_path):
    """Parameters are recognised by their values, all of which differ."""
    network, x = make_network(name), draw_images()
    export(network, x[:2], tmp_path / "net.onnx", 13, dynamo=False, folded=False)
    adopted = adopt_onnx(tmp_path / "net.onnx")
    network = network.to(getattr(torch, dtype)).train(training)
    x = x.to(getattr(torch, dtype))
    outputs = network(x)
    dy = torch.randn(outputs.shape, generator=torch.Generator().manual_seed(3)).to(outputs.dtype)
    outputs.backward(dy)
    backend = get_backend("numpy")
    params, state = (map_leaves(lambda values: backend.asarray(values, dtype), tree) for tree in adopted.variables)
    context = Context(backend, training=training)
    y, cache = adopted.network.forward(context, params, state, x.numpy())
    np.testing.assert_allclose(y, outputs.detach().numpy(), rtol=0, atol=tolerance)
    grads = adopted.network.parameter_gradients(context, params, cache, dy.numpy())
    gradients = flatten(grads)
    found = {values.astype(np.float32).tobytes(): gradients[path] for path, values in flatten(params).items()}
    assert len(found) == len(list(network.parameters()))
    for path, parameter in network.named_parameters():
        grad, wanted = found[parameter.detach().numpy().astype(np.float32).tobytes()], parameter.grad.numpy()
        assert np.abs(grad - wanted).max() <= tolerance * max(np.abs(wanted).max(), 1e-3), path
    if training:
        after = flatten(adopted.network.next_state(state, cache)).values()
        for buffer in (buffer.numpy() for buffer in network.buffers() if buffer.ndim):
            assert any(buffer.shape == v.shape and np.allclose(buffer, v, rtol=0, atol=tolerance) for v in after)


class UnevenPool(torch.nn.Module):
    def forward(self, x):
        return torch.nn.functional.adaptive_avg_pool2d(x[:, [2, 1, 0]], (5, 7))


def test_uneven_pools_and_places_of_channels_are_those_of_torch(tmp_path):
    x = draw_images()
    export(UnevenPool(), x[:2], tmp_path / "net.onnx", 18, dynamo=True)
    (got,) = run_case(adopt_onnx(tmp_path / "net.onnx"), (x.numpy(),), "numpy")
    np.testing.assert_allclose(got, UnevenPool()(x).numpy(), rtol=0, atol=1e-6)
