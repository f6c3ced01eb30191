"""The legend of a tensor: name, shape and dtype in one line, the colour scale at its right, notes below."""

from cnnkit.exporters.svg.canvas import MARGIN, ROOM, WIDTH, Canvas, Element, Sheet
from cnnkit.exporters.svg.lettering import cut, format_shape, format_signed, make_safe, measure, wrap
from cnnkit.exporters.svg.palette import css_class
from cnnkit.exporters.svg.scale import STEPS, ScaledTensor
from cnnkit.files.names import format_count

_STEP, _ENDS = 3, 78
_BAR = _STEP * (2 * STEPS + 1)
_X = WIDTH - MARGIN - _ENDS - _BAR
LINE = 17
PLAIN = "scale: largest magnitude"


def draw_colour_bar(canvas: Canvas) -> Element:
    """Return the colour bar, for the definitions of the page; every legend uses it."""
    steps = [canvas.rect(i * _STEP, 0, _STEP, 10, css_class(i - STEPS)) for i in range(2 * STEPS + 1)]
    zero = canvas.path(f"M{_BAR / 2:g} -2v14", "tick")
    return canvas.group([*steps, zero], id="scale")


def draw_legend(sheet: Sheet, values: ScaledTensor, note: str = "") -> None:
    """Put name, shape, dtype and scale of a tensor on the page."""
    canvas, y, scale = sheet.canvas, sheet.y + 12, values.scale
    name = cut(make_safe(values.name), 260, bold=True)
    tensor = values.tensor
    facts = f"{format_shape(tensor.shape)} · {tensor.dtype} · {format_count(tensor.parameters, 'value')}"
    notes = [part for part in (note, describe_scale(values)) if part]
    if notes == [PLAIN]:
        facts += f" · {notes.pop()}"
    x = MARGIN + measure(name, bold=True) + 10
    room = _X - _ENDS - x
    drawn = [canvas.text(MARGIN, y, name, "b"), canvas.text(x, y, cut(facts, room), "s")]
    if scale.limit:
        drawn += [
            canvas.drawing.use("#scale", (_X, y - 9)),
            canvas.text(_X - 8, y, format_signed(-scale.limit), "s r"),
            canvas.text(_X + _BAR + 8, y, format_signed(scale.limit), "s"),
        ]
    for line in wrap(notes, " · ", ROOM) if notes else ():
        y += LINE
        drawn.append(canvas.text(MARGIN, y, line, "s"))
    sheet.add(*drawn)
    sheet.y = y + 10


def describe_scale(values: ScaledTensor) -> str:
    """Return in words the limit of the scale, how many values exceed it, and how many are NaN or infinite."""
    scale, parts = values.scale, []
    if values.borrowed:
        parts.append(f"scale of the layer before{f', {scale.beyond:,} beyond' if scale.beyond else ''}")
    elif scale.clipped:
        parts.append(
            f"scale: 99th percentile of magnitude, {scale.beyond:,} of {values.tensor.parameters:,} beyond, "
            f"from {format_signed(scale.low)} to {format_signed(scale.high)}"
        )
    elif scale.limit:
        parts.append(PLAIN)
    elif values.tensor.parameters > scale.nans + scale.infinities:
        parts.append("every number is zero")
    if scale.nans:
        parts.append(f"{scale.nans:,} NaN (hatched; magenta in images)")
    if scale.infinities:
        parts.append(f"{scale.infinities:,} infinite (triangles; grey in images)")
    return ", ".join(parts)
