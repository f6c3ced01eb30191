"""Role and axes of a constant by the operator that uses it; numbers are operators' codes and inputs' places.

Layouts as the kernels in tensorflow/lite/kernels document them.
"""

from typing import NamedTuple

from cnnkit.exporters.tflite.model import BATCH_MATMUL, Operator, Subgraph

_KERNEL, _KERNEL_3D, _MATRIX = ("o", "kh", "kw", "i"), ("kd", "kh", "kw", "i", "o"), ("out", "in")
_TABLE = ("vocab", "dim")
Meaning = tuple[str, tuple[str, ...]]
_NAMES = {
    0: "add", 3: "conv_2d", 4: "depthwise_conv_2d", 7: "embedding_lookup", 9: "fully_connected", 16: "lstm", 18: "mul",
    24: "rnn", 35: "rnn", 36: "gather", 41: "sub", 44: "lstm", 54: "prelu", 67: "transpose_conv", 126: "batch_matmul",
    132: "conv_3d", 141: "conv_3d_transpose",
}  # fmt: skip
_DEPTHWISE = ("i", "kh", "kw", "o")  # (1, H, W, C * multiplier): one input for each output, as in grouped kernels
_GATES: dict[int, Meaning] = {
    **dict.fromkeys((1, 2, 3, 4), ("weight", _MATRIX)),
    **dict.fromkeys((5, 6, 7, 8), ("recurrent_weight", _MATRIX)),
    **dict.fromkeys((12, 13, 14, 15, 17), ("bias", ("out",))),
    16: ("weight", _MATRIX),
}
_RNN: dict[int, Meaning] = {1: ("weight", _MATRIX), 2: ("recurrent_weight", _MATRIX), 3: ("bias", ("out",))}
_SLOTS: dict[int, dict[int, Meaning]] = {
    3: {1: ("weight", _KERNEL), 2: ("bias", ("o",))},
    4: {1: ("weight", _DEPTHWISE), 2: ("bias", ("o",))},
    7: {1: ("embedding", _TABLE)},
    9: {1: ("weight", _MATRIX), 2: ("bias", ("out",))},
    16: _GATES,
    24: _RNN,
    35: _RNN,
    36: {0: ("embedding", _TABLE)},
    44: _GATES,
    67: {1: ("weight", _KERNEL), 3: ("bias", ("o",))},
    132: {1: ("weight", _KERNEL_3D), 2: ("bias", ("o",))},
    141: {1: ("weight", ("kd", "kh", "kw", "o", "i")), 3: ("bias", ("o",))},
}
_PASSES_ON = frozenset((6, 53, 114, 124))  # dequantize, cast, quantize, densify
_ADD, _BIASED = 0, frozenset((3, 4, 9, 67, BATCH_MATMUL, 132, 141))


class LiteUse(NamedTuple):
    """The first use of a constant: the operator's position, the operator, the input's place, the code before it."""

    position: int
    operator: Operator
    slot: int
    after: int = -1


def find_uses(graph: Subgraph) -> dict[int, LiteUse]:
    """Return {tensor: first use}; operators that only copy, cast or dequantise are passed through."""
    uses: dict[int, LiteUse] = {}
    origin: dict[int, int] = {}
    made_by: dict[int, int] = {}
    for position, operator in enumerate(graph.operators):
        inputs = operator.inputs
        for slot, index in enumerate(inputs):
            source = origin.get(index, index)
            if operator.code in _PASSES_ON:
                origin |= dict.fromkeys(operator.outputs, source)
            elif source in graph.constants and source not in uses:
                after = made_by.get(inputs[1 - slot], -1) if len(inputs) == 2 else -1
                uses[source] = LiteUse(position, operator, slot, after)
        made_by |= dict.fromkeys(operator.outputs, operator.code)
    return uses


def interpret_use(use: LiteUse | None, rank: int) -> tuple[str, tuple[str, ...] | None]:
    """Return (role, axes) of a tensor with `rank` axes, ("other", None) where the operator does not determine them."""
    if use is None:
        return "other", None
    code, slot = use.operator.code, use.slot
    if code == BATCH_MATMUL and rank == 2 and slot == 1:
        return "weight", _MATRIX if use.operator.turned else _MATRIX[::-1]
    if code == _ADD and rank == 1 and use.after in _BIASED:
        return "bias", ("out",)
    role, axes = _SLOTS.get(code, {}).get(slot, ("other", ()))
    return (role, axes) if role != "other" and len(axes) == rank else ("other", None)


def name_operator(use: LiteUse) -> str:
    """Return "conv_2d_4": the operator and its position."""
    return f"{_NAMES.get(use.operator.code, f'operator{use.operator.code}')}_{use.position}"
