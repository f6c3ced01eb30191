"""The exercise softmax-cross-entropy: the loss of a classifier and its gradient."""

from typing import Any

import numpy as np

from cnnkit.exercises.exercise import Arguments, Exercise, Problem, Solve, having, replacing
from cnnkit.exercises.terms import write_number, write_place

TEXT = """Return the softmax cross-entropy of a batch, and its gradient.

outputs (N, K): a row of K scores for each sample, of any size: 1000 must not overflow, -1000 not vanish
labels (N,): the right class of each sample, 0 to K - 1

loss: minus the logarithm of the probability of the right class, averaged over the samples; the probabilities are
exp(outputs) divided by their sum over the classes
doutputs (N, K): the gradient of the loss with respect to outputs
"""
GIVES = ("loss", "doutputs")


def _softmax(outputs: Any, axis: Any = 1) -> Any:
    powers = np.exp(outputs - outputs.max(axis, keepdims=True))
    return powers / powers.sum(axis, keepdims=True)


def measure_loss(outputs: Any, labels: Any) -> tuple[Any, Any]:
    """Return the right (loss, doutputs)."""
    shifted = outputs - outputs.max(1, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    rows = np.arange(len(labels))
    gradient = np.exp(logs)
    gradient[rows, labels] -= 1
    return -logs[rows, labels].mean(), gradient / len(labels)


def _of_probabilities(normalise: Any, take_log: Any = np.log) -> Any:
    def wrong(outputs: Any, labels: Any) -> tuple[Any, Any]:
        with np.errstate(all="ignore"):
            p, rows = normalise(outputs), np.arange(len(labels))
            loss, gradient = -take_log(p[rows, labels]).mean(), p.copy()
            gradient[rows, labels] -= 1
            return loss, gradient / len(labels)

    return wrong


def _overflow(outputs: Any) -> Any:
    powers = np.exp(outputs)
    return powers / powers.sum(1, keepdims=True)


def _overflow_in_sum(outputs: Any, labels: Any) -> tuple[Any, Any]:
    with np.errstate(all="ignore"):
        logs = outputs - np.log(np.exp(outputs).sum(1, keepdims=True))
        _, gradient = _of_probabilities(_overflow)(outputs, labels)
    return -logs[np.arange(len(labels)), labels].mean(), gradient


_of = replacing
MISTAKES: dict[str, Solve] = {
    "exp overflows: subtract the largest score of each row first": _of_probabilities(_overflow),
    "exp overflows in the sum: subtract the largest score of each row first": _overflow_in_sum,
    "the logarithm of a probability that has become 0: subtract log(sum(exp)) instead": _of_probabilities(_softmax),
    "a small number is added inside the logarithm: very wrong answers cost too little": _of_probabilities(
        _softmax, lambda p: np.log(p + 1e-7)
    ),
    "probabilities are cut off near 0: very wrong answers cost too little": _of_probabilities(
        _softmax, lambda p: np.log(np.maximum(p, 1e-7))
    ),
    "the softmax is over the samples instead of the classes": _of_probabilities(lambda outputs: _softmax(outputs, 0)),
    "the softmax is over the whole batch": _of_probabilities(lambda outputs: _softmax(outputs, (0, 1))),
    "the sigmoid of each score is taken instead of the softmax": _of_probabilities(lambda o: 1 / (1 + np.exp(-o))),
    "labels are counted from 1": having(measure_loss, labels=lambda labels, outputs: (labels - 1) % outputs.shape[1]),
    **{
        words: mistake(GIVES)
        for words, mistake in {
            "the loss is summed over the batch instead of averaged": _of(
                measure_loss, loss=lambda right, labels, **_: right * len(labels)
            ),
            "loss and gradient are summed over the batch instead of averaged": _of(
                measure_loss,
                loss=lambda right, labels, **_: right * len(labels),
                doutputs=lambda right, labels, **_: right * len(labels),
            ),
            "the loss is averaged over the classes too": _of(
                measure_loss, loss=lambda right, outputs, **_: right / outputs.shape[1]
            ),
            "loss and gradient are averaged over the classes too": _of(
                measure_loss,
                loss=lambda right, outputs, **_: right / outputs.shape[1],
                doutputs=lambda right, outputs, **_: right / outputs.shape[1],
            ),
            "the sign of the loss is wrong": _of(measure_loss, loss=lambda right, **_: -right),
            "the logarithm has base 2": _of(measure_loss, loss=lambda right, **_: right / np.log(2)),
            "the logarithm is missing": _of(
                measure_loss, loss=lambda _, outputs, labels: -_pick(outputs, labels).mean()
            ),
            "the gradient is not divided by the number of samples": _of(
                measure_loss, doutputs=lambda right, labels, **_: right * len(labels)
            ),
            "the gradient lacks the 1 of the right class: probability minus 1 there": _of(
                measure_loss, doutputs=lambda _, outputs, labels: _softmax(outputs) / len(labels)
            ),
            "the sign of the gradient is wrong": _of(measure_loss, doutputs=lambda right, **_: -right),
            "the gradient is that of the right class alone": _of(
                measure_loss, doutputs=lambda right, labels, **_: right * (np.arange(right.shape[1]) == labels[:, None])
            ),
            "the probabilities are returned instead of the gradient": _of(
                measure_loss, doutputs=lambda _, outputs, **__: _softmax(outputs)
            ),
        }.items()
    },
}


def _pick(outputs: Any, labels: Any) -> Any:
    return _softmax(outputs)[np.arange(len(labels)), labels]


def draw(rng: np.random.Generator) -> list[Arguments]:
    """Return small scores, scores that differ by 100, and some of 1,000."""
    cases = []
    for n, k, size in [(4, 3, 1.0), (3, 5, 3.0), (4, 4, 60.0), (3, 4, 1000.0)]:
        cases.append({"outputs": rng.normal(size=(n, k)) * size, "labels": rng.integers(0, k, n)})
    return cases


def derive(arguments: Arguments, result: str, place: tuple[int, ...]) -> str:
    """Return the logarithms of a loss, or a probability."""
    outputs, labels = arguments["outputs"], arguments["labels"]
    if result == "loss":
        losses = [write_number(measure_loss(outputs[n : n + 1], labels[n : n + 1])[0]) for n in range(len(labels))]
        return f"loss: the average of the samples' losses {', '.join(losses)}"
    n, k = place
    one = " - 1, as it is the right class" if labels[n] == k else ""
    p = write_number(_softmax(outputs)[n, k])
    return f"{write_place(result, place)}: (probability {p}{one}) / {len(labels)} samples"


def _draw_race(rng: np.random.Generator) -> Arguments:
    return {"outputs": rng.normal(size=(4096, 100)), "labels": rng.integers(0, 100, 4096)}


def _run_ours(backend: Any, arguments: Arguments) -> Any:
    return backend.softmax_cross_entropy(arguments["outputs"], arguments["labels"])


SOFTMAX_CROSS_ENTROPY = Exercise(
    "softmax-cross-entropy",
    "the loss of a classifier and its gradient",
    (Problem("softmax_cross_entropy", ("outputs", "labels"), GIVES, TEXT, draw, measure_loss, MISTAKES, derive,
             _draw_race, _run_ours),),
)  # fmt: skip
