"""Runs a function of a module in a child process whose memory is limited, and returns what it found as JSON."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")  # each thread would reserve memory
_SCRIPT = """
import importlib, json, resource, sys
module, function, memory, arguments, out = sys.argv[1:]
resource.setrlimit(resource.RLIMIT_AS, (int(memory), int(memory)))
found = getattr(importlib.import_module(module), function)(**json.loads(arguments))
with open(out, "w") as stream:
    json.dump(found, stream)
"""


def run_confined(module: str, function: str, folder: Path, memory: int, limit: float, **arguments: Any) -> Any:
    """Return function(**arguments) of a module below tests/, run in `folder`, in at most `memory` bytes.

    Raises RuntimeError when the process ends without a result, subprocess.TimeoutExpired after `limit` seconds.
    """
    out = folder / "found.json"
    tests = str(Path(__file__).parents[1])
    path = os.pathsep.join(filter(None, (tests, os.environ.get("PYTHONPATH"))))
    environment = os.environ | {"PYTHONPATH": path} | dict.fromkeys(_THREADS, "1")
    process = subprocess.run(
        [sys.executable, "-c", _SCRIPT, module, function, str(memory), json.dumps(arguments), str(out)],
        cwd=folder, capture_output=True, text=True, timeout=limit, check=False, env=environment,
    )  # fmt: skip
    if process.returncode or not out.exists():
        raise RuntimeError(f"the process ended with {process.returncode}: {process.stderr[-500:]}")
    return json.loads(out.read_text())
