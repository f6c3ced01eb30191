"""Transpositions that exporters of channels-last networks put around every layer: they cancel where they meet.

A transposition moves behind a layer that does not care about the order of axes, until it meets its opposite.
"""

import dataclasses
from typing import Any

from cnnkit.adopting.onnx.live import find_live
from cnnkit.adopting.onnx.operands import Draft, Flow
from cnnkit.layers import LAYERS

_POINTWISE = frozenset((
    "Abs", "CELU", "Clip", "Dropout", "ELU", "Exp", "GELU", "Hardsigmoid", "Hardswish", "LeakyReLU", "Log", "Mish",
    "Power", "ReLU", "ReLU6", "Reciprocal", "Rescale", "SELU", "SiLU", "Sigmoid", "Softplus", "Softsign", "Sqrt",
    "Square", "Tanh", "ThresholdedReLU",
))  # fmt: skip
_ALONG_AXES = frozenset(("LogSoftmax", "PReLU", "Reduce", "Scale", "Softmax"))
_JOINS = frozenset(("Add", "Average", "Divide", "Maximum", "Minimum", "Multiply", "Subtract"))
Order = tuple[int, ...]


def cancel_transposes(outputs: tuple[Flow, ...]) -> tuple[tuple[Flow, ...], dict[int, Draft]]:
    """Return the same values with fewer transpositions, and {serial of a draft: the draft that took its place}.

    Where there are not fewer, the values come back as they are.
    """
    before = find_live(outputs)
    if sum(draft.kind == "Transpose" for draft in before) < 2:
        return outputs, {}
    replaced: dict[int, Draft] = {}
    flows: dict[Flow, Flow] = {}
    for draft in before:
        inputs = tuple(flows.get(flow, flow) for flow in draft.inputs)
        moved = _move(draft, inputs)
        core = moved.draft.inputs[0].draft if moved is not None and moved.kind == "Transpose" else None
        if moved is None:
            moved_draft = draft if inputs == draft.inputs else rebuild(draft, inputs)
            flows |= {Flow(draft, i): Flow(moved_draft, i) for i in range(len(draft.shapes))}
            replaced[draft.serial] = moved_draft
        else:
            flows[Flow(draft)] = moved
            replaced[draft.serial] = core if core is not None and draft.kind != "Transpose" else moved.draft
    results = tuple(flows.get(flow, flow) for flow in outputs)
    after = find_live(results)
    if sum(draft.kind == "Transpose" for draft in after) >= sum(draft.kind == "Transpose" for draft in before):
        return outputs, {}
    return results, replaced


def _move(draft: Draft, inputs: tuple[Flow, ...]) -> Flow | None:
    """Return the value of a draft with the transposition of its inputs behind it; None where it cannot move."""
    if draft.kind == "Transpose":
        order: Order = draft.layer.axes  # type: ignore[union-attr]  # a Transpose
        if inputs[0].kind != "Transpose":
            return None
        first: Order = inputs[0].draft.layer.axes  # type: ignore[union-attr]
        return _transpose(inputs[0].draft.inputs[0], tuple(first[axis] for axis in order), draft)
    orders = {_order_of(flow) for flow in inputs}
    if len(orders) != 1 or None in orders:
        return None
    shared: Order = orders.pop()  # type: ignore[assignment]  # None is not among them
    layer = _turn_layer(draft, shared)
    if layer is None:
        return None
    sources = tuple(flow.draft.inputs[0] for flow in inputs)
    if draft.kind in _JOINS and len({flow.rank for flow in sources}) > 1:
        return None
    turned = rebuild(dataclasses.replace(draft, layer=layer), sources)
    return _transpose(Flow(turned), shared, draft)


def _order_of(flow: Flow) -> Order | None:
    return flow.draft.layer.axes if flow.kind == "Transpose" else None  # type: ignore[union-attr]


def _turn_layer(draft: Draft, order: Order) -> Any:
    """Return the layer that does the same before a transposition in this order, None where there is none."""
    layer: Any = draft.layer
    if draft.kind in _POINTWISE or draft.kind in _JOINS:
        return layer
    if draft.kind == "Concatenate":
        return dataclasses.replace(layer, axis=order[layer.axis])
    if draft.kind in _ALONG_AXES and (draft.kind != "Reduce" or layer.keepdims):
        axes = tuple(order[axis] for axis in layer.axes)
        return dataclasses.replace(layer, axes=axes) if axes == tuple(sorted(axes)) else None
    if draft.kind == "Pad" and isinstance(layer.padding, tuple) and len(layer.padding) == len(order) - 1:
        places = sorted(range(1, len(order)), key=lambda axis: order[axis])
        return dataclasses.replace(layer, padding=tuple(layer.padding[axis - 1] for axis in places))
    return None


def rebuild(draft: Draft, inputs: tuple[Flow, ...]) -> Draft:
    """Return a draft of the same layer on other inputs."""
    layer: Any = draft.layer
    shapes = tuple(flow.shape for flow in inputs)
    joins = draft.kind in _JOINS or draft.kind == "Concatenate"
    given: Any = shapes if joins else shapes[0]
    made: Any = layer.output_shape(given) if layer is not None else draft.shapes[0]
    outputs = made if made and isinstance(made[0], tuple) else (made,)
    return Draft(layer, draft.name, draft.node, inputs, tuple(outputs), draft.params, draft.state)


def _transpose(x: Flow, order: Order, named: Draft) -> Flow:
    if order == tuple(range(len(order))):
        return x
    make: Any = LAYERS["Transpose"]
    shape = tuple(x.shape[axis - 1] for axis in order[1:])
    return Flow(Draft(make(axes=order), "Transpose", named.node, (x,), (shape,)))
