"""A weight file as a notebook shows it: its tensors in a table, nothing read but their list."""

from html import escape
from typing import TYPE_CHECKING

from cnnkit.files.names import printable

if TYPE_CHECKING:
    from cnnkit.exporters.core.weight_file import Tensor, WeightFile

DRAWN = 20_000  # parameters: about 3 MB of picture
_MOST = 60  # rows; a notebook is no place for more
_HEADINGS = ("name", "kind", "role", "axes", "shape", "dtype", "values")


def weight_file_html(weights: "WeightFile") -> str:
    """Return the table, with the sum of parameters above and what is not shown below."""
    origin = ", ".join(part for part in (weights.file, weights.format) if part)
    sums = f"{weights.parameters:,} parameters in {len(weights.select('parameter'))} of {len(weights)} tensors"
    head = "".join(f'<th style="text-align:left">{name}</th>' for name in _HEADINGS)
    rows = "".join(_row(tensor) for tensor in weights.tensors[:_MOST])
    left = len(weights) - _MOST
    notes = [f"and {left} tensors more"] if left > 0 else []
    notes += [f"edited since it was written: {name}" for name in weights.edited]
    notes += [f"not read: {item.count} {item.what}: {item.reason}" for item in weights.not_read]
    below = "".join(f"<div>{_safe(note)}</div>" for note in notes)
    return (
        f"<div><b>WeightFile</b> {_safe(origin)}<br>{sums}"
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{below}</div>"
    )


def weight_file_svg(weights: "WeightFile") -> str | None:
    """Return the picture that the format "svg" draws; None for more than DRAWN parameters."""
    if weights.parameters > DRAWN:
        return None
    from cnnkit.exporters.svg.writer import draw_svg

    return draw_svg(weights)


def _row(tensor: "Tensor") -> str:
    shape = " × ".join(map(str, tensor.shape)) or "scalar"
    texts = (tensor.name, tensor.kind, tensor.role, ", ".join(tensor.axes), shape, tensor.dtype)
    cells = "".join(f'<td style="text-align:left">{_safe(text)}</td>' for text in texts)
    return f"<tr>{cells}<td>{tensor.parameters:,}</td></tr>"


def _safe(text: str) -> str:
    return escape(printable(text))
