"""What the environment says of Python and libhdf5 changes no figure, and runs nothing beside the file."""

import os
import subprocess
import sys

import h5py
import numpy as np
import pytest

SETTINGS = {
    "warnings are errors": {"PYTHONWARNINGS": "error"},
    "development mode": {"PYTHONDEVMODE": "1"},
    "few digits": {"PYTHONINTMAXSTRDIGITS": "640"},
    "optimised": {"PYTHONOPTIMIZE": "2"},
    "ASCII": {"PYTHONIOENCODING": "ascii:strict", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"},
    "a start file": {"PYTHONSTARTUP": "evil.py"},
    "a breakpoint": {"PYTHONBREAKPOINT": "evil.run"},
    "no cache": {"PYTHONPYCACHEPREFIX": "/dev/null/x"},
    "plug-ins": {"HDF5_PLUGIN_PATH": ".", "HDF5_PLUGIN_PRELOAD": "."},
    "a connector": {"HDF5_VOL_CONNECTOR": "evil"},
    "a driver": {"HDF5_DRIVER": "mpio", "HDF5_DRIVER_CONFIG": "evil"},
    "no temporary folder": {"TMPDIR": "/dev/null/x"},
    "no home": {"HOME": "", "XDG_CACHE_HOME": "/dev/null"},
    "odd numbers": {"CNNKIT_LIMITS": "-1", "COLUMNS": "-1", "LINES": "x", "OPENBLAS_NUM_THREADS": "x"},
    "an odd terminal": {"TERM": "\x1b[31m", "TZ": "../../etc/passwd"},
}
CODE = "open('canary', 'w').close()\n"


def inspect(folder, environment):
    command = [sys.executable, "-P", "-m", "cnnkit.cli", "inspect", "w.h5", "--json"]
    return subprocess.run(command, cwd=folder, env=os.environ | environment, capture_output=True, check=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("environment")
    with h5py.File(folder / "w.h5", "w") as file:
        file["plain"] = np.ones((3, 4))
        file.create_dataset("packed", data=np.ones((64, 64)), chunks=(8, 8), compression="gzip")
    for name in ("evil.py", "sitecustomize.py", "numpy.py", "h5py.py", "libevil.so"):
        (folder / name).write_text(CODE)
    return folder


@pytest.fixture(scope="module")
def expected(folder):
    return inspect(folder, {}).stdout


@pytest.mark.parametrize("name", SETTINGS)
def test_the_environment_changes_no_figure(folder, expected, name):
    done = inspect(folder, SETTINGS[name])
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == expected
    assert not (folder / "canary").exists()
