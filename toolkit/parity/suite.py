"""The whole suite: choose backends, dtypes and checks, and run them in order from small to large."""

import fnmatch
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version

from cnnkit import precision, recipes
from cnnkit.backends.protocol import Backend
from cnnkit.backends.registry import available_backends, get_backend
from cnnkit.errors import BackendUnavailableError, ConfigError
from cnnkit.parity import extremes, layers, losses, matrix, optimizers, randomness, trainings, workers
from cnnkit.parity.check import Arena, Check
from cnnkit.parity.engine import run_check
from cnnkit.parity.primitives import PRIMITIVES
from cnnkit.parity.report import ParityReport
from cnnkit.parity.trajectories.plan import QUICK_STEPS, STEPS, TrainingPlan, plan_training
from cnnkit.precision import HALF

DTYPES = ("float32", "float64")  # that are compared unless others are named
DRAWS, QUICK_DRAWS = 60, 5
QUICK_RECIPES = ("digits-cnn",)
MOST_WORKERS = 64  # threads of this process
Job = tuple[str, Callable[[], None]]
Progress = Callable[[int, int, str], None]  # done, total, name of the next job

CHECKS: tuple[Check, ...] = (
    *PRIMITIVES.values(),
    *layers.CHECKS,
    *losses.CHECKS,
    *extremes.CHECKS,
    *optimizers.CHECKS,
    *randomness.CHECKS,
)


@dataclass(frozen=True)
class Settings:
    """Selects the part of the suite to run.

    filter   a pattern of check names (`convolve*`, `layer *`) or the name of a section; None: all
    recipes  names of the recipes whose trainings are compared; None: all
    quick    fewer random cases per check, fewer steps per training, and one training
    workers  numbers of workers whose trainings must have the bits of one process; without a filter nothing else runs;
             None: 1 and 3, beside all else
    """

    dtypes: tuple[str, ...] = DTYPES
    filter: str | None = None
    recipes: tuple[str, ...] | None = None
    quick: bool = False
    seed: int = 0
    workers: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        for dtype in self.dtypes:
            if dtype not in precision.DTYPES:
                raise ConfigError(f"dtype: expected one of {', '.join(precision.DTYPES)}, got {dtype!r}")
        for number in self.workers or ():
            if not 1 <= number <= MOST_WORKERS:
                raise ConfigError(f"workers: expected 1 to {MOST_WORKERS}, got {number}")
        for recipe in self.recipes or ():
            recipes.get(recipe)  # raises for an unknown name

    @property
    def draws(self) -> int:
        """The number of random cases per check."""
        return QUICK_DRAWS if self.quick else DRAWS

    def wants(self, section: str, name: str) -> bool:
        """Return whether the filter selects a check, or workers alone are asked for."""
        if self.filter is None and self.workers is not None:
            return section == workers.SECTION
        return self.filter is None or section == self.filter or fnmatch.fnmatchcase(name, self.filter)


def resolve_backends(
    wanted: Sequence[str | Backend] = (), device: str | None = None, threads: int | None = 1
) -> list[Backend]:
    """Return the named backends, or all that this machine can run.

    Raises BackendUnavailableError for a backend that cannot run, ConfigError for two with the same name.
    """
    names = list(wanted) or [
        name
        for name, state in available_backends().items()
        if state.usable and (device is None or device.split(":")[0] in state.devices)
    ]
    for name in names:
        if not isinstance(name, str | Backend):
            raise ConfigError(f"backend: expected a name or a backend, got {name!r}: if it is a class, call it")
    backends = [get_backend(name, device, threads) if isinstance(name, str) else name for name in names]
    labels = [backend.name for backend in backends]
    if len(set(labels)) < len(labels):
        twice = ", ".join(labels)
        raise ConfigError(f"backend: expected unique names, got {twice}: remove one, or give your class another name")
    return backends


def make_arenas(backends: Sequence[Backend], dtypes: Sequence[str]) -> list[Arena]:
    """Return each backend in each dtype that it computes in: `zeros` raises BackendUnavailableError for the others."""
    arenas = []
    for backend in backends:
        for dtype in dtypes:
            if dtype in HALF and dtype not in backend.half_types:
                continue
            try:
                backend.zeros((1,), dtype)
            except BackendUnavailableError:
                continue
            arenas.append(Arena(backend, dtype))
    return arenas


def run(
    backends: Sequence[str | Backend] = (),
    settings: Settings | None = None,
    device: str | None = None,
    threads: int | None = 1,
    progress: Progress | None = None,
) -> ParityReport:
    """Compare backends with the float64 reference and with each other; return the report.

    backends: names or instances; empty: all that run on this machine. device, threads: of the named ones; one thread
    is fastest on arrays as small as these.

    Raises BackendUnavailableError or ConfigError for arguments that cannot be used; a failing backend does not raise,
    it gets failed rows.
    """
    settings = settings or Settings()
    started = time.perf_counter()
    oracle, chosen = get_backend("reference"), resolve_backends(backends, device, threads)
    arenas = make_arenas(chosen, settings.dtypes)
    if not arenas:
        names, wanted = ", ".join(backend.name for backend in chosen), " or ".join(settings.dtypes)
        raise ConfigError(f"dtype: {names}: expected a backend that computes in {wanted}: name torch or cupy")
    report = ParityReport(
        tuple(backend.name for backend in chosen), settings.dtypes, machine=_describe_machine(chosen, arenas, settings)
    )
    jobs = list(_list_jobs(settings, arenas, oracle, report))
    if not jobs:
        raise ConfigError(f"filter: no check is called {settings.filter!r}: try `convolve*`, `layer *` or `training *`")
    for i, (name, job) in enumerate(jobs):
        if progress is not None:
            progress(i, len(jobs), name)
        job()
    if not report.rows:
        raise ConfigError("backend: these checks compare backends, got only one: name a second one")
    for backend in chosen:
        counts = backend.launches()
        if counts:
            report.extras[f"launches of {backend.name}"] = dict(counts)
    report.seconds = time.perf_counter() - started
    return report


def _list_jobs(settings: Settings, arenas: list[Arena], oracle: Backend, report: ParityReport) -> Iterator[Job]:
    whole = [arena for arena in arenas if arena.dtype not in HALF]
    half = [arena for arena in arenas if arena.dtype in HALF]
    for checks, chosen in ((CHECKS, whole), (layers.HALF_CHECKS, half)):
        for check in checks if chosen else ():
            if settings.wants(check.section, check.name):
                yield check.name, partial(_run_check, check, settings, chosen, oracle, report)
    if whole and any(settings.wants(matrix.SECTION, name) for name in matrix.list_names()):
        yield "matrix", partial(_run_matrix, settings, whole, oracle, report)
    plain = {arena.backend.name: arena.backend for arena in whole if arena.dtype == "float32"}
    few = settings.quick and settings.filter is None
    for name, backend, case, numerics in workers.list_checks(list(plain.values()), few):
        if settings.wants(workers.SECTION, name):
            yield f"{name} {backend.name}", partial(_run_workers, settings, backend, case, numerics, report)
    for recipe in settings.recipes or (QUICK_RECIPES if few else recipes.with_data()):
        if settings.wants(trainings.SECTION, f"training {recipe}"):
            planned = plan_training(recipe, settings.seed, QUICK_STEPS if settings.quick else STEPS)
            for dtype in settings.dtypes:
                yield f"training {recipe} {dtype}", partial(_run_training, planned, dtype, arenas, oracle, report)


def _run_check(check: Check, settings: Settings, arenas: list[Arena], oracle: Backend, report: ParityReport) -> None:
    report.rows += run_check(check, settings.draws, settings.seed, arenas, oracle)


def _run_matrix(settings: Settings, arenas: list[Arena], oracle: Backend, report: ParityReport) -> None:
    report.rows += [row for row in matrix.make_rows(arenas, oracle) if settings.wants(matrix.SECTION, row.name)]


def _run_training(
    planned: TrainingPlan, dtype: str, arenas: list[Arena], oracle: Backend, report: ParityReport
) -> None:
    trajectories = trainings.compared(planned, dtype, arenas, oracle)
    report.trainings += trajectories
    report.rows += [trainings.row(trajectory, oracle) for trajectory in trajectories]


def _run_workers(
    settings: Settings, backend: Backend, case: workers.Share, numerics: str, report: ParityReport
) -> None:
    report.rows += workers.make_rows(backend, case, numerics, settings.workers or workers.NUMBERS)


def _describe_machine(backends: Sequence[Backend], arenas: Sequence[Arena], settings: Settings) -> dict[str, object]:
    return {
        "cnnkit": version("cnnkit"),
        "python": platform.python_version(),
        "numpy": version("numpy"),
        "system": f"{platform.system()} {platform.machine()}",
        "backends": matrix.describe_backends(backends, arenas),
        "draws": settings.draws,
        "seed": settings.seed,
    }
