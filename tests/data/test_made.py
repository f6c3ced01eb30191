"""Made data: the same bits everywhere, splits with nothing in common, and targets that are true."""

import time

import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate

from cnnkit.data import KNOWN, load
from cnnkit.data.made import draws
from cnnkit.data.made.shapes import FIGURES, make_shapes
from cnnkit.data.sources import BUILTIN

FINGERPRINTS = {
    "noisy-digits": "56d5307b568a58d1d2553f07191c97e6e13897acd3d63943f189f0f85aad589b",
    "composed-digits": "41b7d49cfbad85ce195811098b5ef1e3da051e470bbd3d14b3db6ac2130858a7",
    "multi-digits": "57ff239be5e81cca3aa77f44d00013be3fdcd98616ca16814bca68bd79fdae54",
    "digit-sums": "45c45c7d9eb38be97a7b3407755cba0b47b8e38fa955612492413e3e2ce06b99",
    "digits-28": "3f51ece8e6bf7421da80fe25b1c129cb09002d0f8bf01e7c93b67de1d4767753",
    "signals": "abd9a843b307dbb3a84969d2217c338db961f691e9483724ed94178c24225a32",
    "shapes-32": "798ea1c60e473d11075257f0d59aef6e3d136818c900a62bcaee6b91c74f7490",
}


@pytest.mark.parametrize("name", FINGERPRINTS)
def test_made_data_are_fixed_and_quick(name):
    started = time.process_time()
    dataset = load(name)
    assert time.process_time() - started < 30  # seconds; about one on a free machine
    assert dataset.fingerprint() == FINGERPRINTS[name]
    both = np.concatenate([dataset.train.images, dataset.split("test").images]).reshape(
        -1, np.prod(dataset.image_shape)
    )
    assert len(np.unique(both, axis=0)) == len(both)


@pytest.mark.parametrize("name", ["signals", "shapes-32"])
def test_every_class_is_made_about_as_often(name):
    for part in (load(name).train, load(name).split("test")):
        counts = np.bincount(part.labels)
        assert counts.min() > 0.7 * counts.mean()


def test_draws_are_pcg64_s_words_whatever_the_version_of_numpy():
    words = np.random.PCG64(np.random.SeedSequence(7, spawn_key=tuple(b"noise"))).random_raw(3)
    np.testing.assert_array_equal(draws.uniform(7, "noise", (3,)), (words >> np.uint64(11)) * 2.0**-53)
    assert not np.array_equal(draws.uniform(7, "noise", (3,)), draws.uniform(7, "other", (3,)))


def test_draws_are_spread_as_they_say():
    bell, grains = draws.bell(0, "bell", (100_000,)), draws.grains(0, "grains", (100_003,))
    assert abs(bell.mean()) < 0.02
    assert abs(bell.std() - 1) < 0.02
    assert np.bincount(grains, minlength=256).min() > 250
    whole = draws.integers(0, "whole", (7000,), 7)
    assert np.bincount(whole, minlength=7).min() > 900
    even = draws.uniform(0, "even", (1000,), -2.0, 3.0)
    assert -2 <= even.min() < -1.9 < 2.9 < even.max() < 3


def test_the_first_pictures_do_not_depend_on_how_many_there_are():
    for few, many in zip(make_shapes(3, 7), make_shapes(3, 120), strict=True):
        np.testing.assert_array_equal(few, many[:7])


def test_no_two_shapes_cover_the_same_places():
    along = np.linspace(-1, 1, 33, dtype=np.float32)
    u, v = np.broadcast_arrays(along, along[:, None])
    covered = np.stack([covers(u, v) for covers in FIGURES.values()])
    assert ((covered.mean(axis=(1, 2)) > 0.08) & (covered.mean(axis=(1, 2)) < 0.8)).all()
    apart = (covered[:, None] != covered).mean(axis=(2, 3)) + np.eye(len(covered))
    assert apart.min() > 0.1


def test_enlarged_digits_are_torch_s_bilinear_ones_in_a_frame():
    small, large = load("digits"), load("digits-28")
    x, labels = small.batch("test", np.arange(360))
    wanted = interpolate(torch.from_numpy(x), (20, 20), mode="bilinear").numpy()
    y, same = large.batch("test", np.arange(360))
    np.testing.assert_array_equal(labels, same)
    np.testing.assert_allclose(y[:, :, 4:-4, 4:-4], wanted, atol=0.5 / 255 + 1e-6)
    assert np.count_nonzero(y) == np.count_nonzero(y[:, :, 4:-4, 4:-4])


@pytest.mark.parametrize("name", sorted(BUILTIN))
def test_the_catalogue_tells_what_there_is(name):
    entry = next(entry for entry in KNOWN if entry.name == name)
    dataset = load(name)
    assert (entry.train_images, entry.test_images) == (len(dataset.train), len(dataset.split("test")))
    assert (entry.image_shape, entry.classes) == (dataset.image_shape, len(dataset.class_names))
    assert (entry.target, entry.licence) == (dataset.target.kind, dataset.licence)
