"""A walk over an HDF5 file by hard links alone, each group once, with budgets."""

from typing import Any, NamedTuple

from cnnkit.files.hdf5_library import load_h5py
from cnnkit.files.names import printable
from cnnkit.files.unsafe_file import UnsafeFileError

MAX_DEPTH = 64
MAX_NODES = 100_000


class Nodes(NamedTuple):
    """What a walk found, by path without a leading slash: h5py ids, and the links that lead elsewhere."""

    groups: dict[str, Any]
    datasets: dict[str, Any]
    not_followed: list[str]


def walk(file: Any) -> Nodes:
    """Return all groups and data sets of an open h5py.File.

    Raises UnsafeFileError over a budget, and whatever h5py raises about a damaged file.
    """
    h5py = load_h5py()
    root = h5py.h5g.open(file.id, b"/")
    nodes = Nodes({"": root}, {}, [])
    first, waiting, seen = {_address(root): "/"}, [("", root, 0)], 0
    while waiting:
        prefix, group, depth = waiting.pop()
        links = _links(group, MAX_NODES - seen)
        seen += len(links)
        for name, link in links:
            path = prefix + name.decode("utf-8", "surrogateescape")
            # libhdf5 would take a link that is called "a/b" for a path, and follow whatever `a` is.
            if link != h5py.h5l.TYPE_HARD or b"/" in name or name in {b"", b"."}:
                nodes.not_followed.append(f"{path} ({_link_kind(link)})")
                continue
            node = h5py.h5o.open(group, name)
            if isinstance(node, h5py.h5d.DatasetID):
                nodes.datasets[path] = node
            elif isinstance(node, h5py.h5g.GroupID):
                known = first.setdefault(_address(node), path)
                if known != path:
                    nodes.not_followed.append(f"{path} (the same group as {known})")
                    continue
                if depth == MAX_DEPTH:
                    raise UnsafeFileError(f"groups nested deeper than {MAX_DEPTH}", "too_big")
                nodes.groups[path] = node
                waiting.append((f"{path}/", node, depth + 1))
    return nodes


def find(file: Any, path: str) -> Any:
    """Return the DatasetID at the end of a chain of hard links, or None; the rest of the file is not looked at.

    Raises UnsafeFileError when another link is on the way.
    """
    h5py = load_h5py()
    node = h5py.h5g.open(file.id, b"/")
    for name in path.encode("utf-8", "surrogateescape").split(b"/"):
        if not isinstance(node, h5py.h5g.GroupID) or name in {b"", b"."} or not node.links.exists(name):
            return None
        link = node.links.get_info(name).type
        if link != h5py.h5l.TYPE_HARD:
            raise UnsafeFileError(f"{printable(path)}: not followed, {_link_kind(link)}", "refused")
        node = h5py.h5o.open(node, name)
    return node if isinstance(node, h5py.h5d.DatasetID) else None


def _links(group: Any, budget: int) -> list[tuple[bytes, int]]:
    links: list[tuple[bytes, int]] = []

    def add(name: bytes, info: Any) -> bool | None:
        links.append((bytes(name), int(info.type)))
        return True if len(links) > budget else None  # anything but None ends the iteration

    group.links.iterate(add, info=True)
    if len(links) > budget:
        raise UnsafeFileError(f"more than {MAX_NODES} groups, data sets and links", "too_big")
    return links


def _link_kind(link: int) -> str:
    h5l = load_h5py().h5l
    if link == h5l.TYPE_HARD:
        return "a name that HDF5 cannot have"
    return {h5l.TYPE_SOFT: "soft link", h5l.TYPE_EXTERNAL: "external link"}.get(link, "user-defined link")


def _address(node: Any) -> tuple[int, int]:
    info = load_h5py().h5o.get_info(node)
    return int(info.fileno), int(info.addr)
