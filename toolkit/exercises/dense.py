"""The exercise dense: a dense layer, forward and backward."""

from typing import Any

import numpy as np

from cnnkit.exercises.exercise import Arguments, Exercise, Problem, Solve, having, replacing
from cnnkit.exercises.terms import write_place, write_sum

FORWARD = """Return the outputs of a dense layer.

x (N, I): N samples with I features; weight (O, I): a row for each of O outputs; bias (O,)

y (N, O): y[n, o] is bias[o] plus the sum of weight[o] * x[n].
"""
BACKWARD = """Return the gradients of a loss with respect to x, weight and bias of dense.

dy (N, O): the gradient with respect to y = dense(x, weight, bias); x, weight as there

dx (N, I), dweight (O, I), dbias (O,). Gradients of weight and bias are summed over the samples: an average, where
the loss takes one, is in dy already.
"""
GIVES = ("dx", "dweight", "dbias")


def multiply(x: Any, weight: Any, bias: Any) -> Any:
    """Return the right y."""
    return x @ weight.T + bias


def differentiate(dy: Any, x: Any, weight: Any) -> tuple[Any, Any, Any]:
    """Return the right (dx, dweight, dbias)."""
    return dy @ weight, dy.T @ x, dy.sum(0)


FORWARD_MISTAKES: dict[str, Solve] = {
    "the weight is not transposed": lambda x, weight, bias: x @ weight + bias,
    "the bias is missing": having(multiply, bias=lambda bias, **_: 0 * bias),
    "the bias is subtracted": having(multiply, bias=lambda bias, **_: -bias),
    "the bias is added to each product": having(multiply, bias=lambda bias, x, **_: bias * x.shape[1]),
    "the bias is added along the samples": lambda x, weight, bias: x @ weight.T + bias[: len(x), None],
    "the products are averaged instead of added": having(multiply, x=lambda x, **_: x / x.shape[1]),
    "ReLU is applied": lambda **arguments: np.maximum(multiply(**arguments), 0),
    "the first sample alone is used": having(multiply, x=lambda x, **_: np.broadcast_to(x[:1], x.shape)),
}
_of = replacing
BACKWARD_MISTAKES: dict[str, Solve] = {
    words: mistake(GIVES)
    for words, mistake in {
        "dx: the weight is transposed": _of(differentiate, dx=lambda _, dy, weight, **__: dy @ weight.T),
        "dx is averaged over the batch": _of(differentiate, dx=lambda right, dy, **_: right / len(dy)),
        "dx is the same for all samples: dy is summed first": _of(
            differentiate, dx=lambda right, **_: np.broadcast_to(right.sum(0), right.shape)
        ),
        "dweight is transposed: rows are outputs": _of(differentiate, dweight=lambda right, **_: right.T),
        "dweight is averaged over the batch: the loss has done that": _of(
            differentiate, dweight=lambda right, dy, **_: right / len(dy)
        ),
        "dweight is of the last sample alone: the sum over the batch is missing": _of(
            differentiate, dweight=lambda _, dy, x, **__: np.outer(dy[-1], x[-1])
        ),
        "dweight is of the first sample alone: the sum over the batch is missing": _of(
            differentiate, dweight=lambda _, dy, x, **__: np.outer(dy[0], x[0])
        ),
        "dweight is not summed over the batch": _of(
            differentiate, dweight=lambda _, dy, x, **__: dy[:, :, None] * x[:, None, :]
        ),
        "dweight is the product of the sums over the batch, not the sum of the products": _of(
            differentiate, dweight=lambda _, dy, x, **__: np.outer(dy.sum(0), x.sum(0))
        ),
        "dbias is not summed over the batch": _of(differentiate, dbias=lambda _, dy, **__: dy),
        "dbias is averaged over the batch": _of(differentiate, dbias=lambda right, dy, **_: right / len(dy)),
        "dbias is summed over the outputs too, into one number": _of(
            differentiate, dbias=lambda right, **_: right.sum()
        ),
        "dbias is summed over the outputs, not over the batch": _of(differentiate, dbias=lambda _, dy, **__: dy.sum(1)),
    }.items()
}


def draw(rng: np.random.Generator) -> list[Arguments]:
    """Return a case with as many outputs as inputs and samples, where a transposition shows in the values alone."""
    return [
        {"x": rng.normal(size=(n, i)), "weight": rng.normal(size=(o, i)), "bias": rng.normal(size=o)}
        for n, i, o in [(4, 4, 4), (3, 5, 4), (2, 6, 3), (1, 3, 2)]
    ]


def _draw_gradients(rng: np.random.Generator) -> list[Arguments]:
    return [
        {"dy": rng.normal(size=multiply(**case).shape), "x": case["x"], "weight": case["weight"]} for case in draw(rng)
    ]


def _derive_output(arguments: Arguments, result: str, place: tuple[int, ...]) -> str:
    n, o = place
    products = write_sum(arguments["x"][n], arguments["weight"][o], [("bias", arguments["bias"][o])])
    return f"{write_place(result, place)}: x[{n}] times weight[{o}]: {products}"


def _derive_gradient(arguments: Arguments, result: str, place: tuple[int, ...]) -> str:
    dy, x, weight = (arguments[name] for name in ("dy", "x", "weight"))
    if result == "dx":
        what, products = f"dy[{place[0]}] times weight[:, {place[1]}]", write_sum(dy[place[0]], weight[:, place[1]])
    elif result == "dweight":
        what, products = f"dy[:, {place[0]}] times x[:, {place[1]}]", write_sum(dy[:, place[0]], x[:, place[1]])
    else:
        what, products = f"all of dy[:, {place[0]}]", write_sum(dy[:, place[0]], np.ones(len(dy)))
    return f"{write_place(result, place)}: {what}: {products}"


def _draw_race(rng: np.random.Generator) -> Arguments:
    return {"x": rng.normal(size=(128, 784)), "weight": rng.normal(size=(128, 784)), "bias": rng.normal(size=128)}


def _run_ours(backend: Any, arguments: Arguments) -> Any:
    return backend.add_bias(backend.matmul(arguments["x"], arguments["weight"].T), arguments["bias"])


DENSE = Exercise(
    "dense",
    "a dense layer, forward and backward",
    (
        Problem("dense", ("x", "weight", "bias"), ("y",), FORWARD, draw, multiply, FORWARD_MISTAKES, _derive_output,
                _draw_race, _run_ours),
        Problem("dense_backward", ("dy", "x", "weight"), GIVES, BACKWARD, _draw_gradients, differentiate,
                BACKWARD_MISTAKES, _derive_gradient),
    ),
)  # fmt: skip
