import numpy as np
import pytest

from cnnkit import Model, Options, Sequential, Training, load_data
from cnnkit.backends.numpy_cpu.numpy_backend import NumpyBackend
from cnnkit.errors import TrainingError
from cnnkit.layers import Conv2D, Dense, Flatten


class SmallMemory(NumpyBackend):
    """A backend whose memory holds 10 images at a time."""

    def convolve(self, x, *others):
        if x.shape[0] > 10:
            raise MemoryError("no room")
        return super().convolve(x, *others)


def test_a_batch_too_large_for_memory_names_one_that_fits() -> None:
    network = Sequential((Conv2D(2, 3), Flatten(), Dense(10)))
    model = Model(network, (1, 8, 8), backend=SmallMemory(threads=1))
    training = Training(model, load_data("digits"), Options(batch_size=32, epochs=1, limit=64, seed=1))
    before = {name: values.copy() for name, values in model.weights.items()}
    with pytest.raises(TrainingError, match=r"a batch of 32 images does not fit in .* use --batch-size 8"):
        list(training.epochs())
    assert all(np.array_equal(before[name], values) for name, values in model.weights.items())
