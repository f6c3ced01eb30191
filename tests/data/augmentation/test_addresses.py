"""What is drawn depends on seed, epoch and sample alone, not on the batch in which the sample comes."""

import numpy as np
import pytest

from cnnkit.data.augmentation import TRANSFORMS, TargetValues
from cnnkit.data.augmentation.affine import sine_and_cosine
from cnnkit.data.augmentation.draws import Draws
from cnnkit.data.augmentation.mixing import draw_beta

ALL = [name for name in TRANSFORMS if name != "border"]
LABELS = TargetValues("class", np.arange(40) % 4, 4)


@pytest.mark.parametrize(
    "text", [*ALL, "flip,crop:2,rotate:20,noise,mixup,zoom,cutmix,cutout:3", "border:edge,rotate,shift"]
)
def test_a_sample_changes_alike_in_every_batch(augment, images, text) -> None:
    whole = augment(text, targets=(LABELS,))
    for size in (1, 7, 16):
        for start in range(0, 40, size):
            part = augment(text, np.arange(start, min(start + size, 40)), targets=(LABELS,))
            assert np.array_equal(part.pixels, whole.pixels[start : start + size])
            assert np.array_equal(part.targets[0].values, whole.targets[0].values[start : start + size])
    assert whole.pixels.dtype == images.dtype
    assert whole.pixels.shape == images.shape
    assert not np.array_equal(whole.pixels, images)


@pytest.mark.parametrize("text", ALL)
def test_epoch_seed_and_place_in_the_list_matter(augment, text) -> None:
    first = augment(text).pixels
    assert not np.array_equal(first, augment(text, epoch=4).pixels)
    assert not np.array_equal(first, augment(text, key=(11, 13)).pixels)
    assert not np.array_equal(first, augment(f"border:0,{text}").pixels)
    assert np.array_equal(first, augment(text).pixels)


@pytest.mark.parametrize("text", ALL)
def test_share_0_changes_nothing(augment, images, text) -> None:
    assert np.array_equal(augment(f"{text}:share=0").pixels, images)
    half = augment(f"{text}:share=0.5").pixels
    assert 5 < sum(np.array_equal(a, b) for a, b in zip(half, images, strict=True)) < 38


def test_a_later_epoch_and_a_sample_beyond_32_bits_have_their_own_draws() -> None:
    samples = np.array([5, 5 + 2**32, 5 + 2**33])
    rows = Draws((1, 2), 0, 0, samples).uniform(4)
    assert len(np.unique(rows)) == 12
    assert not np.array_equal(rows, Draws((1, 2), 2**31, 0, samples).uniform(4))


def test_normal_draws_are_nearly_normal() -> None:
    from scipy import stats

    draws = Draws((1, 2), 0, 3, np.arange(100)).normal(501)
    assert draws.shape == (100, 501)
    assert abs(float(draws.mean())) < 0.015  # three of its own deviations
    assert abs(float(draws.std()) - 1) < 0.01
    assert stats.kstest(draws.reshape(-1)[:20_000].astype(float), "norm").statistic < 0.015
    assert np.array_equal(draws[7:9], Draws((1, 2), 0, 3, np.arange(7, 9)).normal(501))


@pytest.mark.parametrize("alpha", [0.2, 0.4, 1.0])
def test_shares_are_of_the_beta_distribution(alpha) -> None:
    from scipy import stats

    shares = draw_beta(Draws((3, 4), 0, 0, np.arange(4000)), alpha)
    for bound in (0.001, 0.1, 0.3, 0.5, 0.9):
        assert abs((shares <= bound).mean() - stats.beta(alpha, alpha).cdf(bound)) < 0.025


def test_sine_and_cosine() -> None:
    angle = np.linspace(-np.pi, np.pi, 1001)
    sine, cosine = sine_and_cosine(angle)
    np.testing.assert_allclose(sine, np.sin(angle), atol=1e-14)
    np.testing.assert_allclose(cosine, np.cos(angle), atol=1e-14)
