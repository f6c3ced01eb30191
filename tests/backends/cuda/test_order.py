"""CUDA promises no order of blocks and threads: taken from the last to the first, every bit stays as it was."""

import numpy as np
import pytest

from cnnkit.backends.cuda.cuda_backend import CudaBackend
from cnnkit.backends.cuda.kernels import files, source
from cnnkit.backends.cuda.simulator.errors import KernelError
from cnnkit.backends.cuda.simulator.kernel_source import kernels
from cnnkit.backends.cuda.simulator.sim_machine import SimMachine
from cnnkit.backends.cuda.simulator.sim_module import SimModule

pytestmark = pytest.mark.gpu_tools

ELEMENT_BY_ELEMENT = "optimizers.cu"  # each thread reads and writes its own


class Backwards(SimMachine):
    def load(self, source, options):
        return SimModule(source, options, reverse=True)


def compute(backend, dtype):
    """Return what the primitives give that have kernels, on the host."""
    rng = np.random.default_rng(0)

    def array(*shape):
        return backend.asarray(rng.normal(size=shape), dtype)

    geometry = (2, 1), ((1, 2), (0, 1)), (1, 2), 2
    x, weight, bias = array(3, 4, 80, 31), array(6, 2, 3, 3), array(6)
    y = backend.convolve(x, weight, *geometry)
    results = [y, backend.add_bias(y + 0, bias, relu=True)]
    dy = array(*y.shape)
    results += backend.add_bias_gradient(dy, results[1], relu=True)
    results += [backend.convolve_input_gradient(dy, weight, x.shape, *geometry)]
    results += [backend.convolve_weight_gradient(dy, x, weight.shape, *geometry)]

    pool, none = ((3, 2), (2, 1), ((1, 0), (0, 1)), (1, 1)), ((0, 0), (0, 0))
    y, saved = backend.max_pool(x, *pool)
    dy = array(*y.shape)
    results += [y, backend.max_pool_gradient(dy, saved, x.shape, *pool)]
    results += [
        backend.average_pool(x, *pool, none),
        backend.average_pool_gradient(dy, x.shape, *pool, none),
    ]

    rows = array(70, 40)
    results += backend.softmax_cross_entropy(rows, backend.asarray(np.arange(70) % 40), 0.1)
    results += backend.add_bias_gradient(rows, backend.add_bias(rows + 0, array(40)))
    results += [backend.uniform((1, 2), 3, (1001,), 5), backend.pack([bias, rows, weight])]
    return [backend.to_numpy(result) for result in results]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_no_kernel_depends_on_the_order(dtype) -> None:
    forwards, backwards = CudaBackend(SimMachine()), CudaBackend(Backwards())
    pairs = zip(compute(forwards, dtype), compute(backwards, dtype), strict=True)
    assert [i for i, (one, two) in enumerate(pairs) if not np.array_equal(one, two)] == []
    wanted = {name for name, file in files().items() if file.name != ELEMENT_BY_ELEMENT}
    assert wanted - set(backwards.kernels.launches) <= {"set_reals", "set_wholes"}


WAITING = [file for file in sorted(set(files().values())) if any(kernel.waits for kernel in kernels(source(file)))]


@pytest.mark.parametrize("file", WAITING, ids=lambda file: file.stem)
def test_without_its_barriers_a_file_is_found_out(file) -> None:
    class Hasty(SimMachine):
        def load(self, text, options):
            hasty = text.replace("__syncthreads();", "") if text == source(file) else text
            return SimModule(hasty, options)

    wanted = compute(CudaBackend(SimMachine()), "float32")
    try:
        hasty = compute(CudaBackend(Hasty()), "float32")
    except KernelError:  # threads of one warp went different ways
        return
    assert not all(np.array_equal(one, two) for one, two in zip(hasty, wanted, strict=True))
