"""The head of the page: name, chain of layers, the parameters added up, what is folded, how to read a cell."""

from cnnkit.exporters.core.weight_file import Tensor, WeightFile
from cnnkit.exporters.svg.canvas import MARGIN, ROOM, Sheet
from cnnkit.exporters.svg.lettering import count, cut, shown, width, wrapped
from cnnkit.exporters.svg.network import chain
from cnnkit.exporters.svg.palette import css_class
from cnnkit.exporters.svg.scale import STEPS

_MOST_TERMS = 40


def title_of(weights: WeightFile) -> str:
    """Return what to call the network."""
    recipe = weights.metadata.get("recipe")
    return shown(recipe) if isinstance(recipe, str) and recipe else "network"


def trained(weights: WeightFile) -> list[str]:
    """Return a line that says on what, how long and how well the network was trained, as far as the file does."""
    history, data = weights.metadata.get("history"), weights.metadata.get("data")
    if not isinstance(history, list) or not history or not isinstance(history[-1], dict):
        return []
    name = data.get("name") if isinstance(data, dict) else None
    words = [f"trained on {shown(name, 40)}" if isinstance(name, str) and name else "trained"]
    words.append(count(len(history), "epoch"))
    for key in ("validation_accuracy", "accuracy"):
        share = history[-1].get(key)
        if type(share) is float and 0 <= share <= 1:
            words.append(f"{key.replace('_', ' ')} {100 * share:.2f} %")
            break
    return [", ".join(words)]


def sum_of(weights: WeightFile) -> list[str]:
    """Return the parameter count with its terms, and lines for what else the file holds."""
    sizes = [f"{tensor.parameters:,}" for tensor in weights.select("parameter")]
    more = [] if len(sizes) <= _MOST_TERMS else [f"{len(sizes) - _MOST_TERMS} more"]
    total = count(weights.parameters, "parameter")
    lines = [f"{' + '.join([*sizes[:_MOST_TERMS], *more])} = {total}" if len(sizes) > 1 else total]
    for kind, words in (("state", "statistics"), ("other", "other values")):
        tensors = weights.select(kind)
        if tensors:
            lines.append(f"{sum(t.parameters for t in tensors):,} {words} in {count(len(tensors), 'tensor')}")
    optimizer = weights.select("optimizer")
    if optimizer:
        values = sum(tensor.parameters for tensor in optimizer)
        lines.append(f"{values:,} values of the optimizer are not drawn; they are in this file's data block")
    return lines


def folded(untitled: list[Tensor], undrawn: list[Tensor]) -> list[str]:
    """Return a line for each tensor whose values have no cell of their own."""
    here = "values in this file's data block"
    lines = [f"{_name(t)}: {count(t.parameters, 'value')} drawn 1 px each, {here}" for t in untitled[:12]]
    if len(untitled) > 12:
        total = sum(tensor.parameters for tensor in untitled[12:])
        lines.append(f"{len(untitled) - 12} more tensors: {total:,} values drawn 1 px each, {here}")
    if undrawn:
        total = sum(tensor.parameters for tensor in undrawn)
        lines.append(f"{count(len(undrawn), 'tensor')} too big to draw: {total:,} {here}")
    return lines


def draw_header(sheet: Sheet, weights: WeightFile, lines: list[str]) -> None:
    """Put the head on the page."""
    canvas = sheet.canvas
    sheet.add(canvas.text(MARGIN, sheet.y + 18, cut(title_of(weights), ROOM, 20, bold=True), "h1"))
    sheet.y += 42
    words = chain(weights.architecture)
    text = wrapped(words, " → ", ROOM) if words else ["no architecture in the file: tensors in their order"]
    for line in [*text, *lines]:
        for part in wrapped(line.split(" "), " ", ROOM):
            sheet.add(canvas.text(MARGIN, sheet.y, part, "s"))
            sheet.y += 18
    sheet.y += 3
    _key(sheet)
    sheet.y += 14


def _key(sheet: Sheet) -> None:
    """Put a line on the page that says what the colours are."""
    canvas, x = sheet.canvas, float(MARGIN)
    signs = ((css_class(-STEPS), "negative"), (css_class(0), "zero"), (css_class(STEPS), "positive"))
    for name, words in signs:
        sheet.add(canvas.rect(x + 0.5, sheet.y - 10.5, 12, 12, f"{name} key"), canvas.text(x + 18, sheet.y, words))
        x += 18 + width(words) + 12
    words = "each tensor by its own scale; point at a cell to read its exact value"
    sheet.add(canvas.text(x, sheet.y, words, "s"))


def _name(tensor: Tensor) -> str:
    return shown(tensor.name, 60)
