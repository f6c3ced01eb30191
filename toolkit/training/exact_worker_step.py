"""A step of several workers in exact numerics: each has one part of each batch, and any parts give the same bits."""

import functools
from typing import Any

from cnnkit.backends.leaf_tree import Node, TreeSum
from cnnkit.backends.protocol import Array
from cnnkit.training import pieces
from cnnkit.training.sharing import BatchSharing
from cnnkit.training.step import StepWork
from cnnkit.training.worker_step import NodeSums, WorkerStep, dtype_of, split_samples
from cnnkit.tree import Tree


class ExactWorkerStep(WorkerStep):
    """WorkerStep for parts of batches: nodes are batches, whose gradients are float64 shares until all are added.

    Each part of a batch reports the loss of the whole batch.
    """

    def __init__(self, work: StepWork, sharing: BatchSharing) -> None:
        super().__init__(work, sharing)
        self._batches = sharing

    def _add_up(
        self, own: list[pieces.BatchPiece], run: pieces.Run, params: Tree, state: Tree, samples: int
    ) -> dict[Node, NodeSums]:
        nodes = dict[Node, NodeSums]()
        exchanges = functools.partial(self._batches.gather_leaves, samples=samples)
        for piece in own:
            total = TreeSum(1, pieces.Passed.plus)
            alone = [piece._replace(number=0)]
            pieces.add_up_together(total, alone, run, state, self._batches.joined, samples, exchanges)
            nodes[piece.number, piece.number + 1] = self._pack(total.whole, params)
            state = total.whole.state
        return nodes

    def _find_shares(self, params: Tree, targets: Any, samples: int) -> list[Any]:
        """Return the share of the batch of each of this worker's parts; none where there is one batch."""
        sharing = self._batches
        if sharing.count_leaves(samples) == 1:
            return []
        order = [
            batch
            for _, batch in sorted((part.start, part.number) for mine in sharing.list_leaves(samples) for part in mine)
        ]
        own = sharing.list_own(samples)

        def gather(numbers: list[Array]) -> list[Array]:
            """Return how much each batch counts, by what this worker's parts do."""
            counts: dict[int, Array] = {}
            for batch, number in zip(order, sharing.gather_leaves(numbers, samples), strict=True):
                counts[batch] = counts[batch] + number if batch in counts else number
            return list(counts.values())

        sizes = [min(sharing.joined, samples - part.number * sharing.joined) for part in own]
        given = list(zip(sizes, split_samples(targets, [part.size for part in own]), strict=True))
        dtype, numbers = dtype_of(params), [part.number for part in own]
        return pieces.find_shares(self._backend, self._work.loss, given, dtype, samples, gather, numbers)

    def _reduce(self, own: dict[Node, Array], params: Tree, samples: int) -> Array:
        rank, like = self._group.rank, self._make_like(own, params, "float64")
        total = TreeSum[Array](self._batches.count_leaves(samples))
        for batch in range(total.count):
            parts = self._batches.list_parts(samples, batch)
            node = batch, batch + 1
            nodes = dict.fromkeys(parts[rank], own[node]) if node in own else {}
            total.add(node, self._backend.finish_share(self._group.reduce_leaves(nodes, parts, like)))
        return total.whole
