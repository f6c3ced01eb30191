import numpy as np
import pytest

from cnnkit.backends.protocol import Backend
from cnnkit.backends.pytorch.torch_backend import TorchBackend
from cnnkit.backends.reference.reference_backend import ReferenceBackend
from cnnkit.optimizers import SGD, Adam, AdamW, RMSprop

torch = pytest.importorskip("torch")
RULES = [SGD(), SGD(0.9), SGD(0.9, nesterov=True, weight_decay=0.1), RMSprop(), RMSprop(momentum=0.5)]
RULES += [Adam(), Adam(0.8, 0.95, 1e-3, weight_decay=0.1), AdamW(weight_decay=0.2)]


@pytest.fixture(scope="module")
def backend() -> TorchBackend:
    return TorchBackend("cpu")


def tensors(*arrays) -> list:
    return [torch.tensor(array) for array in arrays]


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_an_update_in_place_follows_the_formula(backend, rule, normal, assert_close) -> None:
    parameter, gradient = tensors(normal(50), normal(50, seed=1))
    slots = tensors(*(abs(normal(50, seed=2 + i)) for i in range(len(rule.slots))))
    scalars = rule.scalars(3, 1e-2) | {"step": 2}
    copies = [array.numpy().copy() for array in (parameter, gradient, *slots)]
    wanted = rule.step(ReferenceBackend(), *copies[:2], copies[2:], scalars)
    kept = gradient.clone()
    results = rule.step(backend, parameter, gradient, slots, scalars)
    assert torch.equal(gradient, kept)
    for result, target, values in zip(results, (parameter, *slots), wanted, strict=True):
        assert result is target
        assert_close(result.numpy(), values, "float64", "forward")


def test_numbers_on_the_device_are_followed_too(backend, normal) -> None:
    rule, scalars = Adam(), Adam().scalars(1, 1e-2)
    results = []
    for numbers in (scalars, {name: torch.tensor(value) for name, value in scalars.items()}):
        parameter, gradient, first, second = tensors(normal(9), normal(9, seed=1), np.zeros(9), np.zeros(9))
        rule.step(backend, parameter, gradient, [first, second], numbers)
        results.append(parameter)
    assert torch.allclose(*results, rtol=1e-6)


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 4, 3)])
def test_bias(backend, relu, shape, normal, assert_close) -> None:
    x, bias, dy = tensors(normal(*shape), normal(7, seed=1), normal(*shape, seed=2))
    wanted = Backend.add_bias(backend, x, bias, relu)
    y = backend.add_bias(x, bias, relu)
    assert torch.equal(y, wanted)
    kept = dy.clone()
    for own, other in zip(
        backend.add_bias_gradient(dy, y, relu), Backend.add_bias_gradient(backend, dy, y, relu), strict=True
    ):
        assert_close(own.numpy(), other.numpy(), "float64", "gradient")
    assert torch.equal(dy, kept)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("labels", [True, False])
def test_softmax_cross_entropy(backend, smoothing, labels, normal, assert_close) -> None:
    outputs = torch.tensor(normal(6, 5) * 50)
    targets = torch.tensor([0, 4, 2, 2, 1, 3]) if labels else torch.tensor(abs(normal(6, 5, seed=1)))
    own = backend.softmax_cross_entropy(outputs, targets, smoothing)
    other = Backend.softmax_cross_entropy(backend, outputs, targets, smoothing)
    for a, b in zip(own, other, strict=True):
        assert_close(a.numpy(), b.numpy(), "float64", "gradient")


def test_one_hot_has_the_dtype_and_classes_of_the_outputs(backend) -> None:
    for dtype in (torch.float32, torch.float64):
        rows = backend.one_hot(torch.tensor([2, 0]), torch.full((2, 3), torch.inf, dtype=dtype))
        assert rows.dtype == dtype
        assert rows.tolist() == [[0, 0, 1], [1, 0, 0]]


@pytest.mark.parametrize("groups", [1, 2])
def test_images_come_out_of_a_convolution_with_their_channels_last(backend, groups, normal) -> None:
    x, weight = tensors(normal(2, 2, 6, 6).astype("f4"), normal(4, 2 // groups, 3, 3, seed=1).astype("f4"))
    kept = weight.clone()
    y = backend.convolve(x, weight, (1, 1), ((1, 1), (1, 1)), (1, 1), groups)
    assert y.is_contiguous(memory_format=torch.channels_last)
    assert torch.allclose(y, torch.conv2d(x, weight, None, 1, 1, 1, groups), atol=1e-5)
    assert torch.equal(weight, kept)
    assert weight.is_contiguous()
