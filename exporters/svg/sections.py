"""A layer on the page: its heading, then each of its tensors in the form that shows it best."""

from cnnkit.exporters.svg.canvas import MARGIN, ROOM, WIDTH, Sheet
from cnnkit.exporters.svg.forms import explained, form_of
from cnnkit.exporters.svg.legend import legend
from cnnkit.exporters.svg.lettering import CellNumbers, cut, shape_text, shown, width
from cnnkit.exporters.svg.matrix import NUMBERED, cell_size, draw_matrix
from cnnkit.exporters.svg.network import Place, Shape
from cnnkit.exporters.svg.plans import has_numbers
from cnnkit.exporters.svg.scale import ScaledTensor, weight_and_bias
from cnnkit.exporters.svg.strips import strip
from cnnkit.exporters.svg.units import draw_units


def draw_layer(sheet: Sheet, path: str, place: Place | None, found: list[ScaledTensor], seen: Shape | None) -> None:
    """Put a layer and its tensors on the page."""
    _heading(sheet, path, place)
    weight, bias = weight_and_bias(found)
    for values in found:
        if values is bias and weight is not None and _joins(values, weight, seen):
            continue
        if values is weight:
            with_bias = bias if bias is not None and _joins(bias, values, seen) else None
            if not _draw(sheet, values, with_bias, seen) and with_bias is not None:
                strip(sheet, with_bias)
        else:
            flattened = place.input_shape if place is not None and place.type == "Flatten" else None
            _draw(sheet, values, None, flattened)
    sheet.y += 8


def _heading(sheet: Sheet, path: str, place: Place | None) -> None:
    canvas = sheet.canvas
    sheet.add(canvas.path(f"M{MARGIN} {sheet.y + 0.5:g}H{WIDTH - MARGIN}", "rule"))
    name = shown(path, 60) or "tensors without a layer"
    words = cut(f"{name} · {place.label}" if place is not None else name, 600, 14, bold=True)
    sheet.add(canvas.text(MARGIN, sheet.y + 28, words, "h2"))
    if place is not None and place.input_shape and place.output_shape:
        details = [f"{shape_text(place.input_shape)} → {shape_text(place.output_shape)}", place.details]
        x = MARGIN + width(words, 14, bold=True) + 14
        text = cut(" · ".join(filter(None, details)), ROOM + MARGIN - x)
        sheet.add(canvas.text(x, sheet.y + 28, text, "s"))
    sheet.y += 42


def _joins(bias: ScaledTensor, weight: ScaledTensor, seen: Shape | None) -> bool:
    """Return whether the bias has one number for each block or row of the weight."""
    form = form_of(weight, seen)
    units = form.units if form is not None else weight.tensor.shape[0] if len(weight.tensor.shape) == 2 else -1
    return bias.tensor.shape == (units,) and bias.tensor.parameters > 0 and weight.tensor.axes[:1] != ("i",)


def _draw(sheet: Sheet, values: ScaledTensor, bias: ScaledTensor | None, seen: Shape | None) -> bool:
    tensor = values.tensor
    form = form_of(values, seen)
    if form is None and (len(tensor.shape) != 2 or not tensor.parameters or not cell_size(values)):
        strip(sheet, values, tensor.shape[1] if len(tensor.shape) == 2 and tensor.parameters else 8)
        return False
    numbered = cell_size(values) == NUMBERED if form is None else has_numbers(values, form)
    factor = CellNumbers(values.scale.largest).note() if numbered else ""
    legend(sheet, values, " · ".join(filter(None, [explained(values, form), factor and f"numbers {factor}"])))
    if bias is not None:
        legend(sheet, bias)
    sheet.y += 4
    return draw_matrix(sheet, values, bias) if form is None else draw_units(sheet, values, bias, form)
