"""A heat map beside and over its picture, as panels."""

import numpy as np

from cnnkit.explanation.panels import Panel, Pixels, to_pixels
from cnnkit.explanation.worked import Floats

_FOR, _AGAINST = np.array([0, 126, 253.0]), np.array([255, 126, 0.0])  # of values above and below zero
_PAPER = np.array([247, 247, 247.0])
_STRONGEST = 0.8  # of the colour over the picture


def draw_heat(picture: Floats, heat: Floats) -> tuple[Panel, ...]:
    """Return the picture (C, H, W), values in [0, 1], its heat (H, W), and both in one."""
    peak = float(np.abs(heat[np.isfinite(heat)]).max(initial=0.0))
    shares = np.nan_to_num(heat / peak) if peak else np.zeros_like(heat)
    plain = to_pixels(picture)
    return (
        Panel(plain, "the picture"),
        Panel(_mix(np.broadcast_to(_PAPER, plain.shape), shares, 1.0), f"heat, up to {peak:.3g}"),
        Panel(_mix(plain.astype(np.float64), shares, _STRONGEST), "both"),
    )


def _mix(below: Floats, shares: Floats, strongest: float) -> Pixels:
    """Return a picture (H, W, 3) mixed with blue where the heat is above zero, with orange below."""
    colours = np.where(shares[..., None] >= 0, _FOR, _AGAINST)
    weights = strongest * np.abs(shares)[..., None]
    pixels: Pixels = np.rint(below * (1 - weights) + colours * weights).astype(np.uint8)
    return pixels
