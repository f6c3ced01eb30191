"""The parity suite on our own backends: primitives, layers, losses, optimizers, randomness, errors, a training.

With few drawn cases: `make parity` has sixty of each check, and every recipe.
"""

from cnnkit.backends.cuda.cupy_backend import CupyBackend
from cnnkit.backends.numpy_cpu.numpy_backend import NumpyBackend
from cnnkit.backends.pytorch.torch_backend import TorchBackend
from cnnkit.testing import BackendSuite


class FewCases(BackendSuite):
    examples, draws = 10, 4
    recipes = ("diy-cnn",)  # tests/parity trains the others


class TestNumpy(FewCases):
    backend = NumpyBackend(threads=2)


class TestTorch(FewCases):
    backend = TorchBackend("cpu", threads=1)


class TestCupySim(FewCases):
    backend = "cupy-sim"


if "cuda" in TorchBackend.availability().devices:

    class TestTorchOnCuda(BackendSuite):
        backend = TorchBackend("cuda")


if CupyBackend.availability().usable:

    class TestCupy(BackendSuite):
        backend = "cupy"
