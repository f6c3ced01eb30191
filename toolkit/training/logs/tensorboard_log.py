"""A log of epochs as TensorBoard displays it: an event file, in records that TensorBoard's own package writes."""

import errno
import hashlib
import importlib.util
import io
import json
import os
import struct
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cnnkit.errors import ConfigError
from cnnkit.files.names import printable
from cnnkit.files.regular_file import open_regular
from cnnkit.files.writing.appending import append_bytes, cut_short
from cnnkit.files.writing.atomic import require_writable
from cnnkit.training.logs.epoch_log import Entry, EpochLog

_KIND = "tfevents"  # TensorBoard reads every file with this in its name
_HEAD, _FOOT = 12, 4  # bytes of a record around its content: length and checksum before it, checksum after it


class TensorBoardLog(EpochLog):
    """Scalars in an event file in `folder`, named as in the history, an event an epoch whose step is the epoch.

    run    what tells the training from others (JSON); its digest is in the file's name
    epoch  how many epochs a training that goes on has done, None for a new one. Events of later ones are dropped.
    replace  a new training takes the place of others that cnnkit has written into the folder

    Raises ConfigError where TensorBoard is not installed.
    """

    def __init__(
        self, folder: Path, run: Mapping[str, Any] | None = None, epoch: int | None = None, replace: bool = False
    ) -> None:
        if importlib.util.find_spec("tensorboard") is None:
            problem = "needs the package tensorboard, which is not installed: type pip install 'cnnkit[tensorboard]'"
            raise ConfigError(f"tensorboard: {problem}")
        digest = hashlib.sha256(json.dumps(dict(run or {}), sort_keys=True).encode()).hexdigest()
        self.folder, self._epoch, self._replace = folder, epoch, replace
        self.path = folder / f"events.out.{_KIND}.0000000000.cnnkit.{digest[:16]}"  # TensorBoard reads them by name
        self._begun = False

    def require_writable(self) -> None:
        """Raise OSError where the folder cannot be written, ConfigError where it holds another training's events."""
        if not self.folder.exists():
            require_writable(self.folder)  # it is made for the first epoch
            return
        if not self.folder.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "is no folder", str(self.folder))
        require_writable(self.path)
        others = [path for path in self._list_others() if not (self._replace and _is_own(path))]
        if others:
            raise ConfigError(
                f"tensorboard: {self.folder}: holds the events of another training, {printable(others[0].name, 80)}: "
                "choose another folder" + ("" if self._replace else ", or --overwrite replaces what cnnkit wrote")
            )

    def write(self, entry: Entry) -> None:
        """Append the event of an epoch. Raises OSError with the name of the file."""
        if not self._begun:
            self._begin()
        values = {name: value for name, value in entry.items() if name != "epoch" and isinstance(value, int | float)}
        append_bytes(self.path, _write_event(step=int(entry["epoch"]), values=values))

    def _list_others(self) -> list[Path]:
        names = sorted(path for path in self.folder.iterdir() if _KIND in path.name)
        return [path for path in names if self._epoch is None or path != self.path]

    def _begin(self) -> None:
        """Make the file, or drop what it tells of epochs to come."""
        self.folder.mkdir(exist_ok=True)
        if self._epoch is None:
            for path in filter(_is_own, self._list_others()):
                path.unlink()
        if self.path.exists():
            cut_short(self.path, _find_end(self.path, self._epoch or 0))
        if not self.path.exists() or not self.path.stat().st_size:
            append_bytes(self.path, _write_event())
        self._begun = True


def _is_own(path: Path) -> bool:
    return ".cnnkit." in path.name


def _write_event(step: int = 0, values: Mapping[str, float] | None = None) -> bytes:
    """Return a record with scalars, or the first of a file, which tells the version of its format."""
    from tensorboard.compat.proto.event_pb2 import Event  # pyright: ignore[reportAttributeAccessIssue]
    from tensorboard.compat.proto.summary_pb2 import Summary  # pyright: ignore[reportAttributeAccessIssue]
    from tensorboard.summary.writer.record_writer import RecordWriter

    if values is None:
        event = Event(wall_time=time.time(), file_version="brain.Event:2")
    else:
        scalars = [Summary.Value(tag=name, simple_value=value) for name, value in values.items()]
        event = Event(wall_time=time.time(), step=step, summary=Summary(value=scalars))
    record = io.BytesIO()
    RecordWriter(record).write(event.SerializeToString())
    return record.getvalue()


def _find_end(path: Path, epoch: int) -> int:
    """Return how many bytes of an event file tell of the epochs up to `epoch`.

    What a loss of power left unfinished at its end counts as later. Raises ConfigError for what is no event file.
    """
    from google.protobuf.message import DecodeError
    from tensorboard.compat.proto.event_pb2 import Event  # pyright: ignore[reportAttributeAccessIssue]

    size, end = path.stat().st_size, 0
    with open_regular(path) as file:
        while len(head := file.read(_HEAD)) == _HEAD:
            (length,) = struct.unpack_from("<Q", head)
            if length > size - end - _HEAD - _FOOT:
                break
            try:
                event = Event.FromString(file.read(length))
            except DecodeError:
                raise ConfigError(f"tensorboard: {path}: is damaged at byte {end}: choose another folder") from None
            if event.step > epoch:
                break
            file.seek(_FOOT, os.SEEK_CUR)
            end += _HEAD + length + _FOOT
    return end
