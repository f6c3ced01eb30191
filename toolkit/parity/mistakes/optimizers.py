"""Why an optimizer's step is wrong: the call that a right optimizer makes, with the answer that was given."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from cnnkit.backends.protocol import Backend
from cnnkit.optimizers import Optimizer, Scalars
from cnnkit.parity.check import Arena
from cnnkit.parity.explain import explain_calls
from cnnkit.parity.mistakes.updates import MISTAKES
from cnnkit.parity.recording import recorded


def update_reasons(
    optimizer: Optimizer, parameter: Any, gradient: Any, slots: Sequence[Any], scalars: Scalars,
    answer: Sequence[Any], dtype: str, oracle: Backend,
) -> str:  # fmt: skip
    """Return the mistake by which a step gives `answer`: the new parameter and slots."""
    watched, calls = recorded(Arena(oracle, "float64"))
    arrays = watched.array(parameter), watched.array(gradient), [watched.array(slot) for slot in slots]
    optimizer.step(watched.backend, *arrays, scalars)
    calls = [replace(call, result=tuple(answer)) for call in calls if call.member in MISTAKES]
    return next(iter(explain_calls(calls, dtype, oracle)), "")
