"""The parity suite on our own backends: primitives, layers, losses, optimizers, randomness, errors, a training."""

from cnnkit.backends.cuda.cupy_backend import CupyBackend
from cnnkit.backends.numpy_cpu.numpy_backend import NumpyBackend
from cnnkit.backends.pytorch.torch_backend import TorchBackend
from cnnkit.testing import BackendSuite

RECIPES = ("lenet5",)  # tests/parity trains the others


class TestNumpy(BackendSuite):
    backend = NumpyBackend(threads=2)
    recipes = RECIPES


class TestTorch(BackendSuite):
    backend = TorchBackend("cpu", threads=1)
    recipes = RECIPES


class TestCupySim(BackendSuite):
    backend = "cupy-sim"
    recipes = RECIPES


if "cuda" in TorchBackend.availability().devices:

    class TestTorchOnCuda(BackendSuite):
        backend = TorchBackend("cuda")


if CupyBackend.availability().usable:

    class TestCupy(BackendSuite):
        backend = "cupy"
