"""`Model.fit(x, y)` and `evaluate(x, y)`: arrays give what the same arrays in a data set give."""

import numpy as np
import pytest

from cnnkit import Model, Sequential, gradient_check, load_data
from cnnkit.data import Dataset, Scaling, Split, from_arrays
from cnnkit.errors import ConfigError, DataError
from cnnkit.layers import (
    AdaptiveAvgPool3D,
    Conv1D,
    Conv2D,
    Conv3D,
    Dense,
    Flatten,
    MaxPool1D,
    MaxPool3D,
    ReLU,
)

NET = Sequential((Flatten(), Dense(10)))
OPTIONS = {"epochs": 2, "batch_size": 50, "limit": 200}


@pytest.fixture(scope="module")
def digits():
    return load_data("digits")


def model(**options):
    return Model(NET, (1, 8, 8), **options)


def test_arrays_train_as_a_data_set_does(digits):
    part = digits.train
    first, second = model(), model()
    wanted = first.fit(Dataset("d", part, None, digits.class_names, (1, 8, 8), Scaling(0, 1 / 255)), **OPTIONS)
    history = second.fit(part.images[:, 0], part.labels, **OPTIONS)
    assert [entry["loss"] for entry in history] == [entry["loss"] for entry in wanted]
    assert second.scaling == Scaling(0, 1 / 255)
    test = digits.test
    expected = first.evaluate(
        Dataset("d", test, None, digits.class_names, (1, 8, 8), Scaling(0, 1 / 255)), split="train"
    )
    got = second.evaluate(test.images[:, 0], test.labels)
    assert (got.loss, got.accuracy) == (expected.loss, expected.accuracy)
    assert second.evaluate(test.images, test.labels, limit=7).report.images == 7
    np.testing.assert_array_equal(second.predict(test.images), got.scores.argmax(axis=1))


def test_floats_are_the_networks_input(digits):
    x = digits.train.images / np.float32(16)
    net = model()
    net.fit(x, np.eye(10)[digits.train.labels], **OPTIONS)
    assert net.scaling == Scaling()
    np.testing.assert_array_equal(net.predict(x[:50]), net.evaluate(x[:50], digits.train.labels[:50]).scores.argmax(1))


def test_channels_other_than_one_and_three():
    net = Model(Sequential((Conv2D(2, 2), Flatten(), Dense(2))), (5, 3, 3))
    x = np.random.default_rng(0).normal(size=(8, 5, 3, 3))
    assert len(net.fit(x, [0, 1] * 4, epochs=1)) == 1


SAMPLES = {
    "signals": ((3, 12), (Conv1D(4, 3, padding="same"), ReLU(), MaxPool1D(2, ceil_mode=True), Flatten(), Dense(2))),
    "volumes": (
        (1, 4, 5, 6),
        (Conv3D(2, 3, padding=1), MaxPool3D(2), AdaptiveAvgPool3D((1, 2, 2)), Flatten(), Dense(2)),
    ),
    "rows": ((5,), (Dense(2),)),
}


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize(("shape", "layers"), SAMPLES.values(), ids=SAMPLES)
def test_samples_with_other_axes_than_images(tmp_path, shape, layers, backend):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 96)
    x = (rng.normal(size=(96, *shape)) + labels.reshape(-1, *(1 for _ in shape))).astype(np.float32)
    net = Model(Sequential(layers), shape, backend=backend)
    history = net.fit(x, labels, epochs=8, learning_rate=0.02, batch_size=16)
    assert history[-1]["loss"] < history[0]["loss"]
    assert net.evaluate(x, labels).accuracy > 0.8
    net.save(tmp_path / "net.h5")
    again = Model.load(tmp_path / "net.h5", backend=backend)
    np.testing.assert_array_equal(again.outputs(x), net.outputs(x))
    assert gradient_check(net.network, "softmax_cross_entropy", shape, backend=backend).passed
    assert "<svg" in (net._repr_svg_() or "")


def test_a_data_set_of_signals_shows_itself():
    data = from_arrays(np.zeros((4, 2, 5)), [0, 1, 0, 1], image_shape=(2, 5))
    assert data.image_shape == (2, 5)
    assert "2 × 5 float64" in data._repr_html_()
    assert "<img" not in data._repr_html_()


def test_one_output_has_two_classes():
    net = Model(Sequential((Flatten(), Dense(1))), (1, 2, 2), loss="binary_cross_entropy")
    net.fit(np.zeros((4, 2, 2)), [False, True, True, False], epochs=1)
    assert net.class_names == ("0", "1")


BAD = {
    "a label too large": ((np.zeros((2, 8, 8)), [0, 10]), DataError, r"labels in 0\.\.9 for 10 classes, got 10"),
    "from one": ((np.zeros((10, 8, 8)), np.arange(1, 11)), DataError, "count from 1: subtract 1"),
    "numbers": ((np.zeros((2, 8, 8)), [0.5, 2.0]), ConfigError, "got .*numbers"),
    "whole numbers": ((np.zeros((2, 8, 8)), [1.0, 2.0]), ConfigError, "got .*numbers"),
    "nan": ((np.full((2, 8, 8), np.nan), [0, 1]), DataError, "NaN or infinity in image 0"),
    "rows": ((np.zeros((2, 64)), [0, 1]), DataError, "reshape"),
    "another size": ((np.zeros((2, 9, 8)), [0, 1]), DataError, r"the network expects \(1, 8, 8\)"),
    "images alone": ((np.zeros((2, 8, 8)),), ConfigError, r"got ndarray alone: type fit\(images, labels\)"),
    "nothing": ((None,), ConfigError, "got NoneType alone"),
    "a data set and labels": (("digits", [0, 1]), ConfigError, "leave one out"),
    "too many labels": ((np.zeros((2, 8, 8)), [0, 1, 2]), DataError, "a label for each of the 2 images"),
}


@pytest.mark.parametrize("loss", ["softmax_cross_entropy", "mean_squared_error"])
@pytest.mark.parametrize(("arguments", "kind", "message"), BAD.values(), ids=BAD)
def test_arrays_that_cannot_be_used(arguments, kind, message, loss):
    net = model(loss=loss)
    before = net.weights["1.weight"]
    for call in (lambda: net.fit(*arguments, epochs=1), lambda: net.evaluate(*arguments)):
        with pytest.raises(kind, match=message) as caught:
            call()
        assert "\n" not in str(caught.value)
    np.testing.assert_array_equal(net.weights["1.weight"], before)


def test_class_labels_are_no_numbers():
    net = Model(Sequential((Flatten(), Dense(1))), (1, 8, 8), loss="mean_squared_error")
    with pytest.raises(
        ConfigError, match=r"loss mean_squared_error: expected targets of shape \(N, 1\), got class lab"
    ):
        net.fit(np.zeros((3, 8, 8)), [0, 1, 2])


def test_a_class_that_cannot_be_learned_is_said():
    x = np.zeros((10, 8, 8))
    with pytest.warns(UserWarning, match="no training image of class 0, so it cannot be learned; if labels count"):
        model().fit(x, [1, 2, 3, 4, 5, 6, 7, 8, 9, 9], epochs=1)


def test_evaluate_names_its_split(digits):
    with pytest.raises(ConfigError, match="name the split as split='train'"):
        model().evaluate(digits, "train")
    with pytest.raises(ConfigError, match="arrays have no splits"):
        model().evaluate(np.zeros((2, 8, 8)), [0, 1], split="train")


def test_one_class_is_nothing_to_learn():
    data = Dataset("one", Split(np.zeros((4, 1, 8, 8)), [0] * 4), None, ("only",), (1, 8, 8))
    with pytest.raises(DataError, match="one: expected images of two classes or more, got one class"):
        Model(Sequential((Flatten(), Dense(1))), (1, 8, 8)).fit(data, epochs=1)


def test_evaluate_matches_classes_by_name_and_says_so():
    net = Model(Sequential((Flatten(), Dense(3))), (1, 2, 2), class_names=("a", "b", "c"))
    x = np.random.default_rng(0).normal(size=(6, 1, 2, 2))
    straight = net.evaluate(x, [0, 1, 2, 0, 1, 2])
    turned = Dataset("d", Split(x, [2, 0, 1, 2, 0, 1]), None, ("b", "c", "a"), (1, 2, 2))
    with pytest.warns(UserWarning, match="d: classes are matched by name"):
        got = net.evaluate(turned, split="train")
    assert (got.loss, got.labels.tolist(), got.report) == (straight.loss, [0, 1, 2, 0, 1, 2], straight.report)
    more = Dataset("d", Split(x, [0, 3, 2, 0, 1, 2]), None, ("a", "b", "c", "new"), (1, 2, 2))
    with pytest.warns(UserWarning, match="the network does not know new; its images are left out"):
        got = net.evaluate(more, split="train", limit=2)
    assert (got.indices.tolist(), got.labels.tolist()) == ([0, 2], [0, 2])
    only_new = Dataset("d", Split(x, [3] * 6), None, ("a", "b", "c", "new"), (1, 2, 2))
    with (
        pytest.warns(UserWarning, match="not know new"),
        pytest.raises(DataError, match="no image of the split train is of a class"),
    ):
        net.evaluate(only_new, split="train")


def test_a_model_that_knows_its_classes_keeps_their_order():
    net = Model(Sequential((Flatten(), Dense(3))), (1, 2, 2), class_names=("a", "b", "c"))
    x = np.random.default_rng(0).normal(size=(6, 1, 2, 2))
    turned = Dataset("d", Split(x, [0, 1, 2, 0, 1, 2]), None, ("c", "a", "b"), (1, 2, 2))
    same = Model(Sequential((Flatten(), Dense(3))), (1, 2, 2))
    wanted = same.fit(x, [2, 0, 1, 2, 0, 1], epochs=2)
    with pytest.warns(UserWarning, match="classes in the order of the model: a, b, c"):
        history = net.fit(turned, epochs=2)
    assert net.class_names == ("a", "b", "c")
    assert [entry["loss"] for entry in history] == [entry["loss"] for entry in wanted]


@pytest.mark.parametrize("loss", ["mean_squared_error", "half_squared_error", "softmax_cross_entropy"])
@pytest.mark.parametrize(
    ("labels", "targets"),
    [([0.0, 1.0, 2.0], True), ([[0.0], [1.0], [2.0]], True), (np.eye(3)[[0, 1, 2]], False), ([0, 1, 2], False)],
)
def test_float_labels_of_a_file_are_no_classes_for_a_loss_of_numbers(tmp_path, loss, labels, targets):
    np.savez(tmp_path / "a.npz", x_train=np.zeros((3, 2, 2)), y_train=np.array(labels))
    net = Model(Sequential((Flatten(), Dense(3))), (1, 2, 2), loss=loss)
    if targets and loss != "softmax_cross_entropy":
        with pytest.raises(ConfigError, match=r"expected targets of shape .*N.*, 3.*, got .*numbers"):
            net.fit(tmp_path / "a.npz", epochs=1)
    else:
        assert len(net.fit(str(tmp_path / "a.npz"), epochs=1)) == 1


@pytest.mark.parametrize(
    ("rows", "floats"),
    [("0,1\n1,2", False), ("0.0,1\n1,2", True), ("0,1\n1e0,2", True), ("0,1.5\n1,2", False), ("0,1\n1.,-2.5", True)],
)
def test_float_labels_of_a_table(tmp_path, rows, floats):
    (tmp_path / "a.csv").write_text(f"label,pixel0\n{rows}\n")
    dataset = load_data(tmp_path / "a.csv")
    assert dataset.train.labels.tolist() == [0, 1]
    assert dataset.train.targets.written_as_floats is floats


def test_a_model_keeps_the_name_of_its_data_without_the_path(tmp_path):
    np.savez(tmp_path / "set.npz", x_train=np.zeros((2, 8, 8)), y_train=np.array([0, 9]))
    net = model()
    with pytest.warns(UserWarning, match="no training image of class 1, 2"):
        net.fit(str(tmp_path / "set.npz"), epochs=1)
    assert net.to_weights().metadata["data"] == {"name": "set.npz"}
