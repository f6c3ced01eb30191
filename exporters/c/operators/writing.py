"""Writes one layer, or the layers inside a combinator, as C."""

from collections.abc import Mapping

from cnnkit.errors import ExportError
from cnnkit.exporters.c import code
from cnnkit.exporters.c.operators.activations import ACTIVATIONS
from cnnkit.exporters.c.operators.joining import JOINING, add_concatenation
from cnnkit.exporters.c.operators.normalisation import NORMALISATION
from cnnkit.exporters.c.operators.resampling import add_upsample
from cnnkit.exporters.c.operators.shaping import SHAPING
from cnnkit.exporters.c.operators.windows import WINDOWS
from cnnkit.exporters.c.program import CProgram, CValue, JoiningOperator, Operator
from cnnkit.exporters.core.architecture import LayerFields, layer_faults
from cnnkit.exporters.core.wiring import WiredLayer, Wiring, follow, wire
from cnnkit.files.names import printable


def add_network(program: CProgram, wiring: Wiring, xs: tuple[CValue, ...]) -> tuple[CValue, ...]:
    """Append all layers, given the inputs; return the outputs. Raises ExportError as `add_layer`."""

    def write(layer: WiredLayer, taken: tuple[CValue, ...]) -> tuple[CValue, ...]:
        with program.sharing(str(layer.fields.get("path")), layer.shares):
            return add_layer(program, layer.fields, taken)

    return follow(wiring, xs, write)


def add_layer(program: CProgram, layer: LayerFields, xs: tuple[CValue, ...]) -> tuple[CValue, ...]:
    """Append one layer and return its results.

    Raises ExportError for a layer that is not known here, or that lacks what it needs.
    """
    kind = layer.get("type")
    if not isinstance(kind, str) or kind not in OPERATORS:
        where = f"layer {printable(str(layer.get('path')))} ({printable(str(kind))})"
        raise ExportError(f"{where}: not known as C: export the network as ONNX, or write the layer by hand")
    with layer_faults(layer):
        return OPERATORS[kind](program, layer, xs)


def _take_one(operator: Operator) -> JoiningOperator:
    def whole(program: CProgram, layer: LayerFields, xs: tuple[CValue, ...]) -> tuple[CValue, ...]:
        (x,) = xs
        return (operator(program, layer, x),)

    return whole


def _add_dense(program: CProgram, layer: LayerFields, x: CValue) -> CValue:
    path, outputs, inputs = layer["path"], layer["features"], x.shape[-1]
    weight = program.weight(path, "weight", (outputs, inputs))
    start = f"{program.weight(path, 'bias', (outputs,))}[o]" if layer.get("bias", True) else "0"
    rows = x.size // inputs
    row = "row * {0} + " if rows > 1 else ""
    inner = [f"sum += (double)x[{row.format(inputs)}i] * {weight}[o * {inputs} + i];"]
    body = [
        f"double sum = {start};",
        *code.nest([("i", inputs)], inner),
        f"y[{row.format(outputs)}o] = ({program.real})sum;",
    ]
    loops = [*([("row", rows)] if rows > 1 else []), ("o", outputs)]
    return program.add(layer, [x], (*x.shape[:-1], outputs), code.nest(loops, body))


def _add_network(program: CProgram, layer: LayerFields, xs: tuple[CValue, ...]) -> tuple[CValue, ...]:
    return add_network(program, wire(layer), xs)


def _add_residual(program: CProgram, layer: LayerFields, xs: tuple[CValue, ...]) -> tuple[CValue, ...]:
    (body,), shortcut = add_layer(program, layer["body"], xs), layer.get("shortcut")
    (around,) = xs if shortcut is None else add_layer(program, shortcut, xs)
    return JOINING["Add"](program, layer, (body, around))


def _add_branches(program: CProgram, layer: LayerFields, xs: tuple[CValue, ...]) -> tuple[CValue, ...]:
    results = tuple(value for branch in layer["branches"] for value in add_layer(program, branch, xs))
    if layer.get("join", "concatenate") == "concatenate":
        return add_concatenation(program, {**layer, "axis": 1}, results)
    return JOINING["Add"](program, layer, results)


_OF_ONE: Mapping[str, Operator] = {
    **WINDOWS, **NORMALISATION, **ACTIVATIONS, **SHAPING, "Upsample": add_upsample, "Dense": _add_dense,
}  # fmt: skip
OPERATORS: Mapping[str, JoiningOperator] = {
    **{kind: _take_one(operator) for kind, operator in _OF_ONE.items()},
    **JOINING,
    "Sequential": _add_network, "Graph": _add_network, "Residual": _add_residual, "Branches": _add_branches,
}  # fmt: skip
