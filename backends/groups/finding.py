"""Finds the group of a process that a launcher has started, by what the launcher left in the environment."""

import os
from collections.abc import Mapping
from typing import NamedTuple

from cnnkit.backends.groups.group import Group
from cnnkit.backends.protocol import Backend
from cnnkit.errors import BackendUnavailableError, ConfigError

VARIABLE = "CNNKIT_GROUP_SECONDS"
SECONDS = 300.0
# rank, size, rank on this machine in the environment of Open MPI, Intel MPI, srun with PMI2, MPICH, srun with PMIx
MPI_NAMES = (
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK"),
    ("PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID"),
    ("PMI_RANK", "PMI_SIZE", "SLURM_LOCALID"),
    ("PMI_RANK", "PMI_SIZE"),
    ("PMIX_RANK", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID"),
)
TORCH_NAMES = ("RANK", "WORLD_SIZE", "LOCAL_RANK")


class Launcher(NamedTuple):
    """Who started this process as one of several workers.

    name: "mpiexec" or "torchrun". rank: 0 to size - 1. local_rank: the rank among those on this machine, which says
    which of its devices to take.
    """

    name: str
    rank: int
    size: int
    local_rank: int


def find_launcher(environment: Mapping[str, str] | None = None) -> Launcher | None:
    """Return who started this process as a worker, None for a process of its own; nothing is imported."""
    known = os.environ if environment is None else environment
    if all(name in known for name in (*TORCH_NAMES[:2], "MASTER_ADDR", "MASTER_PORT")):
        return _read("torchrun", TORCH_NAMES, known)
    for names in MPI_NAMES:
        if all(name in known for name in names):
            return _read("mpiexec", names, known)
    return None


def _read(launcher: str, names: tuple[str, ...], environment: Mapping[str, str]) -> Launcher:
    values = [environment.get(name, "0") for name in names]
    rank, size, local, *_ = (
        int(text) if text.isascii() and text.isdigit() and len(text) < 8 else -1 for text in (*values, "0")
    )
    if not (0 <= rank < size and local >= 0):
        found = ", ".join(f"{name}={text!r}" for name, text in zip(names, values, strict=True))
        raise ConfigError(f"environment: expected the rank and number of workers of {launcher}, got {found}")
    return Launcher(launcher, rank, size, local)


def find_group(backend: Backend, seconds: float | None = None) -> Group | None:
    """Return the group of workers that mpiexec, srun or torchrun has started, None without them.

    backend: whose arrays travel. seconds: how long to wait for another worker; by default CNNKIT_GROUP_SECONDS of the
    environment, else 300. Raises: BackendUnavailableError if the engine is not installed, ConfigError.
    """
    launcher = find_launcher()
    if launcher is None:
        return None
    limit = find_seconds(os.environ) if seconds is None else seconds
    join = _join_torch if launcher.name == "torchrun" else _join_mpi
    return join(backend, launcher, limit)


def find_seconds(environment: Mapping[str, str]) -> float:
    """Return how long to wait for another worker. Raises: ConfigError."""
    text = environment.get(VARIABLE, str(SECONDS))
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds < 1e7:
        raise ConfigError(f"{VARIABLE}: expected seconds above 0, such as 300, got {text!r}")
    return seconds


def _join_mpi(backend: Backend, launcher: Launcher, seconds: float) -> Group:
    from cnnkit.backends.groups.mpi_group import MpiGroup

    started = f"{launcher.name} started {launcher.size} workers"
    try:
        group = MpiGroup(backend, seconds)
    except (ImportError, RuntimeError) as error:  # mpi4py without a library of MPI raises RuntimeError
        reason = str(error).splitlines()[0] if str(error) else "it cannot be loaded"
        raise BackendUnavailableError(
            f"{started}, which need MPI and mpi4py: {reason}: pip install 'cnnkit[mpi]'"
        ) from error
    if group.size != launcher.size:
        problem = f"but the MPI of mpi4py sees {group.size}: start them by the mpiexec of the same MPI library"
        raise BackendUnavailableError(f"{started}, {problem}")
    return group


def _join_torch(backend: Backend, launcher: Launcher, seconds: float) -> Group:
    try:
        from cnnkit.backends.pytorch.torch_group import TorchGroup

        return TorchGroup(backend, seconds)
    except ImportError as error:
        problem = "which need PyTorch: pip install 'cnnkit[torch]'"
        raise BackendUnavailableError(f"torchrun started {launcher.size} workers, {problem}") from error
