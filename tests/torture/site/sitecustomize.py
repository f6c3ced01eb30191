"""Put into $PYTHONPATH, this watches the worker processes of cnnkit: notes of their audit hook go into a pipe."""

import json
import os
import sys

_PIPE = os.environ.get("TORTURE_AUDIT")

if _PIPE and "cnnkit.files.hdf5.worker" in sys.orig_argv:
    from torture import audit

    _number = os.open(_PIPE, os.O_WRONLY | os.O_NONBLOCK)

    def _tell(note: str) -> None:
        os.write(_number, note.replace("\n", " ").encode("utf-8", "backslashreplace") + b"\n")

    audit.install()
    audit.start(json.loads(os.environ["TORTURE_NAMED"]), (), _tell)
    _tell("started")
