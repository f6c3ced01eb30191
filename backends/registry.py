"""Backends by name, registered as entry points of group `cnnkit.backends`, as are those of cnnkit itself."""

import difflib
from importlib.metadata import EntryPoint

from cnnkit import plugins
from cnnkit.backends.execution import require_threads
from cnnkit.backends.groups.finding import find_launcher
from cnnkit.backends.protocol import Availability, Backend
from cnnkit.errors import BackendUnavailableError, CnnkitError, ConfigError, first_line

GROUP = "cnnkit.backends"
PREFERENCE = ("cupy", "torch")  # of "auto" where there is a GPU; otherwise numpy, which is always installed


def names() -> list[str]:
    """Return the names of all registered backends, also of those that cannot run here."""
    return sorted(plugins.entries(GROUP))


# The classes with exact numerics; other packages' backends have none.
_EXACT = {
    "numpy": "cnnkit.backends.numpy_cpu.exact_numpy_backend:ExactNumpyBackend",
    "torch": "cnnkit.backends.pytorch.exact_torch_backend:ExactTorchBackend",
    "reference": "cnnkit.backends.reference.exact_reference_backend:ExactReferenceBackend",
    "cupy": "cnnkit.backends.cuda.exact_cupy_backend:ExactCupyBackend",
    "cupy-sim": "cnnkit.backends.cuda.exact_cupy_backend:ExactCupySimBackend",
}
NUMERICS = ("plain", "exact", "exact-fine")

# What other programs call a backend, or name a device.
_ELSEWHERE = {"cuda": "cupy", "gpu": "cupy", "nvidia": "cupy", "cpu": "numpy", "np": "numpy", "pt": "torch"}


def _entry(name: str) -> EntryPoint:
    if not isinstance(name, str):
        got = f"the class {name.__name__}: add ()" if isinstance(name, type) else repr(name)
        raise ConfigError(f"backend: expected the name of a backend or a Backend object, got {got}")
    entry = plugins.entry(GROUP, name)
    if entry is None:
        near = difflib.get_close_matches(name.lower(), names(), 1)
        meant = _ELSEWHERE.get(name.lower()) or (near[0] if near else "")
        hint = f" (did you mean {meant}?)" if meant else ""
        raise BackendUnavailableError(f"backend: expected one of {', '.join(names())} or auto, got {name!r}{hint}")
    return entry


def _lacks(cls: type, member: str) -> bool:
    """Return whether a class has no body for an abstract member of the protocol."""
    found = getattr(cls, member, None)
    return found is None or getattr(found, "__isabstractmethod__", False)


def availability(name: str) -> Availability:
    """Return whether the backend `name` can run here; for a broken one no, with the first line of its error."""
    entry = _entry(name)
    try:
        cls: type[Backend] = entry.load()
        lacking = ", ".join(sorted(filter(lambda member: _lacks(cls, member), Backend.__abstractmethods__)))
        return Availability(False, f"its class lacks {lacking}", "", ()) if lacking else cls.availability()
    except Exception as error:
        return Availability(False, f"{type(error).__name__}: {first_line(error)}", "", ())


def available_backends() -> dict[str, Availability]:
    """Return {name: availability} of all registered backends."""
    return {name: availability(name) for name in names()}


def get_backend(
    backend: str | Backend = "numpy", device: str | None = None, threads: int | None = None, tf32: bool = False,
    numerics: str = "plain",
) -> Backend:  # fmt: skip
    """Return a backend that is ready to use.

    backend: a registered name, or "auto": a GPU through cupy or torch where there is one, else numpy.
    device: "cpu", "cuda", "mps"; None lets the backend choose. threads: of the CPU; None lets the backend choose,
    but is 1 for a worker that mpiexec or torchrun has started: sums on PyTorch depend on it, so it must not depend on
    how many workers share a machine.
    tf32: let an NVIDIA GPU round the factors of matrix products to TF32 (10 bits): faster, and much less exact.
    numerics: "plain", or "exact": the same bits on every backend, machine and number of threads; "exact-fine": with a
    tenth of the error, in three times the time.

    Raises BackendUnavailableError with one line that says what would help.
    """
    if isinstance(backend, Backend):
        if device is not None or threads is not None or tf32 or numerics not in ("plain", backend.numerics):
            remedy = "give its name instead, or leave out device, threads, tf32 and numerics"
            raise BackendUnavailableError(f"backend {backend.name}: already exists: {remedy}")
        return backend
    threads = require_threads(threads)
    if threads is None and find_launcher() is not None:
        threads = 1
    if device is not None and not isinstance(device, str):
        raise ConfigError(f"device: expected a text such as 'cpu' or 'cuda', got {device!r}")
    if backend == "auto":
        backend = _automatic(device)
    load = _entry_of_numerics(backend, numerics, tf32).load
    state = availability(backend)
    if not state.usable:
        raise BackendUnavailableError(
            f"backend {backend}: {state.reason}" + (f": install it with {state.install}" if state.install else "")
        )
    if device is not None and device.split(":")[0] not in state.devices:
        raise BackendUnavailableError(
            f"backend {backend}: expected device {' or '.join(state.devices)}, got {device!r}"
        )
    try:
        instance: Backend = load()(device=device, threads=threads)
    except (CnnkitError, MemoryError):
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {first_line(error)}"
        raise BackendUnavailableError(
            f"backend {backend}: cannot be constructed with device and threads: {reason}"
        ) from error
    name = getattr(instance, "name", None)
    if name != backend:
        raise BackendUnavailableError(f"backend {backend}: its class calls itself {name!r}: set name = {backend!r}")
    instance.numerics = numerics
    if tf32:
        instance.allow_tf32()
    return instance


def _entry_of_numerics(name: str, numerics: str, tf32: bool) -> EntryPoint:
    """Return where the class of a backend with these numerics is."""
    if numerics not in NUMERICS:
        raise ConfigError(f"numerics: expected one of {', '.join(NUMERICS)}, got {numerics!r}")
    entry = _entry(name)
    if numerics == "plain":
        return entry
    if tf32:
        raise ConfigError(f"numerics: TF32 rounds what {numerics} numerics keep: leave one of them out")
    if name not in _EXACT:
        raise BackendUnavailableError(f"backend {name}: has no exact numerics: use one of {', '.join(_EXACT)}")
    return EntryPoint(name, _EXACT[name], GROUP)


def _automatic(device: str | None) -> str:
    for name in PREFERENCE:
        state = availability(name)
        gpus = set(state.devices) - {"cpu"}
        if state.usable and (device.split(":")[0] in gpus if device else gpus):
            return name
    return "numpy"
