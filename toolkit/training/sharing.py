"""Which samples of an update each worker has: a function of the update's size, the leaf and the number of workers."""

import functools
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cnnkit.backends.groups import Group
from cnnkit.backends.leaf_tree import Node
from cnnkit.backends.protocol import Array
from cnnkit.options import Options

Indices = npt.NDArray[np.int64]


class Leaf(NamedTuple):
    """Samples start, ..., start + size - 1 of an update, its leaf of this number."""

    number: int
    start: int
    size: int


@dataclass(frozen=True, eq=False)
class Sharing:
    """How the leaves of updates are shared out among the workers of a group: evenly, the first ones get one more.

    leaf    samples of a leaf
    joined  samples of the batches in which layers couple them, each of which is shared out by itself so that none waits
            for another one; None: an update is shared out as a whole
    """

    group: Group
    leaf: int
    joined: int | None = None

    @functools.lru_cache(maxsize=8)  # noqa: B019 (lives as long as a training, whose updates have two sizes)
    def list_leaves(self, samples: int) -> list[list[Leaf]]:
        """Return the leaves of each rank in an update, in their order; rank 0 has some of each batch."""
        owned: list[list[Leaf]] = [[] for _ in range(self.group.size)]
        step = self.joined or samples
        for begin in range(0, samples, step):
            end = min(begin + step, samples)
            leaves = [Leaf(at // self.leaf, at, min(self.leaf, end - at)) for at in range(begin, end, self.leaf)]
            for rank, mine in enumerate(owned):
                first, stop = (count_before(len(leaves), self.group.size, k) for k in (rank, rank + 1))
                mine.extend(leaves[first:stop])
        return owned

    def list_ranges(self, samples: int) -> list[list[Node]]:
        """Return the leaves of each rank as ranges (first, stop) of numbers that do not touch each other."""
        return [_join_ranges([leaf.number for leaf in mine]) for mine in self.list_leaves(samples)]

    def list_own(self, samples: int) -> list[Leaf]:
        """Return the leaves of this worker."""
        return self.list_leaves(samples)[self.group.rank]

    def count_leaves(self, samples: int) -> int:
        """Return how many leaves an update has."""
        return math.ceil(samples / self.leaf)

    def leaves_out(self, samples: int) -> bool:
        """Return whether a worker has no leaf of a batch of an update."""
        sizes = range(0, samples, self.joined or samples)
        last = min(self.joined or samples, samples - sizes[-1])
        return self.count_leaves(last) < self.group.size

    def find_positions(self, samples: int, rank: int | None = None) -> Indices:
        """Return where in an update the samples of a rank are, this worker's by default; ascending."""
        mine = self.list_leaves(samples)[self.group.rank if rank is None else rank]
        return np.concatenate([np.arange(0), *(np.arange(leaf.start, leaf.start + leaf.size) for leaf in mine)])

    def gather_leaves(self, own: Sequence[Array], samples: int, batch: int | None = None) -> list[Array]:
        """Return an array of each leaf of an update, in their order; all have one shape and dtype.

        own: those of this worker's leaves, of which it has one or more: workers without do not call this.
        batch: which of the batches in which layers couple samples; None: the leaves of all of them.
        """
        starts = [
            [leaf.start for leaf in mine if batch is None or leaf.start // (self.joined or samples) == batch]
            for mine in self.list_leaves(samples)
        ]
        like = own[0]
        lengths = [[math.prod(like.shape)] * len(of) for of in starts]
        received = self.group.exchange([list(own) if of else [] for of in starts], lengths, like)
        placed = {
            start: array.reshape(like.shape)
            for of, arrays in zip(starts, received, strict=True)
            for start, array in zip(of, arrays, strict=True)
        }
        return [placed[start] for start in sorted(placed)]

    def gather_samples(self, own: npt.NDArray[Any] | None, samples: int) -> npt.NDArray[Any]:
        """Return values (samples, ...) of a whole update, of which each worker gives those of its samples or None."""
        head, body = b"", b""
        if own is not None and len(own):
            head = json.dumps([own.dtype.str, own.shape[1:]]).encode()
            body = np.ascontiguousarray(own).tobytes()
        heads, bodies = self.group.all_gather_bytes(head), self.group.all_gather_bytes(body)
        dtype, shape = json.loads(heads[0])
        whole = np.empty((samples, *shape), np.dtype(dtype))
        for rank, data in enumerate(bodies):
            whole[self.find_positions(samples, rank)] = np.frombuffer(data, whole.dtype).reshape(-1, *shape)
        return whole


class BatchSharing(Sharing):
    """Sharing where all leaves of a worker in a batch are one part, which has the number of its batch.

    So exact numerics share out: a part of any size adds the same bits.
    """

    joined: int

    @functools.lru_cache(maxsize=8)  # noqa: B019 (as above)
    def list_leaves(self, samples: int) -> list[list[Leaf]]:
        """Return the parts of each rank, one of each batch of which it has leaves."""
        parts: list[list[Leaf]] = []
        for mine in Sharing.list_leaves(self, samples):
            of_batch: dict[int, list[Leaf]] = {}
            for leaf in mine:
                of_batch.setdefault(leaf.start // self.joined, []).append(leaf)
            parts.append([Leaf(b, of[0].start, sum(leaf.size for leaf in of)) for b, of in of_batch.items()])
        return parts

    def count_leaves(self, samples: int) -> int:
        """Return how many batches an update has."""
        return math.ceil(samples / self.joined)

    def list_parts(self, samples: int, batch: int) -> list[list[Node]]:
        """Return the part of each rank in a batch, as a range of its number among them; none of a rank without."""
        ranks, ranges = self.list_leaves(samples), list[list[Node]]()
        for mine in ranks:
            number = sum(map(len, ranges))
            ranges.append([(number, number + 1)] if any(leaf.number == batch for leaf in mine) else [])
        return ranges

    def leaves_out(self, samples: int) -> bool:
        """Return whether a worker has no part of the last batch."""
        last = self.count_leaves(samples) - 1
        return not all(self.list_parts(samples, last))


def choose_leaf(batch_size: int) -> int:
    """Return the leaf of workers where none is given: the smallest divisor of the batch size of at least 1/8 of it.

    It depends on the batch size alone, so that any number of workers has the same bits; up to 8 of them have work.
    """
    return next(leaf for leaf in range(max(1, -(-batch_size // 8)), batch_size + 1) if batch_size % leaf == 0)


def share_options(options: Options, numerics: str) -> Options:
    """Return the options of a training by workers, which cut a batch into leaves; exact numerics need none."""
    if options.leaf is not None or numerics == "exact":
        return options
    return replace(options, leaf=choose_leaf(options.batch_size))


def count_before(leaves: int, workers: int, rank: int) -> int:
    """Return how many of the leaves the ranks before one have."""
    even, more = divmod(leaves, workers)
    return rank * even + min(rank, more)


def _join_ranges(numbers: Sequence[int]) -> list[Node]:
    ranges: list[Node] = []
    for number in numbers:
        if ranges and ranges[-1][1] == number:
            ranges[-1] = (ranges[-1][0], number + 1)
        else:
            ranges.append((number, number + 1))
    return ranges
