"""What a tensor is and what its colours mean: one line, the scale at its right, notes below."""

from cnnkit.exporters.svg.canvas import MARGIN, ROOM, WIDTH, Canvas, Element, Sheet
from cnnkit.exporters.svg.lettering import count, cut, shape_text, shown, signed, width, wrapped
from cnnkit.exporters.svg.palette import css_class
from cnnkit.exporters.svg.scale import STEPS, ScaledTensor

_STEP, _ENDS = 3, 78
_BAR = _STEP * (2 * STEPS + 1)
_X = WIDTH - MARGIN - _ENDS - _BAR
LINE = 17
PLAIN = "scale: largest magnitude"


def bar(canvas: Canvas) -> Element:
    """Return the colour bar, for the definitions of the page; every legend uses it."""
    steps = [canvas.rect(i * _STEP, 0, _STEP, 10, css_class(i - STEPS)) for i in range(2 * STEPS + 1)]
    zero = canvas.path(f"M{_BAR / 2:g} -2v14", "tick")
    return canvas.group([*steps, zero], id="scale")


def draw_legend(sheet: Sheet, values: ScaledTensor, note: str = "") -> None:
    """Put name, shape, dtype and scale of a tensor on the page."""
    canvas, y, scale = sheet.canvas, sheet.y + 12, values.scale
    name = cut(shown(values.name), 260, bold=True)
    facts = f"{shape_text(values.tensor.shape)} · {values.tensor.dtype} · {count(values.tensor.parameters, 'value')}"
    notes = [part for part in (note, scale_note(values)) if part]
    if notes == [PLAIN]:
        facts += f" · {notes.pop()}"
    x = MARGIN + width(name, bold=True) + 10
    room = _X - _ENDS - x
    drawn = [canvas.text(MARGIN, y, name, "b"), canvas.text(x, y, cut(facts, room), "s")]
    if scale.limit:
        drawn += [
            canvas.drawing.use("#scale", (_X, y - 9)),
            canvas.text(_X - 8, y, signed(-scale.limit), "s r"),
            canvas.text(_X + _BAR + 8, y, signed(scale.limit), "s"),
        ]
    for line in wrapped(notes, " · ", ROOM) if notes else ():
        y += LINE
        drawn.append(canvas.text(MARGIN, y, line, "s"))
    sheet.add(*drawn)
    sheet.y = y + 10


def scale_note(values: ScaledTensor) -> str:
    """Return in words where the scale ends, how much lies beyond, and what is no number."""
    scale, parts = values.scale, []
    if scale.clipped:
        parts.append(
            f"scale: 99th percentile of magnitude, {scale.beyond:,} of {values.tensor.parameters:,} beyond, "
            f"from {signed(scale.low)} to {signed(scale.high)}"
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
