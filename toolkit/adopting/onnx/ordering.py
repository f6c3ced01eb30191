"""The nodes that the outputs of a file need, each after those whose results it reads."""

from collections import Counter, deque
from collections.abc import Mapping

from cnnkit.adopting.onnx.refusal import describe_node, refuse
from cnnkit.exporters.onnx.network import FileNetwork, FileNode
from cnnkit.files.names import printable


def order_nodes(file: FileNetwork) -> tuple[list[FileNode], Mapping[str, int]]:
    """Return (nodes, {value: how many of them and of the outputs read it}).

    Raises WeightFileError for values that two things give or nothing gives, and for nodes that wait for each other.
    """
    makers = _find_makers(file)
    needed = _find_needed(file, makers)
    uses = Counter(value.name for value in file.outputs)
    uses.update(name for place in needed for name in file.nodes[place].inputs if name)
    waiting: dict[int, int] = {}
    readers: dict[int, list[int]] = {}
    for place in sorted(needed):
        sources = {makers[name] for name in file.nodes[place].inputs if name in makers}
        waiting[place] = len(sources)
        for source in sources:
            readers.setdefault(source, []).append(place)
    ready = deque(place for place, count in waiting.items() if not count)
    ordered = []
    while ready:
        place = ready.popleft()
        ordered.append(place)
        for reader in readers.get(place, ()):
            waiting[reader] -= 1
            if not waiting[reader]:
                ready.append(reader)
    if len(ordered) < len(needed):
        stuck = next(file.nodes[place] for place, count in waiting.items() if count)
        raise refuse(file.file, f"{describe_node(stuck)}: reads what it gives itself, by way of other nodes: a cycle")
    in_order = sorted(ordered) if _is_sorted(file, needed, makers) else ordered
    return [file.nodes[place] for place in in_order], uses


def _is_sorted(file: FileNetwork, needed: set[int], makers: Mapping[str, int]) -> bool:
    """Return whether the file's own order does, as the format asks."""
    return all(makers.get(name, -1) < place for place in needed for name in file.nodes[place].inputs if name)


def _find_makers(file: FileNetwork) -> dict[str, int]:
    """Return {value: place of the node that gives it}."""
    given = {value.name for value in file.inputs} | set(file.tensors)
    makers: dict[str, int] = {}
    for node in file.nodes:
        for name in node.outputs:
            if not name:
                continue
            if name in makers or name in given:
                raise refuse(
                    file.file, f"{describe_node(node)}: gives {printable(name, 80)}, which something else gives"
                )
            makers[name] = node.place
    return makers


def _find_needed(file: FileNetwork, makers: Mapping[str, int]) -> set[int]:
    known = {value.name for value in file.inputs} | set(file.tensors)
    needed: set[int] = set()
    for value in file.outputs:
        if value.name not in makers and value.name not in known:
            raise refuse(file.file, f"output {printable(value.name, 80)}: no node gives it")
    open_values = [value.name for value in file.outputs if value.name in makers]
    while open_values:
        place = makers[open_values.pop()]
        if place in needed:
            continue
        needed.add(place)
        for name in file.nodes[place].inputs:
            if name in makers:
                open_values.append(name)
            elif name and name not in known:
                node = describe_node(file.nodes[place])
                raise refuse(file.file, f"{node}: reads {printable(name, 80)}, which nothing gives")
    return needed
