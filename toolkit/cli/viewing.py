"""Images of a data set in the terminal."""

import enum
import math
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from cnnkit.cli.output import Output
from cnnkit.errors import DataError

if TYPE_CHECKING:
    from cnnkit.data import Dataset


_MOST_NUMBERS = 20  # of a row
_MOST_DRAWN = 1 << 18  # pixels; a terminal shows fewer


class DataPart(enum.StrEnum):
    """The two parts of a data set."""

    TEST = "test"
    TRAIN = "train"


class Show(enum.StrEnum):
    """The ways to draw a picture in the terminal."""

    BLOCKS = "blocks"
    HEX = "hex"
    NONE = "none"


SplitPart = Annotated[DataPart, typer.Option("--split", help="The part of the data set.")]
ShowAs = Annotated[Show, typer.Option("--show", help="Draw with blocks, or as bytes in hex with dots for zero.")]
Indices = Annotated[
    list[int] | None,
    typer.Option("--index", min=0, metavar="N", help="An image of that part, from 0; repeatable."),
]


def take_image(dataset: "Dataset", part: DataPart, index: int, option: str = "--index") -> tuple[Any, int | None]:
    """Return (raw image (C, H, W), label); no label where the targets are no classes, or it is -1.

    Raises DataError that names the option on an index beyond the part.
    """
    split = dataset.split(part.value)
    if index >= len(split):
        raise DataError(f"{option}: expected 0 to {len(split) - 1}, {dataset.name} {part.value}, got {index}")
    images, labels = split.take([index])
    label = int(labels[0]) if dataset.has_labels else -1
    return images[0], label if label >= 0 else None


def scale_for_view(raw: Any, white: float) -> Any:
    """Return raw pixels (C, H, W) as a picture in [0, 1], one of many pixels made smaller: means of squares.

    Of a volume (C, D, H, W) the slice in the middle; signals (C, L) and numbers (F,) stay as they are.
    """
    import numpy as np

    if raw.ndim < 3:
        return raw
    raw = raw[:, raw.shape[1] // 2] if raw.ndim == 4 else raw
    _, height, width = raw.shape
    factor = math.ceil(math.sqrt(max(1, height * width / _MOST_DRAWN)))
    if factor == 1:
        return raw / white
    rows = [raw[:, top : top + factor].mean(axis=1, dtype=np.float64) for top in range(0, height, factor)]
    starts = np.arange(0, width, factor)
    counts = np.minimum(factor, width - starts)
    return np.stack([np.add.reduceat(row, starts, axis=1) / counts for row in rows], axis=1) / white


def draw(output: Output, picture: Any, show: Show) -> None:
    """Print a picture (C, H, W), values in [0, 1]; one of three channels in colour where the terminal has colours.

    Signals (C, L) become lines of heights, one a channel; numbers (F,) are printed as such.
    """
    from cnnkit.pictures import draw_blocks, draw_colours, draw_hex, draw_signal

    if show is Show.NONE or output.json:
        return
    if picture.ndim == 1:
        more = f" and {len(picture) - _MOST_NUMBERS} more" if len(picture) > _MOST_NUMBERS else ""
        output.say(" ".join(f"{value:.6g}" for value in picture[:_MOST_NUMBERS]) + more)
        return
    width = output.people.width if output.people.is_terminal else None
    plain = "utf" not in (sys.stdout.encoding or "").lower()
    if picture.ndim == 2:
        output.say(Text(draw_signal(picture, output.people.width, ascii_only=plain)), soft_wrap=True)
        return
    if len(picture[0]) * len(picture[0][0]) > _MOST_DRAWN:
        picture = scale_for_view(picture, 1.0)
    if show is Show.HEX:
        output.say(Text(draw_hex(picture, width or 10_000)), soft_wrap=True)
        return
    if len(picture) == 3 and output.has_colours:
        sys.stdout.write(draw_colours(picture, output.people.width) + "\n")
        return
    output.say(Text(draw_blocks(picture, width, ascii_only=plain)), soft_wrap=True)


def name_class(label: int, names: tuple[str, ...]) -> str:
    """Return the number of a class, with its name if that differs."""
    name = names[label] if label < len(names) else str(label)
    return name if name == str(label) else f"{label} ({name})"
