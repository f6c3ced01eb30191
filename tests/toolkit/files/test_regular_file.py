"""What is read is a regular file, also when it has become something else since it was looked at."""

import ast
import os
import sys
from pathlib import Path

import pytest

from cnnkit.files.hdf5.mark import find_hdf5
from cnnkit.files.regular_file import open_regular
from cnnkit.files.stored_file import StoredFile
from cnnkit.files.unsafe_file import UnsafeFileError
from cnnkit.files.zips.gate import is_zip

ROOT = Path(__file__).parents[3]
# Writes, or reads what cnnkit has written a moment before into a folder of its own.
OPENERS = {"toolkit/files/regular_file.py", "toolkit/files/writing/processes.py", "toolkit/files/hdf5/worker_limits.py",
           "toolkit/files/hdf5/cage.py", "toolkit/cli/export.py"}  # fmt: skip

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pipes with a name")


def test_a_file_that_becomes_a_pipe_is_refused_at_once(tmp_path):
    """Opening a pipe waits until somebody writes into it: for ever."""
    path = tmp_path / "file"
    path.write_bytes(b"content")
    stored = StoredFile(path)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(UnsafeFileError, match="is a device, pipe or socket"):
        stored.read(0, 4)
    assert find_hdf5([str(path)]) is None
    for read in (open_regular, is_zip):
        with pytest.raises(OSError, match="is a device, pipe or socket"):
            read(path)


def test_whatever_reads_opens_regular_files_alone():
    found = []
    for folder in ("toolkit", "exporters", "data"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            place = path.relative_to(ROOT).as_posix()
            if place in OPENERS:
                continue
            for node in ast.walk(ast.parse(path.read_text())):
                arguments = node.args if isinstance(node, ast.Call) else []
                if any(isinstance(word, ast.Constant) and word.value in ("rb", "r") for word in arguments[:2]):
                    name = ast.unparse(node.func)
                    if name == "open" or name.endswith(".open"):
                        found.append(f"{place}:{node.lineno}: {name}")
    assert found == []
