"""Convolution and pooling in C: a loop for each axis."""

from cnnkit.exporters.c import code
from cnnkit.exporters.c.program import CProgram, CValue, Operator
from cnnkit.exporters.core.architecture import LayerFields
from cnnkit.exporters.core.layer_geometry import WindowGeometry, count_spatial_axes, read_geometry

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
    if groups > 1 and x.shape[0] != 1:
        taken = code.flat([f"({channel})", *_IN[:rank]], x.shape)
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


def _pool(
    program: CProgram, layer: LayerFields, x: CValue, geometry: WindowGeometry, kind: str, counts: bool
) -> CValue:
    """Append a pooling. counts: whether padding, but no overhang, is counted in a mean."""
    shape, rank = (x.shape[0], *layer["output_shape"][1:]), len(geometry.window)
    lines, inside = _seek(geometry, x.shape[1:])
    value = f"x[{code.flat(['c', *_IN[:rank]], x.shape)}]"
    loops = list(zip(_AT, geometry.window, strict=False))
    place = code.flat(["c", *_OUT[:rank]], shape)
    if kind == "max":
        update = [f"if (isnan({value}) || {value} > largest)", f"{code.INDENT}largest = {value};"]
        inner = code.nest(loops, [*lines, f"if ({inside}) {{", *code.indent(update), "}"])
        body = [f"{program.real} largest = -INFINITY;", *inner, f"y[{place}] = largest;"]
    else:
        ends = zip(_IN, geometry.padding, x.shape[1:], strict=False)
        framed = " && ".join(f"{name} < {length + end}" for name, (_, end), length in ends)
        counted = [f"if ({inside})", f"{code.INDENT}sum += {value};"]
        counted += [f"count += {framed};"] if counts else [f"count += {inside};"]
        inner = code.nest(loops, [*lines, *counted])
        body = ["double sum = 0;", "int count = 0;", *inner, f"y[{place}] = ({program.real})(sum / count);"]
    return program.add(layer, [x], shape, code.nest([("c", shape[0]), *zip(_OUT, shape[1:], strict=False)], body))


def _add_max_pool(program: CProgram, layer: LayerFields, x: CValue) -> CValue:
    return _pool(program, layer, x, read_geometry(layer), "max", counts=False)


def _add_average_pool(program: CProgram, layer: LayerFields, x: CValue) -> CValue:
    return _pool(program, layer, x, read_geometry(layer), "mean", bool(layer.get("count_padding", True)))


def _add_adaptive(program: CProgram, layer: LayerFields, x: CValue) -> CValue:
    """Append a pooling whose window p of o covers floor(p n / o) to ceil((p + 1) n / o) of n pixels."""
    shape, spatial, largest = tuple(layer["output_shape"]), x.shape[1:], "Max" in layer["type"]
    lines, loops, count = [], [], []
    for name, out, length, outputs in zip(_IN, _OUT, spatial, shape[1:], strict=False):
        begin, end = f"{out} * {length} / {outputs}", f"(({out} + 1) * {length} + {outputs - 1}) / {outputs}"
        lines.append(f"const int {name}_begin = {begin}, {name}_end = {end};")
        loops.append(f"for (int {name} = {name}_begin; {name} < {name}_end; {name}++)")
        count.append(f"({name}_end - {name}_begin)")
    value = f"x[{code.flat(['c', *_IN[: len(spatial)]], x.shape)}]"
    place = code.flat(["c", *_OUT[: len(spatial)]], shape)
    if largest:
        step = [f"if (isnan({value}) || {value} > largest)", f"{code.INDENT}largest = {value};"]
        begin, end = f"{program.real} largest = -INFINITY;", f"y[{place}] = largest;"
    else:
        step, begin = [f"sum += {value};"], "double sum = 0;"
        end = f"y[{place}] = ({program.real})(sum / ({' * '.join(count)}));"
    for loop in reversed(loops):
        step = [loop, *code.indent(step)]
    body = [*lines, begin, *step, end]
    return program.add(layer, [x], shape, code.nest([("c", shape[0]), *zip(_OUT, shape[1:], strict=False)], body))


def _add_global(program: CProgram, layer: LayerFields, x: CValue) -> CValue:
    count_spatial_axes(layer)
    area = x.size // x.shape[0]
    if "Max" in layer["type"]:
        step = ["if (isnan(x[c * AREA + i]) || x[c * AREA + i] > largest)", "    largest = x[c * AREA + i];"]
        begin, end = f"{program.real} largest = -INFINITY;", "y[c] = largest;"
    else:
        step, begin = ["sum += x[c * AREA + i];"], "double sum = 0;"
        end = f"y[c] = ({program.real})(sum / {area});"
    inner = code.nest([("i", area)], [line.replace("AREA", str(area)) for line in step])
    return program.add(layer, [x], layer["output_shape"], code.nest([("c", x.shape[0])], [begin, *inner, end]))


_FAMILIES: dict[str, Operator] = {
    "Conv": add_convolution, "ConvTranspose": add_transposed_convolution, "MaxPool": _add_max_pool,
    "AvgPool": _add_average_pool, "GlobalAvgPool": _add_global, "GlobalMaxPool": _add_global,
    "AdaptiveAvgPool": _add_adaptive, "AdaptiveMaxPool": _add_adaptive,
}  # fmt: skip
WINDOWS: dict[str, Operator] = {f"{family}{rank}D": add for family, add in _FAMILIES.items() for rank in (1, 2, 3)}
