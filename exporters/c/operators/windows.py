"""Convolution and pooling in C: a loop for each axis."""

from collections.abc import Sequence
from typing import NamedTuple

from cnnkit.exporters.c import code
from cnnkit.exporters.c.program import CProgram, CValue, Operator
from cnnkit.exporters.core.architecture import LayerFields
from cnnkit.exporters.core.layer_geometry import WindowGeometry, read_geometry

_OUT, _IN, _AT = ("p", "q", "r"), ("row", "column", "depth"), ("k", "m", "n")


def _seek(geometry: WindowGeometry, shape: tuple[int, ...]) -> tuple[list[str], str]:
    """Return (the lines that find the input's place of a window's place, whether it is inside)."""
    lines, tests = [], []
    axes = zip(_IN, _OUT, _AT, geometry.stride, geometry.dilation, geometry.padding, shape, strict=False)
    for name, out, at, stride, dilation, (begin, _), length in axes:
        step = f"{out} * {stride}" if stride != 1 else out
        reach = f"{at} * {dilation}" if dilation != 1 else at
        lines.append(f"const int {name} = {step} + {reach}{f' - {begin}' if begin else ''};")
        tests.append(f"{name} >= 0 && {name} < {length}")
    return lines, " && ".join(tests)


def add_convolution(program: CProgram, layer: LayerFields, x: CValue) -> CValue:
    """Append a convolution."""
    path, geometry, groups = layer["path"], read_geometry(layer), layer.get("groups", 1)
    rank, channels, outputs = len(geometry.window), x.shape[0] // layer.get("groups", 1), layer["features"]
    weight = program.weight(path, "weight", (outputs, channels, *geometry.window))
    start = f"{program.weight(path, 'bias', (outputs,))}[o]" if layer.get("bias", True) else "0"
    shape, spatial = tuple(layer["output_shape"]), x.shape[1:]
    lines, inside = _seek(geometry, spatial)
    channel = f"o / {outputs // groups} * {channels} + c" if groups > 1 else "c"
    taken = code.flat([channel, *_IN[:rank]], x.shape)
    kernel = code.flat(["o", "c", *_AT[:rank]], (outputs, channels, *geometry.window))
    product = f"sum += (double)x[{taken}] * {weight}[{kernel}];"
    window = [("c", channels), *zip(_AT, geometry.window, strict=False)]
    inner = code.nest(window, [*lines, f"if ({inside})", f"{code.INDENT}{product}"])
    place = code.flat(["o", *_OUT[:rank]], shape)
    body = [f"double sum = {start};", *inner, f"y[{place}] = ({program.real})sum;"]
    return program.add(layer, [x], shape, code.nest([("o", outputs), *zip(_OUT, shape[1:], strict=False)], body))


def add_transposed_convolution(program: CProgram, layer: LayerFields, x: CValue) -> CValue:
    """Append a transposed convolution: each output gathers what reaches it."""
    path, geometry, groups = layer["path"], read_geometry(layer), layer.get("groups", 1)
    rank, outputs, shape = len(geometry.window), layer["features"], tuple(layer["output_shape"])
    each, own = outputs // groups, x.shape[0] // groups
    weight = program.weight(path, "weight", (x.shape[0], each, *geometry.window))
    start = f"{program.weight(path, 'bias', (outputs,))}[o]" if layer.get("bias", True) else "0"
    lines, tests = [], []
    axes = zip(_IN, _OUT, _AT, geometry.stride, geometry.dilation, geometry.padding, x.shape[1:], strict=False)
    for name, out, at, stride, dilation, (begin, _), length in axes:
        reach = f"{at} * {dilation}" if dilation != 1 else at
        lines.append(f"const int {name} = {out}{f' + {begin}' if begin else ''} - {reach};")
        tests.append(f"{name} >= 0 && {name} % {stride} == 0 && {name} / {stride} < {length}")
    places = [f"{name} / {stride}" for name, stride in zip(_IN, geometry.stride, strict=False)]
    channel = f"(o / {each} * {own} + c)" if groups > 1 else "c"
    taken = code.flat([channel, *places], x.shape)
    kernel = code.flat(
        [channel, f"o % {each}" if groups > 1 else "o", *_AT[:rank]], (x.shape[0], each, *geometry.window)
    )
    product = f"sum += (double)x[{taken}] * {weight}[{kernel}];"
    window = [("c", own), *zip(_AT, geometry.window, strict=False)]
    inner = code.nest(window, [*lines, f"if ({' && '.join(tests)})", f"{code.INDENT}{product}"])
    body = [f"double sum = {start};", *inner, f"y[{code.flat(['o', *_OUT[:rank]], shape)}] = ({program.real})sum;"]
    return program.add(layer, [x], shape, code.nest([("o", outputs), *zip(_OUT, shape[1:], strict=False)], body))


class PoolReduction(NamedTuple):
    """The largest of some numbers, NaN among them, or their mean: the lines before, for each number, and the result."""

    begin: str
    step: list[str]
    result: str


def _reduce(program: CProgram, value: str, largest: bool, count: int | str) -> PoolReduction:
    if largest:
        step = [f"if (isnan({value}) || {value} > largest)", f"{code.INDENT}largest = {value};"]
        return PoolReduction(f"{program.real} largest = -INFINITY;", step, "largest")
    return PoolReduction("double sum = 0;", [f"sum += {value};"], f"({program.real})(sum / {count})")


def _add_maps(program: CProgram, layer: LayerFields, x: CValue, body: list[str], place: str, result: str) -> CValue:
    """Append a pooling: the body for each channel and place of the output."""
    shape = tuple(layer["output_shape"])
    loops = [("c", x.shape[0]), *zip(_OUT, shape[1:], strict=False)]
    return program.add(layer, [x], shape, code.nest(loops, [*body, f"y[{place}] = {result};"]))


def _place(shape: Sequence[int], names: Sequence[str]) -> str:
    return code.flat(["c", *names[: len(shape) - 1]], shape)


def _add_pool(program: CProgram, layer: LayerFields, x: CValue) -> CValue:
    """Append a pooling by windows. Of padding, count_padding tells whether it counts in a mean; overhang never does."""
    geometry, largest, shape = read_geometry(layer), "Max" in layer["type"], layer["output_shape"]
    lines, inside = _seek(geometry, x.shape[1:])
    reduction, counted = _reduce(program, f"x[{_place(x.shape, _IN)}]", largest, "count"), list[str]()
    if not largest:
        ends = zip(_IN, geometry.padding, x.shape[1:], strict=False)
        framed = " && ".join(f"{name} < {length + end}" for name, (_, end), length in ends)
        counted = [f"count += {framed if layer.get('count_padding', True) else inside};"]
    step = [*lines, f"if ({inside}) {{", *code.indent(reduction.step), "}", *counted]
    inner = code.nest(list(zip(_AT, geometry.window, strict=False)), step)
    body = [reduction.begin, *(["int count = 0;"] if counted else []), *inner]
    return _add_maps(program, layer, x, body, _place(shape, _OUT), reduction.result)


def _add_adaptive(program: CProgram, layer: LayerFields, x: CValue) -> CValue:
    """Append a pooling whose window p of o covers floor(p n / o) to ceil((p + 1) n / o) of n pixels."""
    shape = layer["output_shape"]
    lines, loops, count = [], [], []
    for name, out, length, outputs in zip(_IN, _OUT, x.shape[1:], shape[1:], strict=False):
        begin, end = f"{out} * {length} / {outputs}", f"(({out} + 1) * {length} + {outputs - 1}) / {outputs}"
        lines.append(f"const int {name}_begin = {begin}, {name}_end = {end};")
        loops.append(f"for (int {name} = {name}_begin; {name} < {name}_end; {name}++)")
        count.append(f"({name}_end - {name}_begin)")
    value, largest = f"x[{_place(x.shape, _IN)}]", "Max" in layer["type"]
    reduction = _reduce(program, value, largest, f"({' * '.join(count)})")
    step = reduction.step
    for loop in reversed(loops):
        step = [loop, *code.indent(step)]
    return _add_maps(program, layer, x, [*lines, reduction.begin, *step], _place(shape, _OUT), reduction.result)


def _add_global(program: CProgram, layer: LayerFields, x: CValue) -> CValue:
    area = x.size // x.shape[0]
    reduction = _reduce(program, f"x[c * {area} + i]", "Max" in layer["type"], area)
    body = [reduction.begin, *code.nest([("i", area)], reduction.step), f"y[c] = {reduction.result};"]
    return program.add(layer, [x], layer["output_shape"], code.nest([("c", x.shape[0])], body))


_FAMILIES: dict[str, Operator] = {
    "Conv": add_convolution, "ConvTranspose": add_transposed_convolution, "MaxPool": _add_pool,
    "AvgPool": _add_pool, "GlobalAvgPool": _add_global, "GlobalMaxPool": _add_global,
    "AdaptiveAvgPool": _add_adaptive, "AdaptiveMaxPool": _add_adaptive,
}  # fmt: skip
WINDOWS: dict[str, Operator] = {f"{family}{rank}D": add for family, add in _FAMILIES.items() for rank in (1, 2, 3)}
