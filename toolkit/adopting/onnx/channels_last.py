"""Networks whose samples come channels last: the transposition at their front is left out, for cnnkit's come first."""

from cnnkit.adopting.onnx.live import find_live
from cnnkit.adopting.onnx.operands import Draft, Flow
from cnnkit.adopting.onnx.transposes import rebuild


def drop_input_transposes(
    inputs: tuple[Draft, ...], outputs: tuple[Flow, ...]
) -> tuple[tuple[Draft, ...], tuple[Flow, ...], dict[int, Draft], bool]:
    """Return (inputs, outputs, {serial: draft in its place}, whether the inputs came channels last).

    They did where nothing reads them but transpositions that bring the channels to the front.
    """
    drafts = find_live(outputs)
    readers: dict[int, list[Draft]] = {draft.serial: [] for draft in inputs}
    for draft in drafts:
        for flow in draft.inputs:
            if flow.draft.serial in readers:
                readers[flow.draft.serial].append(draft)
    if not all(found and all(map(_brings_channels_first, found)) for found in readers.values()):
        return inputs, outputs, {}, False
    turned = {d.serial: Draft(None, d.name, None, (), ((d.shapes[0][-1], *d.shapes[0][:-1]),)) for d in inputs}
    flows: dict[Flow, Flow] = {}
    replaced: dict[int, Draft] = {}
    for draft in drafts:
        source = draft.inputs[0].draft.serial
        if source in turned:
            flows[Flow(draft)] = Flow(turned[source])
            continue
        taken = tuple(flows.get(flow, flow) for flow in draft.inputs)
        if taken != draft.inputs:
            replaced[draft.serial] = made = rebuild(draft, taken)
            flows |= {Flow(draft, i): Flow(made, i) for i in range(len(draft.shapes))}
    return tuple(turned.values()), tuple(flows.get(flow, flow) for flow in outputs), replaced, True


def _brings_channels_first(draft: Draft) -> bool:
    if draft.kind != "Transpose":
        return False
    axes: tuple[int, ...] = draft.layer.axes  # type: ignore[union-attr]  # a Transpose
    return len(axes) > 2 and axes == (0, len(axes) - 1, *range(1, len(axes) - 1))
