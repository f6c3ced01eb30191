"""`cnnkit filter`: a kernel run over a picture by a Conv2D of ours, the first thing that a CNN does."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from cnnkit.cli.place import require_other, require_place
from cnnkit.cli.request import Request
from cnnkit.cli.tables import format_size
from cnnkit.errors import ConfigError
from cnnkit.files.names import printable

EXAMPLE = "cnnkit filter photo.png --kernel sharpen -o sharp.png   or   cnnkit filter a.jpg --kernel my.txt -o b.png"
_LONGEST, _WIDEST = 10_000, 31  # bytes of a file with a kernel, and its rows
_NUMBER = re.compile(r"[-+]?(?:[0-9]{1,20}(?:\.[0-9]{0,20})?|\.[0-9]{1,20})(?:[eE][-+]?[0-9]{1,2})?")
_GAP = 8  # pixels between the two pictures


@dataclass(frozen=True)
class FilterRequest(Request):
    """A picture, a kernel, and the place for the result."""

    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="A picture: PNG, JPEG, ...")]
    kernel: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="identity, sharpen, blur, emboss, edge, or a file with its rows.")
    ]
    out: Annotated[Path, typer.Option("--out", "-o", metavar="OUT.png", help="The picture to write.")]
    both: Annotated[bool, typer.Option("--both", help="The picture before beside the one after.")] = False
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT.")] = False


def command(request: FilterRequest) -> int:
    """Run a kernel over a picture, each channel by itself, as a convolution with stride 1; the border is repeated."""
    import numpy as np

    from cnnkit.data.picture import read_header, read_picture
    from cnnkit.files.png import encode_photo
    from cnnkit.files.writing.atomic import write_bytes

    output, out = request.output, request.out
    require_place(out, (".png",), request.overwrite)
    require_other(out, request.image)
    kernel = read_kernel(request.kernel)
    require_other(out, kernel=request.kernel)
    pixels = read_picture(request.image, read_header(request.image).channels)
    after = np.rint(np.clip(filter_picture(pixels / 255, kernel), 0, 1) * 255).astype(np.uint8)
    if request.both:
        gap = np.full((len(pixels), pixels.shape[1], _GAP), 255, np.uint8)
        after = np.concatenate([pixels, gap, after], axis=2)
    write_bytes(out, encode_photo(np.ascontiguousarray(np.moveaxis(after, 0, -1))))
    rows, columns = kernel.shape
    output.say(f"wrote {out} ({format_size(out.stat().st_size)}): {printable(request.kernel, 60)}, {rows} x {columns}")
    output.result({"image": str(request.image), "kernel": kernel.tolist(), "out": str(out)})
    return 0


def read_kernel(text: str) -> Any:
    """Return the kernel of that name, or in that file: float64 (rows, columns), both odd.

    Raises ConfigError for a file that holds anything but rows of numbers of one length.
    """
    import numpy as np

    from cnnkit.files.bounded_text import read_bounded
    from cnnkit.initializers import KERNELS

    if text in KERNELS:
        return np.array(KERNELS[text], np.float64)
    where, path = f"--kernel {printable(text, 200)}", Path(text)
    try:
        content = read_bounded(path, _LONGEST + 1)
    except OSError as error:
        names = ", ".join(KERNELS)
        raise ConfigError(f"{where}: expected {names}, or a file with rows of numbers: {error.strerror}") from None
    rows = [line.replace(",", " ").split() for line in content.decode("utf-8", "replace").splitlines() if line.strip()]
    numbers = all(_NUMBER.fullmatch(word) for row in rows for word in row)
    sides = {len(rows), *map(len, rows)}
    odd = all(side % 2 and side <= _WIDEST for side in sides) and len(set(map(len, rows))) == 1
    if len(content) > _LONGEST or not (rows and numbers and odd):
        raise ConfigError(
            f"{where}: expected rows of numbers, all of one length, an odd number of each, up to {_WIDEST}"
        )
    return np.array([[float(word) for word in row] for row in rows])


def filter_picture(picture: Any, kernel: Any) -> Any:
    """Return a picture (C, H, W), float, with the kernel run over each channel; the pixels at the border repeat."""
    import numpy as np

    from cnnkit.layers import Conv2D, Variables
    from cnnkit.model import Model

    down, right = (side // 2 for side in kernel.shape)
    x = np.pad(picture, ((0, 0), (down, down), (right, right)), mode="edge")[:, None]
    weights = {"0": {"weight": kernel[None, None], "bias": np.zeros(1)}}
    model = Model(
        Conv2D(1, kernel.shape), x.shape[1:], dtype="float64", loss="mean_squared_error",
        variables=Variables(weights, {}),
    )  # fmt: skip
    return model.outputs(x, 1)[:, 0]
