"""A position that a file tells wrongly: any field with any wrong value is one line, nothing is continued from it."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cnnkit import Model, Options, Sequential, Training, load_data
from cnnkit.errors import WeightFileError
from cnnkit.exporters import Tensor, WeightFile
from cnnkit.layers import BatchNorm, Dense, Flatten
from cnnkit.training import checkpoint

NETWORK = Sequential((Flatten(), Dense(6), BatchNorm(), Dense(2)))
OPTIONS = Options(epochs=4, batch_size=3, optimizer="adam", validation_split=0.2, patience=3)
# NaN and huge numbers too: a file of ours is JSON without them, but not every reader's format is.
WRONG = [None, True, -1, 0.5, 10**30, 10**400, float("nan"), float("inf"), "1", "", [], [1], {}, {"epoch": 1}]
COUNTS = ("epoch", "batch", "step", "correct", "images", "waited")
FIGURES = ("loss", "seconds")
OPTIONAL = ("accuracy", "validation_loss", "validation_accuracy", "learning_rate")
NO_FIGURES = [value for value in WRONG if value not in (-1, 0.5, 10**30)]  # a figure is any finite number


def pair(fields: Iterable[str], values: list[Any]) -> list[Any]:
    """Return every field with every value, each with a name that has no address in it."""
    return [pytest.param(f, v, id=f"{f}-{v!r:.12}") for f in fields for v in values if (f, v) != ("best", None)]


@pytest.fixture(scope="module")
def stopped() -> WeightFile:
    """The file of a training that was stopped after one epoch and two batches."""
    dataset = load_data("bright-dark")
    training = Training(Model(NETWORK, dataset.image_shape), dataset, OPTIONS)
    steps = iter(range(training.steps_per_epoch + 2))
    list(training.epochs(stop=lambda: next(steps, None) == training.steps_per_epoch + 1))
    assert (training.position.epoch, training.position.batch) == (1, 2)
    return replace(checkpoint.to_weights(training), file="w.h5")


def resume(file: WeightFile) -> Training:
    return checkpoint.resume(Model.from_weights(file), load_data("bright-dark"), OPTIONS, file)


def refusal(file: WeightFile) -> str:
    with pytest.raises(WeightFileError) as caught:
        resume(file)
    message = str(caught.value)
    assert caught.value.file == "w.h5"
    assert message.startswith("the training cannot be resumed: ")
    assert "\n" not in message
    assert len(message) < 250
    return message


def test_the_right_position_is_taken(stopped) -> None:
    assert resume(stopped).position.step == 5


@pytest.mark.parametrize(
    ("field", "value"), [*pair([*COUNTS, "history", "best"], WRONG), *pair(["loss_sum", "seconds"], NO_FIGURES)]
)
def test_a_wrong_value_in_any_field(stopped, field, value) -> None:
    assert f"position {field}: expected" in refusal(replace(stopped, position=stopped.position | {field: value}))


@pytest.mark.parametrize(
    ("field", "change"), [*((f, 2**62) for f in COUNTS), *((f, 1) for f in ("epoch", "batch", "step", "images"))]
)
def test_a_count_that_contradicts_the_others(stopped, field, change) -> None:
    value = stopped.position[field] + change
    assert "position " in refusal(replace(stopped, position=stopped.position | {field: value}))


@pytest.mark.parametrize("field", [*COUNTS, "loss_sum", "seconds", "history", "best"])
def test_a_field_that_is_missing(stopped, field) -> None:
    left = {name: value for name, value in stopped.position.items() if name != field}
    message = refusal(replace(stopped, position=left))
    assert f"position {field}: expected" in message
    assert message.endswith("got nothing")


@pytest.mark.parametrize(
    ("field", "value"), [*pair(["epoch"], WRONG), *pair(FIGURES, NO_FIGURES), *pair(OPTIONAL, NO_FIGURES[1:])]
)
def test_a_wrong_value_in_the_history(stopped, field, value) -> None:
    history = [stopped.position["history"][0] | {field: value}]
    message = refusal(replace(stopped, position=stopped.position | {"history": history}))
    assert f"position history[0] {field}: expected" in message


@pytest.mark.parametrize(("field", "value"), [*pair(["epoch"], WRONG), *pair(["loss"], NO_FIGURES)])
def test_a_wrong_value_in_the_best_epoch(stopped, field, value) -> None:
    best = stopped.position["best"] | {field: value}
    assert "position best: expected" in refusal(replace(stopped, position=stopped.position | {"best": best}))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(-(10**40), 10**40) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.dictionaries(st.sampled_from([*COUNTS, "loss_sum", "seconds", "history", "best"]), JSON, min_size=1))
def test_any_values_are_taken_or_refused_in_one_line(stopped, changes: dict[str, Any]) -> None:
    file = replace(stopped, position=stopped.position | changes)
    problem = None
    try:
        training = resume(file)
    except WeightFileError as error:
        problem = str(error)
    if problem is None:
        assert training.position.step == 5
    else:
        assert "\n" not in problem


def _change(file: WeightFile, name: str, kind: str, make: Any) -> WeightFile:
    tensors = []
    for tensor in file.tensors:
        if (tensor.name, tensor.kind) == (name, kind):
            made = make(tensor.read().copy())
            if made is not None:
                about = {"layer": tensor.layer, "kind": kind, "role": tensor.role}
                tensors.append(Tensor.of(name, made, **about))
        else:
            tensors.append(tensor)
    return replace(file, tensors=tuple(tensors))


def _with(value: float) -> Any:
    def change(array: Any) -> Any:
        array.reshape(-1)[0] = value
        return array

    return change


@pytest.mark.parametrize(
    ("name", "kind", "make", "expected"),
    [
        ("1.weight", "parameter", _with(np.nan), "1 of 384 values of 1.weight are not finite, the first is nan"),
        ("2.variance", "state", _with(np.inf), "1 of 6 values of 2.variance are not finite, the first is inf"),
        ("latest.params.1.bias", "optimizer", _with(-np.inf), "of latest.params.1.bias are not finite"),
        ("first_moment.1.weight", "optimizer", _with(np.nan), "of first_moment.1.weight are not finite"),
        ("first_moment.1.weight", "optimizer", lambda a: a[:, 1:], "the file lacks first_moment.1.weight of shape"),
        ("second_moment.3.bias", "optimizer", lambda _: None, "the file lacks second_moment.3.bias of shape (2,)"),
        ("second_moment.3.bias", "optimizer", lambda a: a.astype(np.int32), "the file lacks second_moment.3.bias"),
        ("latest.state.2.mean", "optimizer", lambda a: a[:0], "the file lacks latest.state.2.mean of shape (6,)"),
    ],
)
def test_tensors_that_no_training_goes_on_from(stopped, name, kind, make, expected) -> None:
    assert expected in refusal(_change(stopped, name, kind, make))


def test_a_sum_of_squares_may_have_become_infinite(stopped) -> None:
    resume(_change(stopped, "second_moment.3.bias", "optimizer", _with(np.inf)))
