"""Optimizers that are wrong in ways that people are."""

from typing import Any

from cnnkit.backends.protocol import Backend
from cnnkit.optimizers import Optimizer
from cnnkit.parity.explain import explain_calls
from cnnkit.parity.recording import Call


def update_reasons(
    optimizer: Optimizer, parameter: Any, gradient: Any, slots: dict[str, Any], scalars: Any, answer: dict[str, Any],
    dtype: str, oracle: Backend,
) -> str:  # fmt: skip
    """Return the mistake by which a step gives `answer`: the new parameter and slots, by name."""
    arguments = {
        "rule": optimizer, "parameter": parameter, "gradient": gradient, "slots": slots, "scalars": dict(scalars),
    }  # fmt: skip
    result = (answer["parameter"], {name: answer[name] for name in slots})
    return next(iter(explain_calls([Call("update", arguments, result)], dtype, oracle)), "")
