"""What killed processes left beside their targets, removed when cnnkit next looks into the folder."""

import os
import re
import shutil
import stat
import time
from contextlib import suppress
from pathlib import Path

from cnnkit.files.writing.claim import CLAIM_SUFFIX, release_abandoned
from cnnkit.files.writing.processes import digest_machine, is_alive
from cnnkit.files.writing.temporary import NAME, remove

_ABANDONED_AFTER = 86_400.0  # seconds without a write, for processes that cannot be seen from here


def clear_abandoned(folder: Path) -> None:
    """Remove temporary files, folders and claims in `folder` whose process has died; never those of a living one.

    A process on this machine lives when one of its number and start exists. One that cannot be seen from here, of
    another machine or container, has died when nothing was written for a day.
    """
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(CLAIM_SUFFIX) and entry.is_file(follow_symlinks=False):
                release_abandoned(Path(entry.path))
            elif entry.name.endswith(".tmp") and (match := NAME.fullmatch(entry.name)):
                with suppress(OSError):
                    _clear(entry, match)


def _clear(entry: "os.DirEntry[str]", match: "re.Match[str]") -> None:
    status = entry.stat(follow_symlinks=False)
    if hasattr(os, "geteuid") and status.st_uid != os.geteuid():
        return
    if match["machine"] == digest_machine():
        abandoned = not is_alive(int(match["pid"]), int(match["start"]))
    else:
        abandoned = time.time() - status.st_mtime > _ABANDONED_AFTER
    if abandoned and stat.S_ISDIR(status.st_mode):
        shutil.rmtree(entry.path, ignore_errors=True)
    elif abandoned and stat.S_ISREG(status.st_mode):
        remove(Path(entry.path))
