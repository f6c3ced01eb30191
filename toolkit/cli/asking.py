"""`cnnkit predict --ask`: numbers of images, asked for or read from standard input, and what a network says of each."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cnnkit.cli.output import Output
from cnnkit.files.names import printable

_LONGEST = 200  # bytes of a line


def ask_numbers(output: Output, count: int) -> Iterator[int]:
    """Yield numbers of images, 0 to count - 1, until an empty line or the end; anything else gets a line of advice.

    A terminal is asked for each; a pipe or a file has one a line.
    """
    prompt = f"number of an image, 0 to {count - 1} (an empty line ends): "
    while True:
        if sys.stdin is not None and sys.stdin.isatty():
            sys.stderr.write(prompt)
            sys.stderr.flush()
        line = b"" if sys.stdin is None else sys.stdin.buffer.readline(_LONGEST)
        text = line.decode("utf-8", "replace").strip()
        if not text:
            return
        if text.isascii() and text.isdigit() and int(text) < count:
            yield int(text)
        else:
            output.note(f"expected a whole number from 0 to {count - 1}, got {printable(text, 40)}")


def draw_answer(out: Path, picture: Any, title: str) -> None:
    """Write a picture (C, H, W), values in [0, 1], under its title into an .svg, .png or .pdf, whole or not at all."""
    import numpy as np

    from cnnkit.training.figure_file import figure_file

    with figure_file(out, 4.0, 4.4) as figure:
        axes = figure.subplots(1, 1)
        pixels = np.clip(np.asarray(picture, np.float64), 0, 1)
        shown = np.moveaxis(pixels, 0, -1) if len(pixels) == 3 else pixels.mean(axis=0)
        axes.imshow(shown, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        axes.set_axis_off()
        axes.set_title(title, parse_math=False)
