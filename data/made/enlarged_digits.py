"""The handwritten digits as large as those of MNIST, for networks that were trained on images of 28 x 28."""

import numpy as np
import numpy.typing as npt

SIDE, BOX = 28, 20  # MNIST's digits fill a box of 20 x 20 in the middle
_INK = 16  # the darkest raw value of `digits`


def enlarge(digits: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return images (N, 1, 28, 28), 0..255, of digits (N, 1, 8, 8), 0..16: interpolated bilinearly, framed by zeros."""
    side = digits.shape[-1]
    places = np.clip((np.arange(BOX) + 0.5) * side / BOX - 0.5, 0, side - 1)
    low = np.minimum(places.astype(np.int64), side - 2)
    part = places - low
    rows = digits[:, :, low] * (1 - part)[:, None] + digits[:, :, low + 1] * part[:, None]
    inside = rows[..., low] * (1 - part) + rows[..., low + 1] * part
    edge = (SIDE - BOX) // 2
    framed = np.pad(inside, ((0, 0), (0, 0), (edge, edge), (edge, edge)))
    return np.rint(framed * (255 / _INK)).astype(np.uint8)
