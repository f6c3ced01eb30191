"""Mixup and cutmix: pixels, labels, maps, numbers and weights in the same shares."""

import numpy as np
import pytest

from cnnkit.data.augmentation import TargetValues, partners_in_epoch

LABELS = np.arange(40) % 4
ONE_HOT = np.eye(4)[LABELS]
PARTNER = partners_in_epoch(np.random.default_rng(1).permutation(40))


def test_partners_go_round() -> None:
    order = np.array([4, 0, 7, 2])
    assert partners_in_epoch(order).tolist() == [7, -1, 4, -1, 0, -1, -1, 2]


def test_mixup_mixes_pixels_and_labels_alike(augment, images) -> None:
    result = augment("mixup:1", pixels=images / 255, targets=(TargetValues("class", LABELS, 4),), white=1.0)
    rows = result.targets[0].values
    assert result.targets[0].kind == "tags"
    np.testing.assert_allclose(rows.sum(axis=1), 1)
    distinct = np.flatnonzero(LABELS[PARTNER] != LABELS)
    share = rows[distinct, LABELS[distinct]]
    mixed = share[:, None, None, None] * images[distinct] + (1 - share)[:, None, None, None] * images[PARTNER[distinct]]
    np.testing.assert_allclose(result.pixels[distinct] * 255, mixed, atol=1e-9)
    assert share.min() < 0.1
    assert share.max() > 0.9


def test_cutmix_puts_a_box_of_the_partner_in(augment, images) -> None:
    targets = TargetValues("class", LABELS, 4), TargetValues("class_map", images[:, 0])
    result = augment("cutmix", targets=targets)
    for k in range(40):
        other = images[PARTNER[k]]
        pasted = (result.pixels[k] == other).all(axis=0) & ~(other == images[k]).all(axis=0)
        same = (result.pixels[k] == images[k]).all(axis=0)
        assert (pasted | same).all()
        assert np.array_equal(result.targets[1].values[k], result.pixels[k, 0])
        if LABELS[k] != LABELS[PARTNER[k]]:
            share = result.targets[0].values[k, LABELS[PARTNER[k]]]
            places = np.argwhere(pasted)
            box = (places.max(axis=0) + 1 - places.min(axis=0)).prod() if len(places) else 0
            assert abs(share - box / 120) < 1e-12


@pytest.mark.parametrize("text", ["mixup:0.5", "cutmix", "mixup,cutmix"])
def test_rows_and_numbers_mix_in_the_shares_of_labels(augment, text) -> None:
    numbers = np.random.default_rng(2).normal(size=(40, 3))
    targets = (
        TargetValues("class", LABELS, 4),
        TargetValues("tags", ONE_HOT),
        TargetValues("numbers", ONE_HOT @ numbers[:4]),
    )
    labels, tags, mixed = (target.values for target in augment(text, targets=targets).targets)
    np.testing.assert_allclose(tags, labels, atol=1e-12)
    np.testing.assert_allclose(mixed, labels @ numbers[:4], atol=1e-12)


def test_an_ignored_label_counts_nothing_and_weights_share(augment) -> None:
    labels = np.where(np.arange(40) % 5 == 0, -1, LABELS)
    weights = np.where(labels < 0, 0.0, 1.0 + np.arange(40) / 40)
    result = augment(
        "mixup:1", targets=(TargetValues("class", labels, 4), TargetValues("tags", ONE_HOT)), weights=weights
    )
    rows, plain = result.targets[0].values, result.targets[1].values
    for k in range(40):
        j = PARTNER[k]
        if LABELS[k] == LABELS[j]:
            continue
        kept = plain[k, LABELS[k]]
        loss = np.arange(4) + 1.0  # of each class
        wanted = kept * weights[k] * loss[LABELS[k]] + (1 - kept) * weights[j] * loss[LABELS[j]]
        assert abs(result.weights[k] * (rows[k] @ loss) - wanted) < 1e-12


def test_a_target_image_is_mixed_or_pasted_too(augment, images) -> None:
    target = TargetValues("values", images)
    for text in ("mixup:1", "cutmix"):
        result = augment(text, targets=(target, TargetValues("input", None)))
        assert np.array_equal(result.targets[0].values, result.pixels)
        assert result.targets[1].values is None
    after_noise = augment("noise,mixup:1", targets=(TargetValues("input", None),))
    assert np.array_equal(after_noise.targets[0].values, augment("border:0,mixup:1").pixels)
