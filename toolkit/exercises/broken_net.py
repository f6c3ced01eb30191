"""The exercise broken-net: a network in NumPy that trains, with one mistake that is to be found."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnnkit.exercises.cross_entropy import measure_loss
from cnnkit.exercises.exercise import Arguments, Exercise, Problem
from cnnkit.exercises.terms import write_number, write_place

TEXT = """Return the losses of a training, and the trained parameters."""
SOURCE = '''"""Exercise broken-net: two dense layers, with ReLU between them, that are trained. One line is wrong.

Find it and mend it: cnnkit exercise check {file}
"""

import numpy as np


def dense(x, weight, bias):
    """x (N, I), weight (O, I), bias (O,): return y (N, O)."""
    return x @ weight.T + bias


def dense_backward(dy, x, weight):
    """Return the gradients of x, weight and bias."""
    dx = dy @ weight
    dweight = dy.T @ x
    dbias = dy.sum(axis=0)
    return dx, dweight, dbias


def relu(x):
    return np.maximum(x, 0)


def relu_backward(dy, x):
    return dy * (x > 0)


def softmax_cross_entropy(outputs, labels):
    """Return the loss, averaged over the samples, and its gradient."""
    shifted = outputs - outputs.max(axis=1, keepdims=True)
    powers = np.exp(shifted)
    probabilities = powers / powers.sum(axis=1, keepdims=True)
    rows = np.arange(len(labels))
    loss = -np.log(probabilities[rows, labels]).mean()
    doutputs = probabilities.copy()
    doutputs[rows, labels] -= 1
    return loss, doutputs / len(labels)


def train(x, labels, weight1, bias1, weight2, bias2, rate, steps):
    """Return the loss before each step, and the parameters after the last one."""
    losses = []
    for step in range(steps):
        hidden = dense(x, weight1, bias1)
        active = relu(hidden)
        outputs = dense(active, weight2, bias2)
        loss, doutputs = softmax_cross_entropy(outputs, labels)
        losses.append(loss)
        dactive, dweight2, dbias2 = dense_backward(doutputs, active, weight2)
        dhidden = relu_backward(dactive, hidden)
        dx, dweight1, dbias1 = dense_backward(dhidden, x, weight1)
        weight1 = weight1 - rate * dweight1
        bias1 = bias1 - rate * dbias1
        weight2 = weight2 - rate * dweight2
        bias2 = bias2 - rate * dbias2
    return np.array(losses), weight1, bias1, weight2, bias2
'''


def apply_relu(x: Any) -> Any:
    """Return the positive part."""
    return np.maximum(x, 0)


def send_through_relu(dy: Any, x: Any) -> Any:
    """Return dx of ReLU."""
    return dy * (x > 0)


def sum_gradients(dy: Any, x: Any) -> tuple[Any, Any]:
    """Return (dweight, dbias) of a dense layer."""
    return dy.T @ x, dy.sum(0)


def take_active(_: Any, active: Any) -> Any:
    """Return what the second layer sees: the first one's values after ReLU."""
    return active


@dataclass(frozen=True)
class Net:
    """The pieces of the training, so that one can be exchanged for a wrong one."""

    relu: Callable[[Any], Any] = apply_relu
    relu_backward: Callable[[Any, Any], Any] = send_through_relu
    gradients: Callable[[Any, Any], tuple[Any, Any]] = sum_gradients
    loss: Callable[[Any, Any], tuple[Any, Any]] = measure_loss
    sign: float = -1.0
    seen_by_second: Callable[[Any, Any], Any] = take_active

    def train(
        self, x: Any, labels: Any, weight1: Any, bias1: Any, weight2: Any, bias2: Any, rate: float, steps: int
    ) -> tuple[Any, ...]:
        """Return (losses, weight1, bias1, weight2, bias2)."""
        losses = []
        for _ in range(steps):
            hidden = x @ weight1.T + bias1
            active = self.relu(hidden)
            loss, doutputs = self.loss(active @ weight2.T + bias2, labels)
            losses.append(loss)
            dweight2, dbias2 = self.gradients(doutputs, self.seen_by_second(hidden, active))
            dhidden = self.relu_backward(doutputs @ weight2, hidden)
            dweight1, dbias1 = self.gradients(dhidden, x)
            weight1, bias1 = weight1 + self.sign * rate * dweight1, bias1 + self.sign * rate * dbias1
            weight2, bias2 = weight2 + self.sign * rate * dweight2, bias2 + self.sign * rate * dbias2
        return np.array(losses), weight1, bias1, weight2, bias2


@dataclass(frozen=True)
class Plant:
    """A mistake: what of the source it changes, and the net that computes as the changed one does."""

    old: str
    new: str
    net: Net


def _undivided(outputs: Any, labels: Any) -> tuple[Any, Any]:
    loss, doutputs = measure_loss(outputs, labels)
    return loss, doutputs * len(labels)


def _over_samples(outputs: Any, labels: Any) -> tuple[Any, Any]:
    powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    p, rows = powers / powers.sum(axis=0, keepdims=True), np.arange(len(labels))
    loss, gradient = -np.log(p[rows, labels]).mean(), p.copy()
    gradient[rows, labels] -= 1
    return loss, gradient / len(labels)


def _without_one(outputs: Any, labels: Any) -> tuple[Any, Any]:
    loss, doutputs = measure_loss(outputs, labels)
    one = np.zeros_like(doutputs)
    one[np.arange(len(labels)), labels] = 1 / len(labels)
    return loss, doutputs + one


PLANTS = {
    "ReLU's backward asks where the gradient is positive, not where its input was": Plant(
        "return dy * (x > 0)", "return dy * (dy > 0)", Net(relu_backward=lambda dy, _: dy * (dy > 0))
    ),
    "ReLU's backward passes the gradient where its input was negative": Plant(
        "return dy * (x > 0)", "return dy * (x < 0)", Net(relu_backward=lambda dy, x: dy * (x < 0))
    ),
    "ReLU cuts the positive values off": Plant(
        "return np.maximum(x, 0)", "return np.minimum(x, 0)", Net(relu=lambda x: np.minimum(x, 0))
    ),
    "the gradient of the bias is averaged over the batch, which the loss has done": Plant(
        "dbias = dy.sum(axis=0)", "dbias = dy.mean(axis=0)", Net(gradients=lambda dy, x: (dy.T @ x, dy.mean(0)))
    ),
    "the gradient of the weight is divided by the batch once more": Plant(
        "dweight = dy.T @ x", "dweight = dy.T @ x / len(x)", Net(gradients=lambda dy, x: (dy.T @ x / len(x), dy.sum(0)))
    ),
    "the gradient of the loss is not divided by the number of samples": Plant(
        "return loss, doutputs / len(labels)", "return loss, doutputs", Net(loss=_undivided)
    ),
    "the softmax divides by the sum over the samples": Plant(
        "powers.sum(axis=1, keepdims=True)", "powers.sum(axis=0, keepdims=True)", Net(loss=_over_samples)
    ),
    "the gradient of the loss lacks the 1 of the right class": Plant(
        "doutputs[rows, labels] -= 1", "doutputs[rows, labels] -= 0", Net(loss=_without_one)
    ),
    "the parameters go uphill": Plant("- rate * d", "+ rate * d", Net(sign=1.0)),
    "the second layer's weight gets the gradient of what came before ReLU": Plant(
        "dense_backward(doutputs, active, weight2)", "dense_backward(doutputs, hidden, weight2)",
        Net(seen_by_second=lambda hidden, _: hidden),
    ),
}  # fmt: skip


def write_source(seed: int) -> str:
    """Return the file with the mistake that a number chooses."""
    plant = list(PLANTS.values())[seed % len(PLANTS)]
    return SOURCE.replace(plant.old, plant.new)


def draw(rng: np.random.Generator) -> list[Arguments]:
    """Return two small trainings."""
    return [
        {
            "x": rng.normal(size=(n, i)), "labels": rng.integers(0, k, n), "weight1": rng.normal(size=(h, i)),
            "bias1": rng.normal(size=h), "weight2": rng.normal(size=(k, h)), "bias2": rng.normal(size=k),
            "rate": 0.2, "steps": steps,
        }
        for n, i, h, k, steps in [(6, 4, 5, 3, 1), (8, 5, 7, 4, 4)]
    ]  # fmt: skip


def derive(arguments: Arguments, result: str, place: tuple[int, ...]) -> str:
    """Return which step it is, as the rest is to be found."""
    losses = ", ".join(map(write_number, Net().train(**arguments)[0]))
    return f"{write_place(result, place)}: after {arguments['steps']} steps, whose losses are {losses}"


BROKEN_NET = Exercise(
    "broken-net",
    "a network that trains badly: find its mistake",
    (Problem("train", ("x", "labels", "weight1", "bias1", "weight2", "bias2", "rate", "steps"),
             ("losses", "new_weight1", "new_bias1", "new_weight2", "new_bias2"), TEXT, draw, Net().train,
             {words: plant.net.train for words, plant in PLANTS.items()}, derive),),
    secret=True,
    source=write_source,
)  # fmt: skip
