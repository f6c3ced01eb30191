"""A model as a notebook shows it: its layers, and what their values are like."""

from html import escape
from typing import TYPE_CHECKING

from cnnkit.files.names import printable
from cnnkit.inspection.findings import findings
from cnnkit.inspection.layer_tree import LayerNode, list_layers
from cnnkit.inspection.report.pictures import draw_small
from cnnkit.inspection.statistics import Statistics, statistics

if TYPE_CHECKING:
    from cnnkit.model import Model

_STYLE = (
    ".cnnkit-net td,.cnnkit-net th{text-align:left}.cnnkit-net .n{fill:#c85a00}.cnnkit-net .z{fill:#808893}"
    ".cnnkit-net .p{fill:#2f86d8}"
)
_HEADINGS = ("layer", "output", "tensor", "shape", "values", "min", "max", "mean", "std", "histogram")


def model_html(model: "Model") -> str:
    """Return a table of layers and tensors with their statistics, and the findings below."""
    weights = model.to_weights()
    found = {(tensor.kind, tensor.name): statistics(tensor) for tensor in weights}
    rows = "".join(_rows(node, found) for node in list_layers(weights, weights.tensors))
    head = "".join(f"<th>{name}</th>" for name in _HEADINGS)
    shape = " × ".join(map(str, model.input_shape))
    sums = f"input {shape}, {model.parameters:,} parameters, {model.backend.name}, {model.dtype}"
    wrong = "".join(f"<div>{_safe(f'{w.severity}: {w.line}')}</div>" for w in findings(weights.tensors, found))
    return (
        f'<div class="cnnkit-net"><style>{_STYLE}</style><b>Model</b> {_safe(sums)}'
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{wrong}</div>"
    )


def _rows(node: LayerNode, found: dict[tuple[str, str], Statistics]) -> str:
    output = " × ".join(map(str, node.output_shape)) if node.output_shape is not None else ""
    layer = f"<td>{_safe(f'{node.path} {node.type or str()}')}</td><td>{output}</td>"
    if not node.tensors:
        return f'<tr>{layer}<td colspan="{len(_HEADINGS) - 2}"></td></tr>'
    rows = []
    for tensor in node.tensors:
        known = found[tensor.kind, tensor.name]
        figures = "".join(
            f"<td>{'' if value is None else f'{value:.4g}'}</td>"
            for value in (known.min, known.max, known.mean, known.std)
        )
        shape = " × ".join(map(str, tensor.shape))
        picture = draw_small(known.histogram) if known.histogram is not None else ""
        name = tensor.name.removeprefix(f"{node.path}.")
        rows.append(
            f"<tr>{layer}<td>{_safe(name)}</td><td>{shape}</td><td>{known.count:,}</td>{figures}<td>{picture}</td></tr>"
        )
        layer = "<td></td><td></td>"
    return "".join(rows)


def _safe(text: str) -> str:
    return escape(printable(text))
