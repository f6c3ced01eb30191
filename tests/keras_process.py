"""One process that has imported Keras, on PyTorch, and forks a child for each script: the import takes seconds."""

import json
import os
import subprocess
import sys
from typing import Any

_SERVE = """
import contextlib, io, json, os, sys, traceback
import h5py, keras
import numpy as np
for line in sys.stdin:
    code, out, *sys.argv[1:] = json.loads(line)
    child = os.fork()
    if child == 0:
        with open(out, "w") as said, contextlib.redirect_stderr(said):
            try:
                exec(compile(code, "<script>", "exec"), {"__name__": "__main__"})
                status = 0
            except BaseException:
                traceback.print_exc()
                status = 1
        os._exit(status)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class KerasProcess:
    """Runs scripts that import Keras. folder: an empty one, for what they say."""

    def __init__(self, folder: Any) -> None:
        self._said = folder / "said"
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SERVE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"KERAS_BACKEND": "torch", "CUDA_VISIBLE_DEVICES": ""},
            text=True,
        )

    def run(self, code: str, *arguments: str) -> None:
        """Run a script with the arguments in `sys.argv`; fail with what it said when it does not end well."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([code, str(self._said), *arguments]) + "\n")
        self._process.stdin.flush()
        status = self._process.stdout.readline().strip()
        assert status == "0", self._said.read_text() if self._said.exists() else "Keras cannot be imported"

    def close(self) -> None:
        """End the process."""
        self._process.communicate()
