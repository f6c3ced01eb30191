"""Images in a terminal: plain text, two characters per pixel so that pixels look square, or half blocks in colour."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnkit.errors import ConfigError, DataError

SHADES = ("  ", "░░", "░▒", "▒▒", "▒▓", "▓▓", "▓█", "██")  # two different shades make the level between them
ASCII = tuple(2 * shade for shade in " .:-=+*#%@")
_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601


def draw_blocks(image: ArrayLike, width: int | None = None, ascii_only: bool = False) -> str:
    """Return `image` (C, H, W), values in [0, 1], as H lines of 2 W characters, the brightest with the most ink.

    width: the limit of characters per line; a wider image is averaged over the smallest squares that make it fit.
    Three channels are shown as luma, any other number as their mean, NaN as "??".

    Raises DataError on another shape, ConfigError on a width below 2.
    """
    grey = _to_grey(_require_image(image))
    if width is not None:
        if width < 2:
            raise ConfigError(f"picture: expected a width of 2 characters or more, got {width}")
        grey = _shrink(grey, -(-2 * grey.shape[1] // (width // 2 * 2)))
    levels = ASCII if ascii_only else SHADES
    unknown = np.isnan(grey)
    index = np.rint(np.clip(np.where(unknown, 0.0, grey), 0.0, 1.0) * (len(levels) - 1)).astype(int)
    index[unknown] = len(levels)
    return "\n".join("".join((*levels, "??")[i] for i in row) for row in index)


def draw_colours(image: ArrayLike, width: int) -> str:
    """Return `image` (C, H, W), values in [0, 1], in true colour (ANSI): a half block shows two pixels.

    width: the limit of characters per line, one per pixel; a wider image is averaged as by `draw_blocks`.
    Three channels are red, green, blue; any other number is shown as grey, their mean. NaN is magenta.

    Raises DataError on another shape, ConfigError on a width below 1.
    """
    pixels = _require_image(image)
    if width < 1:
        raise ConfigError(f"picture: expected a width of 1 character or more, got {width}")
    channels = pixels if len(pixels) == 3 else np.repeat(_to_grey(pixels)[None], 3, axis=0)
    factor = -(-channels.shape[2] // width)
    small = np.stack([_shrink(channel, factor) for channel in channels], axis=-1)
    small[np.isnan(small).any(axis=-1)] = (1.0, 0.0, 1.0)
    rows = np.rint(np.clip(small, 0.0, 1.0) * 255).astype(int).tolist()
    nothing = [None] * len(rows[0])
    return "\n".join(
        paint_halves(rows[k], rows[k + 1] if k + 1 < len(rows) else nothing) for k in range(0, len(rows), 2)
    )


def paint_halves(upper: Sequence[Sequence[int] | None], lower: Sequence[Sequence[int] | None]) -> str:
    """Return a line of half blocks (ANSI): colours (red, green, blue) above and below, None where nothing is."""
    cells = (
        "\x1b[0m " if top is None else f"{_set_colour(38, top)}{_set_colour(48, bottom)}▀"
        for top, bottom in zip(upper, lower, strict=True)
    )
    return "".join(cells) + "\x1b[0m"


def paint_background(colours: Sequence[Sequence[int]]) -> str:
    """Return a line of cells (ANSI), two blanks each, with these backgrounds (red, green, blue)."""
    return "".join(f"{_set_colour(48, colour)}  " for colour in colours) + "\x1b[0m"


def _set_colour(where: int, colour: Sequence[int] | None) -> str:
    """Return the code that sets the ink (38) or the background (48), to that of the terminal for None."""
    if colour is None:
        return f"\x1b[{where + 1}m"
    return f"\x1b[{where};2;{colour[0]};{colour[1]};{colour[2]}m"


def draw_signal(values: ArrayLike, width: int | None = None, ascii_only: bool = False) -> str:
    """Return `values` (L,) or (C, L) as a line for each channel: eight heights from its smallest to its largest value.

    width: the limit of characters per line; a longer signal is averaged over pieces of equal length. NaN is "?".
    """
    levels = " .:-=+*#" if ascii_only else "▁▂▃▄▅▆▇█"
    lines = []
    for channel in np.atleast_2d(np.asarray(values, dtype=np.float64)):
        piece = 1 if width is None else -(-len(channel) // max(1, width))
        means = np.array([channel[start : start + piece].mean() for start in range(0, len(channel), piece)])
        known = means[np.isfinite(means)]
        low, high = (known.min(), known.max()) if len(known) else (0.0, 0.0)
        scaled = np.clip((means - low) / ((high - low) or 1.0), 0.0, 1.0)
        lines.append("".join("?" if np.isnan(v) else levels[round(v * (len(levels) - 1))] for v in scaled))
    return "\n".join(lines)


def draw_hex(image: ArrayLike, width: int = 80) -> str:
    """Return `image` (C, H, W), values in [0, 1], as bytes round(255 * value) in two hexadecimal digits, zero as a dot.

    One grid per channel, separated by an empty line. Bytes are separated by a space if lines then fit `width`
    characters. NaN is "??". Plain ASCII. Raises DataError on another shape.
    """
    pixels = _require_image(image)
    gap = " " if 3 * pixels.shape[2] - 1 <= width else ""
    return "\n\n".join("\n".join(gap.join(map(_format_byte, row)) for row in channel) for channel in pixels)


def _format_byte(value: float) -> str:
    if np.isnan(value):
        return "??"
    byte = round(255 * min(max(float(value), 0.0), 1.0))
    return f"{byte:02x}" if byte else " ."


def _require_image(image: ArrayLike) -> NDArray[np.float64]:
    pixels = np.asarray(image, dtype=np.float64)
    if pixels.ndim != 3 or pixels.size == 0:
        raise DataError(f"picture: expected one image (C, H, W), no size 0, got shape {pixels.shape}")
    return pixels


def _to_grey(pixels: NDArray[np.float64]) -> NDArray[np.float64]:
    weights = _LUMA if len(pixels) == 3 else np.full(len(pixels), 1 / len(pixels))
    return np.tensordot(weights, pixels, axes=1)


def _shrink(grey: NDArray[np.float64], factor: int) -> NDArray[np.float64]:
    """Return the means of squares with sides of `factor` pixels; squares at the edge may be smaller."""
    if factor <= 1:
        return grey
    rows, columns = (range(0, n, factor) for n in grey.shape)
    return np.array([[grey[r : r + factor, c : c + factor].mean() for c in columns] for r in rows])
