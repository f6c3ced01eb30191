"""Honest files are verified whatever their options; a lie is found at its step and tensor; doubts are said."""

import copy
from dataclasses import replace

import numpy as np
import pytest
from torture.forged import BASE, NETWORK, finish, train

from cnnkit import Options, Training, exporters, load_data, verify
from cnnkit.data import Split
from cnnkit.errors import ConfigError, DataError, WeightFileError
from cnnkit.network import Network
from cnnkit.training import checkpoint
from cnnkit.training.run import identity
from cnnkit.training.step import TrainState
from cnnkit.tree import map_tree

HONEST = {
    "validated": {},
    "whole steps": {"keep_every": 1},
    "no chain": {"keep_every": None},
    "not validated": {"validation_split": 0.0, "optimizer": "sgd:momentum=0.9"},
    "moving average": {"ema": 0.9},
    "average of epochs": {"swa": 0.5, "epochs": 3},
    "frozen": {"freeze": ["0", "1"]},
    "augmented, weighted classes": {"augment": "flip,crop:1", "class_weights": "balanced", "optimizer": "rmsprop"},
    "accumulated in leaves": {"accumulate": 2, "leaf": 8},
    "follows the validation": {"schedule": "plateau", "patience": 1, "epochs": 4},
    "ends early": {"patience": 1, "epochs": 8, "learning_rate": 0.3},
    "in order": {"shuffle": False},
}


@pytest.fixture(scope="module")
def digits():
    return load_data("digits")


@pytest.fixture(scope="module")
def honest(digits):
    return train(digits)


def begin(dataset, **options) -> Training:
    settings = Options(**(BASE | options))
    training = Training(Network(NETWORK, dataset.image_shape, seed=settings.seed), dataset, settings)
    training.model.metadata |= {
        "recipe": "own", "run": identity(training.model, dataset, settings, "own"),
        "data": {"name": "digits", "sha256": dataset.fingerprint()},
    }  # fmt: skip
    return training


def go(training: Training, steps: int) -> Training:
    """Run to a step, within an epoch or at its end."""
    count = iter(range(training.position.step + 1, steps + 1))
    for _ in training.epochs(stop=lambda: next(count) == steps):
        if training.position.step == steps:
            break
    return training


@pytest.mark.parametrize("options", HONEST.values(), ids=HONEST)
def test_an_honest_file_is_verified(digits, options):
    file = train(digits, **options)
    verdict = verify(file, digits)
    assert [difference.text for difference in verdict.differences] == []
    assert verdict.replayed == verdict.steps == file.position["step"]
    assert verdict.rows == len(file.position["history"])
    assert verdict.tensors == len(file.tensors)
    every = (BASE | options)["keep_every"]
    assert verdict.links == (0 if every is None else verdict.steps // every + 1)


@pytest.mark.parametrize("steps", [1, 4, 5, 6])
def test_a_training_that_was_stopped_is_verified_where_it_stopped(digits, steps):
    verdict = verify(checkpoint.to_weights(go(begin(digits), steps)), digits)
    assert (verdict.same, verdict.replayed) == (True, steps)


def test_a_training_that_was_resumed_further_than_planned_follows_its_plans(digits):
    stopped = go(begin(digits), 6)
    model = Network(NETWORK, digits.image_shape, variables=None, seed=3)
    file = checkpoint.to_weights(stopped)
    model.params, model.state = stopped.model.params, stopped.model.state
    model.metadata = stopped.model.metadata
    longer = checkpoint.resume(model, digits, replace(stopped.options, epochs=4), file)
    resumed, straight = finish(longer), train(digits, epochs=4)
    assert resumed.position["planned"] == [[0, 2], [6, 4]]
    assert not np.array_equal(resumed["0.weight"].read(), straight["0.weight"].read())  # the schedule sees the plan
    assert verify(resumed, digits).same
    assert verify(straight, digits).same
    forged = replace(resumed, position=resumed.position | {"planned": [[0, 4]]})
    assert not verify(forged, digits).same


def lie_at(digits, step: int, **options):
    """Return the file of a training in which one weight is changed by hand after a step; all goes on from there."""
    training = go(begin(digits, **options), step)
    params, state, slots, average = training.variables
    params = map_tree(lambda array: array * 1, params)
    params["4"]["bias"][3] += 0.25
    training.start_from(TrainState(params, state, slots, average), training.position)
    return finish(training)


@pytest.mark.parametrize(("step", "every", "after", "first"), [(3, 1, 3, 4), (3, 2, 2, 4), (4, 3, 3, 6)])
def test_a_lie_is_found_between_two_links_and_at_its_layer(digits, step, every, after, first):
    verdict = verify(lie_at(digits, step, keep_every=every), digits)
    found = verdict.differences[0]
    assert (found.part, found.after, found.step) == ("chain", after, first)
    assert verdict.replayed <= first
    named = {difference.tensor for difference in verdict.differences}
    assert "4.bias" in named
    place = f"step {first}" if every == 1 else f"steps {after + 1} to {first}"
    assert found.text.startswith(f"{place}: chain")


def test_an_epoch_between_two_links_tells_more_than_they(digits):
    found = verify(lie_at(digits, 1, keep_every=8), digits).differences[0]
    assert (found.part, found.after, found.step) == ("history", 0, 4)


def test_without_a_chain_a_lie_is_found_in_the_epoch_whose_figures_differ(digits):
    found = verify(lie_at(digits, 5, keep_every=None), digits).differences[0]
    assert (found.part, found.after, found.step) == ("history", 4, 8)
    assert "epoch 2, " in found.problem


def test_one_bit_of_one_weight_is_named_with_its_place_and_values(digits):
    file = train(digits, keep_every=None, validation_split=0.0)
    tensors = [tensor for tensor in file.tensors if tensor.name != "4.weight" or tensor.kind != "parameter"]
    weight = next(tensor for tensor in file.tensors if tensor.name == "4.weight")
    values = np.array(weight.read())
    values.view(np.uint32)[7, 11] ^= 1
    forged = replace(file, tensors=(*tensors, replace(weight, read=lambda: values)))
    (found,) = verify(forged, digits).differences
    assert (found.part, found.layer, found.tensor, found.step) == ("parameter", "4", "4.weight", 10)
    assert f"1 of {values.size:,} values differ, first (7, 11): {values[7, 11]!s}" in found.problem


def test_a_replay_may_begin_at_a_state_that_was_kept(tmp_path, digits):
    training = begin(digits, epochs=3)
    go(training, 5)
    exporters.write(checkpoint.to_weights(training), tmp_path / "middle.h5")
    whole = finish(training)
    verdict = verify(whole, digits, start=tmp_path / "middle.h5")
    assert (verdict.same, verdict.first, verdict.replayed) == (True, 5, 7)
    assert verify(whole, digits, start=tmp_path / "middle.h5").same
    other = lie_at(digits, 6, epochs=3)
    found = verify(other, digits, start=tmp_path / "middle.h5").differences[0]
    assert (found.part, found.step) == ("chain", 8)
    lied = lie_at(digits, 2, epochs=3)
    found = verify(lied, digits, start=tmp_path / "middle.h5").differences[0]
    assert (found.part, found.step) == ("chain", 4)  # the chains part before the state


def _options(file, **changes):
    metadata = copy.deepcopy(file.metadata)
    metadata["run"]["options"] |= changes
    return replace(file, metadata=metadata)


def _metadata(file, **changes):
    return replace(file, metadata=file.metadata | changes)


def _run(file, changes):
    return _metadata(file, run=file.metadata["run"] | changes)


def _position(file, changes):
    return replace(file, position=file.position | changes)


REFUSED = {
    "no training": (lambda file: replace(file, position=None), WeightFileError, "holds no training with options"),
    "no run": (lambda file: _metadata(file, run=[]), WeightFileError, "holds no training with options"),
    "no data": (lambda file: _run(file, {"data": 7}), WeightFileError, "run data"),
    "backend": (lambda file: _run(file, {"backend": 7}), WeightFileError, "run backend"),
    "unknown": (
        lambda file: _run(file, {"backend": "abacus"}), Exception, "backend: expected one of",
    ),
    "steps": (lambda file: _position(file, {"step": -1}), WeightFileError, "position step"),
    "rows": (lambda file: _position(file, {"history": [1]}), WeightFileError, "position history"),
    "options": (lambda file: _options(file, batch_size="many"), WeightFileError, "metadata run: batch_size"),
    "plans": (lambda file: _position(file, {"planned": [[5, 2]]}), WeightFileError, "planned"),
    "scaling": (lambda file: _metadata(file, scaling={"factor": "x"}), WeightFileError, "scaling"),
    "started": (
        lambda file: _run(file, {"init_from": "ab" * 32}), ConfigError, "--init-from FILE",
    ),
    "architecture": (
        lambda file: replace(file, architecture=file.architecture | {"layers": [{"type": "Nothing"}]}),
        WeightFileError, "architecture",
    ),
    "versions": (
        lambda file: _metadata(
            file, provenance=file.metadata["provenance"] | {"versions": {"cnnkit": "0.0", "numpy": "1.0"}}
        ),
        ConfigError, "cannot be verified here: trained in plain numerics, whose bits depend on cnnkit '0.0'",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("change", "kind", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_verified_is_refused_with_the_reason(digits, honest, change, kind, message):
    with pytest.raises(kind, match=message) as caught:
        verify(change(honest), digits)
    assert "\n" not in str(caught.value)


def test_other_data_are_refused_by_their_hash(digits, honest):
    images = np.array(digits.train.images)
    images[0, 0, 0, 0] ^= 1
    other = replace(digits, train=Split(images, digits.train.labels))
    with pytest.raises(DataError, match="other images, labels or scaling than those of the training"):
        verify(honest, other)
    with pytest.raises(ConfigError, match="does not name data that are known"):
        verify(_metadata(honest, data={"name": "mine.npz"}))
    assert verify(honest).same  # the data that the file names come with the package


@pytest.mark.parametrize(
    "position",
    [
        {"step": 10**15}, {"step": 10**15, "epoch": 10**15 // 4}, {"epoch": 10**9}, {"batch": 10**9},
        {"planned": [[0, 10**18], [8, 2]]},
    ],
    ids=str,
)  # fmt: skip
def test_a_file_that_asks_for_ages_is_answered_at_once(digits, honest, position):
    told = []
    forged = _options(replace(honest, position=honest.position | position), epochs=2**62)
    verdict = verify(forged, digits, tell=told.append)
    assert not verdict.same
    assert verdict.replayed <= 8


def test_the_cost_is_told_before_anything_is_computed(digits, honest):
    told = []
    verify(honest, digits, tell=told.append)
    assert told == ["to replay: 8 updates of 16 samples, about 128 samples, 1,123 parameters; numpy on cpu, float32"]


@pytest.mark.parametrize("backend", ["torch", "cupy-sim", "reference"])
def test_exact_numerics_are_verified_on_another_backend(digits, backend):
    file = train(digits, numerics="exact-fine" if backend == "torch" else "exact")
    verdict = verify(file, digits, backend=backend)
    assert [difference.text for difference in verdict.differences] == []
    assert verdict.replayed == 8
    tensors = [tensor for tensor in file.tensors if tensor.name != "first_moment.0.weight"]
    slot = file["first_moment.0.weight"]
    forged = replace(file, tensors=(*tensors, replace(slot, read=lambda: slot.read() * 2)))
    assert not verify(forged, digits, backend=backend).same
    with pytest.raises(ConfigError, match="plain numerics, whose bits depend on backend 'numpy', here 'torch'"):
        verify(train(digits), digits, backend="torch")
