import shutil

import numpy as np
import pytest

from cnnkit.backends.cuda.simulator.device_arrays import xp
from cnnkit.backends.cuda.simulator.sim_module import SimModule


@pytest.fixture(autouse=True)
def _compiler(request) -> None:
    if request.node.get_closest_marker("gpu_tools") and shutil.which("g++") is None:
        pytest.skip("needs g++")


@pytest.fixture
def device():
    """Return a function that puts values onto the simulated device."""
    return lambda values, dtype=np.float32: xp.asarray(np.asarray(values, dtype))


@pytest.fixture
def kernel():
    """Return a function that compiles a text and gives its kernel `k`."""

    def compile_one(text, *options, name="k", **how):
        return SimModule(text, ("--std=c++17", "-DREAL=float", *options), **how).get_function(name)

    return compile_one
