"""The exercises sgd and adam: one step of an optimizer."""

from typing import Any

import numpy as np

from cnnkit.exercises.exercise import Arguments, Exercise, Problem, Solve, having
from cnnkit.exercises.terms import write_number, write_place

SGD_TEXT = """Return the parameter and its velocity after one step of gradient descent with momentum.

parameter, gradient, velocity: arrays of one shape; rate, momentum, decay: numbers

The gradient first gets decay * parameter (weight decay). The new velocity is momentum * velocity plus the gradient;
the new parameter is parameter - rate * new velocity (as PyTorch and cnnkit do: the rate is not inside the velocity).
"""
ADAM_TEXT = """Return the parameter and both moments after one step of Adam.

parameter, gradient, m, v: arrays of one shape; step: 1 in the first step; rate, beta1, beta2, epsilon: numbers

m = beta1 m + (1 - beta1) gradient; v = beta2 v + (1 - beta2) gradient^2. Both start from 0, so they are divided by
1 - beta1^step and 1 - beta2^step before use, in the step alone. The new parameter is
parameter - rate * m / (sqrt(v) + epsilon) with the corrected m and v (Kingma and Ba 2015).
"""


def descend(
    parameter: Any, gradient: Any, velocity: Any, rate: float, momentum: float, decay: float, sign: int = -1,
    fresh: float = 1.0,
) -> tuple[Any, Any]:  # fmt: skip
    """Return the right (parameter, velocity); `fresh`: the weight of the gradient in the velocity."""
    velocity = momentum * velocity + fresh * (gradient + decay * parameter)
    return parameter + sign * rate * velocity, velocity


def _nesterov(parameter: Any, gradient: Any, velocity: Any, rate: float, momentum: float, decay: float) -> Any:
    gradient = gradient + decay * parameter
    velocity = momentum * velocity + gradient
    return parameter - rate * (gradient + momentum * velocity), velocity


def _decouple(parameter: Any, gradient: Any, velocity: Any, rate: float, momentum: float, decay: float) -> Any:
    velocity = momentum * velocity + gradient
    return parameter - rate * velocity - rate * decay * parameter, velocity


def _rate_inside(parameter: Any, gradient: Any, velocity: Any, rate: float, momentum: float, decay: float) -> Any:
    velocity = momentum * velocity + rate * (gradient + decay * parameter)
    return parameter - velocity, velocity


def _signed_inside(parameter: Any, gradient: Any, velocity: Any, rate: float, momentum: float, decay: float) -> Any:
    velocity = momentum * velocity - rate * (gradient + decay * parameter)
    return parameter + velocity, velocity


SGD_MISTAKES: dict[str, Solve] = {
    "the parameter goes uphill: the step must be subtracted": lambda **a: descend(**a, sign=1),
    "the momentum is ignored": having(descend, momentum=lambda **_: 0.0),
    "the gradient has the weight 1 - momentum in the velocity": lambda **a: descend(**a, fresh=1 - a["momentum"]),
    "the velocity holds the rate": _rate_inside,
    "the velocity holds the rate and the sign": _signed_inside,
    "the old velocity is used for the step": lambda **a: (
        a["parameter"] - a["rate"] * a["velocity"],
        descend(**a)[1],
    ),
    "the step is that of the gradient alone, without the velocity": lambda **a: (
        a["parameter"] - a["rate"] * (a["gradient"] + a["decay"] * a["parameter"]),
        descend(**a)[1],
    ),
    "the old velocity is returned": lambda **a: (descend(**a)[0], a["velocity"]),
    "the old parameter is returned": lambda **a: (a["parameter"], descend(**a)[1]),
    "Nesterov's step is taken": _nesterov,
    "the weight decay is ignored": having(descend, decay=lambda **_: 0.0),
    "the weight decay is subtracted from the gradient": having(descend, decay=lambda decay, **_: -decay),
    "the weight decay does not go through the velocity (decoupled)": _decouple,
    "the rate is applied twice": having(descend, rate=lambda rate, **_: rate * rate),
    "the rate is missing": having(descend, rate=lambda **_: 1.0),
}  # fmt: skip


def step_adam(
    parameter: Any, gradient: Any, m: Any, v: Any, step: int, rate: float, beta1: float, beta2: float, epsilon: float,
    corrects: tuple[bool, bool] = (True, True), later: int = 0, inside: bool = False, root: float = 0.5, sign: int = -1,
    square: Any = np.square,
) -> tuple[Any, Any, Any]:  # fmt: skip
    """Return the right (parameter, m, v), unless the last arguments say otherwise."""
    m, v = beta1 * m + (1 - beta1) * gradient, beta2 * v + (1 - beta2) * square(gradient)
    first, second = (
        part / (1 - beta ** (step + later)) if corrected else part
        for part, beta, corrected in zip((m, v), (beta1, beta2), corrects, strict=True)
    )
    divisor = (second + epsilon) ** root if inside else second**root + epsilon
    return parameter + sign * rate * first / divisor, m, v


def _adam(**how: Any) -> Any:
    return lambda **arguments: step_adam(**arguments, **how)


def _return_corrected(**a: Any) -> Any:
    parameter, m, v = step_adam(**a)
    return parameter, m / (1 - a["beta1"] ** a["step"]), v / (1 - a["beta2"] ** a["step"])


def _whole_gradient(
    parameter: Any, gradient: Any, m: Any, v: Any, step: int, rate: float, beta1: float, beta2: float, epsilon: float
) -> Any:
    m, v = beta1 * m + gradient, beta2 * v + gradient**2
    first, second = m / (1 - beta1**step), v / (1 - beta2**step)
    return parameter - rate * first / (np.sqrt(second) + epsilon), m, v


ADAM_MISTAKES: dict[str, Solve] = {
    "the moments are not corrected": _adam(corrects=(False, False)),
    "m is not corrected": _adam(corrects=(False, True)),
    "v is not corrected": _adam(corrects=(True, False)),
    "the correction is one step late: step is 1 in the first step": _adam(later=1),
    "the corrected moments are returned: the next step would correct them again": _return_corrected,
    "epsilon is inside the root": _adam(inside=True),
    "epsilon is missing": having(step_adam, epsilon=lambda **_: 0.0),
    "the root is missing": _adam(root=1.0),
    "the gradient is not squared in v": _adam(square=np.abs),
    "beta1 and beta2 are exchanged": having(step_adam, beta1=lambda beta2, **_: beta2, beta2=lambda beta1, **_: beta1),
    "the betas are the weights of the new values": having(
        step_adam, beta1=lambda beta1, **_: 1 - beta1, beta2=lambda beta2, **_: 1 - beta2
    ),
    "the gradient is used instead of m": lambda **a: (
        a["parameter"] - (a["parameter"] - step_adam(**a)[0]) * _ratio_of_gradient(**a),
        *step_adam(**a)[1:],
    ),
    "the parameter goes uphill: the step must be subtracted": _adam(sign=1),
    "the rate is missing": having(step_adam, rate=lambda **_: 1.0),
    "the moments are returned unchanged": lambda **a: (step_adam(**a)[0], a["m"], a["v"]),
    "m and v are returned in each other's place": lambda **a: tuple(step_adam(**a)[place] for place in (0, 2, 1)),
    "the betas alone weigh the old values: the gradient lacks 1 - beta": _whole_gradient,
}


def _ratio_of_gradient(gradient: Any, m: Any, beta1: float, step: int, **_: Any) -> Any:
    return gradient / ((beta1 * m + (1 - beta1) * gradient) / (1 - beta1**step))


def _draw_sgd(rng: np.random.Generator) -> list[Arguments]:
    cases = []
    for shape, moves, decay in [((3, 4), False, 0.0), ((3, 4), True, 0.0), ((5,), True, 0.3)]:
        velocity = rng.normal(size=shape) if moves else np.zeros(shape)
        cases.append({
            "parameter": rng.normal(size=shape), "gradient": rng.normal(size=shape), "velocity": velocity, "rate": 0.2,
            "momentum": 0.7, "decay": decay,
        })  # fmt: skip
    return cases


def _draw_adam(rng: np.random.Generator) -> list[Arguments]:
    cases = []
    for shape, step in [((3, 4), 1), ((3, 4), 2), ((5,), 7)]:
        begun = step > 1
        cases.append({
            "parameter": rng.normal(size=shape), "gradient": rng.normal(size=shape),
            "m": rng.normal(size=shape) * begun, "v": rng.uniform(0.5, 1, shape) * begun, "step": step,
            "rate": 0.2, "beta1": 0.7, "beta2": 0.9, "epsilon": 0.1,
        })  # fmt: skip
    return cases


def _derive_sgd(arguments: Arguments, result: str, place: tuple[int, ...]) -> str:
    p, g, velocity = (write_number(arguments[name][place]) for name in ("parameter", "gradient", "velocity"))
    new = f"{arguments['momentum']:g} * {velocity} + ({g} + {arguments['decay']:g} * {p})"
    if result == "new_velocity":
        return f"{write_place(result, place)}: {new}"
    return f"{write_place(result, place)}: {p} - {arguments['rate']:g} * ({new})"


def _derive_adam(arguments: Arguments, result: str, place: tuple[int, ...]) -> str:
    p, g, m, v = (write_number(arguments[name][place]) for name in ("parameter", "gradient", "m", "v"))
    beta1, beta2, step = arguments["beta1"], arguments["beta2"], arguments["step"]
    if result == "new_m":
        return f"{write_place(result, place)}: {beta1:g} * {m} + {1 - beta1:g} * {g}"
    if result == "new_v":
        return f"{write_place(result, place)}: {beta2:g} * {v} + {1 - beta2:g} * ({g})^2"
    _, first, second = (values[place] for values in step_adam(**arguments))
    top, below = f"{write_number(first)} / (1 - {beta1:g}^{step})", f"{write_number(second)} / (1 - {beta2:g}^{step})"
    rate, epsilon = arguments["rate"], arguments["epsilon"]
    return f"{write_place(result, place)}: {p} - {rate:g} * ({top}) / (sqrt({below}) + {epsilon:g})"


def _enlarge(cases: list[Arguments], rng: np.random.Generator) -> Arguments:
    arrays = {name: rng.uniform(0.1, 1, 1_000_000) for name, value in cases[-1].items() if np.ndim(value)}
    return cases[-1] | arrays


SGD = Exercise(
    "sgd",
    "a step of gradient descent with momentum and weight decay",
    (Problem("sgd", ("parameter", "gradient", "velocity", "rate", "momentum", "decay"),
             ("new_parameter", "new_velocity"), SGD_TEXT, _draw_sgd, descend, SGD_MISTAKES, _derive_sgd,
             lambda rng: _enlarge(_draw_sgd(rng), rng),
             lambda _, arguments: descend(**arguments)),),
)  # fmt: skip
ADAM = Exercise(
    "adam",
    "a step of Adam",
    (Problem("adam", ("parameter", "gradient", "m", "v", "step", "rate", "beta1", "beta2", "epsilon"),
             ("new_parameter", "new_m", "new_v"), ADAM_TEXT, _draw_adam, step_adam, ADAM_MISTAKES, _derive_adam,
             lambda rng: _enlarge(_draw_adam(rng), rng), lambda _, arguments: step_adam(**arguments)),),
)  # fmt: skip
