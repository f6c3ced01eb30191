import sys
import types

import numpy as np
import pytest

from cnnkit.backends import registry
from cnnkit.backends.cuda.cupy_backend import CupyBackend
from cnnkit.backends.cuda.cupy_sim_backend import CupySimBackend
from cnnkit.backends.numpy_cpu.numpy_backend import NumpyBackend
from cnnkit.backends.protocol import Availability
from cnnkit.backends.pytorch.torch_backend import TorchBackend
from cnnkit.backends.reference.reference_backend import ReferenceBackend
from cnnkit.errors import BackendUnavailableError, ConfigError

ENTRY_POINTS = """[cnnkit.backends]
numpy = cnnkit.backends.numpy_cpu.numpy_backend:NumpyBackend
torch = cnnkit.backends.pytorch.torch_backend:TorchBackend
cupy = cnnkit.backends.cuda.cupy_backend:CupyBackend
cupy-sim = cnnkit.backends.cuda.cupy_sim_backend:CupySimBackend
reference = cnnkit.backends.reference.reference_backend:ReferenceBackend
broken = broken_backend_of_a_third_party:Backend
elsewhere = elsewhere_backend:Elsewhere
half = elsewhere_backend:Half
without = elsewhere_backend:Without
misnamed = elsewhere_backend:Elsewhere
nameless = elsewhere_backend:Nameless
raising = elsewhere_backend:Raising
"""
ELSEWHERE = """
from cnnkit.backends.reference.reference_backend import ReferenceBackend
class Elsewhere(ReferenceBackend):
    name = "elsewhere"
from cnnkit.backends.protocol import Backend
class Half(Backend):
    name = "half"
class Without(ReferenceBackend):
    name = "without"
    def __init__(self):
        pass
class Raising(ReferenceBackend):
    def __init__(self, device=None, threads=None):
        raise OSError("no driver\\nsecond line")
class Nameless:
    availability = ReferenceBackend.availability
    def __init__(self, device=None, threads=None):
        pass
"""


@pytest.fixture(autouse=True)
def third_party(tmp_path, monkeypatch) -> None:
    """Install, on the path alone, a distribution that registers our backends, one that breaks and one that works."""
    (tmp_path / "fake-1.0.dist-info").mkdir()
    (tmp_path / "fake-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: fake\nVersion: 1.0\n")
    (tmp_path / "fake-1.0.dist-info" / "entry_points.txt").write_text(ENTRY_POINTS)
    (tmp_path / "broken_backend_of_a_third_party.py").write_text("raise RuntimeError('no driver\\nsecond line')")
    (tmp_path / "elsewhere_backend.py").write_text(ELSEWHERE)
    monkeypatch.syspath_prepend(tmp_path)


def message(**arguments) -> str:
    with pytest.raises(BackendUnavailableError) as caught:
        registry.get_backend(**arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_names_are_sorted_and_each_comes_once() -> None:
    assert registry.names() == sorted(
        {
            "numpy",
            "torch",
            "cupy",
            "cupy-sim",
            "reference",
            "broken",
            "elsewhere",
            "half",
            "without",
            "misnamed",
            "nameless",
            "raising",
        }
    )


def test_backends_come_by_name() -> None:
    for name, cls in [("numpy", NumpyBackend), ("torch", TorchBackend), ("reference", ReferenceBackend)]:
        assert type(registry.get_backend(name, device="cpu")) is cls
    assert registry.get_backend().name == "numpy"
    assert registry.get_backend("elsewhere").name == "elsewhere"


def test_a_backend_is_its_own_answer() -> None:
    backend = ReferenceBackend()
    assert registry.get_backend(backend) is backend


def test_threads_reach_the_backend() -> None:
    assert registry.get_backend("numpy", threads=1).threads == 1


def test_an_unknown_name() -> None:
    names = ", ".join(registry.names())
    assert message(backend="nunpy") == f"backend: expected one of {names} or auto, got 'nunpy' (did you mean numpy?)"


def test_a_broken_backend_is_listed_with_its_reason() -> None:
    backends = registry.available_backends()
    assert backends["broken"] == Availability(False, "RuntimeError: no driver", "", ())
    assert backends["numpy"].usable
    assert message(backend="broken") == "backend broken: RuntimeError: no driver"


def test_an_error_without_a_text_is_still_a_reason(tmp_path) -> None:
    (tmp_path / "broken_backend_of_a_third_party.py").write_text("raise RuntimeError")
    assert registry.available_backends()["broken"].reason == "RuntimeError: "


def test_cupy_that_is_not_installed(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)
    extras = "pip install 'cnnkit[cupy12]' (CUDA 12) or 'cnnkit[cupy13]' (CUDA 13)"
    assert message(backend="cupy") == f"backend cupy: CuPy is not installed: install it with {extras}"


def test_torch_that_is_not_installed(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    wanted = "backend torch: PyTorch is not installed: install it with pip install 'cnnkit[torch]'"
    assert message(backend="torch") == wanted


def fake_cupy(gpu: bool, kernel: BaseException | None) -> types.ModuleType:
    def ones(*_arguments):
        if kernel:
            raise kernel
        import numpy as np

        return np.ones((2, 2), np.float32)

    module = types.ModuleType("cupy")
    runtime = types.SimpleNamespace(deviceSynchronize=lambda: None)
    module.cuda = types.SimpleNamespace(is_available=lambda: gpu, runtime=runtime)
    module.ones = ones
    return module


@pytest.mark.parametrize(
    ("gpu", "kernel", "usable", "reason"),
    [
        (False, None, False, "CuPy finds no NVIDIA GPU on this machine"),
        (True, RuntimeError("no nvrtc\nlong story"), False, "CuPy cannot run a kernel here: no nvrtc"),
        (True, None, True, ""),
    ],
)
def test_cupy_that_is_installed(monkeypatch, gpu, kernel, usable, reason) -> None:
    monkeypatch.setitem(sys.modules, "cupy", fake_cupy(gpu, kernel))
    cupy = registry.availability("cupy")
    assert (cupy.usable, cupy.reason) == (usable, reason)
    assert cupy.devices == (("cuda",) if usable else ())
    with pytest.raises(BackendUnavailableError, match="backend cupy: expected device cuda, got 'cpu'"):
        CupyBackend("cpu")


@pytest.mark.parametrize(
    ("backend", "device"), [("numpy", "cuda"), ("numpy", "cuda:1"), ("reference", "mps"), ("elsewhere", "cuda")]
)
def test_a_device_that_the_backend_has_not(backend, device) -> None:
    assert message(backend=backend, device=device) == f"backend {backend}: expected device cpu, got '{device}'"


def test_a_device_that_torch_has_not() -> None:
    assert message(backend="torch", device="tpu").startswith("backend torch: expected device ")
    with pytest.raises(BackendUnavailableError, match=r"got 'tpu': PyTorch .* finds no such device here$"):
        TorchBackend("tpu")


def automatic(monkeypatch, torch_devices: tuple[str, ...], cupy: bool, device: str | None = None) -> str:
    monkeypatch.setattr(TorchBackend, "availability", lambda: Availability(True, devices=torch_devices))
    monkeypatch.setattr(CupyBackend, "availability", lambda: Availability(cupy, devices=("cuda",) if cupy else ()))
    return registry._automatic(device)


@pytest.mark.parametrize(
    ("torch_devices", "cupy", "device", "wanted"),
    [
        (("cpu",), False, None, "numpy"),
        (("cpu",), False, "cpu", "numpy"),
        (("cuda", "cpu"), True, "cpu", "numpy"),
        (("cuda", "cpu"), True, None, "cupy"),
        (("cuda", "cpu"), False, None, "torch"),
        (("cuda", "cpu"), False, "cuda:1", "torch"),
        (("mps", "cpu"), False, None, "torch"),
        (("mps", "cpu"), False, "cuda", "numpy"),
    ],
)
def test_auto_is_a_gpu_where_there_is_one_else_numpy(monkeypatch, torch_devices, cupy, device, wanted) -> None:
    assert automatic(monkeypatch, torch_devices, cupy, device) == wanted


def test_auto_gives_a_backend(monkeypatch) -> None:
    automatic(monkeypatch, ("cpu",), cupy=False)
    assert registry.get_backend("auto").name == "numpy"


def test_what_an_authors_class_lacks_is_said() -> None:
    state = registry.availability("half")
    assert not state.usable
    assert state.reason.startswith("its class lacks arange, argmax, asarray")
    assert message(backend="half").startswith("backend half: its class lacks")
    assert "cannot be constructed with device and threads" in message(backend="without")
    assert message(backend="raising").endswith("cannot be constructed with device and threads: OSError: no driver")
    assert message(backend="nameless").startswith("backend nameless: its class lacks arange, argmax, asarray")
    assert message(backend="misnamed") == (
        "backend misnamed: its class calls itself 'elsewhere': set name = 'misnamed'"
    )


EITHER = "backend: expected the name of a backend or a Backend object"
WRONG_THREADS = [0, -1, 2.5, 2.0, "two", "2", True, 10**6, float("nan"), [1]]


@pytest.mark.parametrize("threads", WRONG_THREADS, ids=repr)
@pytest.mark.parametrize("backend", ["numpy", "torch", "reference", "cupy-sim", "auto"])
def test_threads_that_cannot_be(backend, threads) -> None:
    expected = f"threads: expected a whole number from 1 to 1024, or None for one per core, got {threads!r}"
    with pytest.raises(ConfigError) as caught:
        registry.get_backend(backend, threads=threads)
    assert str(caught.value) == expected


@pytest.mark.parametrize("cls", [NumpyBackend, TorchBackend, ReferenceBackend, CupySimBackend, CupyBackend])
def test_threads_are_checked_where_a_backend_is_made_by_its_class(cls) -> None:
    for threads in WRONG_THREADS:
        with pytest.raises(ConfigError, match="threads: expected a whole number from 1 to 1024"):
            cls(threads=threads)


def test_threads_of_numpys_integers_are_whole_numbers() -> None:
    assert registry.get_backend("numpy", threads=np.int64(3)).threads == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"backend": 3}, "backend: expected the name of a backend or a Backend object, got 3"),
        ({"backend": None}, "backend: expected the name of a backend or a Backend object, got None"),
        (
            {"backend": NumpyBackend},
            "backend: expected the name of a backend or a Backend object, got the class NumpyBackend: add ()",
        ),
        ({"device": 0}, "device: expected a text such as 'cpu' or 'cuda', got 0"),
    ],
)
def test_arguments_of_another_type(arguments, message) -> None:
    with pytest.raises(ConfigError) as caught:
        registry.get_backend(**arguments)
    assert str(caught.value) == message
