"""Normalising layers in C."""

from collections.abc import Sequence

from cnnkit.exporters.c import code
from cnnkit.exporters.c.program import CProgram, CValue, Operator
from cnnkit.exporters.core.architecture import LayerFields


def _affine(program: CProgram, layer: LayerFields, own: Sequence[int], at: str, shift: bool = True) -> str:
    """Return what scale and shift make of the number z."""
    text = "z"
    if layer.get("scale", True):
        text += f" * {program.weight(layer['path'], 'gamma', own)}[{at}]"
    if shift and layer.get("shift", True):
        text += f" + {program.weight(layer['path'], 'beta', own)}[{at}]"
    return text


def _add_batch_norm(program: CProgram, layer: LayerFields, x: CValue) -> CValue:
    path, channels, area = layer["path"], (x.shape[0],), x.size // x.shape[0]
    mean, variance = (program.weight(path, name, channels) for name in ("mean", "variance"))
    inner = [
        f"const double z = (x[c * {area} + i] - {mean}[c]) * inverse;",
        f"y[c * {area} + i] = ({program.real})({_affine(program, layer, channels, 'c')});",
    ]
    epsilon = code.number(float(layer.get("epsilon", 1e-5)))
    body = [f"const double inverse = 1 / sqrt({variance}[c] + {epsilon});", *code.nest([("i", area)], inner)]
    return program.add(layer, [x], x.shape, code.nest([("c", x.shape[0])], body))


def _normalise(
    program: CProgram, layer: LayerFields, x: CValue, groups: list[code.Loop], inner: list[code.Loop], at: str,
    own: str, lengths: Sequence[int], centred: bool = True,
) -> CValue:  # fmt: skip
    """Append what subtracts the mean and divides by the root of the mean square, over the inner loops."""
    count = 1
    for _, length in inner:
        count *= length
    body = [
        "double mean = 0, square = 0;",
        *(code.nest(inner, [f"mean += x[{at}] / {float(count)!r};"]) if centred else []),
        *code.nest(inner, [f"square += (x[{at}] - mean) * (x[{at}] - mean) / {float(count)!r};"]),
        f"const double inverse = 1 / sqrt(square + {code.number(float(layer.get('epsilon', 1e-5)))});",
        *code.nest(inner, [
            f"const double z = (x[{at}] - mean) * inverse;",
            f"y[{at}] = ({program.real})({_affine(program, layer, lengths, own, shift=centred)});",
        ]),
    ]  # fmt: skip
    return program.add(layer, [x], x.shape, code.nest(groups, body))


def _add_along_axes(program: CProgram, layer: LayerFields, x: CValue) -> CValue:
    """LayerNorm and RMSNorm: over the named axes of a sample."""
    root = layer["type"] == "RMSNorm"
    usual = (1,) if root else range(1, len(x.shape) + 1)
    axes = sorted(axis % (len(x.shape) + 1) for axis in layer.get("axes", usual))
    names = code.name_indices(len(x.shape))
    outer = [(names[i], n) for i, n in enumerate(x.shape) if i + 1 not in axes]
    inner = [(names[i], n) for i, n in enumerate(x.shape) if i + 1 in axes]
    lengths = [x.shape[axis - 1] for axis in axes]
    own = code.flat([names[axis - 1] for axis in axes], lengths)
    return _normalise(program, layer, x, outer, inner, code.flat(names, x.shape), own, lengths, not root)


def _add_groups(program: CProgram, layer: LayerFields, x: CValue) -> CValue:
    """GroupNorm and InstanceNorm: over groups of channels."""
    channels, area = x.shape[0], x.size // x.shape[0]
    groups = layer["groups"] if layer["type"] == "GroupNorm" else channels
    each = channels // groups
    at = f"(g * {each} + c) * {area} + i"
    return _normalise(
        program, layer, x, [("g", groups)], [("c", each), ("i", area)], at, f"g * {each} + c", (channels,)
    )


def _add_lrn(program: CProgram, layer: LayerFields, x: CValue) -> CValue:
    channels, area, size = x.shape[0], x.size // x.shape[0], int(layer["size"])
    alpha, beta, bias = (
        code.number(float(layer.get(name, usual))) for name, usual in (("alpha", 1e-4), ("beta", 0.75), ("bias", 1.0))
    )
    value = f"x[n * {area} + i]"
    body = [
        "double sum = 0;",
        f"for (int n = c - {size // 2}; n <= c + {(size - 1) // 2}; n++)",
        f"    if (n >= 0 && n < {channels})",
        f"        sum += (double){value} * {value};",
        f"y[c * {area} + i] = ({program.real})(x[c * {area} + i] / pow({bias} + {alpha} * sum / {size}, {beta}));",
    ]
    return program.add(layer, [x], x.shape, code.nest([("c", channels), ("i", area)], body))


NORMALISATION: dict[str, Operator] = {
    "BatchNorm": _add_batch_norm, "LayerNorm": _add_along_axes, "RMSNorm": _add_along_axes, "GroupNorm": _add_groups,
    "InstanceNorm": _add_groups, "LRN": _add_lrn,
}  # fmt: skip
