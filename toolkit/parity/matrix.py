"""Checks of refusals: bad shapes, dtypes and devices raise the same error with the same text on every backend."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from cnnkit import layers
from cnnkit.backends.protocol import Availability, Backend
from cnnkit.data.dataset import Dataset
from cnnkit.data.split import Split
from cnnkit.errors import BackendUnavailableError
from cnnkit.files.names import format_count
from cnnkit.layers import Context, Layer
from cnnkit.network import Network
from cnnkit.options import Options
from cnnkit.parity.check import Arena
from cnnkit.parity.results import KNOWN, ParityRow
from cnnkit.training.training import Training
from cnnkit.tree import map_leaves

SECTION = "matrix"
Action = Callable[[Arena], Any]


class Answer(NamedTuple):
    """The error of an action that must fail: its class and text; both "" when nothing was raised."""

    error: str = ""
    line: str = ""

    def __str__(self) -> str:
        return f"{self.error}: {self.line}" if self.error else "no error"


def _pass_through(layer: Layer, x_shape: tuple[int, ...], *given: int) -> Action:
    """Return the action that passes an x of shape `given` through a layer initialised for another shape."""

    def action(arena: Arena) -> Any:
        initial = layer.init(np.random.default_rng(0), x_shape)
        params, state = (map_leaves(arena.array, tree) for tree in initial)
        return layer.forward(Context(arena.backend, True, (1, 2)), params, state, arena.array(np.ones(given)))

    return action


def _make_model(arena: Arena, dtype: str | None = None, seed: int = 0) -> Network:
    network = layers.Sequential((layers.Flatten(), layers.Dense(3)))
    return Network(network, (1, 2, 2), backend=arena.backend, dtype=dtype or arena.dtype, seed=seed)


def _start_training(arena: Arena, side: int, classes: int) -> Any:
    part = Split(np.ones((4, 1, side, side)), np.arange(4) % classes)
    data = Dataset("made", part, None, tuple("abcdefgh"[:classes]), (1, side, side))
    return Training(_make_model(arena), data, Options())


IMAGES = (2, 5, 5)
SAME_WORDS: dict[str, Action] = {
    "Conv2D: other channels": _pass_through(layers.Conv2D(3, 3), IMAGES, 2, 3, 5, 5),
    "Conv2D: rows for images": _pass_through(layers.Conv2D(3, 3), IMAGES, 2, 50),
    "ConvTranspose2D: other channels": _pass_through(layers.ConvTranspose2D(3, 3), IMAGES, 2, 3, 5, 5),
    "Dense: other features": _pass_through(layers.Dense(3), (4,), 2, 5),
    "Dense: images for rows": _pass_through(layers.Dense(3), (4,), 2, 1, 2, 2),
    "BatchNorm: a batch of 1": _pass_through(layers.BatchNorm(), (4,), 1, 4),
    "Sequential: other channels inside": _pass_through(layers.Sequential((layers.Conv2D(2, 1),)), IMAGES, 2, 4, 5, 5),
    "Model: dtype int32": lambda arena: _make_model(arena, dtype="int32"),
    "Model: seed -1": lambda arena: _make_model(arena, seed=-1),
    "Model: images of another shape": lambda arena: _make_model(arena).outputs(np.ones((2, 1, 3, 3))),
    "Model: no image": lambda arena: _make_model(arena).outputs(np.ones((0, 1, 2, 2))),
    "Training: images of another shape": lambda arena: _start_training(arena, 3, 3),
    "Training: other classes": lambda arena: _start_training(arena, 2, 4),
}
CONVOLUTION_OPTIONS = ((1, 1), ((0, 0), (0, 0)), (1, 1), 1)
ANY_ERROR: dict[str, Action] = {
    "matmul: inner sizes differ": lambda a: a.backend.matmul(a.array(np.ones((2, 3))), a.array(np.ones((4, 5)))),
    "convolve: channels differ": lambda a: a.backend.convolve(
        a.array(np.ones((1, 3, 4, 4))), a.array(np.ones((2, 2, 3, 3))), *CONVOLUTION_OPTIONS
    ),
    "concatenate: other axes differ": lambda a: a.backend.concatenate(
        [a.array(np.ones((2, 3))), a.array(np.ones((2, 4)))], 0
    ),
    "transpose: too few axes": lambda a: a.backend.transpose(a.array(np.ones((2, 3))), (0,)),
    "sum: an axis that does not exist": lambda a: a.backend.sum(a.array(np.ones((2, 3))), axis=2),
    "asarray: an unknown dtype": lambda a: a.backend.asarray(np.ones(2), "float17"),
    "zeros: an unknown dtype": lambda a: a.backend.zeros((2,), "float17"),
    "zeros: a negative size": lambda a: a.backend.zeros((-2,), a.dtype),
}


def catch_error(action: Action, arena: Arena) -> Answer:
    """Return the error of the action; its text has BACKEND in place of the name of the backend."""
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            action(arena)
    except Exception as error:
        return Answer(type(error).__name__, str(error).replace(arena.backend.name, "BACKEND"))
    return Answer()


def list_names() -> list[str]:
    """Return the names of the rows."""
    return [*(f"refuses {name}" for name in (*SAME_WORDS, *ANY_ERROR)), "availability", "allow_tf32"]


def make_rows(arenas: Sequence[Arena], oracle: Backend) -> Iterator[ParityRow]:
    """Yield one row per backend and action, and rows for `availability` and `allow_tf32`."""
    checked = set()
    for arena in arenas:
        for name, action in SAME_WORDS.items():
            wanted, got = catch_error(action, Arena(oracle, arena.dtype)), catch_error(action, arena)
            wrong = "" if got == wanted and got.error else f"expected {wanted}, got {got}"
            yield _make_row(f"refuses {name}", arena, oracle.name, wrong)
        for name, action in ANY_ERROR.items():
            got = catch_error(action, arena)
            yield _make_row(f"refuses {name}", arena, KNOWN, "" if got.error else "expected an error, got a result")
        if arena.backend not in checked:
            checked.add(arena.backend)
            yield _make_row("availability", arena, KNOWN, _check_availability(arena.backend))
            yield _make_row("allow_tf32", arena, KNOWN, _check_tf32_refusal(arena.backend))


def describe_backends(backends: Sequence[Backend], arenas: Sequence[Arena]) -> dict[str, str]:
    """Return device, threads and dtypes of each backend, in words."""
    return {
        backend.name: f"{backend.device}, {format_count(backend.threads, 'thread')}, "
        + " ".join(arena.dtype for arena in arenas if arena.backend is backend)
        for backend in backends
    }


def _make_row(name: str, arena: Arena, against: str, wrong: str) -> ParityRow:
    error = np.inf if wrong else 0.0
    return ParityRow(SECTION, name, "exact", arena.backend.name, arena.dtype, against, error, 0.0, 1, wrong)


def _check_availability(backend: Backend) -> str:
    """Return what is wrong with the availability of a backend, "" if nothing."""
    state: Any = type(backend).availability()
    if not isinstance(state, Availability) or not state.usable:
        return f"expected to be usable, since it is in use, got {state}"
    if backend.device.partition(":")[0] not in state.devices:
        return f"expected its device among {state.devices}, got {backend.device!r}"
    return ""


def _check_tf32_refusal(backend: Backend) -> str:
    """Return what is wrong with the refusal of TF32 on a CPU, "" if nothing; on a GPU the call could succeed."""
    if backend.device != "cpu":
        return ""
    wanted = f"backend {backend.name} on {backend.device}: has no TF32: leave tf32 out"
    try:
        backend.allow_tf32()
    except BackendUnavailableError as error:
        return "" if str(error) == wanted else f"expected {wanted!r}, got {str(error)!r}"
    except Exception as error:
        return f"expected BackendUnavailableError, got {type(error).__name__}: {error}"
    return "expected BackendUnavailableError, got no error"
