"""Folds a graph until it can be read: layers that only follow are put into one box, repeated blocks are drawn once."""

from collections.abc import Callable
from dataclasses import dataclass

from cnnkit.exporters.core.architecture import LayerEntry
from cnnkit.exporters.svg.graph.links import Links, Vertex
from cnnkit.exporters.svg.network import describe, describe_settings, window_of

_WEIGHTED = "Conv", "Dense"
_LONGEST = 40  # boxes of a repeated block
_KEPT, _EDGES = 400, 4000  # that are drawn


@dataclass(frozen=True)
class Repeat:
    """A block of boxes that is drawn once: the first and last of them, how often it comes, and what it stands for."""

    first: int
    last: int
    times: int
    names: tuple[str, str]


@dataclass(frozen=True)
class Folded:
    """Boxes in order and edges, of which repeated blocks are there once; `rest` layers at the end are not drawn."""

    vertices: list[Vertex]
    edges: dict[tuple[int, int], int]
    repeats: list[Repeat]
    rest: int = 0


def fold(links: Links) -> Folded:
    """Return the boxes to draw."""
    chained = _fold_chains(links)
    folded = _fold_repeats(chained)
    rest = sum(len(vertex.layers) for vertex in folded.vertices[_KEPT:])
    edges = [(edge, n) for edge, n in folded.edges.items() if edge[1] < _KEPT]
    return Folded(
        folded.vertices[:_KEPT],
        dict(edges[:_EDGES]),
        [repeat for repeat in folded.repeats if repeat.last < _KEPT],
        rest,
    )


def _fold_chains(links: Links) -> Links:
    """Put each layer that keeps the shape and has no window into the box of the layer before, where it has only one."""
    before, after = links.count_ends()
    target, kept = list[int](), list[Vertex]()
    for index, vertex in enumerate(links.vertices):
        source = before[index][0] if len(before[index]) == 1 else -1
        box = kept[target[source]] if source >= 0 else None
        follows = box is not None and box.layers and len(after[source]) == 1 and box.uses == vertex.uses
        if follows and box is not None and vertex.layers and _is_quiet(vertex, links.vertices[source]):
            box.layers += vertex.layers
            target.append(target[source])
        else:
            target.append(len(kept))
            kept.append(Vertex(vertex.name, list(vertex.layers), vertex.shapes, vertex.uses))
    return Links(kept, _map_edges(links, lambda index: target[index]))


def _is_quiet(vertex: Vertex, source: Vertex) -> bool:
    layer = vertex.layers[0]
    loud = layer.type.startswith(_WEIGHTED) or layer.children or window_of(layer) is not None
    return not loud and len(vertex.shapes) <= 1 and vertex.shapes == source.shapes and len(layer.inputs) <= 1


def _fold_repeats(links: Links) -> Folded:
    """Keep the first of blocks that follow each other and are alike: types, windows, shapes and edges."""
    vertices, (before, after), cuts = links.vertices, links.count_ends(), links.find_cuts()
    signs = [_describe_sign(vertex, index, before[index]) for index, vertex in enumerate(vertices)]
    target, kept, repeats, index = list[int](), list[Vertex](), list[Repeat](), 0
    while index < len(vertices):
        length, times = _find_period(signs, index, after, links, cuts)
        first = len(kept)
        for k in range(length):
            same = [vertices[index + k + n * length] for n in range(times)]
            hidden = [layer for vertex in same[1:] for layer in vertex.layers]
            grown = same[-1].shapes if same[-1].shapes != same[0].shapes else ()
            kept.append(Vertex(same[0].name, same[0].layers, same[0].shapes, same[0].uses, hidden, grown))
        target += [first + k for _ in range(times) for k in range(length)]
        if times > 1:
            start, end = vertices[index].layers[0], vertices[index + times * length - 1].layers[-1]
            repeats.append(Repeat(first, len(kept) - 1, times, (start.name, end.name)))
        index += times * length
    edges = _map_edges(links, lambda index: target[index])
    return Folded(kept, {edge: n for edge, n in edges.items() if edge[0] < edge[1]}, repeats)


def _describe_sign(vertex: Vertex, index: int, before: list[int]) -> object:
    """Return what two boxes have in common that are drawn alike.

    Only where weights set it must the number of maps be the same: what is concatenated may grow from block to block.
    """
    types = tuple((describe(layer), describe_settings(layer), layer.shares) for layer in vertex.layers)
    distances = tuple(sorted(index - source for source in before))
    gathers = any(layer.type == "Concatenate" for layer in vertex.layers)
    fixed = any(layer.type.startswith(_WEIGHTED) for layer in vertex.layers)
    shapes = tuple(shape if fixed else shape[1:] for shape in vertex.shapes)
    return vertex.name, types, distances[:1] if gathers else distances, shapes, vertex.uses


def _find_period(
    signs: list[object], start: int, after: list[list[int]], links: Links, cuts: list[bool]
) -> tuple[int, int]:
    """Return the length of the block that repeats from `start` on, and how often it comes; (1, 1) for none."""
    best = 1, 1
    for length in range(1, min(_LONGEST, (len(signs) - start) // 2) + 1):
        times = 1
        while signs[start : start + length] == signs[start + times * length : start + (times + 1) * length]:
            times += 1
        tries = 3
        while times > 1 and tries and not _is_closed(start, length, times, after, links.vertices):
            times, tries = times - 1, tries - 1
        # A block with a cut inside begins and ends at cuts.
        whole = not any(cuts[start : start + length - 1]) or (
            cuts[start + length - 1] and (not start or cuts[start - 1])
        )
        if whole and times > 1 and tries and times * length > best[0] * best[1]:
            best = length, times
    return best


def _is_closed(start: int, length: int, times: int, after: list[list[int]], vertices: list[Vertex]) -> bool:
    """Say whether blocks hand on to the next only, and the last one's end to the rest; all may go to a Concatenate."""
    end = start + times * length
    for index in range(start, end):
        block = (index - start) // length
        for consumer in after[index]:
            concatenates = bool(vertices[consumer].layers) and vertices[consumer].layers[0].type == "Concatenate"
            inside = consumer < end and (consumer - start) // length <= block + 1
            if not (inside or concatenates or index == end - 1):
                return False
    return all(vertices[index].layers for index in range(start, end))


def _map_edges(links: Links, target: Callable[[int], int]) -> dict[tuple[int, int], int]:
    edges: dict[tuple[int, int], int] = {}
    for (a, b), count in links.edges.items():
        edge = target(a), target(b)
        if edge[0] != edge[1]:
            edges[edge] = max(edges.get(edge, 0), count)
    return edges


def list_words(layers: list[LayerEntry]) -> list[str]:
    """Return each layer in words: "Conv2D 3×3, stride 2"."""
    words = []
    for layer in layers:
        settings = [part for part in describe_settings(layer).split(", ") if not part.startswith("padding")]
        words.append(", ".join(filter(None, (describe(layer), *settings))))
    return words
