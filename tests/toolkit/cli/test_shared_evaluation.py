"""`cnnkit evaluate` and `cnnkit predict` as workers: the figures of one process, printed once."""

import json
from pathlib import Path

import pytest
from launching import run_mpiexec

from cnnkit import Model, load_data, recipes
from cnnkit.backends import get_backend
from cnnkit.backends.groups import run_in_threads
from cnnkit.cli import evaluate, group, predict

SCRIPT = Path(__file__).with_name("shared_commands.py")


def build(recipe, threads=1):
    network, shape = recipes.get(recipe).network()
    loss = recipes.get(recipe).training.get("loss", "softmax_cross_entropy")
    return Model(network, shape, backend=get_backend("numpy", threads=threads), seed=3, loss=loss)


def measure(recipe, data, limit, found=None):
    result = build(recipe).evaluate(load_data(data), split="train", limit=limit, group=found)
    facts = result.to_json()
    del facts["milliseconds_per_image"]
    return facts


@pytest.mark.parametrize(
    ("recipe", "data", "limit"),
    [("digits-cnn", "digits", 700), ("digits-cnn", "digits", 2), ("denoiser", "noisy-digits", 300)],
    ids=["classes", "fewer-samples-than-workers", "pictures"],
)
def test_workers_have_the_figures_of_one_process(recipe, data, limit):
    alone = measure(recipe, data, limit)
    backends = [get_backend("numpy", threads=1) for _ in range(3)]
    shared = run_in_threads(backends, lambda workers: measure(recipe, data, limit, workers))
    assert [json.dumps(of) for of in shared] == [json.dumps(alone)] * 3


def test_both_commands_are_shared():
    assert {evaluate.__name__.split(".")[-1], predict.__name__.split(".")[-1]} < set(group.SHARED)


def test_mpiexec_prints_once_what_one_process_prints(tmp_path, cnnkit):
    """One start: evaluate, predict, and evaluate of a file that is missing, in turn on three workers."""
    model = build("digits-cnn")
    model.save(tmp_path / "w.h5")
    done = run_mpiexec(3, SCRIPT, tmp_path / "w.h5", CNNKIT_GROUP_SECONDS="60")
    assert done.returncode == 2, done.stderr
    told = json.loads(f"[{done.stdout.replace('}' + chr(10) + '{', '},{')}]")
    alone = [
        cnnkit("evaluate", tmp_path / "w.h5", "--data", "digits", "--json").json,
        cnnkit("predict", tmp_path / "w.h5", "--data", "digits", "--index", 3, "--json").json,
    ]
    for facts in (told[0], alone[0]):
        del facts["milliseconds_per_image"]
    assert told[:2] == alone
    assert [facts["error"]["file"] for facts in told[2:]] == ["missing.h5"]
