"""Mistakes in convolutions."""

from typing import Any

import numpy as np

from cnnkit.backends.protocol import Backend
from cnnkit.parity.mistakes.table import Mistake, Mistakes, change_arguments, round_factors
from cnnkit.parity.recording import Call, ask_oracle


def _get_window(call: Call) -> Any:
    return call["weight"].shape[2:] if "weight" in call.arguments else call["weight_shape"][2:]


_CHANGES: dict[str, Mistake] = {
    "padding is applied on the opposite sides": change_arguments(
        padding=lambda call: tuple(ends[::-1] for ends in call["padding"])
    ),
    "height and width of the padding are exchanged": change_arguments(padding=lambda call: call["padding"][::-1]),
    "height and width of the stride are exchanged": change_arguments(stride=lambda call: call["stride"][::-1]),
    "height and width of the dilation are exchanged": change_arguments(dilation=lambda call: call["dilation"][::-1]),
    "the dilation is ignored": change_arguments(dilation=lambda call: tuple(1 for _ in call["dilation"])),
    "the dilation is one too large": change_arguments(dilation=lambda call: tuple(d + 1 for d in call["dilation"])),
    "the dilation is one too large, and zeros are appended": change_arguments(
        dilation=lambda call: tuple(d + 1 for d in call["dilation"]),
        padding=lambda call: tuple(
            (first, last + k - 1) for (first, last), k in zip(call["padding"], _get_window(call), strict=True)
        ),
    ),
    "the dilation is one too small": change_arguments(dilation=lambda call: tuple(d - 1 for d in call["dilation"])),
}
FLIPPED = "the kernel is flipped: true convolution instead of cross-correlation"
TRANSPOSED = "height and width of the kernel are exchanged"
INTERLEAVED = "the output channels of the groups are interleaved"
REVERSED = "the groups are in reverse order"


def _flip(weight: Any) -> Any:
    return np.flip(weight, tuple(range(2, weight.ndim)))


def _exchange(weight: Any) -> Any:
    return weight.transpose((0, 1, *reversed(range(2, weight.ndim))))


def _interleave_groups(channels: int, groups: int) -> Any:
    return np.arange(channels).reshape((groups, -1)).T.ravel()


def _reverse_groups(channels: int, groups: int) -> Any:
    return np.arange(channels).reshape((groups, -1))[::-1].ravel()


def _reorder_channels(order: Any, name: str) -> Mistake:
    """Return the mistake of reordering the channels of `name`, so that kernels are applied to other groups."""

    def mistake(oracle: Backend, call: Call) -> Any:
        if call["groups"] == 1:
            raise ValueError
        axis = 1 if name == "dy" else 0
        places = order(call[name].shape[axis], call["groups"])
        return ask_oracle(oracle, call.having(**{name: np.take(call[name], places, axis)}))

    return mistake


def _reorder_outputs(order: Any, axis: int) -> Mistake:
    def mistake(oracle: Backend, call: Call) -> Any:
        if call["groups"] == 1:
            raise ValueError
        result = ask_oracle(oracle, call)
        return np.take(result, order(result.shape[axis], call["groups"]), axis)

    return mistake


MISTAKES: Mistakes = {
    "convolve": {
        FLIPPED: change_arguments(weight=lambda call: _flip(call["weight"])),
        TRANSPOSED: change_arguments(weight=lambda call: _exchange(call["weight"])),
        **_CHANGES,
        INTERLEAVED: _reorder_outputs(_interleave_groups, 1),
        REVERSED: _reorder_channels(_reverse_groups, "weight"),
        **round_factors("x", "weight"),
    },
    "convolve_input_gradient": {
        FLIPPED: change_arguments(weight=lambda call: _flip(call["weight"])),
        TRANSPOSED: change_arguments(weight=lambda call: _exchange(call["weight"])),
        **_CHANGES,
        REVERSED: _reorder_channels(_reverse_groups, "weight"),
        INTERLEAVED: _reorder_channels(_interleave_groups, "dy"),
        **round_factors("dy", "weight"),
    },
    "convolve_weight_gradient": {
        FLIPPED: lambda oracle, call: _flip(ask_oracle(oracle, call)),
        TRANSPOSED: lambda oracle, call: _exchange(ask_oracle(oracle, call)),
        **_CHANGES,
        REVERSED: _reorder_outputs(_reverse_groups, 0),
        INTERLEAVED: _reorder_channels(_interleave_groups, "dy"),
        **round_factors("dy", "x"),
    },
}  # fmt: skip
