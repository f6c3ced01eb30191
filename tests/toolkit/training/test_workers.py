"""Trainings of workers that are threads of this process: for any number the bits of one process with the same leaf."""

from dataclasses import dataclass

import pytest

from cnnkit import Model, Options, layers, load_data
from cnnkit.backends.groups import run_in_threads
from cnnkit.backends.registry import get_backend
from cnnkit.training import Training
from cnnkit.training.fingerprint import fingerprint_lines

DIGITS = load_data("digits")
PLAIN = layers.Sequential((layers.Conv2D(4, 3), layers.ReLU(), layers.Flatten(), layers.Dense(10)))
NORMED = layers.Sequential(
    (layers.Conv2D(4, 3), layers.BatchNorm(), layers.ReLU(), layers.Dropout(0.3), layers.Flatten(), layers.Dense(10))
)


def train(net, backend, group=None, data=DIGITS, **options):
    model = Model(net, (1, 8, 8), backend=get_backend(backend, threads=1), seed=5)
    training = Training(model, data, Options(**({"epochs": 2, "batch_size": 12, "limit": 31} | options)), group)
    for _ in training.epochs():
        pass
    return list(fingerprint_lines(training))


RUNS = {
    "plain": (PLAIN, {"leaf": 2}),
    "several batches an update": (PLAIN, {"leaf": 3, "accumulate": 2, "ema": 0.9}),
    "batch norm and dropout": (NORMED, {"leaf": 2, "augment": "flip,crop:1,rotate:9", "validation_split": 0.2}),
    "batch norm, several batches": (NORMED, {"leaf": 4, "accumulate": 2, "swa": 0.5}),
    "mixed and weighed": (PLAIN, {"leaf": 4, "augment": "mixup", "class_weights": {"3": 2.5}}),
    "one batch": (PLAIN, {"leaf": 8, "batch_size": 32, "shuffle": False}),
}


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_any_number_of_workers_has_the_bits_of_one_process(name, backend):
    net, options = RUNS[name]
    alone = train(net, backend, **options)
    for size in (1, 2, 3, 7) if backend == "numpy" else (3,):
        backends = [get_backend(backend, threads=1) for _ in range(size)]
        for lines in run_in_threads(backends, lambda group: train(net, backend, group, **options)):
            assert lines == alone


@dataclass(frozen=True)
class Reversed(layers.Dense):
    """A dense layer that names its gradients in another order than its parameters."""

    def backward(self, context, params, cache, dy):
        dx, grads = super().backward(context, params, cache, dy)
        return dx, dict(reversed(grads.items()))

    def parameter_gradients(self, context, params, cache, dy):
        return dict(reversed(super().parameter_gradients(context, params, cache, dy).items()))


def test_gradients_go_to_the_parameters_of_their_names():
    net, options = layers.Sequential((layers.Flatten(), Reversed(10))), {"leaf": 4}
    alone = train(net, "numpy", **options)
    backends = [get_backend("numpy", threads=1) for _ in range(2)]
    for lines in run_in_threads(backends, lambda group: train(net, "numpy", group, **options)):
        assert lines == alone
