"""How a model looks in a notebook: a table of layers and tensors with statistics, and the findings."""

from cnnkit.exporters.core.architecture import shapes_of
from cnnkit.exporters.core.weight_file import WeightFile
from cnnkit.files.markup import escape_html
from cnnkit.inspection.findings import findings
from cnnkit.inspection.layer_tree import LayerNode, format_shapes, list_layers
from cnnkit.inspection.report.histograms import draw_small
from cnnkit.inspection.statistics import Statistics, statistics

_STYLE = (
    ".cnnkit-net td,.cnnkit-net th{text-align:left}.cnnkit-net .n{fill:#c85a00}.cnnkit-net .z{fill:#808893}"
    ".cnnkit-net .p{fill:#2f86d8}"
)
_HEADINGS = ("layer", "output", "tensor", "shape", "values", "min", "max", "mean", "std", "histogram")


def model_table(weights: WeightFile) -> str:
    """Return layers and tensors with their statistics as an HTML table, and the findings below it.

    weights: what `Model.to_weights` gives, with architecture and provenance.
    """
    by_tensor = {(tensor.kind, tensor.name): statistics(tensor) for tensor in weights}
    rows = "".join(_rows(node, by_tensor) for node in list_layers(weights, weights.tensors))
    head = "".join(f"<th>{name}</th>" for name in _HEADINGS)
    below = "".join(
        f"<div>{escape_html(f'{w.severity}: {w.line}')}</div>" for w in findings(weights.tensors, by_tensor)
    )
    return (
        f'<div class="cnnkit-net"><style>{_STYLE}</style><b>Model</b> {escape_html(_caption(weights))}'
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{below}</div>"
    )


def _caption(weights: WeightFile) -> str:
    architecture, made_by = weights.architecture or {}, weights.metadata["provenance"]
    shape = format_shapes(shapes_of(architecture["input_shape"]))
    return f"input {shape}, {weights.parameters:,} parameters, {made_by['backend']}, {made_by['dtype']}"


def _rows(node: LayerNode, by_tensor: dict[tuple[str, str], Statistics]) -> str:
    layer = f"<td>{escape_html(node.title)}</td><td>{node.output}</td>"
    if not node.tensors:
        return f'<tr>{layer}<td colspan="{len(_HEADINGS) - 2}"></td></tr>'
    rows = []
    for tensor in node.tensors:
        stats = by_tensor[tensor.kind, tensor.name]
        figures = "".join(
            f"<td>{'' if value is None else f'{value:.4g}'}</td>"
            for value in (stats.min, stats.max, stats.mean, stats.std)
        )
        shape = " × ".join(map(str, tensor.shape))
        picture = draw_small(stats.histogram) if stats.histogram is not None else ""
        name = tensor.name.removeprefix(f"{node.path}.")
        rows.append(
            f"<tr>{layer}<td>{escape_html(name)}</td><td>{shape}</td><td>{stats.count:,}</td>{figures}<td>{picture}</td></tr>"
        )
        layer = "<td></td><td></td>"
    return "".join(rows)
