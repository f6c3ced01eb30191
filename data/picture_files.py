"""The picture files of folders: which names are pictures, which folders can hold them, in which order."""

import os
from pathlib import Path
from typing import Any

from cnnkit.data.picture import SUFFIXES
from cnnkit.data.refusal import refuse
from cnnkit.files.names import printable
from cnnkit.files.natural_order import natural_key

_LITTER = {"thumbs.db", "desktop.ini"}  # left by file managers
_OTHER_PICTURES = {".tif", ".tiff", ".heic", ".heif", ".avif", ".jp2", ".tga", ".svg"}
_NO_CLASSES = {  # left by archivers, file managers, servers and Python
    "__macosx", "@eadir", "#recycle", "$recycle.bin", "system volume information", "lost+found", "__pycache__",
}  # fmt: skip


def subfolders(folder: Path) -> list[Path]:
    """Return the subfolders that can be classes, in natural order: no hidden ones, nothing that a program left."""
    return sorted((path for path in _folders(folder) if _can_be_class(path.name)), key=_order)


def describe_skipped(folder: Path) -> list[str]:
    """Return a line on the subfolders that cannot be classes, none without such."""
    names = [printable(path.name, 60) for path in _folders(folder) if not _can_be_class(path.name)]
    return [f"{printable(str(folder), 400)}: not a class: {', '.join(sorted(names))}"] if names else []


def list_pictures(folder: Path) -> list[Path]:
    """Return the picture files of a folder in natural order; what programs leave and hidden files are passed over.

    Raises DataError for anything else in the folder.
    """
    paths = []
    with os.scandir(folder) as scanned:
        entries = list(scanned)
    for entry in entries:
        if entry.name.startswith(".") or entry.name.lower() in _LITTER:
            continue
        path = Path(entry.path)
        if not entry.is_file() or path.suffix.lower() not in SUFFIXES:
            got, hint = "something else", "move it out of the folder"
            if path.suffix.lower() in _OTHER_PICTURES:
                hint = f"convert it to PNG (ImageMagick: magick mogrify -format png *{path.suffix.lower()})"
            if entry.is_dir():
                if not _can_be_class(entry.name):
                    continue
                got, hint = "a folder", "one folder per class, directly or under train/ and test/: move it there"
            raise refuse(path, f"a picture ({' '.join(sorted(SUFFIXES))})", got, hint)
        paths.append(path)
    return sorted(paths, key=_order)


def _folders(folder: Path) -> list[Path]:
    with os.scandir(folder) as entries:
        return [Path(entry.path) for entry in entries if entry.is_dir()]


def _can_be_class(name: str) -> bool:
    return not name.startswith(".") and name.lower() not in _NO_CLASSES


def _order(path: Path) -> tuple[Any, str]:
    return natural_key(path.name), path.name
