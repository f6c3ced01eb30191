"""CUDA promises no order of blocks and threads: taken from the last to the first, every bit stays as it was."""

import numpy as np
import pytest

from cnnkit.backends.cuda.cuda_backend import CudaBackend
from cnnkit.backends.cuda.kernels import files
from cnnkit.backends.cuda.simulated import Simulated
from cnnkit.backends.cuda.simulator.sim_module import SimModule
from cnnkit.losses import SoftmaxCrossEntropy
from cnnkit.optimizers import SGD, Adam, AdamW, RMSprop

pytestmark = pytest.mark.gpu_tools


class Backwards(Simulated):
    def load(self, source, options):
        return SimModule(source, options, reverse=True)


def computed(backend, dtype):
    """Run every kernel; return all results on the host."""
    rng = np.random.default_rng(0)

    def array(*shape):
        return backend.asarray(rng.normal(size=shape), dtype)
    geometry = (2, 1), ((1, 2), (0, 1)), (1, 2), 2
    x, weight, bias, pooling = array(3, 4, 9, 30), array(6, 2, 3, 3), array(6), ((3, 2), (2, 2), ((1, 0), (0, 1)))
