"""Runs command lines of cnnkit in children of a zygote, and measures them as `run_cnnkit` does."""

import contextlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from torture.program import Outcome
from torture.zygote import ZygoteProcess

MOST_MEMORY = 1 << 30  # bytes; an attempt that takes more is stopped, and is a fault


@dataclass(frozen=True)
class Attempt:
    """How one command line ended.

    stopped: why it was stopped ("time", "memory"), or nothing. events: what the audit hooks saw beyond what is allowed.
    computed: seconds that its processes computed, those of a worker that was killed left out.
    workers: how many worker processes told that they have the hook.
    """

    outcome: Outcome
    stopped: str
    events: tuple[str, ...]
    computed: float
    workers: int

    @property
    def seconds(self) -> float:
        """The time that it takes when it has a processor to itself: waiting for others is not its fault."""
        return self.outcome.seconds if self.stopped else min(self.outcome.seconds, self.computed)


class Zygote:
    """A running zygote; use it in a `with` block. folder: an empty one, for streams and temporary files."""

    def __init__(self, folder: Path, learn: Sequence[Sequence[str]]) -> None:
        self._folder, self._learn = folder, [list(arguments) for arguments in learn]
        self.temporary = folder / "tmp"

    def __enter__(self) -> Self:
        self.temporary.mkdir(parents=True)
        os.mkfifo(self._folder / "audit")
        self._notes = os.open(self._folder / "audit", os.O_RDWR | os.O_NONBLOCK)
        site = Path(__file__).parent / "site"
        paths = [str(site), str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
        environment = {"OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(filter(None, paths))}
        self._process = ZygoteProcess("torture.watched_zygote", environment, self._folder)
        threads = self._process.ask({"learn": self._learn} | self._places(self._folder) | {"limit": 60.0})["threads"]
        if threads != 1:
            raise RuntimeError(f"the zygote has {threads} threads: forking it is not safe")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.close()
        os.close(self._notes)

    def run(
        self,
        arguments: Sequence[str],
        folder: Path,
        limit: float = 40.0,
        named: Sequence[Path] = (),
        writable: Sequence[Path] = (),
        environment: Mapping[str, str] | None = None,
    ) -> Attempt:
        """Run `cnnkit ARGUMENTS` in `folder`. named: the files that may be opened; writable: folders to write into."""
        request = self._places(folder) | {
            "arguments": list(arguments),
            "limit": limit,
            "named": [str(path) for path in named],
            "writable": [str(path) for path in (*writable, self.temporary)],
            "environment": self._tell_worker(named) | dict(environment or {}),
        }
        answer = self._process.ask(request)
        output, errors = (Path(str(request[name])).read_bytes() for name in ("output", "errors"))
        outcome = Outcome(tuple(arguments), answer["status"], answer["seconds"], answer["peak"], output, errors)
        notes = [f"worker: {note}" for note in self._take_notes()]
        started = notes.count("worker: started")
        seen = (*answer["events"], *(note for note in notes if note != "worker: started"))
        return Attempt(outcome, answer["stopped"], seen, answer["computed"], started)

    def _tell_worker(self, named: Sequence[Path]) -> dict[str, str]:
        """Return the environment that makes site/sitecustomize.py watch a worker."""
        if not named:
            return {}
        return {"TORTURE_AUDIT": str(self._folder / "audit"), "TORTURE_NAMED": json.dumps([str(p) for p in named])}

    def _take_notes(self) -> list[str]:
        content = bytearray()
        with contextlib.suppress(BlockingIOError):
            while True:
                content += os.read(self._notes, 1 << 16)
        return content.decode(errors="replace").splitlines()

    def _places(self, folder: Path) -> dict[str, Any]:
        places = {"output": self._folder / "output", "errors": self._folder / "errors", "temporary": self.temporary}
        return {"folder": str(folder), "memory": MOST_MEMORY} | {name: str(path) for name, path in places.items()}
