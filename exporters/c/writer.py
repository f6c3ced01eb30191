"""Writes a network as one C99 file."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cnnkit.errors import ExportError
from cnnkit.exporters.c import code
from cnnkit.exporters.c.memory import place_values
from cnnkit.exporters.c.operators import add_network
from cnnkit.exporters.c.program import CProgram, CValue
from cnnkit.exporters.core.architecture import require_layers, shapes_of
from cnnkit.exporters.core.claims import require_float_type, select_network_tensors
from cnnkit.exporters.core.weight_file import Tensor, WeightFile
from cnnkit.exporters.core.wiring import wire
from cnnkit.files.names import printable

MOST_VALUES = 1 << 28  # of weights: a compiler takes no longer text


def write_c(weights: WeightFile, path: Path) -> None:
    """Write `weights` to `path`; the same weights give the same bytes.

    Raises ExportError without an architecture, for a layer that is not known as C, and for too many weights.
    """
    architecture = weights.architecture
    if architecture is None:
        raise ExportError("C is a network, not only weights: these weights come without an architecture")
    tensors = select_network_tensors(weights)
    if sum(math.prod(tensor.shape) for tensor in tensors) > MOST_VALUES:
        raise ExportError(f"C: expected up to {MOST_VALUES:,} weights: no compiler takes more as text")
    require_layers(architecture)
    wiring = wire(architecture)
    program = CProgram({tensor.name: tensor for tensor in tensors}, _find_real(tensors))
    inputs = _list_inputs([tuple(shape) for shape in shapes_of(architecture.get("input_shape"))])
    outputs = add_network(program, wiring, inputs)
    path.write_text("\n".join(_write(weights, program, inputs, outputs)), encoding="ascii", errors="backslashreplace")


def _find_real(tensors: Sequence[Tensor]) -> str:
    wide = [tensor for tensor in tensors if tensor.dtype not in ("bfloat16", "float16")]
    return "double" if wide and require_float_type(tuple(wide), "C") == "float64" else "float"


def _list_inputs(shapes: Sequence[tuple[int, ...]]) -> tuple[CValue, ...]:
    values, offset = list[CValue](), 0
    for shape in shapes:
        values.append(CValue(None, shape, offset))
        offset += values[-1].size
    return tuple(values)


def _write(weights: WeightFile, program: CProgram, inputs: Sequence[CValue], outputs: Sequence[CValue]) -> list[str]:
    real = program.real
    sizes = sum(value.size for value in inputs), sum(value.size for value in outputs)
    offsets, total = place_values(program.calls, outputs)
    return [
        *_write_header(weights, program, inputs, outputs, total),
        "#include <math.h>", "",
        f"#define INPUTS {sizes[0]}", f"#define OUTPUTS {sizes[1]}", "",
        *_write_classes(weights.metadata, sizes[1]),
        *program.constants,
        *([f"static {real} work[{total}]; /* what the layers give; a place is used again when it is free */", ""]
          if total else []),
        *program.functions,
        *_write_predict(program, outputs, offsets),
        *_MAIN.replace("REAL", real).replace("CLASSES", _choose_print(weights.metadata, sizes[1])).splitlines(), "",
    ]  # fmt: skip


def _write_header(
    weights: WeightFile, program: CProgram, inputs: Sequence[CValue], outputs: Sequence[CValue], total: int
) -> list[str]:
    name = printable(str(weights.metadata.get("recipe", "network")), 60)
    values = sum(math.prod(tensor.shape) for tensor in program.used)
    shapes = [" and ".join("x".join(map(str, value.shape)) for value in values) for values in (inputs, outputs)]
    lines = [
        f"{name}: a neural network of {values:,} parameters, written by cnnkit.",
        "",
        f"void predict(const {program.real} *input, {program.real} *output);",
        f"    input:  {sum(v.size for v in inputs)} numbers, {shapes[0]}, in row-major order",
        *_tell_scaling(weights.metadata),
        f"    output: {sum(v.size for v in outputs)} numbers, {shapes[1]}, as the last layer gives them",
        "",
        f"Weights are hexadecimal numbers, exact to the last bit. Values are {program.real}, sums double.",
        f"No memory is allocated: the layers share a static array of {total:,} numbers, so only one thread",
        "may call predict at a time.",
        "",
        "As a program that reads numbers from standard input and prints the outputs:",
        "    cc -std=c99 -O2 -DCNNKIT_MAIN THIS_FILE.c -lm -o net && ./net < numbers.txt",
    ]
    return ["/*", *(f" * {code.comment(line)}".rstrip() for line in lines), " */"]


def _tell_scaling(metadata: Any) -> list[str]:
    scaling = metadata.get("scaling")
    if not isinstance(scaling, dict):
        return []
    factor, offset = scaling.get("factor"), scaling.get("offset")
    return [f"            each (pixel - {printable(str(offset), 200)}) * {printable(str(factor), 200)}"]


def _read_classes(metadata: Any, outputs: int) -> list[str]:
    names = metadata.get("class_names")
    valid = isinstance(names, list) and len(names) == outputs and all(isinstance(name, str) for name in names)
    return list(names) if valid else []


def _write_classes(metadata: Any, outputs: int) -> list[str]:
    names = _read_classes(metadata, outputs)
    if not names:
        return []
    return [
        "#ifdef CNNKIT_MAIN", "static const char *const class_names[OUTPUTS] = {",
        *(f"{code.INDENT}{_quote(name)}," for name in names), "};", "#endif", "",
    ]  # fmt: skip


def _quote(text: str) -> str:
    """Return a C string of any text: what is not plain ASCII as octal bytes."""
    plain = (chr(byte) if 32 <= byte < 127 and chr(byte) not in '"\\?' else f"\\{byte:03o}" for byte in text.encode())
    return f'"{"".join(plain)}"'


def _write_predict(program: CProgram, outputs: Sequence[CValue], offsets: dict[int, int]) -> list[str]:
    def place(value: CValue) -> str:
        if value.number is None:
            return f"input + {value.offset}" if value.offset else "input"
        return f"work + {offsets[value.number]}"

    lines = [f"{call.function}({', '.join([*map(place, call.inputs), place(call.output)])});" for call in program.calls]
    begin = 0
    for value in outputs:
        target = f"output[{begin} + i]" if begin else "output[i]"
        lines += [f"for (int i = 0; i < {value.size}; i++)", f"{code.INDENT}{target} = ({place(value)})[i];"]
        begin += value.size
    head = f"void predict(const {program.real} *input, {program.real} *output)"
    return [f"{head};", "", head, "{", *code.indent(lines), "}", ""]


def _choose_print(metadata: Any, outputs: int) -> str:
    return r'printf(" %s\n", class_names[best]);' if _read_classes(metadata, outputs) else r'printf(" %d\n", best);'


_MAIN = r"""#ifdef CNNKIT_MAIN
#include <stdio.h>

int main(void)
{
    static REAL input[INPUTS], output[OUTPUTS];
    for (;;) {
        double number;
        for (int i = 0; i < INPUTS; i++) {
            if (scanf("%lf", &number) != 1)
                return i == 0 && feof(stdin) ? 0 : (fprintf(stderr, "expected %d numbers a sample\n", INPUTS), 2);
            input[i] = (REAL)number;
        }
        predict(input, output);
        int best = 0;
        for (int i = 0; i < OUTPUTS; i++) {
            printf("%.9g ", (double)output[i]);
            if (output[i] > output[best])
                best = i;
        }
        CLASSES
    }
}
#endif
"""
