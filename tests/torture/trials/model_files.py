"""Mutants of model files, and of what a checkpoint tells of itself, through the commands that compute with them."""

import contextlib
import io
import random
import re
import shutil
import time
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

from torture.confined import run_confined
from torture.model_mutation import mutate, write_toml
from torture.trial import Budget, Found, Trial

MEMORY = 2 << 30  # of the process, most of it for libraries
_SECONDS = 10.0  # of one command
_MOST_MULTIPLY_ADDS = 10**8  # of a net that is trained: a large one is slow, not hostile
_LONGEST = 1500  # letters of a line
_DEFECTS = ("a defect of cnnkit", "Traceback", "not enough memory", "Exception ignored")
NETWORK: dict[str, Any] = {
    "name": "net", "data": "bright-dark", "input_shape": [1, 8, 8],
    "training": {
        "epochs": 1, "batch_size": 3, "optimizer": "sgd:momentum=0.9", "learning_rate": 0.01, "schedule": "cosine",
        "loss": "softmax_cross_entropy:label_smoothing=0.1", "validation_split": 0.2, "patience": 2,
    },
    "published": {"epochs": 2, "weight_initializer": "zeros"},
    "layers": [
        {"type": "ConvTranspose2D", "features": 2, "window": 3, "stride": 2, "padding": 1, "output_padding": 1},
        {"type": "BatchNorm", "epsilon": 1e-5, "momentum": 0.1},
        {"type": "GELU", "approximate": "tanh"},
        {"type": "Branches", "join": "concatenate", "branches": [
            {"type": "Conv2D", "features": 2, "window": 1, "dilation": 1, "groups": 1},
            {"type": "AvgPool2D", "window": 3, "stride": 1, "padding": "same"},
        ]},
        {"type": "Residual", "body": {"type": "Sequential", "layers": [
            {"type": "Conv2D", "features": 4, "window": [3, 3], "padding": "same", "weight_initializer": "he_normal"},
            {"type": "LayerNorm"}, {"type": "Sigmoid"},
        ]}},
        {"type": "LeakyReLU", "slope": 0.1}, {"type": "Dropout", "rate": 0.5}, {"type": "MaxPool2D", "window": 2},
        {"type": "GlobalAvgPool2D"}, {"type": "Reshape", "shape": [4]},
        {"type": "Dense", "features": 2, "bias": True, "bias_initializer": "zeros"},
    ],
}  # fmt: skip


def break_models(budget: Budget) -> Found:
    """Try both kinds of file in one process of limited memory, in batches, so that an end of it is found."""
    found = Found()
    end, batch = time.monotonic() + budget.seconds, min(budget.count, 500)
    largest = 0
    for start in range(0, budget.count, batch):
        if time.monotonic() > end:
            break
        arguments = {"count": batch, "seed": budget.seed * 1_000_003 + start, "seconds": end - time.monotonic()}
        limit = arguments["seconds"] + 60
        result = run_confined(__name__, "try_mutants", budget.folder, MEMORY, limit, **arguments)
        found.attempts += result["attempts"]
        found.faults += result["faults"]
        largest = max(largest, result["peak"])
    found.figures["largest peak, MiB"] = largest
    return found


def try_mutants(count: int, seed: int, seconds: float) -> dict[str, Any]:
    """Run `count` mutants, in the current folder; return attempts, faults and the largest memory in MiB."""
    import resource

    rng, faults, attempts, end = random.Random(seed), [], 0, time.monotonic() + seconds
    stored = _make_checkpoint()
    while attempts < count and time.monotonic() < end:
        attempts += 1
        tried = _try_model(rng) if attempts % 2 else _try_checkpoint(rng, stored)
        faults += [f"mutant {attempts} of seed {seed}: {fault}" for fault in tried]
    return {"attempts": attempts, "faults": faults, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10}


def _try_model(rng: random.Random) -> list[str]:
    text = write_toml(mutate(NETWORK, rng))
    Path("net.toml").write_text(text, "utf-8", "surrogatepass")
    status, fault, output = run_command("summary", "--model", "net.toml")
    faults = [fault] if fault else []
    counted = re.search(r"([\d,]+) multiply-adds per image", output)
    if status == 0 and counted and int(counted[1].replace(",", "")) < _MOST_MULTIPLY_ADDS:
        where = ("--model", "net.toml", "--data", "bright-dark", "--epochs", "1", "-o", "out.h5", "--overwrite")
        fault = run_command("train", *where)[1]
        faults += [fault] if fault else []
    return [f"{fault} of {_shorten(text)}" for fault in faults]


def _make_checkpoint() -> Any:
    from cnnkit import exporters

    Path("net.toml").write_text(write_toml(NETWORK | {"training": NETWORK["training"] | {"epochs": 3}}), "utf-8")
    status, fault, output = run_command("train", "--model", "net.toml", "-o", "good.h5", "--overwrite")
    if status != 0 or fault:
        raise RuntimeError(f"the network that is to be broken does not train: {fault or output}")
    return exporters.read(Path("good.h5"))


def _try_checkpoint(rng: random.Random, stored: Any) -> list[str]:
    from cnnkit import exporters
    from cnnkit.errors import CnnkitError

    part = rng.choice(("architecture", "metadata", "position"))
    changed = mutate(getattr(stored, part), rng)
    try:
        exporters.write(replace(stored, **{part: changed}), Path("mutant.h5"), "hdf5", overwrite=True)
    except CnnkitError:  # NaN is not JSON
        return []
    shutil.copy("mutant.h5", "resumed.h5")
    commands = [
        ("train", "--resume", "-o", "resumed.h5", "--epochs", "4", "--data", "bright-dark"),
        ("inspect", "mutant.h5", "--html", "page.html"),
        ("evaluate", "mutant.h5", "--data", "bright-dark"), ("predict", "mutant.h5", "--data", "bright-dark"),
        ("summary", "mutant.h5"), ("show", "mutant.h5", "0"), ("diff", "good.h5", "mutant.h5"),
        *(("export", "mutant.h5", "-o", f"out{suffix}", "--overwrite") for suffix in (".svg", ".onnx", ".txt")),
        ("export", "mutant.h5", "-o", "out.weights.h5", "--format", "keras", "--overwrite"),
        ("train", "--init-from", "mutant.h5", "--model", "net.toml", "-o", "out.h5", "--epochs", "1", "--overwrite"),
    ]  # fmt: skip
    faults = [run_command(*command)[1] for command in (commands[0], *rng.sample(commands[1:], 3))]
    return [f"{fault} with {part} {_shorten(repr(changed))}" for fault in faults if fault]


def run_command(*arguments: str) -> tuple[int | None, str | None, str]:
    """Run a command in this process; return its status, what is wrong with the way it ended, and its output."""
    from cnnkit.cli.app import run

    out, err, status, started = io.StringIO(), io.StringIO(), None, time.monotonic()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            status = run(arguments)
        except BaseException as error:
            return None, f"{arguments[0]} raised {type(error).__name__}: {error}", ""
    seconds, errors = time.monotonic() - started, err.getvalue()
    lines = [line for line in errors.splitlines() if line.startswith("error:")]
    fault = next((f"{words}: {errors[-300:]}" for words in _DEFECTS if words in errors), None)
    if status not in (0, 1, 2):
        fault = f"status {status}"
    elif status == 2 and len(lines) != 1:
        fault = f"status 2 with {len(lines)} lines of error"
    elif any(len(line) > _LONGEST for line in lines):
        fault = f"a line of {max(map(len, lines))} letters: {lines[0][:200]}"
    elif any("\x1b" in text or "\u202e" in text for text in (errors, out.getvalue())):
        fault = f"control marks in the output: {errors[-200:]!r}"
    elif said:
        fault = f"a warning: {said[0].message}, {said[0].filename}:{said[0].lineno}"
    elif seconds > _SECONDS:
        fault = f"{seconds:.1f} s"
    return status, f"{' '.join(arguments[:2])}: {fault}" if fault else None, out.getvalue()


def _shorten(text: str) -> str:
    return text if len(text) < 3000 else f"{text[:3000]}..."


TRIAL = Trial(
    "model-files",
    "mutants of model files and of architecture, metadata and position of a checkpoint, through every command",
    "0 tracebacks, defects, warnings, hangs; 2 GiB of address space",
    break_models,
    short=20,
    usual=2_000,
    long=100_000,
    needs=("linux",),
)
