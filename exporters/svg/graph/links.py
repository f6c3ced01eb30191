"""The nodes of a Graph and the edges between them; nodes that share weights are one, where that makes no circle."""

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cnnkit.exporters.core.architecture import LayerEntry, Shape, is_graph, outer_layers, shapes_of

_MOST = 20_000  # nodes


@dataclass
class Vertex:
    """An input, an output, or layers that follow each other.

    name    of an input or output, "" for layers
    shapes  of what comes out
    uses    how often the network runs the layers
    hidden  the layers of the blocks that are not drawn because they are like this one's
    grown   the shapes that come out of the last of those, where they are others
    """

    name: str
    layers: list[LayerEntry] = field(default_factory=list)
    shapes: tuple[Shape, ...] = ()
    uses: int = 1
    hidden: list[LayerEntry] = field(default_factory=list)
    grown: tuple[Shape, ...] = ()


@dataclass(frozen=True)
class Links:
    """Vertices, each after those that it takes something from, and {(from, to): how often} of their edges."""

    vertices: list[Vertex]
    edges: dict[tuple[int, int], int]

    def count_ends(self) -> tuple[list[list[int]], list[list[int]]]:
        """Return for each vertex those before and those after it."""
        before: list[list[int]] = [[] for _ in self.vertices]
        after: list[list[int]] = [[] for _ in self.vertices]
        for a, b in self.edges:
            before[b].append(a)
            after[a].append(b)
        return before, after

    def find_cuts(self) -> list[bool]:
        """Return for each vertex whether all that comes after depends on nothing before but on its own value."""
        count = len(self.vertices)
        last, ends, needs, live = list(range(count)), [0] * count, [False] * (count + 1), 0
        for a, b in self.edges:
            last[a], needs[b] = max(last[a], b), True
        needs[count] = True
        cuts = []
        for index in range(count):
            live += last[index] > index
            ends[last[index]] += last[index] > index
            live -= ends[index]
            ends_here = index + 1 < count and self.vertices[index + 1].name.startswith("output")
            cuts.append(live <= (last[index] > index) and needs[index + 1] and not ends_here)
        return cuts

    @property
    def is_chain(self) -> bool:
        """Whether each vertex takes what the one before gives, and none runs another's layer again."""
        shares = any(layer.shares for vertex in self.vertices for layer in vertex.layers)
        return not shares and self.edges == {(i, i + 1): 1 for i in range(len(self.vertices) - 1)}


def find_links(architecture: Mapping[str, Any] | None) -> Links | None:
    """Return the vertices and edges of a Graph, None for a sequence and for more nodes than can be drawn."""
    layers = outer_layers(architecture) if is_graph(architecture) else ()
    if architecture is None or not layers or len(layers) > _MOST:
        return None
    names = [name for name in _list(architecture.get("input_names")) or ["input"] if isinstance(name, str)]
    shapes = shapes_of(architecture.get("input_shape"))
    waiting = {name: shapes[i : i + 1] for i, name in enumerate(names)}
    alone = len(names) == 1
    outputs = _find_outputs(architecture, layers)
    single = sum(map(len, outputs.values())) == 1
    vertices, edges, places = list[Vertex](), dict[tuple[int, int], int](), dict[str, int]()

    def add(name: str, vertex: Vertex, sources: Iterable[str]) -> None:
        vertices.append(vertex)
        places.setdefault(name, len(vertices) - 1)
        for source in sources:
            edge = places[source], len(vertices) - 1
            edges[edge] = edges.get(edge, 0) + 1

    before = names[0] if names else ""
    for layer in layers:
        words = [word if word in places or word in waiting else word.rpartition(":")[0] for word in layer.inputs]
        for word in words or [before]:
            if word in waiting:
                add(word, Vertex("input" if alone else f"input {word}", shapes=waiting.pop(word)), ())
        sources = [word for word in words or [before] if word in places]
        made = layer.output_shapes
        add(layer.name, Vertex("", [layer], made), sources)
        for word in outputs.pop(layer.name, []):
            add(f"output {word}", Vertex("output" if single else f"output {word}", shapes=made[:1]), [layer.name])
        before = layer.name
    return _merge_shared(Links(vertices, edges))


def _find_outputs(architecture: Mapping[str, Any], layers: Sequence[LayerEntry]) -> dict[str, list[str]]:
    """Return {name of a node: the outputs that it gives}."""
    names, outputs = {layer.name for layer in layers}, dict[str, list[str]]()
    for word in map(str, _list(architecture.get("output_names")) or [layers[-1].name]):
        outputs.setdefault(word if word in names else word.rpartition(":")[0], []).append(word)
    return outputs


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _merge_shared(links: Links) -> Links:
    """Return the links with each node that shares weights put into the node that owns them, unless that is a circle."""
    owners = {v.layers[0].name: i for i, v in enumerate(links.vertices) if v.layers and not v.layers[0].shares}
    target = [
        owners.get(vertex.layers[0].shares, index) if vertex.layers and vertex.layers[0].shares else index
        for index, vertex in enumerate(links.vertices)
    ]
    edges: dict[tuple[int, int], int] = {}
    for (a, b), count in links.edges.items():
        edge = target[a], target[b]
        edges[edge] = edges.get(edge, 0) + count
    order = list(_sort(set(target), edges))
    if len(order) < len(set(target)):
        return links
    for index, owner in enumerate(target):
        links.vertices[owner].uses += owner != index
    place = {old: new for new, old in enumerate(order)}
    return Links([links.vertices[i] for i in order], {(place[a], place[b]): n for (a, b), n in edges.items()})


def _sort(vertices: set[int], edges: Iterable[tuple[int, int]]) -> Iterator[int]:
    """Yield the vertices, each after those with an edge to it, otherwise in their order; none of a circle."""
    needs, following = dict.fromkeys(vertices, 0), dict[int, list[int]]()
    for a, b in edges:
        needs[b] += 1
        following.setdefault(a, []).append(b)
    ready = sorted(vertex for vertex, count in needs.items() if not count)
    while ready:
        vertex = heapq.heappop(ready)
        yield vertex
        for b in following.get(vertex, []):
            needs[b] -= 1
            if not needs[b]:
                heapq.heappush(ready, b)
