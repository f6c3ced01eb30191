"""Files that a file names for its values: opened only when the user asks, and only from the same folder."""

import stat
from pathlib import Path, PurePosixPath, PureWindowsPath

from cnnkit.files.names import printable
from cnnkit.files.stored_file import StoredFile
from cnnkit.files.unsafe_file import UnsafeFileError


def leads_out(location: str) -> bool:
    """Return whether a path, of any system, leads out of a folder by itself, whatever lies there; or is none."""
    parts = (*PurePosixPath(location).parts, *PureWindowsPath(location).parts)
    absolute = location.startswith(("/", "\\")) or PureWindowsPath(location).drive
    return "\0" in location or bool(absolute) or ".." in parts


def open_beside(owner: Path, location: str) -> StoredFile:
    """Return the file that `owner` names as `location`, a path relative to its folder.

    Raises UnsafeFileError, kind "refused", for a path that leads out of the folder, by itself or by a link; and for a
    file that is missing.
    """
    shown = printable(location, 100)
    if not location or leads_out(location):
        raise UnsafeFileError(
            f"{shown or 'a file without a name'} is not a path inside the folder: not opened", "refused"
        )
    folder = owner.parent
    try:
        target = (folder / location).resolve(strict=True)
        if not target.is_relative_to(folder.resolve()):
            raise UnsafeFileError(f"{shown} is a link out of the folder, not followed: copy the file there", "refused")
        if not stat.S_ISREG(target.stat().st_mode):
            raise UnsafeFileError(f"{shown} is not a file", "refused")
        return StoredFile(target)
    except FileNotFoundError:
        raise UnsafeFileError(f"{shown} is missing: put it into the same folder") from None
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: links in a circle, before Python 3.13
        raise UnsafeFileError(f"{shown} cannot be opened: {printable(str(error))}") from error
