"""Evaluations of every kind of target, against scikit-learn on the network's own outputs."""

import json

import numpy as np
import pytest
from sklearn import metrics as sk

from cnnkit import Model, Sequential
from cnnkit.data import Dataset, Split, Targets, from_arrays
from cnnkit.errors import ConfigError, DataError
from cnnkit.layers import Conv2D, Dense, Flatten, Graph, Node
from cnnkit.training import TaskEvaluation
from cnnkit.training.evaluation import evaluate

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(size=(20, 1, 4, 4))
FLAT = IMAGES.reshape(20, -1)
LABELS = RNG.integers(0, 3, 20)
NAMES = ("a", "b", "c")


def make(kind: str, values, names=()) -> Dataset:
    split = Split(IMAGES, Targets(kind, values, names))
    return Dataset("made", split, split, (), (1, 4, 4))


def head(*layers, loss: str) -> Model:
    return Model(Sequential(layers), (1, 4, 4), loss=loss, dtype="float64", seed=3)


def outputs_of(model: Model):
    return model.outputs(IMAGES)


def test_numbers() -> None:
    numbers = FLAT[:, :2] * 3 + 1
    model, data = head(Flatten(), Dense(2), loss="mean_squared_error"), make("numbers", numbers, ("price", "size"))
    result = evaluate(model, data)
    assert isinstance(result, TaskEvaluation)
    given = outputs_of(model)
    assert result.accuracy is None
    assert result.loss == pytest.approx(sk.mean_squared_error(numbers, given))
    found = json.loads(json.dumps(result.to_json()))
    assert found["r2"] == pytest.approx(sk.r2_score(numbers, given))
    assert [column["name"] for column in found["columns"]] == ["price", "size"]
    assert "RMSE" in result._repr_html_()
    assert "price" in result._repr_html_()
    assert evaluate(model, data, limit=7).report.images == 7


def test_rates_of_counts_are_compared_as_rates() -> None:
    counts = RNG.poisson(2.0, (20, 1)).astype(float)
    model = head(Flatten(), Dense(1), loss="poisson")
    result = evaluate(model, make("numbers", counts))
    assert result.to_json()["mae"] == pytest.approx(sk.mean_absolute_error(counts, np.exp(outputs_of(model))))


@pytest.mark.parametrize("loss", ["binary_cross_entropy", "binary_hinge"])
def test_tags(loss) -> None:
    tags = (FLAT[:, :3] > 0.5).astype(float)
    model = head(Flatten(), Dense(3), loss=loss)
    result = evaluate(model, make("tags", tags, NAMES))
    given = outputs_of(model)
    assert result.accuracy == pytest.approx(((given >= 0) == tags).mean())
    assert result.to_json()["map"] == pytest.approx(sk.average_precision_score(tags, given))
    single = head(Flatten(), Dense(1), loss=loss)
    result = evaluate(single, make("tags", tags[:, :1], ("a",)))
    assert result.accuracy == pytest.approx(((outputs_of(single) >= 0) == tags[:, :1]).mean())


def test_maps_of_classes() -> None:
    maps = RNG.integers(-1, 3, (20, 4, 4))
    model = head(Conv2D(3, 3, padding=1), loss="softmax_cross_entropy")
    result = evaluate(model, make("class_map", maps, NAMES))
    known, decided = maps >= 0, outputs_of(model).argmax(axis=1)
    assert result.accuracy == pytest.approx((decided == maps)[known].mean())
    wanted = sk.jaccard_score(maps[known], decided[known], average="macro")
    assert result.to_json()["mean_iou"] == pytest.approx(wanted)
    logs = outputs_of(model) - np.log(np.exp(outputs_of(model)).sum(axis=1, keepdims=True))
    picked = np.take_along_axis(logs, np.maximum(maps, 0)[:, None], axis=1)[:, 0]
    assert result.loss == pytest.approx(-picked[known].mean(), rel=1e-6)


def test_arrays_and_the_input_itself() -> None:
    model = head(Conv2D(1, 3, padding=1), loss="mean_squared_error")
    found = evaluate(model, make("input", None)).to_json()
    assert found["mse"] == pytest.approx(((outputs_of(model) - IMAGES) ** 2).mean())
    found = evaluate(model, make("values", IMAGES[:, :, ::-1].copy())).to_json()
    assert found["mse"] == pytest.approx(((outputs_of(model) - IMAGES[:, :, ::-1]) ** 2).mean())
    assert found["psnr"] < 20
    shares = head(Conv2D(1, 3, padding=1), loss="binary_cross_entropy")
    found = evaluate(shares, make("values", IMAGES)).to_json()
    p = 1 / (1 + np.exp(-outputs_of(shares)))
    assert found["mae"] == pytest.approx(np.abs(p - IMAGES).mean())


def test_several_outputs_have_a_report_each_whatever_the_order_of_the_targets() -> None:
    numbers = FLAT[:, :2]
    network = Graph(
        (
            Node("flat", Flatten(), ("input",)),
            Node("digit", Dense(3), ("flat",)),
            Node("size", Dense(2), ("flat",)),
        ),
        output_names=("digit", "size"),
    )
    model = Model(network, (1, 4, 4), dtype="float64", loss="digit=softmax_cross_entropy;size=mean_squared_error")
    parts = {"size": Targets("numbers", numbers), "digit": Targets("class", LABELS, NAMES)}
    split = Split(IMAGES, parts)
    result = evaluate(model, Dataset("made", split, split, (), (1, 4, 4)))
    digit, size = outputs_of(model)
    assert list(result.reports) == ["digit", "size"]
    assert result.accuracy == pytest.approx((digit.argmax(axis=1) == LABELS).mean())
    found = json.loads(json.dumps(result.to_json()))
    assert found["outputs"]["size"]["r2"] == pytest.approx(sk.r2_score(numbers, size))
    assert "Evaluation of size" in result._repr_html_()
    assert model.fit(Dataset("made", split, split, (), (1, 4, 4)), epochs=1)[-1]["accuracy"] is not None
    one = Split(IMAGES, {"digit": parts["digit"]})
    with pytest.raises(ConfigError, match="expected targets of the outputs digit, size, got digit"):
        evaluate(model, Dataset("made", one, one, (), (1, 4, 4)))


def test_embeddings_are_judged_by_their_nearest_neighbours() -> None:
    model = head(Flatten(), Dense(2), loss="triplet")
    result = evaluate(model, make("class", LABELS, NAMES))
    given = outputs_of(model)
    distances = np.linalg.norm(given[:, None] - given, axis=2) + np.diag(np.full(20, np.inf))
    assert result.to_json()["recall_at_1"] == pytest.approx((LABELS[distances.argmin(axis=1)] == LABELS).mean())
    model.class_names = ("x", "y", "z")  # of other classes than those it was trained on
    assert model.evaluate(make("class", LABELS, NAMES)).to_json()["recall_at_1"] == result.to_json()["recall_at_1"]


def test_labels_of_nothing_are_left_out() -> None:
    labels = LABELS.copy()
    labels[:5] = -1
    model = head(Flatten(), Dense(3), loss="softmax_cross_entropy")
    result = evaluate(model, make("class", labels, NAMES))
    assert result.report.images == 15
    assert result.accuracy == pytest.approx((outputs_of(model).argmax(axis=1) == LABELS)[5:].mean())


def test_outputs_that_are_not_finite_name_the_weight() -> None:
    model = head(Flatten(), Dense(1), loss="mean_squared_error")
    model.params["1"]["weight"] = np.full((1, 16), np.nan)
    with pytest.raises(DataError, match=r"the network gives no usable output, one is nan: .*1\.weight"):
        evaluate(model, make("numbers", FLAT[:, :1]))


def test_targets_that_do_not_fit_are_one_line() -> None:
    model = head(Flatten(), Dense(2), loss="mean_squared_error")
    with pytest.raises(ConfigError, match=r"expected targets of shape \(N, 2\), got numbers \(N, 1\)"):
        evaluate(model, make("numbers", FLAT[:, :1]))


def test_classes_of_maps_and_tags_are_matched_by_name() -> None:
    maps, tags = RNG.integers(0, 3, (20, 4, 4)), RNG.integers(0, 2, (20, 3))
    order = np.array([2, 0, 1])  # class k of the network is number order[k] of the data
    names = tuple(np.array(NAMES)[np.argsort(order)])
    for kind, values, moved, loss, layers in (
        ("class_map", maps, order[maps], "softmax_cross_entropy", (Conv2D(3, 1),)),
        ("tags", tags, tags[:, np.argsort(order)], "binary_cross_entropy", (Flatten(), Dense(3))),
    ):
        model = head(*layers, loss=loss)
        model.class_names = NAMES
        other = from_arrays(IMAGES, moved, kind=kind, class_names=names)
        own = evaluate(model, from_arrays(IMAGES, values, kind=kind, class_names=NAMES), "train")
        assert evaluate(model, other, "train").loss == own.loss
        with pytest.warns(UserWarning, match="classes are matched by name"):
            assert model.evaluate(other, split="train").loss == own.loss
