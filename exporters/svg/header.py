"""The head of the page: name, chain of layers, sum of the parameters, what is not drawn, key of the colours."""

from cnnkit.exporters.core.kept_epoch import read_kept_epoch
from cnnkit.exporters.core.weight_file import Tensor, WeightFile
from cnnkit.exporters.svg.canvas import MARGIN, ROOM, Sheet
from cnnkit.exporters.svg.chain import describe_chain
from cnnkit.exporters.svg.lettering import cut, make_safe, measure, wrap
from cnnkit.exporters.svg.palette import css_class
from cnnkit.exporters.svg.scale import STEPS
from cnnkit.files.names import format_count

_MOST_TERMS = 40


def find_title(weights: WeightFile) -> str:
    """Return the name of the recipe, "network" where the file has none."""
    recipe = weights.metadata.get("recipe")
    return make_safe(recipe) if isinstance(recipe, str) and recipe else "network"


def describe_training(weights: WeightFile) -> list[str]:
    """Return one line with the data, epochs and accuracy of the training, as far as the file has them, else nothing."""
    kept, data = read_kept_epoch(weights.metadata), weights.metadata.get("data")
    if kept is None:
        return []
    name = data.get("name") if isinstance(data, dict) else None
    words = [f"trained on {make_safe(name, 40)}" if isinstance(name, str) and name else "trained", kept.text]
    shares = {"test accuracy": kept.test.get("accuracy")} | {
        key.replace("_", " "): kept.figures.get(key) for key in ("validation_accuracy", "accuracy")
    }
    known = [f"{words} {100 * share:.2f} %" for words, share in shares.items() if share is not None]
    return [", ".join([*words, *known[:1]])]


def sum_parameters(weights: WeightFile) -> list[str]:
    """Return the number of parameters as a sum over tensors, then one line for each other kind of tensor."""
    sizes = [f"{tensor.parameters:,}" for tensor in weights.select("parameter")]
    more = [] if len(sizes) <= _MOST_TERMS else [f"{len(sizes) - _MOST_TERMS} more"]
    total = format_count(weights.parameters, "parameter")
    lines = [f"{' + '.join([*sizes[:_MOST_TERMS], *more])} = {total}" if len(sizes) > 1 else total]
    for kind, words in (("state", "statistics"), ("other", "other values")):
        tensors = weights.select(kind)
        if tensors:
            lines.append(f"{sum(t.parameters for t in tensors):,} {words} in {format_count(len(tensors), 'tensor')}")
    optimizer = weights.select("optimizer")
    if optimizer:
        values = sum(tensor.parameters for tensor in optimizer)
        lines.append(f"{values:,} values of the optimizer are not drawn; they are in this file's data block")
    return lines


def describe_folded(untitled: list[Tensor], undrawn: list[Tensor]) -> list[str]:
    """Return a line for each tensor whose values have no cell of their own."""
    here = "values in this file's data block"
    lines = [
        f"{make_safe(t.name)}: {format_count(t.parameters, 'value')} drawn 1 px each, {here}" for t in untitled[:12]
    ]
    if len(untitled) > 12:
        total = sum(tensor.parameters for tensor in untitled[12:])
        lines.append(f"{len(untitled) - 12} more tensors: {total:,} values drawn 1 px each, {here}")
    if undrawn:
        total = sum(tensor.parameters for tensor in undrawn)
        lines.append(f"{format_count(len(undrawn), 'tensor')} too big to draw: {total:,} {here}")
    return lines


def draw_header(sheet: Sheet, weights: WeightFile, lines: list[str]) -> None:
    """Put the head on the page. lines: text below the chain of layers."""
    canvas = sheet.canvas
    sheet.add(canvas.text(MARGIN, sheet.y + 18, cut(find_title(weights), ROOM, 20, bold=True), "h1"))
    sheet.y += 42
    words = describe_chain(weights.architecture)
    text = wrap(words, " → ", ROOM) if words else ["no architecture in the file: tensors in their order"]
    for line in [*text, *lines]:
        for part in wrap(line.split(" "), " ", ROOM):
            sheet.add(canvas.text(MARGIN, sheet.y, part, "s"))
            sheet.y += 18
    sheet.y += 3
    _draw_key(sheet)
    sheet.y += 14


def _draw_key(sheet: Sheet) -> None:
    """Put the key of the colours on the page."""
    canvas, x = sheet.canvas, float(MARGIN)
    signs = ((css_class(-STEPS), "negative"), (css_class(0), "zero"), (css_class(STEPS), "positive"))
    for name, words in signs:
        sheet.add(canvas.rect(x + 0.5, sheet.y - 10.5, 12, 12, f"{name} key"), canvas.text(x + 18, sheet.y, words))
        x += 18 + measure(words) + 12
    words = "each tensor by its own scale; point at a cell to read its exact value"
    sheet.add(canvas.text(x, sheet.y, words, "s"))
