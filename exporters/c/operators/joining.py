"""Layers with several inputs or outputs in C."""

from collections.abc import Sequence

from cnnkit.exporters.c import code
from cnnkit.exporters.c.program import CProgram, CValue, JoiningOperator
from cnnkit.exporters.core.architecture import LayerFields


def spread(xs: Sequence[CValue]) -> tuple[int, ...]:
    """Return the shape of all inputs together; an axis of length 1 is repeated."""
    return tuple(max(lengths) for lengths in zip(*(x.shape for x in xs), strict=True))


def _read(xs: Sequence[CValue], shape: Sequence[int]) -> list[str]:
    """Return each input's number at the indices of `shape`."""
    names = code.name_indices(len(shape))
    return [f"(double)x{i}[{code.flat(names, x.shape)}]" for i, x in enumerate(xs)]


def add_joined(program: CProgram, layer: LayerFields, xs: Sequence[CValue], expression: str) -> CValue:
    """Append a layer that computes each number from those of several inputs; expression: of a, b, c, ..."""
    shape = spread(xs)
    names = code.name_indices(len(shape))
    text = f"y[{code.flat(names, shape)}] = ({program.real})({expression});"
    return program.add(layer, xs, shape, code.nest(list(zip(names, shape, strict=True)), [text]))


def _fold(sign: str) -> JoiningOperator:
    def operator(program: CProgram, layer: LayerFields, xs: tuple[CValue, ...]) -> tuple[CValue, ...]:
        return (add_joined(program, layer, xs, f" {sign} ".join(_read(xs, spread(xs)))),)

    return operator


def _choose(sign: str) -> JoiningOperator:
    """Return what takes the largest or smallest, two at a time; NaN stays."""

    def operator(program: CProgram, layer: LayerFields, xs: tuple[CValue, ...]) -> tuple[CValue, ...]:
        result = xs[0]
        for x in xs[1:]:
            a, b = _read((result, x), spread((result, x)))
            result = add_joined(program, layer, (result, x), f"{a} {sign} {b} || isnan({a}) ? {a} : {b}")
        return (result,)

    return operator


def _add_average(program: CProgram, layer: LayerFields, xs: tuple[CValue, ...]) -> tuple[CValue, ...]:
    return (add_joined(program, layer, xs, f"({' + '.join(_read(xs, spread(xs)))}) / {len(xs)}"),)


def add_concatenation(program: CProgram, layer: LayerFields, xs: tuple[CValue, ...]) -> tuple[CValue, ...]:
    """Append what puts its inputs one behind the other along an axis."""
    axis = int(layer.get("axis", 1)) % (len(xs[0].shape) + 1) - 1
    shape, names = list(xs[0].shape), code.name_indices(len(xs[0].shape))
    shape[axis], body, begin = sum(x.shape[axis] for x in xs), [], 0
    for i, x in enumerate(xs):
        moved = [*names]
        moved[axis] = f"({names[axis]} + {begin})" if begin else names[axis]
        line = f"y[{code.flat(moved, shape)}] = {'x' if len(xs) == 1 else f'x{i}'}[{code.flat(names, x.shape)}];"
        body += code.nest(list(zip(names, x.shape, strict=True)), [line])
        begin += x.shape[axis]
    return (program.add(layer, xs, shape, body),)


def _add_split(program: CProgram, layer: LayerFields, xs: tuple[CValue, ...]) -> tuple[CValue, ...]:
    (x,), axis = xs, int(layer.get("axis", 1)) % (len(xs[0].shape) + 1) - 1
    parts, begin, names = list[CValue](), 0, code.name_indices(len(x.shape))
    for size in layer["sizes"]:
        shape = list(x.shape)
        shape[axis] = size
        moved = [*names]
        moved[axis] = f"({names[axis]} + {begin})" if begin else names[axis]
        line = f"y[{code.flat(names, shape)}] = x[{code.flat(moved, x.shape)}];"
        parts.append(program.add(layer, [x], shape, code.nest(list(zip(names, shape, strict=True)), [line])))
        begin += size
    return tuple(parts)


JOINING: dict[str, JoiningOperator] = {
    "Add": _fold("+"), "Subtract": _fold("-"), "Multiply": _fold("*"), "Divide": _fold("/"), "Average": _add_average,
    "Maximum": _choose(">"), "Minimum": _choose("<"), "Concatenate": add_concatenation, "Split": _add_split,
}  # fmt: skip
