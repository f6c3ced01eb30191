"""Layers that move, cut, pad or reduce values in C."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnkit.exporters.c import code
from cnnkit.exporters.c.program import CProgram, CValue, Operator
from cnnkit.exporters.core.architecture import LayerFields
from cnnkit.exporters.core.sides import read_sides

OUTSIDE = -1  # in a table of places


def _add_reshape(program: CProgram, layer: LayerFields, x: CValue) -> CValue:  # noqa: ARG001 (nothing is computed)
    return x.reshaped(layer["output_shape"])


def _add_nothing(program: CProgram, layer: LayerFields, x: CValue) -> CValue:  # noqa: ARG001 (nothing is computed)
    return x


def _permute(program: CProgram, layer: LayerFields, x: CValue, split: Sequence[int], order: Sequence[int]) -> CValue:
    """Append what brings the axes of `split`, from 1, into another order, with the layer's output shape."""
    names = code.name_indices(len(split))
    moved = [names[axis - 1] for axis in order]
    lengths = [split[axis - 1] for axis in order]
    body = [f"y[{code.flat(moved, lengths)}] = x[{code.flat(names, split)}];"]
    loops = list(zip(moved, lengths, strict=True))
    return program.add(layer, [x], layer["output_shape"], code.nest(loops, body))


def _add_transpose(program: CProgram, layer: LayerFields, x: CValue) -> CValue:
    return _permute(program, layer, x, x.shape, [axis for axis in layer["axes"] if axis])


def _add_channel_shuffle(program: CProgram, layer: LayerFields, x: CValue) -> CValue:
    channels, *rest = x.shape
    split = (layer["groups"], channels // layer["groups"], *rest)
    return _permute(program, layer, x, split, (2, 1, *range(3, len(split) + 1)))


def _add_depth_to_space(program: CProgram, layer: LayerFields, x: CValue) -> CValue:
    block, (channels, height, width) = layer["block"], x.shape
    few = channels // block**2
    if layer.get("mode", "DCR") == "DCR":
        return _permute(program, layer, x, (block, block, few, height, width), (3, 4, 1, 5, 2))
    return _permute(program, layer, x, (few, block, block, height, width), (1, 4, 2, 5, 3))


def _add_space_to_depth(program: CProgram, layer: LayerFields, x: CValue) -> CValue:
    block, (channels, height, width) = layer["block"], x.shape
    split = (channels, height // block, block, width // block, block)
    order = (3, 5, 1, 2, 4) if layer.get("mode", "DCR") == "DCR" else (1, 3, 5, 2, 4)
    return _permute(program, layer, x, split, order)


def take(program: CProgram, layer: LayerFields, x: CValue, places: Sequence[Any], value: float = 0.0) -> CValue:
    """Append what takes, along each axis, the places of a table; `value` where one is OUTSIDE."""
    names, shape = code.name_indices(len(x.shape)), tuple(len(table) for table in places)
    sources, tests = [], []
    for axis, (name, table) in enumerate(zip(names, places, strict=True)):
        whole = np.asarray(table, np.int64)
        first, step = (int(whole[0]), int(whole[1] - whole[0]) if len(whole) > 1 else 1) if len(whole) else (0, 1)
        if OUTSIDE not in whole and np.array_equal(whole, first + step * np.arange(len(whole))):
            scaled = name if step == 1 else f"{name} * {step}"
            sources.append(f"({scaled} + {first})" if first else f"({scaled})" if step != 1 else name)
            continue
        source = f"{program.table(str(layer['path']), f'places_{axis}', whole)}[{name}]"
        sources.append(source)
        if OUTSIDE in whole:
            tests.append(f"{source} < 0")
    taken = f"x[{code.flat(sources, x.shape)}]"
    text = f"{' || '.join(tests)} ? ({program.real}){code.number(value)} : {taken}" if tests else taken
    body = [f"y[{code.flat(names, shape)}] = {text};"]
    return program.add(layer, [x], shape, code.nest(list(zip(names, shape, strict=True)), body))


def _add_slice(program: CProgram, layer: LayerFields, x: CValue) -> CValue:
    places = [np.arange(length) for length in x.shape]
    axis = layer["axis"] - 1
    places[axis] = places[axis][slice(layer.get("start", 0), layer.get("stop"), layer.get("step", 1))]
    return take(program, layer, x, places)


def _add_crop(program: CProgram, layer: LayerFields, x: CValue) -> CValue:
    sides = read_sides(layer["cropping"], x.shape)
    return take(program, layer, x, [np.arange(b, n - e) for n, (b, e) in zip(x.shape, sides, strict=True)])


def _add_pad(program: CProgram, layer: LayerFields, x: CValue) -> CValue:
    mode, sides = layer.get("mode", "constant"), read_sides(layer["padding"], x.shape)
    places = []
    for length, side in zip(x.shape, sides, strict=True):
        inside = np.arange(length)
        how: dict[str, Any] = {"mode": mode, "constant_values": OUTSIDE} if mode == "constant" else {"mode": mode}
        places.append(np.pad(inside, side, **how))
    return take(program, layer, x, places, float(layer.get("value", 0.0)))


_STEPS = {
    "sum": ("0", "total += v;", "total"),
    "mean": ("0", "total += v;", "total / {count}"),
    "max": ("-INFINITY", "total = isnan(v) || v > total ? v : total;", "total"),
    "min": ("INFINITY", "total = isnan(v) || v < total ? v : total;", "total"),
    "prod": ("1", "total *= v;", "total"),
    "l1": ("0", "total += fabs(v);", "total"),
    "l2": ("0", "total += v * v;", "sqrt(total)"),
}


def _add_reduce(program: CProgram, layer: LayerFields, x: CValue) -> CValue:
    axes, names = sorted(layer["axes"]), code.name_indices(len(x.shape))
    outer = [(names[i], n) for i, n in enumerate(x.shape) if i + 1 not in axes]
    inner = [(names[i], n) for i, n in enumerate(x.shape) if i + 1 in axes]
    count = float(np.prod([n for _, n in inner]))
    begin, step, result = _STEPS[layer["kind"]]
    at = code.flat([name for name, _ in outer], [n for _, n in outer]) if outer else "0"
    body = [
        f"double total = {begin};",
        *code.nest(inner, [f"const double v = x[{code.flat(names, x.shape)}];", step]),
        f"y[{at}] = ({program.real})({result.format(count=count)});",
    ]
    return program.add(layer, [x], layer["output_shape"], code.nest(outer, body))


def _add_rescale(program: CProgram, layer: LayerFields, x: CValue) -> CValue:
    factor, shift = (code.number(float(layer.get(name, usual))) for name, usual in (("factor", 1.0), ("shift", 0.0)))
    return program.map(layer, x, f"v * {factor} + {shift}")


def _add_scale(program: CProgram, layer: LayerFields, x: CValue) -> CValue:
    path, axes = layer["path"], tuple(layer.get("axes", (1,)))
    own = tuple(x.shape[axis - 1] for axis in axes)
    names = code.name_indices(len(x.shape))
    at, place = code.flat(names, x.shape), code.flat([names[axis - 1] for axis in axes], own) if axes else "0"
    text = f"x[{at}]"
    if layer.get("scale", True):
        text = f"(double){text} * {program.weight(path, 'weight', own or (1,))}[{place}]"
    if layer.get("shift", True):
        text = f"{text} + {program.weight(path, 'bias', own or (1,))}[{place}]"
    loops = list(zip(names, x.shape, strict=True))
    return program.add(layer, [x], x.shape, code.nest(loops, [f"y[{at}] = ({program.real})({text});"]))


SHAPING: dict[str, Operator] = {
    "Flatten": _add_reshape, "Reshape": _add_reshape, "Dropout": _add_nothing, "SpatialDropout": _add_nothing,
    "Transpose": _add_transpose, "ChannelShuffle": _add_channel_shuffle, "Slice": _add_slice, "Crop": _add_crop,
    "Pad": _add_pad, "DepthToSpace": _add_depth_to_space, "SpaceToDepth": _add_space_to_depth,
    "Reduce": _add_reduce, "Rescale": _add_rescale, "Scale": _add_scale,
}  # fmt: skip
