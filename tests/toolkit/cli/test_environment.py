"""What the environment says of Python and libhdf5 changes no figure, and runs nothing beside the file."""

import os
import subprocess
import sys

import h5py
import numpy as np
import pytest

# One process for settings that do not meet: which of them it was is said by what comes out.
SETTINGS = {
    "warnings are errors, ASCII, code to start with": {
        "PYTHONWARNINGS": "error", "PYTHONIOENCODING": "ascii:strict", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0",
        "LC_ALL": "C", "PYTHONSTARTUP": "evil.py", "PYTHONBREAKPOINT": "evil.run",
    },
    "development mode, few digits, plug-ins": {
        "PYTHONDEVMODE": "1", "PYTHONINTMAXSTRDIGITS": "640", "HDF5_PLUGIN_PATH": ".", "HDF5_PLUGIN_PRELOAD": ".",
    },
    "optimised, a connector, no temporary folder": {
        "PYTHONOPTIMIZE": "2", "HDF5_VOL_CONNECTOR": "evil", "TMPDIR": "/dev/null/x",
    },
    "a driver, no home, odd numbers, no cache, an odd terminal": {
        "HDF5_DRIVER": "mpio", "HDF5_DRIVER_CONFIG": "evil", "HOME": "", "XDG_CACHE_HOME": "/dev/null",
        "CNNKIT_LIMITS": "-1", "COLUMNS": "-1", "LINES": "x", "OPENBLAS_NUM_THREADS": "x",
        "PYTHONPYCACHEPREFIX": "/dev/null/x", "TERM": "\x1b[31m", "TZ": "../../etc/passwd",
    },
}  # fmt: skip
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
