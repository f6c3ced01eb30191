import subprocess
import sys

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


STRIDED = """
import numpy as np
from cnnkit.backends.pytorch.torch_backend import TorchBackend
backend, rng = TorchBackend("cpu", threads=1), np.random.default_rng(0)
x, dy = rng.normal(size=(16, 4, 8, 8)).astype("float32"), rng.normal(size=(16, 8, 4, 4)).astype("float32")
images = backend.asarray(x).contiguous(memory_format=backend.torch.channels_last)
for _ in range(100):
    grads = backend.convolve_weight_gradient(
        backend.asarray(dy), images, (8, 4, 1, 1), (2, 2), ((0, 0), (0, 0)), (1, 1), 1
    )
    wanted = np.einsum("nopq,nipq->oi", dy.astype("float64"), x[:, :, ::2, ::2])
    assert np.allclose(grads.numpy()[:, :, 0, 0], wanted, rtol=1e-4, atol=1e-4)
"""


def test_strided_windows_of_one_pixel_stay_in_their_memory() -> None:
    """oneDNN's own gradient crashes here on processors with AVX2."""
    result = subprocess.run([sys.executable, "-c", STRIDED], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[-1000:]
