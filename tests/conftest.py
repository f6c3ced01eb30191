"""Fixtures shared by tests of several rooms: backends, tolerances of the parity contract, the comparison."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest
import scipy.special  # noqa: F401 (loads its BLAS before a backend first looks for BLAS libraries)
from keras_process import KerasProcess

from cnnkit.backends.cuda.cupy_backend import CupyBackend
from cnnkit.backends.cuda.cupy_sim_backend import CupySimBackend
from cnnkit.backends.numpy_cpu.numpy_backend import NumpyBackend
from cnnkit.backends.protocol import Backend
from cnnkit.backends.pytorch.torch_backend import TorchBackend
from cnnkit.backends.reference.reference_backend import ReferenceBackend
from cnnkit.initializers import INITIALIZERS
from cnnkit.losses import LOSSES
from cnnkit.optimizers import OPTIMIZERS
from cnnkit.schedules import SCHEDULES

if threading.current_thread() is threading.main_thread():
    for _number in (
        "SIGINT",
        "SIGTERM",
        "SIGHUP",
    ):  # handed on by a shell in the background
        if hasattr(signal, _number) and signal.getsignal(signal.Signals[_number]) is signal.SIG_IGN:
            _default = signal.default_int_handler if _number == "SIGINT" else signal.SIG_DFL
            signal.signal(signal.Signals[_number], _default)

BACKENDS: dict[str, Callable[[], Backend]] = {
    "numpy": lambda: NumpyBackend(threads=2),  # shards run on the thread pool on every machine
    "torch": lambda: TorchBackend("cpu", threads=1),  # the arrays of these tests are small
    "reference": ReferenceBackend,
    "cupy-sim": CupySimBackend,
}
if CupyBackend.availability().usable:
    BACKENDS["cupy"] = CupyBackend
if "cuda" in TorchBackend.availability().devices:
    BACKENDS["torch-cuda"] = lambda: TorchBackend("cuda")
FLOATS = ("float32", "float64")
# The parity suite holds every backend in both; here one is enough where a backend is not the default, or all of them.
ONE_FLOAT = {} if os.environ.get("CNNKIT_ALL_ARENAS") else {"torch": ("float32",), "cupy-sim": ("float64",)}
TOLERANCE = {("float32", "forward"): 1e-5, ("float32", "gradient"): 1e-4}  # float64: 1e-10


# Files that take a minute, and those of few tests that take half of one.
LONG = (
    "test_torture.py", "test_suites.py", "test_laws.py", "test_capture.py", "test_trainings.py",
    "test_sanitizer.py", "test_hostile_hdf5.py", "test_hostile_names.py", "test_keras_adoption.py",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files that take long first: a process that begins one last would be waited for."""
    items.sort(key=lambda item: item.path.name not in LONG)


class Arena(NamedTuple):
    """A backend and the floating dtype in which a test runs."""

    backend: Backend
    dtype: str

    def array(self, values: Any) -> Any:
        return self.backend.asarray(np.asarray(values), self.dtype)

    def integers(self, values: Any) -> Any:
        return self.backend.asarray(np.asarray(values), "int64")


def _assert_close(got: Any, wanted: Any, dtype: str = "float64", kind: str = "forward") -> None:
    """Fail unless |got - wanted| <= t + t * max|wanted| everywhere; NaN and a different shape always fail."""
    a, b = np.asarray(got, np.float64), np.asarray(wanted, np.float64)
    assert a.shape == b.shape, f"expected shape {b.shape}, got {a.shape}"
    tolerance = TOLERANCE.get((dtype, kind), 1e-10)
    bound = tolerance + tolerance * np.abs(b).max(initial=0)
    assert np.all(np.isfinite(a) & np.isfinite(b)), "NaN or infinity"
    difference = np.abs(a - b)
    assert np.all(difference <= bound), f"differs by {difference.max()} where {bound} is allowed"


@pytest.fixture(scope="session")
def assert_close() -> Callable[..., None]:
    return _assert_close


@pytest.fixture(scope="session", params=list(BACKENDS))
def backend(request: pytest.FixtureRequest) -> Backend:
    return BACKENDS[request.param]()


@pytest.fixture(scope="session")
def reference() -> Backend:
    return ReferenceBackend()


@pytest.fixture(
    scope="session",
    params=["reference-float64"]
    + [f"{name}-{t}" for name in BACKENDS if name != "reference" for t in ONE_FLOAT.get(name, FLOATS)],
)
def arena(request: pytest.FixtureRequest) -> Arena:
    name, _, dtype = request.param.rpartition("-")
    return Arena(BACKENDS[name](), dtype)


@pytest.fixture(scope="session")
def normal() -> Callable[..., Any]:
    """Return normal values that float32 holds exactly, so that every dtype starts from the same numbers."""

    def draw(*shape: int, seed: int = 0, scale: float = 1.0) -> Any:
        values = np.random.default_rng(seed).normal(scale=scale, size=shape)
        return values.astype(np.float32).astype(np.float64)

    return draw


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[Any]:
    """With CNNKIT_REQUIRE_DATA=1, turn a skip into a failure for tests that need data or tools."""
    report = yield
    required = any(item.get_closest_marker(name) for name in ("mnist", "corpus", "browser", "tools", "gpu_tools"))
    if report.skipped and required and os.environ.get("CNNKIT_REQUIRE_DATA"):
        report.outcome, report.longrepr = "failed", f"skipped although CNNKIT_REQUIRE_DATA is set: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def keras_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KerasProcess]:
    """A process that runs scripts which import Keras."""
    process = KerasProcess(tmp_path_factory.mktemp("keras"))
    yield process
    process.close()


@pytest.fixture
def nothing_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start without classes that `register` made known, and forget those that the test registers."""
    for registry in (LOSSES, OPTIMIZERS, SCHEDULES, INITIALIZERS):
        monkeypatch.setattr(registry, "_registered", {})
