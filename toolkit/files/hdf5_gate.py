"""The only way in which cnnkit opens HDF5 in its own process: links out of the file are listed, not followed.

libhdf5 trusts its input. So: hard links only, each group once, limits on depth and number, never `visititems`,
no plug-ins, and only data sets that `hdf5_rules` allows.
"""

import os
from pathlib import Path
from typing import Any, Self

from cnnkit.files.hdf5_library import load_h5py, translate_errors
from cnnkit.files.hdf5_loops import refuse_loops
from cnnkit.files.hdf5_rules import find_objection, find_text_objection
from cnnkit.files.hdf5_walk import Nodes, find, walk
from cnnkit.files.names import printable
from cnnkit.files.unsafe_file import UnsafeFileError


def open_hdf5(path: str | Path) -> "GatedHdf5":
    """Open a file read-only behind the gate; use it in a `with` block, or `close` it.

    Raises UnsafeFileError when it is not a file, not HDF5, or damaged.
    """
    if not os.path.isfile(path):  # opening a pipe could wait forever
        raise UnsafeFileError("not a file" if os.path.exists(path) else "no such file")
    h5py = load_h5py()
    with translate_errors():
        return GatedHdf5(h5py.File(os.fspath(path), "r", locking=False))


class GatedHdf5:
    """An open HDF5 file whose data sets are checked before they are read. Paths have no leading slash: "state/1.mean".

    attrs         attributes of the root
    not_followed  links that were not followed, each with its reason (known after `datasets` or `groups`)
    not_read      {path: reason} of the data sets that may not be read (likewise)
    """

    def __init__(self, file: Any) -> None:
        self._file = file
        self._nodes: Nodes | None = None
        self.attrs = file.attrs
        self.not_followed: list[str] = []
        self.not_read: dict[str, str] = {}

    def datasets(self) -> dict[str, Any]:
        """Return {path: h5py.Dataset} of all that may be read as numbers. Nothing is loaded.

        Raises UnsafeFileError when the file is damaged or exceeds a limit.
        """
        nodes, dataset = self._walk().datasets, load_h5py().Dataset
        return {path: dataset(node) for path, node in nodes.items() if path not in self.not_read}

    def groups(self) -> dict[str, Any]:
        """Return {path: h5py.Group}, the root as "". Use them for attributes only; read data sets through the gate."""
        group = load_h5py().Group
        return {path: group(node) for path, node in self._walk().groups.items()}

    def __getitem__(self, path: str) -> Any:
        """Return one h5py.Dataset. Raises KeyError when there is none, UnsafeFileError when it must not be read."""
        node = self._find(path)
        with translate_errors(path):
            _refuse(path, find_objection(node))
        return load_h5py().Dataset(node)

    def read(self, path: str) -> Any:
        """Return the values of one data set as a NumPy array. Raises as `file[path]`, and when they are damaged."""
        dataset = self[path]
        with translate_errors(path):
            return dataset[()]

    def text(self, path: str) -> bytes:
        """Return the bytes of one text of fixed length. Raises as `read`."""
        node = self._find(path)
        with translate_errors(path):
            _refuse(path, find_text_objection(node))
            return bytes(load_h5py().Dataset(node)[()])

    def attributes(self, path: str) -> Any:
        """Return the h5py attributes of one data set, readable or not. Raises KeyError when there is none."""
        return load_h5py().Dataset(self._find(path)).attrs

    def close(self) -> None:
        """Close the file; its data sets can no longer be used."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _find(self, path: str) -> Any:
        with translate_errors(path):
            node = find(self._file, path)
        if node is None:
            raise KeyError(path)
        return node

    def _walk(self) -> Nodes:
        if self._nodes is None:
            refuse_loops(self._file.filename)
            with translate_errors():
                self._nodes = walk(self._file)
                objections = {path: find_objection(node) for path, node in self._nodes.datasets.items()}
            self.not_followed += self._nodes.not_followed
            self.not_read.update((path, reason) for path, reason in objections.items() if reason is not None)
        return self._nodes


def _refuse(path: str, reason: str | None) -> None:
    if reason is not None:
        raise UnsafeFileError(f"{printable(path)}: {reason}", "refused")
