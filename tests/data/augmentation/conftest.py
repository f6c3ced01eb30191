import numpy as np
import pytest

from cnnkit.data.augmentation import Augmentation, RawSamples, TargetValues, partners_in_epoch

KEY = (11, 12)


@pytest.fixture(scope="session")
def images():
    """Forty smooth images of 12 x 10 in colour, uint8."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:12, :10]
    waves = rng.uniform(0.1, 0.7, (40, 3, 2))
    phase = rng.uniform(0, 6, (40, 3))
    field = np.sin(waves[..., :1, None] * y + waves[..., 1:, None] * x + phase[..., None, None])
    return np.rint(127.5 + 120 * field).astype(np.uint8)


@pytest.fixture(scope="session")
def augment(images):
    """Return a function that applies the augmentation of a text to samples at indices, as a training does."""

    def apply(text, indices=None, pixels=images, targets=(), epoch=3, key=KEY, weights=None, white=255.0):
        augmentation = Augmentation.parse(text)
        indices = np.arange(len(pixels)) if indices is None else np.asarray(indices)
        partner_of = partners_in_epoch(np.random.default_rng(1).permutation(len(pixels)))
        reading = augmentation.plan(indices, partner_of if augmentation.mixings else None)
        chosen = reading.samples
        held = tuple(TargetValues(t.kind, None if t.values is None else t.values[chosen], t.classes) for t in targets)
        weights = None if weights is None else weights[chosen]
        return augmentation.apply(RawSamples(chosen, pixels[chosen], held, weights, white), reading, key, epoch)

    return apply
