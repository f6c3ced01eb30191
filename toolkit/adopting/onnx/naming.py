"""Names of the nodes of a network, made from those in a file: short, unique, without characters that mean something."""

import re

from cnnkit.adopting.onnx.operands import Draft

_ODD = re.compile(r"[^A-Za-z0-9]+")
_LONGEST = 64


class Names:
    """Gives names that are not given yet."""

    def __init__(self) -> None:
        self._taken: dict[str, int] = {}

    def give(self, wanted: str, otherwise: str) -> str:
        """Return `wanted` with "_" for odd characters, its end where it is long; with a number where it is taken."""
        name = _ODD.sub("_", wanted).strip("_")[-_LONGEST:].strip("_") or otherwise
        if name not in self._taken:
            self._taken[name] = 0
            return name
        while True:
            self._taken[name] += 1
            numbered = f"{name}_{self._taken[name]}"
            if numbered not in self._taken:
                self._taken[numbered] = 0
                return numbered


def name_drafts(inputs: tuple[Draft, ...], drafts: list[Draft]) -> dict[int, str]:
    """Return {serial: name} of inputs and layers: from a node's name, that of what it gives, or the layer's type."""
    names, found = Names(), {}
    for number, draft in enumerate(inputs):
        found[draft.serial] = names.give(draft.name, f"input_{number}")
    for draft in drafts:
        node = draft.node
        wanted = "" if node is None else node.name or next(filter(None, node.outputs), "")
        found[draft.serial] = names.give(wanted, draft.kind.lower())
    return found
