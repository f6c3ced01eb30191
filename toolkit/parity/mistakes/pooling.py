"""Mistakes in pooling."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from cnnkit.backends.protocol import Backend
from cnnkit.parity.mistakes.table import Mistake, Mistakes, change_arguments
from cnnkit.parity.recording import Call, ask_oracle

Share = Callable[[Any], Any]  # the ties of a window (K,), 1 for a maximum -> the share of dy that each gets


def _share_ties(share: Share) -> Mistake:
    """Return the mistake of sharing dy differently between the maxima of a window."""

    def mistake(_: Backend, call: Call) -> Any:
        assert call.origin is not None  # noqa: S101 (for the type checker)
        padding = ((0, 0), (0, 0), *call["padding"])
        padded: Any = np.pad(call.origin["x"].astype(float), padding, constant_values=-np.inf)
        dpadded: Any = np.zeros(padded.shape)
        for n, c, *at in itertools.product(*map(range, call["dy"].shape)):
            axes = zip(at, call["window"], call["stride"], call["dilation"], strict=True)
            place = (n, c, *(slice(p * s, p * s + d * (w - 1) + 1, d) for p, w, s, d in axes))
            seen = padded[place].ravel()
            if np.isnan(seen).any():  # of these the last one is right
                shares = share(np.isnan(seen)[::-1].astype(float))[::-1]
            else:
                shares = share((seen == seen.max()).astype(float))
            dpadded[place] += call["dy"][(n, c, *at)] * shares.reshape(call["window"])
        sizes = zip(call["padding"], call["x_shape"][2:], strict=True)
        return dpadded[:, :, *(slice(begin, begin + size) for (begin, _), size in sizes)]

    return mistake


def _choose_last(ties: Any) -> Any:
    chosen = np.zeros_like(ties)
    chosen[np.flatnonzero(ties)[-1]] = 1
    return chosen


def _pad_with_zeros(oracle: Backend, call: Call) -> Any:
    padded = np.pad(call["x"], ((0, 0), (0, 0), *call["padding"]))
    return ask_oracle(oracle, call.having(x=padded, padding=_no_padding(call)))


def _no_padding(call: Call) -> Any:
    return tuple((0, 0) for _ in call["padding"])


_EXCHANGES = {
    "padding is applied on the opposite sides": change_arguments(
        padding=lambda call: tuple(side[::-1] for side in call["padding"])
    ),
    "height and width of the padding are exchanged": change_arguments(padding=lambda call: call["padding"][::-1]),
    "height and width of the stride are exchanged": change_arguments(stride=lambda call: call["stride"][::-1]),
}
_COUNTING = {
    "all of the padding is counted": change_arguments(counted=lambda call: call["padding"]),
    "none of the padding is counted": change_arguments(counted=_no_padding),
}

MISTAKES: Mistakes = {
    "max_pool": {"padding counts as zero, which exceeds negative values": _pad_with_zeros, **_EXCHANGES},
    "max_pool_gradient": {
        "the last of equal values gets the gradient instead of the first": _share_ties(_choose_last),
        "equal values share the gradient": _share_ties(lambda ties: ties / ties.sum()),
        "each of equal values gets the whole gradient": _share_ties(lambda ties: ties),
    },
    "average_pool": {**_COUNTING, **_EXCHANGES},
    "average_pool_gradient": {**_COUNTING, **_EXCHANGES},
}
