"""Augmentation and worker processes in a training: the same bits for every batch, number of workers and backend."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from cnnkit import Model, data
from cnnkit.data import Dataset, Split, from_arrays
from cnnkit.data.augmentation.workers import Workers
from cnnkit.data.lazy_images import LazyImages
from cnnkit.data.targets import Targets
from cnnkit.errors import ConfigError, DataError
from cnnkit.layers import Conv2D, Dense, Flatten, ReLU, Sequential
from cnnkit.training import Options, Training, checkpoint
from cnnkit.training.batches import Samples, epoch_order
from cnnkit.training.position import Position
from cnnkit.training.prepared_samples import PreparedSamples
from cnnkit.tree import flatten

ABC = ("a", "b", "c")
TEXT = "flip,crop:1,rotate:20,brightness:0.3,noise:0.02,mixup:0.4"


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    rng = np.random.default_rng(0)
    return from_arrays(rng.integers(0, 256, (50, 1, 6, 6), np.uint8), rng.integers(0, 3, 50), class_names=ABC)


def make_model(backend="numpy", **options) -> Model:
    network = Sequential((Conv2D(2, 3), ReLU(), Flatten(), Dense(3)))
    return Model(network, (1, 6, 6), backend=backend, seed=1, **options)


def train(dataset, backend="numpy", **options) -> Training:
    training = Training(make_model(backend), dataset, Options(epochs=2, batch_size=16, seed=1, **options))
    for _ in training.epochs():
        pass
    return training


def weights_of(training) -> dict:
    return {name: np.asarray(a) for name, a in flatten(training.model.to_host(training.variables.params)).items()}


def same(one, other) -> bool:
    return all(np.array_equal(one[name], other[name]) for name in one | other)


def collect(dataset, size, workers=0, first=0, text=TEXT, backend="numpy"):
    options = Options(augment=text, seed=4, workers=workers)
    backend = make_model(backend).backend
    samples = PreparedSamples(Samples(backend, dataset, "train", "float32"), np.arange(50), options)
    order = epoch_order(np.arange(50), 4, 2)
    try:
        batches = list(samples.batches(order, size, 2, first))
    finally:
        samples.close()
    targets = [backend.to_numpy(batch.targets) for batch in batches]
    return np.concatenate([backend.to_numpy(batch.x) for batch in batches]), np.concatenate(targets)


def test_neither_batches_nor_workers_nor_backends_matter(dataset, monkeypatch) -> None:
    x, y = collect(dataset, 16)
    assert y.shape == (50, 3)
    assert y.dtype == np.float32
    monkeypatch.setattr("cnnkit.training.prepared_samples.BLOCK_BYTES", 2000)  # several blocks
    for size, workers, backend in ((16, 0, "numpy"), (7, 2, "numpy"), (50, 3, "torch"), (1, 1, "cupy-sim")):
        other = collect(dataset, size, workers, backend=backend)
        assert np.array_equal(other[0], x)
        assert np.array_equal(other[1], y)
    rest = collect(dataset, 16, 2, first=2)
    assert np.array_equal(rest[0], x[32:])


def test_without_augmentation_the_batches_are_those_of_samples(dataset) -> None:
    backend = make_model().backend
    order = epoch_order(np.arange(50), 4, 0)
    plain = list(Samples(backend, dataset, "train", "float32").batches(order, 16))
    samples = PreparedSamples(Samples(backend, dataset, "train", "float32"), np.arange(50), Options(workers=1))
    read = list(samples.batches(order, 16, 0))
    samples.close()
    for one, other in zip(plain, read, strict=True):
        assert np.array_equal(one.x, other.x)
        assert np.array_equal(one.targets, other.targets)
        assert one.counts == other.counts


@pytest.mark.parametrize("workers", [0, 2])
def test_a_resumed_training_has_the_same_bits(dataset, workers) -> None:
    whole = train(dataset, augment=TEXT, validation_split=0.1)
    stopped = Training(
        make_model(),
        dataset,
        Options(epochs=2, batch_size=16, seed=1, augment=TEXT, workers=workers, validation_split=0.1),
    )
    calls = iter(range(100))
    list(stopped.epochs(stop=lambda: next(calls) == 3))
    assert stopped.position.batch == 1
    assert stopped._own.prepared._workers is None or not stopped._own.prepared._workers._processes
    file = checkpoint.to_weights(stopped)
    resumed = checkpoint.resume(Model.from_weights(file), dataset, stopped.options, file)
    list(resumed.epochs())
    assert same(weights_of(whole), weights_of(resumed))
    assert not same(weights_of(whole), weights_of(train(dataset, validation_split=0.1)))


def test_validation_is_not_augmented_and_partners_are_training_samples(dataset) -> None:
    training = Training(make_model(), dataset, Options(batch_size=8, augment="mixup", validation_split=0.3))
    partners = training._own.prepared
    assert set(training.chosen).isdisjoint(training.held_out)
    images = dataset.train.images.copy()
    images[training.held_out] = 255 - images[training.held_out]
    other = Training(
        make_model(), from_arrays(images, dataset.train.labels, class_names=ABC),
        Options(batch_size=8, augment="mixup", validation_split=0.3),
    )  # fmt: skip
    ours, theirs = (list(t.batches(t.position)) for t in (training, other))
    assert partners is not None
    assert all(np.array_equal(a.x, b.x) for a, b in zip(ours, theirs, strict=True))


def test_ignored_labels_and_weights_are_mixed(dataset) -> None:
    labels = dataset.train.labels.copy()
    labels[::7] = -1
    split = Split(dataset.train.images, Targets("class", labels), weights=np.arange(50) + 1.0)
    weighted = Dataset("w", split, None, ABC, (1, 6, 6))
    training = Training(make_model(), weighted, Options(batch_size=16, augment="mixup:1"))
    for batch in training.batches(training.position):
        assert batch.targets.shape == (batch.counts.size, 3)
        assert abs(float(batch.weights.mean()) - 1) < 1e-6
        known = batch.weights > 0
        np.testing.assert_allclose(batch.targets[known].sum(axis=1), 1, atol=1e-6)
        assert not batch.targets[~known].any()
    (report, *_) = training.epochs()
    assert np.isfinite(report.entry["loss"])


def test_classes_count_by_their_weights_also_mixed(dataset) -> None:
    """The loss of a mixed sample is the sum of what its two labels cost, each by its share and weight."""
    factors = np.array([1.0, 4.0, 0.5])
    options = Options(batch_size=50, augment="mixup:1", class_weights={"b": 4.0, "c": 0.5}, shuffle=False)
    (batch,) = Training(make_model(), dataset, options).batches(Position())
    (plain,) = Training(make_model(), dataset, replace(options, class_weights=None)).batches(Position())
    wanted = plain.targets * factors
    np.testing.assert_allclose(batch.weights, wanted.sum(axis=1) / wanted.sum() * 50, rtol=1e-5)
    np.testing.assert_allclose(batch.targets * wanted.sum(axis=1, keepdims=True), wanted, atol=1e-5)
    assert plain.weights is None


def test_what_moves_into_a_map_from_outside_counts_nowhere(dataset) -> None:
    maps = Targets("class_map", (dataset.train.images[:, 0] > 128).astype(np.uint8), ("dark", "bright"))
    places = Dataset("maps", Split(dataset.train.images, maps), None, (), (1, 6, 6), dataset.scaling)
    model = Model(Sequential((Conv2D(2, 3, padding="same"),)), (1, 6, 6))
    options = Options(epochs=1, batch_size=50, augment="crop:3", class_weights={"bright": 3.0})
    training = Training(model, places, options)
    (batch,) = training.batches(Position())
    known = batch.targets >= 0
    assert 0 < known.sum() < known.size
    assert batch.counts.decisions == known.sum()
    assert not batch.weights[~known].any()
    assert abs(batch.weights[known].mean() - 1) < 1e-5
    assert len(np.unique(batch.weights[known])) == 2
    (report,) = training.epochs()
    assert 0 < report.entry["accuracy"] < 1


def test_a_denoiser_sees_noise_and_is_compared_with_what_was_there(dataset) -> None:
    own = Dataset("own", Split(dataset.train.images, Targets("input")), None, (), (1, 6, 6), dataset.scaling)
    options = Options(augment="flip,noise:0.2", loss="mean_squared_error", shuffle=False, batch_size=50)
    training = Training(Model(Sequential((Conv2D(1, 3, padding="same"),)), (1, 6, 6)), own, options)
    (batch,) = training.batches(training.position)
    plain = own.batch("train", np.arange(50))[0]
    upright = [
        np.array_equal(a, b) or np.array_equal(a, b[..., ::-1]) for a, b in zip(batch.targets, plain, strict=True)
    ]
    assert all(upright)
    assert not np.array_equal(batch.x, batch.targets)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"augment": "hue"}, "augment hue: expected colour images (3, H, W), got samples of shape (1, 6, 6)"),
        ({"augment": "spin"}, "augment: expected one of flip, crop,"),
        ({"augment": 3}, "augment: expected a text such as flip,crop:4,rotate:10, got 3"),
        ({"workers": -1}, "workers: expected in 0..64, got -1"),
        ({"workers": 1.5}, "workers: expected a whole number, got 1.5"),
    ],
)
def test_what_cannot_be_is_refused_before_the_first_batch(dataset, options, message) -> None:
    with pytest.raises(ConfigError) as caught:
        Training(make_model(), dataset, Options(**options))
    assert str(caught.value).startswith(message)


def test_a_loss_that_takes_no_shares_is_refused(dataset) -> None:
    two = from_arrays(dataset.train.images, dataset.train.labels % 2)
    model = Model(Sequential((Flatten(), Dense(1))), (1, 6, 6))
    with pytest.raises(ConfigError, match="augment: expected a loss that takes shares of classes, as mixed samples"):
        Training(model, two, Options(loss="binary_cross_entropy", augment="mixup"))
    Training(model, two, Options(loss="binary_cross_entropy", augment="flip"))


def test_options_tell_the_augmentation_but_not_the_workers() -> None:
    told = Options(augment="crop:padding=4, flip", workers=2).to_json()
    assert told["augment"] == "crop,flip"
    assert "workers" not in told
    assert Options(augment="none").augment is None


# ---- worker processes


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(1)
    for name in "ab":
        (tmp_path / name).mkdir()
        for k in range(6):
            Image.fromarray(rng.integers(0, 256, (6, 6), np.uint8)).save(tmp_path / name / f"{k}.png")
    return tmp_path


def make_lazy(kind, folder, tmp_path):
    if kind == "folder":
        return data.load(str(folder))
    rng = np.random.default_rng(2)
    x, y = rng.integers(0, 256, (12, 6, 6), np.uint8), np.arange(12) % 2
    path = tmp_path / "set.h5"
    import h5py

    with h5py.File(path, "w") as file:
        file["x_train"], file["y_train"] = x, y
    return data.load(str(path))


@pytest.mark.parametrize("kind", ["folder", "hdf5"])
def test_files_are_read_in_the_worker(kind, folder, tmp_path) -> None:
    lazy = make_lazy(kind, folder, tmp_path)
    assert not isinstance(lazy.train.images, np.ndarray)
    backend = make_model().backend
    found = []
    for workers in (0, 1):
        options = Options(augment="flip,cutmix", workers=workers)
        samples = PreparedSamples(Samples(backend, lazy, "train", "float32"), np.arange(12), options)
        found.append([(batch.x, batch.targets) for batch in samples.batches(np.arange(12), 5, 0)])
        samples.close()
    for one, other in zip(*found, strict=True):
        assert np.array_equal(one[0], other[0])
        assert np.array_equal(one[1], other[1])


def test_a_damaged_picture_is_the_same_line(folder) -> None:
    lazy = data.load(str(folder))
    broken = folder / "b" / "3.png"
    broken.write_bytes(broken.read_bytes()[:-30])
    said = []
    for workers in (0, 2):
        model = Model(Sequential((Flatten(), Dense(2))), (1, 6, 6))
        training = Training(model, lazy, Options(batch_size=2, workers=workers, augment="flip"))
        with pytest.raises(DataError) as caught:
            list(training.epochs())
        said.append(str(caught.value))
        assert workers == 0 or not training._own.prepared._workers._processes
    assert said[0] == said[1]
    assert "3.png" in said[0]


class OwnImages(LazyImages):
    """Images that no other process can read."""

    def __init__(self) -> None:
        super().__init__((4, 1, 6, 6), np.uint8)
        self.open = lambda: None

    def read(self, indices):
        return np.zeros((len(indices), 1, 6, 6), np.uint8)


def test_images_that_cannot_be_sent_are_refused() -> None:
    own = Dataset("own", Split(OwnImages(), np.arange(4) % 2), None, ("a", "b"), (1, 6, 6))
    with pytest.raises(ConfigError, match="workers: expected images that another process can read, got"):
        Training(Model(Sequential((Flatten(), Dense(2))), (1, 6, 6)), own, Options(workers=1))


def test_a_killed_worker_is_told(dataset) -> None:
    training = Training(make_model(), dataset, Options(workers=1, augment="flip", batch_size=5))
    workers = training._own.prepared._workers
    source = training.batches(training.position)
    next(source)
    os.kill(workers._processes[0].process.pid, signal.SIGKILL)
    order = epoch_order(np.arange(50), 0, 1)
    with pytest.raises(DataError, match=r"a worker process has ended \(status -9\): start again with fewer workers"):
        list(training._own.prepared.batches(order, 5, 1))
    training.end_workers()


def test_an_abandoned_epoch_disturbs_no_later_one(dataset, monkeypatch) -> None:
    monkeypatch.setattr("cnnkit.training.prepared_samples.BLOCK_BYTES", 500)
    training = Training(make_model(), dataset, Options(workers=2, augment=TEXT, batch_size=4))
    wanted = [batch.x.copy() for batch in training.batches(training.position)]
    for _ in range(3):
        next(training.batches(training.position))
    found = [batch.x for batch in training.batches(training.position)]
    assert all(np.array_equal(a, b) for a, b in zip(wanted, found, strict=True))
    training.end_workers()


SCRIPT = """
import sys, numpy as np, time
from cnnkit.data import from_arrays
from cnnkit import Model
from cnnkit.layers import *
from cnnkit.training import *
data = from_arrays(np.zeros((50, 1, 6, 6), np.uint8), np.arange(50) % 2)
training = Training(Model(Sequential((Flatten(), Dense(2))), (1, 6, 6)), data, Options(workers=2, augment="flip"))
next(training.batches(training.position))
print(*[w.process.pid for w in training._own.prepared._workers._processes], flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_worker_outlives_its_training(number) -> None:
    """Not even one that is killed: the workers' input ends with it. The script needs no guard of __main__."""
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    with process:
        pids = [int(word) for word in process.stdout.readline().split()]
        assert len(pids) == 2
        process.send_signal(number)
    end = time.monotonic() + 20
    while any(is_alive(pid) for pid in pids):
        assert time.monotonic() < end
        time.sleep(0.02)


def is_alive(pid) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_workers_close_twice() -> None:
    from cnnkit.data.augmentation import Augmentation
    from cnnkit.data.augmentation.preparation import Preparation

    images = np.zeros((4, 1, 2, 2), np.uint8)
    workers = Workers(Preparation(Augmentation(()), images, (), None, 255.0, (0, 0)), 1)
    workers.close()
    workers.close()


def test_mixed_labels_that_count_nowhere_are_no_right_decisions() -> None:
    images = np.random.default_rng(0).integers(0, 256, (50, 1, 6, 6), np.uint8)
    weights = np.r_[np.zeros(47), np.ones(3)]
    data = from_arrays(images, np.zeros(50, int), class_names=ABC, weights=weights)
    model = make_model()
    model.params["3"]["bias"][:] = [1e6, 0, 0]
    training = Training(model, data, Options(epochs=1, batch_size=50, augment="mixup:1", learning_rate=1e-9))
    (report,) = training.epochs()
    assert report.entry["accuracy"] == 1
