"""How a process finds that it is a worker: by what launchers leave in the environment."""

import os
import subprocess
import sys

import pytest
import torch

from cnnkit.backends.groups import find_group, find_launcher, mpi_group
from cnnkit.backends.groups.finding import find_seconds
from cnnkit.backends.pytorch.torch_backend import TorchBackend
from cnnkit.backends.registry import get_backend
from cnnkit.errors import BackendUnavailableError, ConfigError

OPEN_MPI = {"OMPI_COMM_WORLD_RANK": "2", "OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_LOCAL_RANK": "1"}
TORCHRUN = {"RANK": "2", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "MASTER_ADDR": "localhost", "MASTER_PORT": "29500"}


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        (OPEN_MPI, ("mpiexec", 2, 4, 1)),
        ({"PMI_RANK": "2", "PMI_SIZE": "4"}, ("mpiexec", 2, 4, 0)),
        ({"PMI_RANK": "2", "PMI_SIZE": "4", "MPI_LOCALRANKID": "1"}, ("mpiexec", 2, 4, 1)),
        ({"PMI_RANK": "2", "PMI_SIZE": "4", "SLURM_LOCALID": "1"}, ("mpiexec", 2, 4, 1)),
        ({"PMIX_RANK": "2", "SLURM_STEP_NUM_TASKS": "4", "SLURM_LOCALID": "1"}, ("mpiexec", 2, 4, 1)),
        (TORCHRUN, ("torchrun", 2, 4, 1)),
        (OPEN_MPI | TORCHRUN, ("torchrun", 2, 4, 1)),
        ({}, None),
        ({"SLURM_PROCID": "0", "SLURM_NTASKS": "4"}, None),  # a batch script, no step of srun
        ({"OMPI_ALLOW_RUN_AS_ROOT": "1", "RANK": "3"}, None),
    ],
    ids=[
        "open-mpi",
        "mpich",
        "intel-mpi",
        "srun-pmi2",
        "srun-pmix",
        "torchrun",
        "torchrun-inside-mpiexec",
        "none",
        "sbatch",
        "half",
    ],
)
def test_launchers(environment, expected):
    assert find_launcher(environment) == expected


@pytest.mark.parametrize("rank", ["4", "-1", "x", "", "٣", "1" * 5000], ids=lambda text: text[:3] or "empty")
def test_a_rank_that_cannot_be_is_refused(rank):
    with pytest.raises(ConfigError, match="expected the rank and number of workers of mpiexec, got OMPI_COMM_WORLD_RA"):
        find_launcher(OPEN_MPI | {"OMPI_COMM_WORLD_RANK": rank})


@pytest.mark.parametrize("text", ["", "0", "-1", "nan", "inf", "a minute"])
def test_seconds_that_cannot_be_are_refused(text):
    with pytest.raises(ConfigError, match=r"^CNNKIT_GROUP_SECONDS: expected seconds above 0, such as 300, got "):
        find_seconds({"CNNKIT_GROUP_SECONDS": text})
    assert find_seconds({}) == 300


def test_messages_are_cut_into_what_mpi_counts(monkeypatch):
    monkeypatch.setattr(mpi_group, "MESSAGE", 4)
    assert [bytes(piece) for piece in mpi_group.cut(memoryview(b"123456789"))] == [b"1234", b"5678", b"9"]


@pytest.mark.parametrize(
    ("environment", "missing", "told"),
    [
        (OPEN_MPI, "mpi4py", r"^mpiexec started 4 workers, which need .*: pip install 'cnnkit\[mpi\]'$"),
        (TORCHRUN, "torch", r"^torchrun started 4 workers, which need PyTorch: pip install 'cnnkit\[torch\]'$"),
    ],
    ids=["mpiexec", "torchrun"],
)
def test_a_missing_engine_is_told_with_its_extra(monkeypatch, environment, missing, told):
    backend = get_backend("numpy")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(BackendUnavailableError, match=told):
        find_group(backend)


def test_nothing_is_imported_without_a_launcher():
    code = "import sys; from cnnkit.backends.groups import find_group; assert find_group(None) is None\n"
    code += "assert not {'mpi4py', 'torch'} & set(sys.modules)"
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("OMPI_", "PMI"))}
    subprocess.run([sys.executable, "-c", code], env=clean, check=True)


@pytest.mark.parametrize(
    ("local_rank", "device", "expected"),
    [(0, "cuda", "cuda"), (1, "cuda", "cuda:1"), (3, None, "cuda:1"), (1, "cuda:0", "cuda:0"), (1, "cpu", "cpu")],
)
def test_workers_of_a_machine_take_its_gpus_in_turn(monkeypatch, local_rank, device, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    for name, value in (TORCHRUN | {"LOCAL_RANK": str(local_rank)}).items():
        monkeypatch.setenv(name, value)
    assert TorchBackend(device).device == expected


def test_a_worker_takes_one_thread_if_none_are_asked_for(monkeypatch):
    alone = get_backend("numpy").threads
    for name, value in OPEN_MPI.items():
        monkeypatch.setenv(name, value)
    assert [get_backend("numpy", threads=n).threads for n in (None, 3)] == [1, 3]
    monkeypatch.undo()
    assert get_backend("numpy").threads == alone
