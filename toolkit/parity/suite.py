"""The whole suite: which backends and dtypes take part, which checks are run, in the order from small to large."""

import fnmatch
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version

from cnnkit import recipes
from cnnkit.backends.protocol import Backend
from cnnkit.backends.registry import available_backends, get_backend
from cnnkit.errors import BackendUnavailableError, ConfigError
from cnnkit.parity import layers, losses, matrix, optimizers, randomness, trainings
from cnnkit.parity.check import Arena, Check
from cnnkit.parity.engine import run_check
from cnnkit.parity.primitives import PRIMITIVES
from cnnkit.parity.report import ParityReport
from cnnkit.parity.trajectories.plan import QUICK_STEPS, STEPS, Plan, plan

DTYPES = ("float32", "float64")
DRAWS, QUICK_DRAWS = 60, 5
QUICK_RECIPES = ("digits-cnn",)
Job = tuple[str, Callable[[], None]]
Progress = Callable[[int, int, str], None]  # done, in all, what comes next

CHECKS: tuple[Check, ...] = (
    *PRIMITIVES.values(),
    *layers.CHECKS,
    *losses.CHECKS,
    *optimizers.CHECKS,
    *randomness.CHECKS,
)


@dataclass(frozen=True)
class Settings:
    """What of the suite is run.

    draws    random cases a check; steps of each training; quick: fewer of both, and one training
    filter   a pattern of check names (`conv2d*`, `layer *`) or a section's name; None: all
    recipes  whose trainings are compared; None: all
    """

    dtypes: tuple[str, ...] = DTYPES
    filter: str | None = None
    recipes: tuple[str, ...] | None = None
    quick: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        for dtype in self.dtypes:
            if dtype not in DTYPES:
                raise ConfigError(f"dtype: expected {' or '.join(DTYPES)}, got {dtype!r}")
        for recipe in self.recipes or ():
            recipes.get(recipe)  # raises for a name that there is not

    @property
    def draws(self) -> int:
        """Random cases a check."""
        return QUICK_DRAWS if self.quick else DRAWS

    def wants(self, section: str, name: str) -> bool:
        """Say whether the filter lets a check pass."""
        return self.filter is None or section == self.filter or fnmatch.fnmatchcase(name, self.filter)


def chosen_backends(
    wanted: Sequence[str | Backend] = (), device: str | None = None, threads: int | None = 1
) -> list[Backend]:
    """Return the backends named, or all that this machine can run.

    Raises BackendUnavailableError for one that cannot run, ConfigError for two of one name.
    """
    names = list(wanted) or [
        name
        for name, state in available_backends().items()
        if state.usable and (device is None or device.split(":")[0] in state.devices)
    ]
    for name in names:
        if not isinstance(name, str | Backend):
            raise ConfigError(f"backend: expected a name or a backend, got {name!r}: if it is a class, call it")
    found = [get_backend(name, device, threads) if isinstance(name, str) else name for name in names]
    labels = [backend.name for backend in found]
    if len(set(labels)) < len(labels):
        twice = ", ".join(labels)
        raise ConfigError(
            f"backend: expected each once, got {twice}: leave one out, or give your class a name of its own"
        )
    return found


def arenas_of(backends: Sequence[Backend], dtypes: Sequence[str]) -> list[Arena]:
    """Return every backend in every dtype that it has: one may refuse a dtype in words."""
    found = []
    for backend in backends:
        for dtype in dtypes:
            try:
                backend.zeros((1,), dtype)
            except BackendUnavailableError:
                continue
            found.append(Arena(backend, dtype))
    return found


def run(
    backends: Sequence[str | Backend] = (),
    settings: Settings | None = None,
    device: str | None = None,
    threads: int | None = 1,
    progress: Progress | None = None,
) -> ParityReport:
    """Hold backends against the float64 reference and against each other; return what was found.

    backends: names or backends at hand; none: all that run here. device, threads: of those that are named; one thread
    is quickest on arrays as small as these.

    Raises BackendUnavailableError or ConfigError where the question makes no sense; a backend that fails is an
    answer.
    """
    settings = settings or Settings()
    started = time.perf_counter()
    oracle, chosen = get_backend("reference"), chosen_backends(backends, device, threads)
    arenas = arenas_of(chosen, settings.dtypes)
    report = ParityReport(
        tuple(backend.name for backend in chosen), settings.dtypes, machine=_machine(chosen, arenas, settings)
    )
    jobs = list(_jobs(settings, arenas, oracle, report))
    if not jobs:
        raise ConfigError(f"filter: no check is called {settings.filter!r}: `conv2d*`, `layer *`, `training *` are")
    for i, (name, job) in enumerate(jobs):
        if progress is not None:
            progress(i, len(jobs), name)
        job()
    if not report.rows:
        raise ConfigError("backend: these checks compare backends, and there is one: name a second one")
    for backend in chosen:
        counts = backend.launches()
        if counts:
            report.extras[f"launches of {backend.name}"] = dict(counts)
    report.seconds = time.perf_counter() - started
    return report


def _jobs(settings: Settings, arenas: list[Arena], oracle: Backend, report: ParityReport) -> Iterator[Job]:
    for check in CHECKS:
        if settings.wants(check.section, check.name):
            yield check.name, partial(_check, check, settings, arenas, oracle, report)
    if any(settings.wants(matrix.SECTION, name) for name in matrix.names()):
        yield "matrix", partial(_look, settings, arenas, oracle, report)
    few = settings.quick and settings.filter is None
    for recipe in settings.recipes or (QUICK_RECIPES if few else recipes.names()):
        if settings.wants(trainings.SECTION, f"training {recipe}"):
            planned = plan(recipe, settings.seed, QUICK_STEPS if settings.quick else STEPS)
            for dtype in settings.dtypes:
                yield f"training {recipe} {dtype}", partial(_train, planned, dtype, arenas, oracle, report)


def _check(check: Check, settings: Settings, arenas: list[Arena], oracle: Backend, report: ParityReport) -> None:
    report.rows += run_check(check, settings.draws, settings.seed, arenas, oracle)


def _look(settings: Settings, arenas: list[Arena], oracle: Backend, report: ParityReport) -> None:
    report.rows += [row for row in matrix.rows(arenas, oracle) if settings.wants(matrix.SECTION, row.name)]


def _train(planned: Plan, dtype: str, arenas: list[Arena], oracle: Backend, report: ParityReport) -> None:
    found = trainings.compared(planned, dtype, arenas, oracle)
    report.trainings += found
    report.rows += [trainings.row(trajectory, oracle) for trajectory in found]


def _machine(backends: Sequence[Backend], arenas: Sequence[Arena], settings: Settings) -> dict[str, object]:
    return {
        "cnnkit": version("cnnkit"),
        "python": platform.python_version(),
        "numpy": version("numpy"),
        "system": f"{platform.system()} {platform.machine()}",
        "backends": matrix.capabilities(backends, arenas),
        "draws": settings.draws,
        "seed": settings.seed,
    }
