"""Starts the worker that runs a stranger's network, waits for it a limited time, and reads what it left."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cnnkit import exporters
from cnnkit.adopting.checking.worker import INPUTS, NAMES, OUTPUTS
from cnnkit.errors import CnnkitError, ConfigError
from cnnkit.exporters.core.weight_file import Tensor, WeightFile
from cnnkit.files.names import printable
from cnnkit.files.writing.temporary import temporary_folder

SECONDS = 600
_RUNTIMES = {"onnx": "onnxruntime", "keras": "keras"}
_KERAS_BACKENDS = ("tensorflow", "torch", "jax")


def find_runtime(kind: str) -> str | None:
    """Return the package that runs files of a format, None where it is not installed."""
    name = _RUNTIMES.get(kind)
    if name is None or find_spec(name) is None:
        return None
    return name if kind != "keras" or _find_keras_backend() else None


def _find_keras_backend() -> str | None:
    return next((name for name in _KERAS_BACKENDS if find_spec(name) is not None), None)


def run_runtime(
    kind: str, model: Path, inputs: Sequence[Any], names: Sequence[str], external: bool = False
) -> dict[str, Any]:
    """Return what the file's own runtime gives for the inputs: {name: array}, its outputs as "output0", "output1".

    Raises ConfigError where the runtime fails or takes too long.
    """
    tensors = tuple(Tensor.of(str(place), array) for place, array in enumerate(inputs))
    environment = os.environ | {"KERAS_BACKEND": _find_keras_backend() or "", "CUDA_VISIBLE_DEVICES": ""}
    with temporary_folder(Path(tempfile.gettempdir()) / "check") as folder:
        exporters.write(WeightFile(tensors), folder / INPUTS)
        (folder / NAMES).write_bytes("\0".join(names).encode("utf-8", "surrogateescape"))
        command = [
            sys.executable,
            "-P",
            "-m",
            "cnnkit.adopting.checking.worker",
            kind,
            str(model.resolve()),
            str(folder),
            *(["external"] if external else []),
        ]
        try:
            done = subprocess.run(  # noqa: S603 (cnnkit's own worker)
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment,
                timeout=SECONDS, check=False, cwd=folder,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise ConfigError(f"--check: {_RUNTIMES[kind]} ran for more than {SECONDS} s on {model}") from None
        if done.returncode or not (folder / OUTPUTS).exists():
            lines = done.stderr.decode("utf-8", "replace").strip().splitlines() or [f"status {done.returncode}"]
            raise ConfigError(f"--check: {_RUNTIMES[kind]} cannot run {model}: {printable(lines[-1], 300)}")
        try:
            file = exporters.read(folder / OUTPUTS)
            return {names[int(t.name)] if t.name.isdigit() else t.name: t.read() for t in file}
        except CnnkitError as error:
            raise ConfigError(f"--check: {_RUNTIMES[kind]} gave nothing that can be read: {error}") from None
