"""A layer drawn as planned: its heading, then each of its tensors as blocks, a matrix or a strip, the bias beside."""

from cnnkit.exporters.core.architecture import LayerEntry, Shape
from cnnkit.exporters.svg.block_drawing import draw_blocks
from cnnkit.exporters.svg.block_plan import Blocks
from cnnkit.exporters.svg.canvas import LABEL, MARGIN, ROOM, WIDTH, Cells, Element, Sheet
from cnnkit.exporters.svg.legend import PLAIN, describe_scale, draw_legend
from cnnkit.exporters.svg.lettering import CellNumbers, cut, format_shape, make_safe, measure
from cnnkit.exporters.svg.network import describe, describe_settings
from cnnkit.exporters.svg.plan import Matrix, Strip, plan
from cnnkit.exporters.svg.sample import Sample, draw_photo
from cnnkit.exporters.svg.scale import ScaledTensor, weight_and_bias
from cnnkit.exporters.svg.tiles import draw_tile


def draw_layer(
    sheet: Sheet,
    path: str,
    layer: LayerEntry | None,
    tensors: list[ScaledTensor],
    image: Shape | None,
    sample: Sample | None = None,
) -> None:
    """Put a layer and its tensors on the page. image: the (C, H, W) that a row of its weight was flattened from.

    sample: what the activations belong to; a photo is shown in its colours above its channels.
    """
    _draw_heading(sheet, path, layer)
    if path == "input" and sample is not None:
        draw_photo(sheet, tensors[0], sample)
    weight, bias = weight_and_bias(tensors)
    is_flat = layer is not None and layer.type == "Flatten" and layer.fields.get("start", 1) == 1
    flattened = layer.input_shape if layer is not None and is_flat else None
    form = plan(weight, image) if weight is not None else None
    joined = bias if weight is not None and form is not None and _belongs(bias, weight, form.outputs) else None
    for values in tensors:
        if values is weight and form is not None:
            _draw_tensor(sheet, values, form, joined)
        elif values is not joined:
            _draw_tensor(sheet, values, plan(values, flattened))
    sheet.y += 8


def _draw_heading(sheet: Sheet, path: str, layer: LayerEntry | None) -> None:
    canvas = sheet.canvas
    sheet.add(canvas.path(f"M{MARGIN} {sheet.y + 0.5:g}H{WIDTH - MARGIN}", "rule"))
    name = make_safe(path) or "tensors without a layer"
    words = cut(f"{name} · {describe(layer)}" if layer is not None else name, 600, 14, bold=True)
    sheet.add(canvas.text(MARGIN, sheet.y + 28, words, "h2"))
    if layer is not None and layer.input_shape and layer.output_shape:
        details = [f"{format_shape(layer.input_shape)} → {format_shape(layer.output_shape)}", describe_settings(layer)]
        x = MARGIN + measure(words, 14, bold=True) + 14
        text = cut(" · ".join(filter(None, details)), ROOM + MARGIN - x)
        sheet.add(canvas.text(x, sheet.y + 28, text, "s"))
    sheet.y += 42


def _belongs(bias: ScaledTensor | None, weight: ScaledTensor, outputs: int) -> bool:
    """Return whether the bias has one number for each block or row of the weight."""
    return bias is not None and bias.tensor.shape == (outputs,) and outputs > 0 and weight.tensor.axes[:1] != ("i",)


def _draw_tensor(
    sheet: Sheet, values: ScaledTensor, form: Blocks | Matrix | Strip, bias: ScaledTensor | None = None
) -> None:
    """Put a tensor on the page, and its bias at its blocks or rows, or as a strip below."""
    beside = None
    if isinstance(form, Strip):
        _draw_strip(sheet, values, form)
    else:
        draw_legend(sheet, values, form.note)
        if bias is not None:
            draw_legend(sheet, bias)
            beside = bias if bias.titled and form.has_bias_room else None
        sheet.y += 4
        if isinstance(form, Blocks):
            draw_blocks(sheet, values, beside, form)
        else:
            _draw_matrix(sheet, values, beside, form)
    if bias is not None and beside is None:
        _draw_tensor(sheet, bias, plan(bias))


def _draw_matrix(sheet: Sheet, values: ScaledTensor, bias: ScaledTensor | None, form: Matrix) -> None:
    """Put a matrix (out, in) on the page, the bias as a column of its own."""
    canvas, (columns, size, tall) = sheet.canvas, form.cells
    rows, axes = form.outputs, values.tensor.axes
    left: float = MARGIN + LABEL
    drawn = []
    top = sheet.y + 18
    if bias is not None:
        wide = max(size, 12)
        numbers = CellNumbers(bias.scale.largest) if form.numbers else None
        drawn.append(canvas.text(left, top - 6, "bias", "s"))
        drawn.append(draw_tile(canvas, bias, 0, rows, (left, top), Cells(1, wide, tall), numbers))
        left += max(wide, 28) + 12
    down, across = axes if len(axes) == 2 else ("out", "in")
    names = {"in": "inputs", "out": "outputs"}
    drawn.append(canvas.text(left, top - 6, cut(f"{columns} {names.get(across, 'columns')} →", 160), "s"))
    drawn.append(draw_tile(canvas, values, 0, rows * columns, (left, top), form.cells, form.numbers))
    step = next(step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000) if step * tall >= 18 or step == 5000)
    drawn.append(canvas.text(MARGIN, top - 6, cut(f"{rows} {names.get(down, 'rows')} ↓", LABEL - 8), "s"))
    for row in range(0, rows, step):
        drawn.append(canvas.text(MARGIN + LABEL - 8, top + row * tall + min(tall / 2 + 4, 11), str(row), "s r"))
    sheet.add(canvas.group(drawn))
    sheet.y = top + max(rows * tall, 14) + 14


def _draw_strip(sheet: Sheet, values: ScaledTensor, form: Strip) -> None:
    """Put a tensor on the page as a strip, its name and scale at the left."""
    canvas, tensor, count = sheet.canvas, values.tensor, values.tensor.parameters
    plain = tensor.kind == "activation" or not tensor.layer
    name = values.name if plain else tensor.role if tensor.role != "other" else tensor.name.rpartition(".")[2]
    drawn: list[Element] = [canvas.text(MARGIN, sheet.y + 11, cut(make_safe(name), LABEL - 8, bold=True), "b")]
    drawn += [canvas.text(MARGIN, sheet.y + 26, cut(form.scale, LABEL - 8), "s")]
    height = 28.0
    if count:
        drawn.append(draw_tile(canvas, values, 0, count, (MARGIN + LABEL, sheet.y), form.cells, form.numbers))
        height = max(height, form.cells.extent(count)[1])
    if values.value_names and form.cells.columns >= count:
        height += 16
        for index, word in enumerate(values.value_names):
            x = MARGIN + LABEL + form.cells.w * (index + 0.5)
            drawn.append(canvas.text(x, sheet.y + height - 2, cut(word, form.cells.w - 2), "s m"))
    note = describe_scale(values)
    if note and note != PLAIN:
        height += 16
        drawn.append(canvas.text(MARGIN + LABEL, sheet.y + height - 2, cut(note, ROOM - LABEL), "s"))
    sheet.add(canvas.group(drawn, "u"))
    sheet.y += height + 12
