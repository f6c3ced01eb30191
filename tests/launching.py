"""Starts a script as several workers, by the launchers that users have: mpiexec and torchrun."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import mpi4py

# mpiexec is beside Python, or beside the Python that mpi4py is installed for
PLACES = (Path(sys.executable).parent, Path(mpi4py.__file__).parents[4] / "bin")
ROOT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}


def name_mpiexec(workers, arguments):
    """Return the command `python ARGUMENTS` as workers of mpiexec, more of them than cores if need be."""
    mpiexec = shutil.which("mpiexec", path=os.pathsep.join(map(str, PLACES))) or "mpiexec"
    command = [mpiexec, "--oversubscribe", "--bind-to", "none", "-n", str(workers), sys.executable]
    return [*command, *map(str, arguments)]


def name_torchrun(workers, arguments):
    """Return the command `python ARGUMENTS` as workers of torchrun on this machine."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(workers)]
    return [*launcher, *map(str, arguments)]


def run_mpiexec(workers, *arguments, seconds=120, **environment):
    """Run `python ARGUMENTS` as workers of mpiexec; return what it was."""
    return run(name_mpiexec(workers, arguments), seconds, ROOT | environment)


def start_mpiexec(workers, *arguments, **environment):
    """Start what `run_mpiexec` runs; return the process."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(name_mpiexec(workers, arguments), env=os.environ | ROOT | environment, text=True, **pipes)


def run_torchrun(workers, *arguments, seconds=120, **environment):
    """Run `python ARGUMENTS` as workers of torchrun; return what it was."""
    return run(name_torchrun(workers, arguments), seconds, {"OMP_NUM_THREADS": "1"} | environment)


def run(command, seconds, environment):
    return subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, timeout=seconds, check=False
    )
