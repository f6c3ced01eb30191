import numpy as np
import pytest
import torch

from cnnkit.backends.pytorch.torch_backend import TorchBackend
from cnnkit.errors import BackendUnavailableError


def test_the_default_device_is_the_best_that_is_there() -> None:
    wanted = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    assert TorchBackend().device == wanted


def test_tf32_is_off() -> None:
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    TorchBackend("cpu")
    assert not torch.backends.cuda.matmul.allow_tf32
    assert not torch.backends.cudnn.allow_tf32


def test_tf32_needs_an_nvidia_gpu(backend) -> None:
    with pytest.raises(BackendUnavailableError) as caught:
        backend.allow_tf32()
    assert "\n" not in str(caught.value)


def test_float64_on_an_apple_gpu_is_refused_in_words() -> None:
    backend = TorchBackend("cpu")
    backend.device = "mps"
    with pytest.raises(BackendUnavailableError) as caught:
        backend.zeros((1,), "float64")
    wanted = "backend torch on mps: has no float64: use --dtype float32, or --device cpu"
    assert str(caught.value) == wanted


def test_arrays_that_may_not_be_written_are_copied() -> None:
    host = np.arange(3.0)
    host.flags.writeable = False
    x = TorchBackend("cpu").asarray(host)
    x += 1
    assert host.tolist() == [0, 1, 2]


def test_autograd_sees_nothing() -> None:
    backend = TorchBackend("cpu")
    assert not backend.exp(backend.asarray(np.ones(2))).requires_grad
