"""The pictures of docs/tasks.md: what a denoiser and a segmentation see, give, and should give, of ten test images.

    python benchmarks/task_pictures.py denoiser.h5 segment-digits.h5

Writes docs/pictures/denoiser.png and docs/pictures/segment-digits.png: a column for each image.
"""

from pathlib import Path
from typing import Any

import numpy as np
from arguments import parser

from cnnkit import Model, load_data
from cnnkit.files.png import encode_photo

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
COUNT, GAP, WIDTH = 10, 1, 900  # images, pixels between two of them, pixels of the whole picture about
# Okabe and Ito's colours for colour-blind readers, and two more; class 0 is black
COLOURS = np.array([[0, 0, 0], [230, 159, 0], [86, 180, 233], [0, 158, 115], [240, 228, 66], [0, 114, 178],
                    [213, 94, 0], [204, 121, 167], [153, 153, 153], [255, 255, 255], [136, 34, 85]],
                   np.uint8)  # fmt: skip


def tile(rows: list[Any]) -> Any:
    """Return images, rows of (N, H, W, 3) bytes, side by side and row below row, enlarged pixel by pixel."""
    framed = [np.pad(row, ((0, 0), (GAP, GAP), (GAP, GAP), (0, 0)), constant_values=64) for row in rows]
    whole = np.concatenate([np.concatenate(list(row), axis=1) for row in framed])
    factor = max(1, WIDTH // whole.shape[1])
    return whole.repeat(factor, axis=0).repeat(factor, axis=1)


def to_grey(x: Any) -> Any:
    """Return images (N, 1, H, W) of values in 0 to 1 as (N, H, W, 3) bytes."""
    return np.rint(np.clip(x, 0, 1) * 255).astype(np.uint8)[:, 0, :, :, None].repeat(3, axis=3)


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("denoiser", type=Path)
    arguments.add_argument("segmentation", type=Path)
    options = arguments.parse_args()
    noisy, clean = load_data("noisy-digits").batch("test", np.arange(COUNT))
    denoised = Model.load(options.denoiser).outputs(noisy)
    canvas, classes = load_data("composed-digits").batch("test", np.arange(COUNT))
    decided = Model.load(options.segmentation).outputs(canvas).argmax(axis=1)
    pictures = {
        "denoiser": [to_grey(noisy), to_grey(denoised), to_grey(clean)],
        "segment-digits": [to_grey(canvas), COLOURS[decided], COLOURS[classes]],
    }
    for name, rows in pictures.items():
        (PICTURES / f"{name}.png").write_bytes(encode_photo(tile(rows)))
        print(f"wrote {PICTURES / name}.png")


if __name__ == "__main__":
    main()
