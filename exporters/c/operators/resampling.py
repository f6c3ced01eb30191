"""Upsample in C: places of a table, or a product with a matrix along each axis."""

from collections.abc import Sequence

import numpy as np

from cnnkit.exporters.c import code
from cnnkit.exporters.c.operators.shaping import take
from cnnkit.exporters.c.program import CProgram, CValue
from cnnkit.exporters.core.architecture import LayerFields
from cnnkit.exporters.core.resampled_axes import read_axes
from cnnkit.resampling import AxisMap, compute_matrix, find_inside, find_nearest


def add_upsample(program: CProgram, layer: LayerFields, x: CValue) -> CValue:
    """Append an Upsample."""
    axes = read_axes(layer)
    if axes[0].mode == "nearest":
        x = take(program, layer, x, [np.arange(x.shape[0]), *(find_nearest(axis) for axis in axes)])
    else:
        for place, axis in enumerate(axes, 1):
            x = _weigh(program, layer, x, place, axis)
    return _fill_outside(program, layer, x, axes) if axes[0].coordinates == "tf_crop_and_resize" else x


def _fill_outside(program: CProgram, layer: LayerFields, x: CValue, axes: Sequence[AxisMap]) -> CValue:
    """Append what replaces values that come from beyond the image, where there are some."""
    names, tests = code.name_indices(len(x.shape)), []
    for place, axis in enumerate(axes, 1):
        inside = find_inside(axis)
        if inside is not None:
            table = program.table(str(layer["path"]), f"inside_{place}", inside.astype(np.int64))
            tests.append(f"{table}[{names[place]}]")
    if not tests:
        return x
    value, at = code.number(float(layer.get("extrapolation", 0.0))), code.flat(names, x.shape)
    body = [f"y[{at}] = {' && '.join(tests)} ? x[{at}] : ({program.real}){value};"]
    return program.add(layer, [x], x.shape, code.nest(list(zip(names, x.shape, strict=True)), body), "beyond the image")


def _weigh(program: CProgram, layer: LayerFields, x: CValue, place: int, axis: AxisMap) -> CValue:
    """Append what multiplies an axis, from 0, by the matrix of its resampling."""
    matrix = compute_matrix(axis)
    if matrix is None:
        return x
    values = np.asarray(matrix, np.float64)
    table = program.table(str(layer["path"]), f"matrix_{place}", values)
    names, shape = code.name_indices(len(x.shape)), list(x.shape)
    shape[place] = values.shape[0]
    sources = [*names]
    sources[place] = "j"
    body = [
        "double sum = 0;",
        *code.nest([("j", values.shape[1])], [
            f"sum += {table}[{names[place]} * {values.shape[1]} + j] * x[{code.flat(sources, x.shape)}];",
        ]),
        f"y[{code.flat(names, shape)}] = ({program.real})sum;",
    ]  # fmt: skip
    return program.add(layer, [x], shape, code.nest(list(zip(names, shape, strict=True)), body), f"along axis {place}")
