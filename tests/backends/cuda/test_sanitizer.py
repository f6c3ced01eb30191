"""AddressSanitizer watches the kernels: no read and no write outside of an array, shared ones included."""

import json
import os
import shutil
import sys

import pytest

from cnnkit.backends.cuda.kernels import files
from cnnkit.backends.cuda.simulator.sanitizer import require_runtime, run_sanitized, sanitized_environment
from cnnkit.errors import BackendUnavailableError

pytestmark = pytest.mark.gpu_tools

PLANTED = '''
import sys
import numpy as np
from cnnkit.backends.cuda.simulator.device_arrays import xp
from cnnkit.backends.cuda.simulator.sim_module import SimModule

module = SimModule("""
extern "C" __global__ void shift(const REAL* x, REAL* y, int by) {
    y[threadIdx.x] = x[threadIdx.x + by];
}
extern "C" __global__ void turn(const REAL* x, REAL* y, int by) {
    __shared__ REAL tile[32];
    tile[threadIdx.x + by] = x[threadIdx.x];
    __syncthreads();
    y[threadIdx.x] = tile[31 - threadIdx.x];
}
extern "C" __global__ void given(const REAL* x, REAL* y, int by) {
    extern __shared__ REAL tile[];
    tile[threadIdx.x + by] = x[threadIdx.x];
    __syncthreads();
    y[threadIdx.x] = tile[31 - threadIdx.x];
}
""", ("-DREAL=float",), file="planted.cu")
x, y = xp.ones(32, "float32"), xp.empty(32, "float32")
name, by = sys.argv[1], np.int32(sys.argv[2])
for _ in range(3):
    module.get_function(name)((2,), (32,), (x, y, by), shared_mem=128)
print("sum", float(y.sum()))
'''


@pytest.fixture(autouse=True)
def _library() -> None:
    try:
        sanitized_environment()
    except BackendUnavailableError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("name", ["shift", "turn", "given"])
def test_a_kernel_that_stays_inside_runs(name) -> None:
    done = run_sanitized([sys.executable, "-c", PLANTED, name, "0"])
    assert (done.returncode, done.stdout.strip()) == (0, "sum 32.0"), done.stderr


@pytest.mark.parametrize(
    ("name", "wrong", "line"),
    [
        ("shift", "READ of size 4", 3),
        ("turn", "WRITE of size 4", 7),
        ("given", "WRITE of size 4", 13),
    ],
)
def test_a_step_outside_is_named_with_kernel_and_line(name, wrong, line) -> None:
    done = run_sanitized([sys.executable, "-c", PLANTED, name, "1"])
    assert done.returncode != 0
    assert "buffer-overflow" in done.stderr
    assert wrong in done.stderr
    first = next(row for row in done.stderr.splitlines() if row.strip().startswith("#0"))
    assert f" in {name} " in first
    assert first.endswith(f"planted.cu:{line}")


@pytest.mark.slow
def test_every_kernel_stays_inside_while_the_parity_suite_runs() -> None:
    """With all checks of primitives, which launch every kernel; CNNKIT_ALL_CHECKS=1: with the whole quick suite."""
    suite = ["parity", "--backend", "cupy-sim", "--quick", "--quiet", "--json"]
    suite += [] if os.environ.get("CNNKIT_ALL_CHECKS") else ["--filter", "primitives"]
    done = run_sanitized([sys.executable, "-m", "cnnkit.cli", *suite])
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    launched = json.loads(done.stdout)["extras"]["launches of cupy-sim"]
    assert set(launched) == {*files(), "gemm"}


def test_without_the_library_in_the_process_the_message_says_so(monkeypatch) -> None:
    monkeypatch.setenv("LD_PRELOAD", "")
    with pytest.raises(BackendUnavailableError, match="LD_PRELOAD: start it with run_sanitized"):
        require_runtime()


def test_without_a_compiler_or_its_library_the_message_says_what_is_missing(monkeypatch, tmp_path) -> None:
    (tmp_path / "g++").write_text("#!/bin/sh\necho libasan.so\n")
    os.chmod(tmp_path / "g++", 0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert shutil.which("g++") == str(tmp_path / "g++")
    with pytest.raises(BackendUnavailableError, match=r"libasan\.so beside g\+\+, found none: install libasan"):
        sanitized_environment()
    monkeypatch.setenv("PATH", "")
    with pytest.raises(BackendUnavailableError, match=r"install g\+\+"):
        sanitized_environment()
