"""Checks of the backend protocol: each public member of `Backend` has one, under its name."""

from cnnkit.parity.check import Check
from cnnkit.parity.primitives import (
    arrays,
    composites,
    convolution,
    elementwise,
    moving,
    pooling,
    random,
    reductions,
    running,
    updates,
)

PRIMITIVES: dict[str, Check] = {
    check.name: check
    for module in (
        arrays,
        elementwise,
        reductions,
        moving,
        convolution,
        pooling,
        composites,
        updates,
        random,
        running,
    )
    for check in module.CHECKS.values()
}

__all__ = ["PRIMITIVES"]
