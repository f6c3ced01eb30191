"""What to do when the system refuses to write."""

import errno

from cnnkit.files.names import printable

_ADVICE = {
    errno.ENOSPC: "make room on the disk, or choose another place",
    getattr(errno, "EDQUOT", -1): "your quota is used up: make room, or choose another place",
    errno.EFBIG: "the system allows no file of this size here: choose another place",
    errno.EIO: "the disk is faulty or gone: choose another place",
    errno.EROFS: "choose a place that can be written",
    errno.EACCES: "choose a place that you may write to",
    errno.EPERM: "choose a place that you may write to",
    errno.EMFILE: "close other programs, or raise the limit with ulimit -n",
    errno.ENFILE: "close other programs",
    errno.EAGAIN: "no more processes or threads can be started: close other programs, or raise ulimit -u",
}


def describe_failure(error: OSError) -> str:
    """Return the file, where the system names one, and `explain_failure`."""
    said = explain_failure(error)
    return f"{printable(str(error.filename))}: {said}" if error.filename else said


def explain_failure(error: OSError) -> str:
    """Return what the system says, and what to do about it where that is known."""
    advice = _ADVICE.get(error.errno or 0)
    said = error.strerror or str(error)
    return f"{said}: {advice}" if advice else said
