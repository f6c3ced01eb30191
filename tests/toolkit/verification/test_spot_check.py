"""A spot check costs its share, sees what its probability says, and needs states that were kept."""

import itertools
import shutil
from dataclasses import replace

import numpy as np
import pytest
from torture.forged import BASE, NETWORK

from cnnkit import Options, Training, exporters, load_data, verify
from cnnkit.errors import ConfigError, WeightFileError
from cnnkit.exporters import Tensor
from cnnkit.network import Network
from cnnkit.training import checkpoint
from cnnkit.training.kept_epochs import name_epoch
from cnnkit.training.run import identity
from cnnkit.training.step import TrainState
from cnnkit.tree import map_tree
from cnnkit.verification import Spot

EPOCHS = 20


@pytest.fixture(scope="module")
def digits():
    return load_data("digits")


def keep(digits, folder, lie_after: int | None = None, **options):
    """Train, keep the state of each epoch, and return the file; lie_after: an epoch after which a weight moves."""
    settings = Options(**(BASE | {"epochs": EPOCHS, "keep_every": 3, "validation_split": 0.0, "limit": 32} | options))
    training = Training(Network(NETWORK, digits.image_shape, seed=settings.seed), digits, settings)
    run = identity(training.model, digits, settings, "own")
    training.model.metadata |= {"recipe": "own", "run": run, "data": {"name": "digits", "sha256": digits.fingerprint()}}
    out = folder / "w.h5"
    while not training.finished:
        for report in training.epochs():
            epoch = report.entry["epoch"]
            exporters.write(checkpoint.to_epoch_weights(training), name_epoch(out, epoch), "hdf5", overwrite=True)
            if epoch == lie_after:
                break
        if training.position.epoch == lie_after:
            params, *others = map_tree(lambda array: array * 1, training.variables)
            params["4"]["bias"][0] += 0.5
            training.start_from(TrainState(params, *others), training.position)
            lie_after = None
    exporters.write(checkpoint.to_weights(training), out)
    return out


@pytest.fixture(scope="module")
def honest(digits, tmp_path_factory):
    return keep(digits, tmp_path_factory.mktemp("honest"))


@pytest.fixture(scope="module")
def lying(digits, tmp_path_factory):
    return keep(digits, tmp_path_factory.mktemp("lying"), lie_after=7)


def test_a_twentieth_is_replayed_and_any_of_the_parts_is_as_it_should_be(digits, honest):
    for number in (0, 1, 10, 19):
        verdict = verify(honest, digits, spot=1, choose=lambda n, _, k=number: [k] if n == EPOCHS else [])
        assert [difference.text for difference in verdict.differences] == []
        assert verdict.replayed * 20 == verdict.steps == 40
        assert verdict.spot == Spot(EPOCHS, (number + 1,))


def test_a_lie_in_one_part_is_seen_where_that_is_drawn_and_nowhere_else(digits, lying):
    seen = []
    for number in (0, 5, 6, 7, 8, 19):
        verdict = verify(lying, digits, spot=1, choose=lambda _, __, k=number: [k])
        if not verdict.same:
            seen.append(number + 1)
            assert verdict.differences[0].step in (15, 16)
            assert "4.bias" in {difference.tensor for difference in verdict.differences}
    assert seen == [8]  # the epoch after the seventh: its begin is not what the seventh ended with
    assert verify(lying, digits, spot=EPOCHS).differences[0].step == 15
    assert Spot(EPOCHS, (1,)).probability(1) == pytest.approx(len(seen) / EPOCHS)


def test_a_lie_about_all_is_seen_in_every_part(tmp_path, digits, honest):
    for path in honest.parent.iterdir():
        file = exporters.read(path)
        file.metadata["run"]["options"]["learning_rate"] = 0.02
        exporters.write(file, tmp_path / path.name, "hdf5")
    for number in (0, 9, 19):
        verdict = verify(tmp_path / "w.h5", digits, spot=1, choose=lambda _, __, k=number: [k])
        assert verdict.differences[0].part in ("chain", "history")
    exporters.write(exporters.read(honest), tmp_path / "w.h5", "hdf5", overwrite=True)
    with pytest.raises(ConfigError, match="is of another training than .*w.h5.*learning_rate"):  # noqa: RUF043
        verify(tmp_path / "w.h5", digits, spot=1, choose=lambda _, __: [1])


def test_a_kept_state_that_was_changed_is_seen(tmp_path, digits, honest):
    for path in honest.parent.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    place = name_epoch(tmp_path / "w.h5", 5)
    state = exporters.read(place)
    slot = state["second_moment.4.bias"]
    values = np.array(slot.read())
    values[2] *= 2
    changed = Tensor.of(slot.name, values, layer=slot.layer, kind=slot.kind, role=slot.role)
    tensors = [tensor for tensor in state.tensors if tensor.name != slot.name]
    exporters.write(replace(state, tensors=(*tensors, changed)), place, "hdf5", overwrite=True)
    before = verify(tmp_path / "w.h5", digits, spot=1, choose=lambda _, __: [4])
    assert [(found.part, found.tensor, found.step) for found in before.differences] == [("optimizer", slot.name, 10)]
    assert before.differences[0].problem.startswith("w-epoch-0005.h5: 1 of 10 values differ")
    after = verify(tmp_path / "w.h5", digits, spot=1, choose=lambda _, __: [5])
    assert after.differences[0].part == "chain"


def test_the_probability_is_that_of_counting():
    cases = itertools.product((1, 4, 7), (1, 3), (0, 1, 2, 7))
    for segments, sampled, forged in ((n, s, m) for n, s, m in cases if max(s, m) <= n):
        draws = list(itertools.combinations(range(segments), sampled))
        hits = sum(any(part < forged for part in draw) for draw in draws)
        spot = Spot(segments, tuple(range(sampled)))
        assert spot.probability(forged) == pytest.approx(hits / len(draws))


@pytest.mark.parametrize("options", [{"validation_split": 0.2}, {"ema": 0.9}], ids=["validated", "averaged"])
def test_states_hold_what_a_replay_needs(tmp_path, digits, options):
    out = keep(digits, tmp_path, epochs=3, limit=64, **options)
    assert verify(out, digits, spot=3).same
    verdict = verify(out, digits, start=name_epoch(out, 2))
    assert verdict.same
    state = exporters.read(name_epoch(out, 2))
    model = Network(NETWORK, digits.image_shape)
    with pytest.raises(WeightFileError, match="kept beside the training: resume the training's own file"):
        checkpoint.resume(model, digits, Options(**state.metadata["run"]["options"]), state)


def test_with_a_chain_alone_the_first_twentieth_is_replayed(tmp_path, digits, honest, lying):
    for source, name in ((honest, "honest.h5"), (lying, "lying.h5")):
        (tmp_path / name).write_bytes(source.read_bytes())
    verdict = verify(tmp_path / "honest.h5", digits, spot=3)
    assert (verdict.same, verdict.replayed, verdict.spot.first_only) == (True, 3, True)
    assert verdict.notes == ("steps 4 to 40 were not replayed: a lie that begins there is not seen",)
    assert verify(tmp_path / "lying.h5", digits, spot=3).same, "as the note says"
    forged = exporters.read(tmp_path / "honest.h5")
    forged.metadata["run"]["options"]["learning_rate"] = 0.02
    assert verify(forged, digits, spot=3).differences[0].part == "chain"


def test_without_a_chain_there_is_no_spot_check(tmp_path, digits):
    out = keep(digits, tmp_path, epochs=1, keep_every=None)
    with pytest.raises(ConfigError, match="holds no chain of hashes to compare a part with: verify all of it"):
        verify(out, digits, spot=1)
    with pytest.raises(ConfigError, match="expected a state to start from or a spot check, got both"):
        verify(out, digits, spot=1, start=out)
    with pytest.raises(WeightFileError, match="holds no state of a training"):
        verify(out, digits, start=name_epoch(out, 1))


def test_the_end_is_compared_where_the_last_segment_is_drawn(digits, honest, tmp_path):
    folder = tmp_path / "forged"
    shutil.copytree(honest.parent, folder)
    file = exporters.read(honest)
    forged = replace(file, position=dict(file.position) | {"finished": False})
    exporters.write(forged, folder / "w.h5", "hdf5", overwrite=True)
    verdict = verify(folder / "w.h5", digits, spot=EPOCHS)
    assert [difference.problem for difference in verdict.differences] == ["finished: False, the replay has True"]
