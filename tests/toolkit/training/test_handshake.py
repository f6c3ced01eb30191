"""Workers that are not alike do not start, and all say the same of it."""

from pathlib import Path

import numpy as np
import pytest

from cnnkit import Model, Options, layers
from cnnkit.backends.groups import run_in_threads
from cnnkit.backends.registry import get_backend
from cnnkit.data import from_arrays
from cnnkit.errors import ConfigError
from cnnkit.training import Training, handshake

NET = layers.Sequential((layers.Flatten(), layers.Dense(3)))
IMAGES = np.random.default_rng(0).random((24, 1, 2, 2), dtype=np.float32)
LABELS = np.arange(24) % 3
ALIKE = "start all with the same code, options and data"


def start(group, change):
    """Return what a worker of three is told; the change is rank 1's alone."""
    changed = change if group.rank == 1 else None
    model = Model(NET, (1, 2, 2), backend=get_backend("reference" if changed == "backend" else "numpy", threads=1))
    if changed == "weights":
        model.params["1"]["weight"] *= 2
    data = from_arrays(IMAGES[::-1] if changed == "data" else IMAGES, LABELS)
    options = Options(batch_size=12 if changed == "batch_size" else 8, leaf=2, learning_rate=0.1)
    training = Training(model, data, options, group)
    try:
        next(training.epochs())
    except ConfigError as error:
        return str(error)
    return len(training.position.history)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("batch_size", "batch_size 12 instead of 8"),
        ("backend", "backend 'reference' instead of 'numpy'; another weights"),  # float64
        ("weights", "another weights"),
        ("data", "another data"),
    ],
    ids=["batch_size", "backend", "weights", "data"],
)
def test_what_differs_is_named_by_all(change, told):
    (said,) = set(run_in_threads([get_backend("numpy", threads=1)] * 3, lambda group: start(group, change)))
    assert said == f"worker 2 of 3 (rank 1) is not like rank 0: {told}: {ALIKE}"


def test_workers_alike_start():
    assert run_in_threads([get_backend("numpy", threads=1)] * 3, lambda group: start(group, None)) == [1] * 3


def test_other_kernels_are_told_and_allowed(monkeypatch):
    backends = [get_backend("numpy", threads=1) for _ in range(2)]
    monkeypatch.setattr(backends[1], "describe_engine", lambda: backends[0].describe_engine() | {"blas": "of rank 1"})

    def start_with(group):
        training = Training(Model(NET, (1, 2, 2), backend=group.backend), from_arrays(IMAGES, LABELS), Options(), group)
        training.require_same()
        return training.unlike

    for told in run_in_threads(backends, start_with):
        assert told.startswith("worker 2 of 2 (rank 1) is not like rank 0: blas 'of rank 1' instead of ")
        assert told.endswith(": the bits depend on the number of workers; those of --exact do not")


def test_other_code_is_another_hash(monkeypatch, tmp_path):
    (tmp_path / "weights.py").write_text("x = 1\n")
    monkeypatch.setattr(handshake.weights, "__file__", str(tmp_path / "weights.py"))
    before = handshake.hash_sources.__wrapped__()
    Path(tmp_path, "weights.py").write_text("x = 2\n")
    assert handshake.hash_sources.__wrapped__() != before
