"""A data set in a notebook: its figures, one picture of each class, and what its reader noted."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cnnkit.files.markup import escape_html
from cnnkit.files.png import photo_uri

MOST_PICTURES = 20  # classes in the table
_MOST_PIXELS = 96  # of a picture, along each side
_STYLE = ".cnnkit-data td,.cnnkit-data th{text-align:left}.cnnkit-data img{image-rendering:pixelated;height:32px}"


class ClassRow(NamedTuple):
    """A class: name, number of training and test images (None without a test split), its first image in [0, 1]."""

    name: str
    train: int
    test: int | None
    picture: npt.NDArray[Any] | None  # (C, H, W)


def describe_dataset(name: str, facts: Iterable[str], classes: Sequence[ClassRow], notes: Iterable[str]) -> str:
    """Return the facts, a table of the classes and the notes as HTML."""
    rows = "".join(
        f"<tr><td>{_draw(row.picture)}</td><td>{escape_html(row.name)}</td><td>{row.train:,}</td>"
        f"<td>{'' if row.test is None else f'{row.test:,}'}</td></tr>"
        for row in classes[:MOST_PICTURES]
    )
    more = len(classes) - MOST_PICTURES
    lines = ([f"and {more:,} more classes"] if more > 0 else []) + list(notes)
    below = "".join(f"<div>{escape_html(line)}</div>" for line in lines)
    head = "<th></th><th>class</th><th>train</th><th>test</th>"
    return (
        f'<div class="cnnkit-data"><style>{_STYLE}</style><b>{escape_html(name)}</b> {escape_html(", ".join(facts))}'
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{below}</div>"
    )


def _draw(picture: npt.NDArray[Any] | None) -> str:
    if picture is None or picture.ndim != 3 or picture.shape[0] not in {1, 3}:
        return ""
    step = -(-max(picture.shape[1:]) // _MOST_PIXELS)
    pixels = np.rint(255 * np.clip(picture[:, ::step, ::step], 0, 1)).astype(np.uint8)
    return f'<img alt="" src="{photo_uri(np.moveaxis(pixels, 0, -1))}">'
