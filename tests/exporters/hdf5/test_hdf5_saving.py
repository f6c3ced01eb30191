"""A save to HDF5 that is cut off by a full disk or a kill changes nothing."""

import subprocess
import sys
import time

import pytest

from cnnkit.exporters.hdf5.format import Hdf5Format
from cnnkit.exporters.registry import write

# Files may grow to argv[2] bytes and no further: what a full disk does, at any place in the file.
FULL = """
import resource, signal, sys
import numpy as np
from cnnkit.errors import ExportError
from cnnkit.exporters import Tensor, WeightFile, registry
from cnnkit.exporters.hdf5.format import Hdf5Format
registry.formats = lambda: {"hdf5": Hdf5Format()}
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
limit = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
weights = WeightFile(tuple(Tensor.of(f"{i}.weight", np.full((50, 50), float(i))) for i in range(5)), metadata={"a": 1})
try:
    registry.write(weights, sys.argv[1], overwrite=True)
except ExportError as error:
    assert str(error) == f"{sys.argv[1]}: cannot be written: File too large: " \
        "the system allows no file of this size here: choose another place", error
    print("refused")
else:
    print("saved")
"""

KILLED = """
import sys
import numpy as np
from cnnkit.exporters import Tensor, WeightFile, registry
from cnnkit.exporters.hdf5.format import Hdf5Format
registry.formats = lambda: {"hdf5": Hdf5Format()}
while True:
    for value in (1.0, 2.0):
        weights = WeightFile((Tensor.of("a", np.full((200, 200), value)), Tensor.of("b", np.full(9, value))))
        registry.write(weights, sys.argv[1], overwrite=True)
        print("saved", flush=True)
"""


@pytest.fixture(autouse=True)
def ours(monkeypatch):
    monkeypatch.setattr("cnnkit.exporters.registry.formats", lambda: {"hdf5": Hdf5Format()})


def run_full(path, limit):
    result = subprocess.run(
        [sys.executable, "-c", FULL, str(path), str(limit)], capture_output=True, text=True, check=False
    )
    return result.stdout.strip(), result.returncode, result.stderr


@pytest.mark.parametrize("limit", [0, 1, 500, 2048, 5000, 20_000, 60_000, 100_000])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(weights, tmp_path, limit):
    path = tmp_path / "a.h5"
    write(weights, path)
    old = path.read_bytes()
    verdict, status, messages = run_full(path, limit)
    assert (verdict, status, messages) == ("refused", 0, "")
    assert path.read_bytes() == old
    assert [item.name for item in tmp_path.iterdir()] == ["a.h5"]


def test_a_disk_with_room_takes_it(tmp_path):
    assert run_full(tmp_path / "a.h5", 1_000_000)[:2] == ("saved", 0)


def test_kill_while_saving_leaves_a_whole_file(weights, tmp_path):
    path = tmp_path / "a.h5"
    write(weights, path)
    for attempt in range(5):
        with subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE) as process:
            assert process.stdout.readline() == b"saved\n"
            time.sleep(0.02 + 0.013 * attempt)
            process.kill()
        back = Hdf5Format().read(path)
        assert len({tensor.read().flat[0] for tensor in back}) == 1
    write(weights, path, overwrite=True)
    assert [item.name for item in tmp_path.iterdir()] == ["a.h5"]
