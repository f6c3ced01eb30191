"""Wrong convolutions."""

from typing import Any

import numpy as np

from cnnkit.backends.protocol import Backend
from cnnkit.parity.mistakes.table import Mistake, Mistakes, other, roundings
from cnnkit.parity.recording import Call, again


def _window(call: Call) -> Any:
    return call["weight"].shape[2:] if "weight" in call.arguments else call["weight_shape"][2:]


_CHANGES: dict[str, Mistake] = {
    "padding stands on the opposite sides": other(
        padding=lambda call: (
            (call["padding"][0][1], call["padding"][0][0]),
            (call["padding"][1][1], call["padding"][1][0]),
        )
    ),
    "height and width of the padding are exchanged": other(padding=lambda call: call["padding"][::-1]),
    "height and width of the stride are exchanged": other(stride=lambda call: call["stride"][::-1]),
    "height and width of the dilation are exchanged": other(dilation=lambda call: call["dilation"][::-1]),
    "the dilation is ignored": other(dilation=lambda _: (1, 1)),
    "the dilation is one too large": other(dilation=lambda call: tuple(d + 1 for d in call["dilation"])),
    "the dilation is one too large, and zeros stand beyond the end": other(
        dilation=lambda call: tuple(d + 1 for d in call["dilation"]),
        padding=lambda call: tuple(
            (first, last + k - 1) for (first, last), k in zip(call["padding"], _window(call), strict=True)
        ),
    ),
    "the dilation is one too small": other(dilation=lambda call: tuple(d - 1 for d in call["dilation"])),
}
FLIPPED = "the kernel is flipped: true convolution instead of cross-correlation"
TURNED = "height and width of the kernel are exchanged"
MIXED = "the output channels of the groups are interleaved"
SWAPPED = "the groups are taken in reverse order"


def _interleaved(channels: int, groups: int) -> Any:
    return np.arange(channels).reshape((groups, -1)).T.ravel()


def _reversed(channels: int, groups: int) -> Any:
    return np.arange(channels).reshape((groups, -1))[::-1].ravel()


def _weights(order: Any, name: str) -> Mistake:
    """Return the mistake of taking the axis 0 of an argument in another order: which kernels meet which group."""

    def mistake(oracle: Backend, call: Call) -> Any:
        if call["groups"] == 1:
            raise ValueError
        axis = 1 if name == "dy" else 0
        places = order(call[name].shape[axis], call["groups"])
        return again(oracle, call.having(**{name: np.take(call[name], places, axis)}))

    return mistake


def _mixed_outputs(order: Any, axis: int) -> Mistake:
    def mistake(oracle: Backend, call: Call) -> Any:
        if call["groups"] == 1:
            raise ValueError
        result = again(oracle, call)
        return np.take(result, order(result.shape[axis], call["groups"]), axis)

    return mistake


MISTAKES: Mistakes = {
    "conv2d": {
        FLIPPED: other(weight=lambda call: call["weight"][:, :, ::-1, ::-1]),
        TURNED: other(weight=lambda call: call["weight"].transpose(0, 1, 3, 2)),
        **_CHANGES,
        MIXED: _mixed_outputs(_interleaved, 1),
        SWAPPED: _weights(_reversed, "weight"),
        **roundings("x", "weight"),
    },
    "conv2d_input_gradient": {
        FLIPPED: other(weight=lambda call: call["weight"][:, :, ::-1, ::-1]),
        TURNED: other(weight=lambda call: call["weight"].transpose(0, 1, 3, 2)),
        **_CHANGES,
        SWAPPED: _weights(_reversed, "weight"),
        MIXED: _weights(_interleaved, "dy"),
        **roundings("dy", "weight"),
    },
    "conv2d_weight_gradient": {
        FLIPPED: lambda oracle, call: again(oracle, call)[:, :, ::-1, ::-1],
        TURNED: lambda oracle, call: again(oracle, call).transpose(0, 1, 3, 2),
        **_CHANGES,
        SWAPPED: _mixed_outputs(_reversed, 0),
        MIXED: _weights(_interleaved, "dy"),
        **roundings("dy", "x"),
    },
}  # fmt: skip
