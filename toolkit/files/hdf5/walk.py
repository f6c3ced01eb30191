"""Walks over an HDF5 file by hard links only, each group once, with limits."""

from collections.abc import Iterator
from typing import Any

from cnnkit.files.hdf5.library import load_h5py
from cnnkit.files.names import printable
from cnnkit.files.unsafe_file import UnsafeFileError

MAX_DEPTH = 64
MAX_NODES = 100_000


def walk(file: Any, not_followed: list[str]) -> Iterator[tuple[str, Any]]:
    """Yield (path without a leading slash, h5py id) of the groups and data sets of an open h5py.File, the root as "".

    An id that the caller lets go is closed: thousands of open ones would fill the memory. Links that are not followed
    are added to `not_followed`.

    Raises UnsafeFileError beyond a limit, and whatever h5py raises about a damaged file.
    """
    h5py = load_h5py()
    root = h5py.h5g.open(file.id, b"/")
    yield "", root
    first = {find_address(root): "/"}
    waiting: list[tuple[str, Any, bytes, int]] = [("", root, b".", 0)]
    seen = 0
    while waiting:
        prefix, parent, inside, depth = waiting.pop()
        group = h5py.h5o.open(parent, inside)
        links = _list_links(group, MAX_NODES - seen)
        seen += len(links)
        for name, link in links:
            path = prefix + name.decode("utf-8", "surrogateescape")
            # libhdf5 would read a link named "a/b" as a path, and follow `a`, whatever it is.
            if link != h5py.h5l.TYPE_HARD or b"/" in name or name in {b"", b"."}:
                not_followed.append(f"{path} ({_describe_link(link)})")
                continue
            node = h5py.h5o.open(group, name)
            if isinstance(node, h5py.h5d.DatasetID):
                yield path, node
            elif isinstance(node, h5py.h5g.GroupID):
                known = first.setdefault(find_address(node), path)
                if known != path:
                    not_followed.append(f"{path} (the same group as {known})")
                    continue
                if depth == MAX_DEPTH:
                    raise UnsafeFileError(f"groups nested deeper than {MAX_DEPTH}", "too_big")
                yield path, node
                waiting.append((f"{path}/", group, name, depth + 1))


def find(file: Any, path: str) -> Any:
    """Return the DatasetID at the end of a chain of hard links, or None; the rest of the file is not visited.

    Raises UnsafeFileError when another link is on the way.
    """
    h5py = load_h5py()
    node = h5py.h5g.open(file.id, b"/")
    for name in path.encode("utf-8", "surrogateescape").split(b"/"):
        if not isinstance(node, h5py.h5g.GroupID) or name in {b"", b"."} or not node.links.exists(name):
            return None
        link = node.links.get_info(name).type
        if link != h5py.h5l.TYPE_HARD:
            raise UnsafeFileError(f"{printable(path)}: not followed, {_describe_link(link)}", "refused")
        node = h5py.h5o.open(node, name)
    return node if isinstance(node, h5py.h5d.DatasetID) else None


def _list_links(group: Any, budget: int) -> list[tuple[bytes, int]]:
    links: list[tuple[bytes, int]] = []

    def add(name: bytes, info: Any) -> bool | None:
        links.append((bytes(name), int(info.type)))
        return True if len(links) > budget else None  # anything but None ends the iteration

    group.links.iterate(add, info=True)
    if len(links) > budget:
        raise UnsafeFileError(f"more than {MAX_NODES} groups, data sets and links", "too_big")
    return links


def _describe_link(link: int) -> str:
    h5l = load_h5py().h5l
    if link == h5l.TYPE_HARD:
        return "a name that HDF5 cannot have"
    return {h5l.TYPE_SOFT: "soft link", h5l.TYPE_EXTERNAL: "external link"}.get(link, "user-defined link")


def find_address(node: Any) -> tuple[int, int]:
    """Return what tells an object of an open file from all others."""
    info = load_h5py().h5o.get_info(node)
    return int(info.fileno), int(info.addr)
