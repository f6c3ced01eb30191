"""Wrong poolings."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from cnnkit.backends.protocol import Backend
from cnnkit.parity.mistakes.table import Mistake, Mistakes, other
from cnnkit.parity.recording import Call, again

Share = Callable[[Any], Any]  # a window's ties (K,) as 0 and 1 -> who gets how much of dy


def _tied(share: Share) -> Mistake:
    """Return the mistake of giving dy to another of the largest values of a window."""

    def mistake(_: Backend, call: Call) -> Any:
        assert call.origin is not None
        (height, width), (down, right) = call["window"], call["stride"]
        padding = ((0, 0), (0, 0), *call["padding"])
        framed = np.pad(call.origin["x"].astype(float), padding, constant_values=-np.inf)
        dframed = np.zeros(framed.shape)
        for n, c, p, q in itertools.product(*map(range, call["dy"].shape)):
            place = (n, c, slice(p * down, p * down + height), slice(q * right, q * right + width))
            ties = (framed[place] == framed[place].max()).ravel().astype(float)
            dframed[place] += call["dy"][n, c, p, q] * share(ties).reshape((height, width))
        (top, _), (left, _) = call["padding"]
        return dframed[:, :, top : top + call["x_shape"][2], left : left + call["x_shape"][3]]

    return mistake


def _last(ties: Any) -> Any:
    chosen = np.zeros_like(ties)
    chosen[np.flatnonzero(ties)[-1]] = 1
    return chosen


def _zero_wins(oracle: Backend, call: Call) -> Any:
    framed = np.pad(call["x"], ((0, 0), (0, 0), *call["padding"]))
    return again(oracle, call.having(x=framed, padding=((0, 0), (0, 0))))


_OPPOSITE = {
    "padding stands on the opposite sides": other(padding=lambda call: tuple(side[::-1] for side in call["padding"])),
    "height and width of the padding are exchanged": other(padding=lambda call: call["padding"][::-1]),
    "height and width of the stride are exchanged": other(stride=lambda call: call["stride"][::-1]),
}
_COUNTED = {
    "padding counts where it should not, or the other way": other(count_padding=lambda call: not call["count_padding"])
}

MISTAKES: Mistakes = {
    "max_pool2d": {"padding is zero, and wins over negative values": _zero_wins, **_OPPOSITE},
    "max_pool2d_gradient": {
        "of equal values the last gets the gradient, not the first": _tied(_last),
        "equal values share the gradient": _tied(lambda ties: ties / ties.sum()),
        "each of equal values gets the whole gradient": _tied(lambda ties: ties),
    },
    "average_pool2d": {**_COUNTED, **_OPPOSITE},
    "average_pool2d_gradient": {**_COUNTED, **_OPPOSITE},
}
