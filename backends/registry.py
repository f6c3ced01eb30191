"""Backends by name, found through the entry points of group `cnnkit.backends`; ours are registered the same way."""

from importlib.metadata import EntryPoint, entry_points

from cnnkit.backends.protocol import Availability, Backend
from cnnkit.errors import BackendUnavailableError

GROUP = "cnnkit.backends"
PREFERENCE = ("cupy", "torch", "numpy")  # of "auto": a GPU first, then what needs nothing


def names() -> list[str]:
    """Return the names of all registered backends, usable here or not."""
    return sorted({entry.name for entry in entry_points(group=GROUP)})


def _entry(name: str) -> EntryPoint:
    found = tuple(entry_points(group=GROUP, name=name))
    if not found:
        raise BackendUnavailableError(f"backend: expected one of {', '.join(names())} or auto, got {name!r}")
    return found[0]


def availability(name: str) -> Availability:
    """Say whether the backend `name` can run here; a broken third-party backend answers no, with its error as reason."""
    try:
        loaded: type[Backend] = _entry(name).load()
        return loaded.availability()
    except BackendUnavailableError:
        raise
    except Exception as error:
        return Availability(False, f"{type(error).__name__}: {error}", "", ())


def available_backends() -> dict[str, Availability]:
    """Return {name: availability} of all registered backends."""
    return {name: availability(name) for name in names()}


def get_backend(backend: str | Backend = "numpy", device: str | None = None, threads: int | None = None) -> Backend:
    """Return a backend ready for work.

    backend: a registered name, or "auto": a GPU through cupy or torch where there is one, else numpy.
    device: "cpu", "cuda", "mps"; None lets the backend choose. threads: of the CPU; None lets the backend choose.

    Raises BackendUnavailableError in one line that names what would help.
    """
    if isinstance(backend, Backend):
        return backend
    if backend == "auto":
        backend = _automatic(device)
    loaded = _entry(backend).load
    state = availability(backend)
    if not state.usable:
        raise BackendUnavailableError(
            f"backend {backend}: {state.reason}" + (f": install it with {state.install}" if state.install else "")
        )
    if device is not None and device.split(":")[0] not in state.devices:
        raise BackendUnavailableError(
            f"backend {backend}: expected device {' or '.join(state.devices)}, got {device!r}"
        )
    made: Backend = loaded()(device=device, threads=threads)
    return made


def _automatic(device: str | None) -> str:
    for name in PREFERENCE:
        state = availability(name)
        wanted = [device.split(":")[0]] if device else ["cuda", "mps"] if name != "numpy" else ["cpu"]
        if state.usable and set(wanted) & set(state.devices):
            return name
    return "numpy"
