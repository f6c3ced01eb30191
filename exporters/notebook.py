"""How a weight file looks in a notebook: a table of its tensors, whose values are not read, and a picture."""

from dataclasses import fields
from typing import Self

from cnnkit.exporters.core.weight_file import Tensor, WeightFile
from cnnkit.files.markup import escape_html

MOST_DRAWN = 20_000  # parameters: about 3 MB of picture
_MOST_ROWS = 60
_HEADINGS = ("name", "kind", "role", "axes", "shape", "dtype", "values")


class NotebookWeightFile(WeightFile):
    """A weight file that displays itself in a notebook; what users get from `read` and `Model.to_weights`."""

    @classmethod
    def of(cls, weights: WeightFile) -> Self:
        """Return the same contents with the methods that a notebook calls."""
        return cls(*(getattr(weights, field.name) for field in fields(WeightFile)))

    def __eq__(self, other: object) -> bool:
        """Return whether two weight files have the same contents, displayed or not."""
        names = [field.name for field in fields(WeightFile) if field.compare]
        return isinstance(other, WeightFile) and all(getattr(self, n) == getattr(other, n) for n in names)

    __hash__ = WeightFile.__hash__

    def _repr_html_(self) -> str:
        """Return the table of tensors."""
        return weights_table(self)

    def _repr_svg_(self) -> str | None:
        """Return the picture of the network; None for a net that is too large for a notebook's page."""
        return weights_picture(self)


def weights_table(weights: WeightFile) -> str:
    """Return the tensors as an HTML table: the number of parameters above it, what it leaves out below."""
    origin = ", ".join(part for part in (weights.file, weights.format) if part)
    sums = f"{weights.parameters:,} parameters in {len(weights.select('parameter'))} of {len(weights)} tensors"
    head = "".join(f'<th style="text-align:left">{name}</th>' for name in _HEADINGS)
    rows = "".join(_row(tensor) for tensor in weights.tensors[:_MOST_ROWS])
    hidden = len(weights) - _MOST_ROWS
    notes = [f"and {hidden} more tensors"] if hidden > 0 else []
    notes += [f"edited since it was written: {name}" for name in weights.edited]
    notes += [f"not read: {item.count} {item.what}: {item.reason}" for item in weights.not_read]
    below = "".join(f"<div>{escape_html(note)}</div>" for note in notes)
    return (
        f"<div><b>WeightFile</b> {escape_html(origin)}<br>{sums}"
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{below}</div>"
    )


def weights_picture(weights: WeightFile) -> str | None:
    """Return the picture that the format "svg" draws; None for more than MOST_DRAWN parameters."""
    if weights.parameters > MOST_DRAWN:
        return None
    from cnnkit.exporters.svg.writer import draw_svg

    return draw_svg(weights)


def _row(tensor: Tensor) -> str:
    shape = " × ".join(map(str, tensor.shape)) or "scalar"
    texts = (tensor.name, tensor.kind, tensor.role, ", ".join(tensor.axes), shape, tensor.dtype)
    cells = "".join(f'<td style="text-align:left">{escape_html(text)}</td>' for text in texts)
    shared = f", those of {escape_html(tensor.shares)}" if tensor.shares is not None else ""
    return f"<tr>{cells}<td>{tensor.parameters:,}{shared}</td></tr>"
