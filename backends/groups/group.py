"""What workers that train together can do with each other, whatever engine carries it.

Everything is one exchange of messages whose sizes all ranks know: nothing depends on the order in which messages come,
and whoever waits knows for whom. Sums are added by the one tree of leaves, so their bits do not depend on the engine or
on the number of workers.
"""

import json
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from itertools import chain, pairwise
from types import TracebackType
from typing import Any, Self

import numpy as np

from cnnkit.backends.arrays import Array, Native
from cnnkit.backends.leaf_tree import Node, TreeSum, cover
from cnnkit.backends.protocol import Backend
from cnnkit.errors import GroupError

Buffer = Any  # the bytes of a message where the engine takes them: flat uint8, of NumPy or of the engine's own library
Messages = Mapping[int, Sequence[Buffer]]  # of each other rank, in their order


class Group(ABC):
    """The workers of a training, as one of them sees them.

    name: of the engine. rank: of this worker, 0 to size - 1. seconds: how long an exchange waits for another worker.
    sent_bytes: what this worker has sent to others. Each operation must be called by all ranks, in the same order.
    Use it as a context: a worker that leaves with an error stops the others at once instead of letting them wait.

    Raises: GroupError from every operation if a worker is lost or silent for longer than `seconds`, and from all after.
    """

    name: str

    def __init__(self, backend: Backend, rank: int, size: int, seconds: float) -> None:
        self.backend, self.rank, self.size, self.seconds = backend, rank, size, seconds
        self.sent_bytes = 0
        self._broken: GroupError | None = None
        self.latest = math.inf  # on the clock time.monotonic: later than that no exchange waits

    def hurry(self, seconds: float) -> None:
        """From now on wait for `seconds` at most, also in an exchange that has begun; called by handlers of signals."""
        self.latest = min(self.latest, time.monotonic() + seconds)

    # ---- what an engine brings

    @abstractmethod
    def move(self, outgoing: Messages, incoming: Messages, seconds: float) -> None:
        """Send outgoing[k] to each other rank k, and fill incoming[k] with what it sends here; no buffer is empty.

        Returns when all is sent and received. Raises: GroupError, in bounded time.
        """

    def close(self) -> None:
        """Leave the group at the end of the work, together with all others."""
        self.barrier()

    @abstractmethod
    def abort(self) -> None:
        """Stop the others, at the latest when this process ends."""

    def pack(self, x: Native) -> Buffer:
        """Return the bytes of an array, without a copy if possible."""
        host = x if isinstance(x, np.ndarray) else self.backend.to_numpy(x)
        return np.ascontiguousarray(host).reshape(-1).view(np.uint8)

    def allocate(self, length: int, like: Native) -> Buffer:
        """Return room for `length` numbers as `pack` gives them."""
        return np.empty(length * np.dtype(_host_type(like)).itemsize, np.uint8)

    def unpack(self, buffer: Buffer, like: Native) -> Native:
        """Return the numbers in a buffer as a flat array of the kind and dtype of `like`."""
        host = buffer.view(_host_type(like))
        return host if isinstance(like, np.ndarray) else self.backend.asarray(host, type_name(like))

    # ---- the operations

    def exchange(
        self, outgoing: Sequence[Sequence[Array]], lengths: Sequence[Sequence[int]], like: Array,
        seconds: float | None = None,
    ) -> list[list[Native]]:  # fmt: skip
        """Return what each rank sent here, flat; what outgoing has for this rank itself is returned as it is.

        outgoing: arrays of one dtype for each rank. lengths: numbers in each array that each rank sends here.
        """
        others = [k for k in range(self.size) if k != self.rank]
        packed = {id(x): self.pack(x) for k in others for x in outgoing[k]}
        rooms = {k: [self.allocate(length, like) for length in lengths[k]] for k in others}
        sends = {k: [packed[id(x)] for x in outgoing[k] if len(packed[id(x)])] for k in others}
        self._move(sends, {k: [room for room in rooms[k] if len(room)] for k in others}, seconds or self.seconds)
        self.sent_bytes += sum(len(buffer) for k in others for buffer in sends[k])
        received = {k: [self.unpack(room, like) for room in rooms[k]] for k in others}
        return [received[k] if k in received else list(outgoing[k]) for k in range(self.size)]

    def _move(self, outgoing: Messages, incoming: Messages, seconds: float) -> None:
        if self._broken is not None:
            raise self._broken
        try:
            self.move(outgoing, incoming, seconds)
        except GroupError as error:
            self._broken = error
            self.abort()
            raise

    def all_gather(self, x: Array) -> list[Array]:
        """Return x of every rank, in the order of ranks; all have one shape and dtype. The own one is x itself."""
        gathered = self.exchange([[x]] * self.size, [[count(x)]] * self.size, x)
        return [x if k == self.rank else y.reshape(x.shape) for k, (y,) in enumerate(gathered)]

    def all_gather_bytes(self, data: bytes) -> list[bytes]:
        """Return the bytes of every rank, of any lengths, in the order of ranks."""
        own: Native = np.frombuffer(data, np.uint8)
        length: Native = np.array([len(data)])
        lengths = self.exchange([[length]] * self.size, [[1]] * self.size, length)
        gathered = self.exchange([[own]] * self.size, [[int(n[0])] for (n,) in lengths], own)
        return [y.tobytes() for (y,) in gathered]

    def all_gather_json(self, value: Any) -> list[Any]:
        """Return a value of JSON of every rank, in the order of ranks."""
        return [json.loads(data) for data in self.all_gather_bytes(json.dumps(value).encode())]

    def broadcast(self, x: Array, root: int = 0) -> Array:
        """Return x of rank `root`; every rank gives an array of its shape and dtype."""
        sends = [[x] if self.rank == root else []] * self.size
        lengths = [[count(x)] if k == root else [] for k in range(self.size)]
        received = self.exchange(sends, lengths, x)[root]
        return x if self.rank == root else received[0].reshape(x.shape)

    def broadcast_bytes(self, data: bytes, root: int = 0) -> bytes:
        """Return the bytes of rank `root`; what the others give is not read."""
        return self.all_gather_bytes(data if self.rank == root else b"")[root]

    def barrier(self, seconds: float | None = None) -> None:
        """Return when every rank has called this; wait for `seconds` at most, by default those of the group."""
        byte: Native = np.zeros(1, np.uint8)
        self.exchange([[byte]] * self.size, [[1]] * self.size, byte, seconds)

    def reduce_leaves(self, nodes: Mapping[Node, Array], owned: Sequence[Sequence[Node]], like: Array) -> Array:
        """Return the sum of the values of all leaves by the one tree, the same bits on every rank.

        owned: the ranges of leaves (first, stop) of each rank, which do not touch each other.
        nodes: the value, flat, of each node in `cover` of the own ranges; a worker alone gets the last one back. like:
        an array of the length and dtype of a leaf's value.
        Rank k adds up slice k of all values, then the slices are gathered. If each rank has one node, it sends
        2 (size - 1) / size times the bytes of a value, as in a ring; each further node costs half of that again.
        """
        leaves, total = max(stop for ranges in owned for _, stop in ranges), count(like)
        covers = [[node for own in ranges for node in cover(leaves, *own)] for ranges in owned]
        cuts = [total * k // self.size for k in range(self.size + 1)]
        outgoing = [[nodes[node][start:stop] for node in covers[self.rank]] for start, stop in pairwise(cuts)]
        sizes = [stop - start for start, stop in pairwise(cuts)]
        slices = self.exchange(outgoing, [[sizes[self.rank]] * len(nodes) for nodes in covers], like)
        total_slice = TreeSum[Native](leaves)
        for node, value in zip(chain.from_iterable(covers), chain.from_iterable(slices), strict=True):
            total_slice.add(node, value)
        sums = self.exchange([[total_slice.whole]] * self.size, [[size] for size in sizes], like)
        joined: Array = self._join([x for (x,) in sums])
        return joined

    def _join(self, arrays: Sequence[Native]) -> Native:
        if len(arrays) == 1:
            return arrays[0]
        return np.concatenate(arrays) if isinstance(arrays[0], np.ndarray) else self.backend.concatenate(arrays)

    # ---- its end

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, traceback: TracebackType | None) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()

    def silent(self, rank: int, seconds: float) -> GroupError:
        """Return the error that a rank has not answered in time."""
        hint = "it is lost or too slow: CNNKIT_GROUP_SECONDS in the environment allows more"
        return GroupError(f"{self._worker(rank)}: no answer for {seconds:g} s: {hint}")

    def lost(self, rank: int, reason: str = "") -> GroupError:
        """Return the error that a rank is gone."""
        return GroupError(f"{self._worker(rank)}: lost" + (f": {reason}" if reason else ""))

    def _worker(self, rank: int) -> str:
        return f"worker {rank + 1} of {self.size} (rank {rank})"


def count(x: Array) -> int:
    """Return how many numbers an array has."""
    length = 1
    for n in x.shape:
        length *= n
    return length


def type_name(x: Array) -> str:
    """Return the name of an array's dtype, "float32"."""
    return str(x.dtype).removeprefix("torch.")


def _host_type(x: Native) -> Any:
    """Return the dtype in which numbers travel through the host; NumPy has no bfloat16."""
    if isinstance(x, np.ndarray):
        return x.dtype
    return "float32" if type_name(x) == "bfloat16" else type_name(x)
