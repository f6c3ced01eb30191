import numpy as np
import pytest

from cnnkit import Options, get_backend, load_data
from cnnkit.backends.numpy_cpu.numpy_backend import NumpyBackend
from cnnkit.data.dataset import Dataset
from cnnkit.data.split import Split
from cnnkit.training.batches import ResidentSamples, Samples, epoch_order, split_images


@pytest.mark.parametrize(("images", "size"), [(10, 4), (12, 4), (3, 4), (4, 4), (5000, 700), (5000, 3)])
@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_every_image_is_seen_once_an_epoch(images, size, backend) -> None:
    pixels = np.arange(images, dtype=np.float64).reshape(-1, 1, 1, 1)
    labels = np.arange(images) % 7
    dataset = Dataset("numbers", Split(pixels, labels), None, tuple("abcdefg"), (1, 1, 1))
    backend = get_backend(backend)
    order = epoch_order(np.arange(images), 2, 5)
    samples = Samples(backend, dataset, "train", "float64")
    pairs = [batch[:2] for batch in samples.batches(order, size)]
    seen = np.concatenate([np.asarray(backend.to_numpy(x)).ravel() for x, _ in pairs]).astype(int)
    assert np.array_equal(seen, order)
    assert np.array_equal(np.concatenate([np.asarray(backend.to_numpy(y)) for _, y in pairs]), labels[order])
    assert [len(x) for x, _ in pairs] == [size] * (images // size) + ([images % size] if images % size else [])
    later = list(samples.batches(order, size, first=1))
    assert len(later) == len(pairs) - 1
    assert all(np.array_equal(a[0], b[0]) for a, b in zip(later, pairs[1:], strict=True))


def test_the_order_is_new_each_epoch_and_depends_on_nothing_else() -> None:
    chosen = np.arange(3, 53)
    orders = [epoch_order(chosen, 1, epoch) for epoch in (0, 1, 2)]
    assert all(sorted(order) == list(chosen) for order in orders)
    assert not np.array_equal(orders[0], orders[1])
    assert np.array_equal(epoch_order(chosen, 1, 2), orders[2])


@pytest.mark.parametrize("shuffle", [True, False])
def test_images_that_stay_on_the_device_give_the_same_batches(shuffle) -> None:
    digits = load_data("digits")
    backend = NumpyBackend(threads=1)
    chosen, _ = split_images(len(digits.train), Options(limit=100, validation_split=0.1), 3)
    samples = Samples(backend, digits, "train", "float32")
    resident = ResidentSamples(samples, chosen)
    for first in (0, 2):
        order = epoch_order(chosen, 3, epoch=1) if shuffle else chosen
        on_device = list(resident.batches(order, 16, first))
        wanted = list(samples.batches(order, 16, first))
        assert len(on_device) == len(wanted) == 6 - first
        for batch, expected in zip(on_device, wanted, strict=True):
            assert np.array_equal(batch.x, expected.x)
            assert np.array_equal(batch.targets, expected.targets)
            assert batch.counts == expected.counts == (len(batch.x), len(batch.x), len(batch.x))
