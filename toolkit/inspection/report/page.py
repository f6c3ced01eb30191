"""The whole page: security policy, overview, findings, training, layers, table."""

from collections import Counter
from collections.abc import Iterator, Sequence

from cnnkit.exporters.core.not_read import list_lines
from cnnkit.exporters.core.weight_file import Tensor, WeightFile
from cnnkit.files.markup import build_policy, escape_html
from cnnkit.inspection.finding import Finding
from cnnkit.inspection.inspection import Inspection
from cnnkit.inspection.layer_tree import list_layers
from cnnkit.inspection.report.script import SCRIPT
from cnnkit.inspection.report.style import CSS
from cnnkit.inspection.report.table import render_table
from cnnkit.inspection.report.training import list_facts, render_curves

GENERATOR = '<meta name="generator" content="cnnkit inspect">'
_BAR = 240


def render_page(inspection: Inspection) -> Iterator[str]:
    """Yield the HTML of the page piece by piece."""
    weights, tensors = inspection.weights, inspection.tensors
    title = escape_html(weights.file or "weights")
    yield '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
    yield f'<meta http-equiv="Content-Security-Policy" content="{build_policy(CSS, SCRIPT)}">\n{GENERATOR}\n'
    yield '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
    yield f"<title>{title}</title><style>{CSS}</style></head><body>\n<h1>{title}</h1>\n"
    yield from _render_overview(weights, len(tensors))
    yield from _render_findings(weights, inspection.findings or ())
    yield from render_curves(weights.metadata)
    yield from _render_layers(weights, tensors)
    yield (
        '<h2>Tensors</h2><div class="bar-line">'
        '<input type="search" id="search" placeholder="search name, layer, role, dtype" aria-label="search">'
        f'<span class="soft" id="count">{len(tensors)} of {len(tensors)} tensors</span></div>\n'
        '<noscript><p class="soft">Sorting, searching and the list of values need the script of this page.</p>'
        "</noscript>\n"
    )
    yield from render_table(inspection)
    yield f"<script>{SCRIPT}</script></body></html>\n"


def _render_overview(weights: WeightFile, shown: int) -> Iterator[str]:
    yield f'<p class="soft">{escape_html(", ".join(_describe_origin(weights)))}</p>\n'
    types = Counter[str]()
    for tensor in weights.select("parameter"):
        types[tensor.dtype] += tensor.parameters
    facts = [
        (f"{weights.parameters:,}", "parameters"),
        (f"{len(weights.select('parameter'))}", "parameter tensors"),
        (f"{shown}", "tensors shown"),
        (", ".join(types) or "-", "element types"),
        *list_facts(weights.metadata),
    ]
    cells = "".join(f"<div><b>{escape_html(value)}</b>{escape_html(word)}</div>" for value, word in facts)
    yield f'<div class="facts">{cells}</div>\n'


def _describe_origin(weights: WeightFile) -> Iterator[str]:
    metadata = weights.metadata
    data, made = metadata.get("data"), metadata.get("provenance")
    if weights.format:
        yield str(weights.format)
    if "recipe" in metadata:
        yield f"recipe {metadata['recipe']}"
    if isinstance(data, dict) and "name" in data:
        yield f"data {data['name']}"
    if isinstance(made, dict):
        yield from (str(made[key]) for key in ("backend", "device", "dtype") if key in made)


def _render_findings(weights: WeightFile, findings: Sequence[Finding]) -> Iterator[str]:
    yield "<h2>Findings</h2>\n"
    lines = [(finding.severity, finding.line) for finding in findings]
    lines += [("warning", f"{name}: edited since it was written") for name in weights.edited]
    lines += [("note", f"not read: {line}") for line in list_lines(weights.not_read)]
    if not lines:
        yield '<p class="soft">none</p>\n'
        return
    items = "".join(
        f'<li><span class="tag {severity}">{severity}</span> {escape_html(line)}</li>' for severity, line in lines
    )
    yield f'<ul class="findings">{items}</ul>\n'


def _render_layers(weights: WeightFile, tensors: tuple[Tensor, ...]) -> Iterator[str]:
    yield '<h2>Layers</h2><div class="wide"><table id="layers"><thead><tr><th scope="col">layer</th>'
    yield '<th scope="col">type</th><th scope="col">output</th><th scope="col" class="num">parameters</th>'
    yield '<th scope="col">share</th></tr></thead><tbody>\n'
    for layer in list_layers(weights, tensors):
        share = layer.parameters / weights.parameters if weights.parameters else 0.0
        width = round(max(_BAR * share, 1 if layer.parameters else 0), 1)
        rectangle = f'<rect class="bar" width="{width:g}" height="10"/>'
        bar = f'<svg width="{_BAR}" height="10" aria-hidden="true">{rectangle}</svg>'
        yield (
            f"<tr><td>{escape_html(layer.path)}</td><td>{escape_html(layer.kind)}</td><td>{layer.output}</td>"
            f'<td class="num">{layer.parameters:,}</td><td>{bar} {share:.1%}</td></tr>\n'
        )
    yield "</tbody></table></div>\n"
