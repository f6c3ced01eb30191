"""Role and axes of a tensor by the node that uses it: the node, not the shape, determines the layout."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from cnnkit.exporters.core.name_conventions import WINDOW_AXES
from cnnkit.exporters.onnx.model_proto import GraphProto, NodeProto

_SCALE = {1: "gamma", 2: "beta", 3: "mean", 4: "variance"}
_SCALED = frozenset(("BatchNormalization", "InstanceNormalization", "LayerNormalization", "GroupNormalization"))
_RECURRENT = {1: "weight", 2: "recurrent_weight", 3: "bias"}
_BIASED = frozenset(("MatMul", "Conv", "ConvTranspose"))
_PASSES_ON = frozenset(("Identity", "Cast"))


class Use(NamedTuple):
    """The first use of a tensor: the node's position, the node, the input's index, the op behind the other input."""

    position: int
    node: NodeProto
    slot: int
    after: str = ""


def find_uses(graph: GraphProto) -> dict[str, Use]:
    """Return the first use of every name; nodes that only copy or cast are skipped."""
    first_uses: dict[str, Use] = {}
    origin: dict[str, str] = {}
    made_by: dict[str, str] = {}
    for position, node in enumerate(graph.nodes):
        for index, name in enumerate(node.inputs):
            source = origin.get(name, name)
            if node.op in _PASSES_ON:
                origin |= dict.fromkeys(node.outputs, source)
            elif source and source not in first_uses:
                other = node.inputs[1 - index] if len(node.inputs) == 2 else ""
                first_uses[source] = Use(position, node, index, made_by.get(other, ""))
        for inner in node.graphs:  # which may use the tensors of the outer graph
            for name, use in find_uses(inner).items():
                first_uses.setdefault(origin.get(name, name), use._replace(position=position))
        made_by |= dict.fromkeys(node.outputs, node.op)
    return first_uses


def interpret_use(use: Use | None, rank: int) -> tuple[str, tuple[str, ...] | None]:  # noqa: PLR0911 (a case an operation)
    """Return (role, axes) of a tensor with `rank` axes, ("other", None) where the node does not determine them."""
    if use is None:
        return "other", None
    op, slot, numbers = use.node.op, use.slot, use.node.numbers
    if op in ("Conv", "ConvTranspose"):
        return _interpret_convolution(op, slot, rank)
    if op in ("Gemm", "MatMul") and rank == 2 and slot < 2:
        turned = bool(numbers.get("transB" if slot == 1 else "transA"))
        return "weight", ("in", "out") if turned != (slot == 1) else ("out", "in")
    if (op == "Gemm" and slot == 2) or (op == "Add" and rank and use.after in _BIASED):
        return "bias", ("out",) if rank == 1 else None
    if op in _SCALED and slot in _SCALE:
        return _SCALE[slot], ("c",) if rank == 1 else None
    if op in ("LSTM", "GRU", "RNN") and slot in _RECURRENT:
        return _RECURRENT[slot], ("directions", "out", "in") if rank == 3 else None
    is_table = op == "Gather" and slot == 0 and rank == 2
    return ("embedding", ("vocab", "dim")) if is_table else ("other", None)


def _interpret_convolution(op: str, slot: int, rank: int) -> tuple[str, tuple[str, ...] | None]:
    if slot == 1 and rank in WINDOW_AXES:
        return "weight", (*(("o", "i") if op == "Conv" else ("i", "o")), *WINDOW_AXES[rank])
    if slot == 2 and rank == 1:
        return "bias", ("o",)
    return "other", None


def iterate_graphs(graph: GraphProto, prefix: str = "") -> Iterator[tuple[str, GraphProto]]:
    """Yield (prefix of names, graph) of a graph and those inside its nodes."""
    yield prefix, graph
    for position, node in enumerate(graph.nodes):
        for number, inner in enumerate(node.graphs):
            yield from iterate_graphs(inner, f"{prefix}{node.name or f'{node.op}_{position}'}.{number}.")


def list_inputs(graph: GraphProto) -> list[str]:
    """Return the inputs that are not initializers; before IR version 4, initializers are inputs too."""
    initialized: Mapping[str, None] = dict.fromkeys(tensor.name for tensor in graph.initializers)
    return [name for name in graph.inputs if name not in initialized]
