"""The drafts that outputs need, in order."""

from collections.abc import Iterable

from cnnkit.adopting.onnx.operands import Draft, Flow


def find_live(outputs: Iterable[Flow]) -> list[Draft]:
    """Return the drafts that these values are computed from, inputs of the file left out, each after its own inputs."""
    open_drafts = [flow.draft for flow in outputs]
    live: dict[int, Draft] = {}
    while open_drafts:
        draft = open_drafts.pop()
        if draft.serial not in live:
            live[draft.serial] = draft
            open_drafts += [flow.draft for flow in draft.inputs]
    return [live[serial] for serial in sorted(live) if live[serial].inputs]
