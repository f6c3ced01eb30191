"""What each backend can do, and how it says no: bad shapes, dtypes and devices meet one error in the same words."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from cnnkit import layers
from cnnkit.backends.protocol import Availability, Backend
from cnnkit.data.dataset import Dataset, Split
from cnnkit.errors import BackendUnavailableError
from cnnkit.layers import Context, Layer
from cnnkit.network import Network
from cnnkit.options import Options
from cnnkit.parity.check import Arena
from cnnkit.parity.results import KNOWN, ParityRow
from cnnkit.training.training import Training
from cnnkit.tree import map_leaves

SECTION = "matrix"
Attempt = Callable[[Arena], Any]


class Answer(NamedTuple):
    """What came of an attempt that must fail: the error's class and its line; "" and "" where nothing was raised."""

    error: str = ""
    line: str = ""

    def __str__(self) -> str:
        return f"{self.error}: {self.line}" if self.error else "no error"


def _layer(layer: Layer, x_shape: tuple[int, ...], *given: int) -> Attempt:
    """Return the attempt to pass x of a shape through a layer that was made for another one."""

    def attempt(arena: Arena) -> Any:
        fresh = layer.init(np.random.default_rng(0), x_shape)
        params, state = (map_leaves(arena.array, tree) for tree in fresh)
        return layer.forward(Context(arena.backend, True, (1, 2)), params, state, arena.array(np.ones(given)))

    return attempt


def _model(arena: Arena, dtype: str | None = None, seed: int = 0) -> Network:
    network = layers.Sequential((layers.Flatten(), layers.Dense(3)))
    return Network(network, (1, 2, 2), backend=arena.backend, dtype=dtype or arena.dtype, seed=seed)


def _train(arena: Arena, side: int, classes: int) -> Any:
    part = Split(np.ones((4, 1, side, side)), np.arange(4) % classes)
    data = Dataset("made", part, None, tuple("abcdefgh"[:classes]), (1, side, side))
    return Training(_model(arena), data, Options())


IMAGES = (2, 5, 5)
WORDED: dict[str, Attempt] = {
    "Conv2D: other channels": _layer(layers.Conv2D(3, 3), IMAGES, 2, 3, 5, 5),
    "Conv2D: rows for images": _layer(layers.Conv2D(3, 3), IMAGES, 2, 50),
    "ConvTranspose2D: other channels": _layer(layers.ConvTranspose2D(3, 3), IMAGES, 2, 3, 5, 5),
    "Dense: other features": _layer(layers.Dense(3), (4,), 2, 5),
    "Dense: images for rows": _layer(layers.Dense(3), (4,), 2, 1, 2, 2),
    "BatchNorm: a batch of 1": _layer(layers.BatchNorm(), (4,), 1, 4),
    "Sequential: other channels inside": _layer(layers.Sequential((layers.Conv2D(2, 1),)), IMAGES, 2, 4, 5, 5),
    "Model: dtype float16": lambda arena: _model(arena, dtype="float16"),
    "Model: seed -1": lambda arena: _model(arena, seed=-1),
    "Model: images of another shape": lambda arena: _model(arena).outputs(np.ones((2, 1, 3, 3))),
    "Model: no image": lambda arena: _model(arena).outputs(np.ones((0, 1, 2, 2))),
    "Training: images of another shape": lambda arena: _train(arena, 3, 3),
    "Training: other classes": lambda arena: _train(arena, 2, 4),
}
CONVOLVED = ((1, 1), ((0, 0), (0, 0)), (1, 1), 1)
REFUSED: dict[str, Attempt] = {
    "matmul: inner sizes differ": lambda a: a.backend.matmul(a.array(np.ones((2, 3))), a.array(np.ones((4, 5)))),
    "conv2d: channels differ": lambda a: a.backend.conv2d(
        a.array(np.ones((1, 3, 4, 4))), a.array(np.ones((2, 2, 3, 3))), *CONVOLVED
    ),
    "concatenate: other axes differ": lambda a: a.backend.concatenate(
        [a.array(np.ones((2, 3))), a.array(np.ones((2, 4)))], 0
    ),
    "transpose: too few axes": lambda a: a.backend.transpose(a.array(np.ones((2, 3))), (0,)),
    "sum: an axis that is not there": lambda a: a.backend.sum(a.array(np.ones((2, 3))), axis=2),
    "asarray: a dtype that is not there": lambda a: a.backend.asarray(np.ones(2), "float17"),
    "zeros: a dtype that is not there": lambda a: a.backend.zeros((2,), "float17"),
    "zeros: a negative size": lambda a: a.backend.zeros((-2,), a.dtype),
}


def answer(attempt: Attempt, arena: Arena) -> Answer:
    """Return how the attempt failed; the backend's own name stands as BACKEND in the line."""
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            attempt(arena)
    except Exception as error:
        return Answer(type(error).__name__, str(error).replace(arena.backend.name, "BACKEND"))
    return Answer()


def names() -> list[str]:
    """Return what the rows are called."""
    return [*(f"refuses {name}" for name in (*WORDED, *REFUSED)), "availability", "allow_tf32"]


def rows(arenas: Sequence[Arena], oracle: Backend) -> Iterator[ParityRow]:
    """Yield a row for each backend and each attempt, and for what it says of itself."""
    seen = set()
    for arena in arenas:
        for name, attempt in WORDED.items():
            wanted, got = answer(attempt, Arena(oracle, arena.dtype)), answer(attempt, arena)
            wrong = "" if got == wanted and got.error else f"expected {wanted}, got {got}"
            yield _row(f"refuses {name}", arena, oracle.name, wrong)
        for name, attempt in REFUSED.items():
            got = answer(attempt, arena)
            yield _row(f"refuses {name}", arena, KNOWN, "" if got.error else "expected an error, got a result")
        if arena.backend not in seen:
            seen.add(arena.backend)
            yield _row("availability", arena, KNOWN, _unsound(arena.backend))
            yield _row("allow_tf32", arena, KNOWN, _rounds(arena.backend))


def capabilities(backends: Sequence[Backend], arenas: Sequence[Arena]) -> dict[str, str]:
    """Return for each backend what it has: device, threads, dtypes."""
    return {
        backend.name: f"{backend.device}, {backend.threads} threads, "
        + " ".join(arena.dtype for arena in arenas if arena.backend is backend)
        for backend in backends
    }


def _row(name: str, arena: Arena, against: str, wrong: str) -> ParityRow:
    error = np.inf if wrong else 0.0
    return ParityRow(SECTION, name, "exact", arena.backend.name, arena.dtype, against, error, 0.0, 1, wrong)


def _unsound(backend: Backend) -> str:
    """Return what is wrong with what a backend says of itself."""
    state: Any = type(backend).availability()
    if not isinstance(state, Availability) or not state.usable:
        return f"expected to be usable, since it is in use; says {state}"
    if backend.device.partition(":")[0] not in state.devices:
        return f"expected its device among {state.devices}, got {backend.device!r}"
    return ""


def _rounds(backend: Backend) -> str:
    """Return what is wrong with the way a CPU refuses TF32; a GPU is not asked, for it might agree, and stay so."""
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
