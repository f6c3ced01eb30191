"""A process that has imported cnnkit and forks a child for each command line: 40 ms instead of 500.

There are two kinds. The children of `struck_zygote.py` get signals and failing system calls: `struck.py` asks for them.
Those of `watched_zygote.py` are measured, and what they open is seen: `watched.py` asks.
"""

import contextlib
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

_HEAVY = ("torch", "keras", "tensorflow", "cupy", "jax")  # what a run on the default backend does not need


class ZygoteProcess:
    """`python -m MODULE`, which answers a line of JSON on standard input by one on standard output."""

    def __init__(self, module: str, environment: Mapping[str, str], folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", module],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | environment,
            encoding="utf-8",
        )

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer to a request. Raises RuntimeError when the process has ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the zygote has ended")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End the process."""
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()
        self._process.wait()


def import_modules(names: Iterable[str], heavy: bool = False) -> None:
    """Import what a child had imported, so that later ones need not; heavy: frameworks too."""
    for name in names:
        if heavy or name.partition(".")[0] not in _HEAVY:
            with contextlib.suppress(Exception):
                importlib.import_module(name)
