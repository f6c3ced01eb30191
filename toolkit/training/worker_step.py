"""A training step of several workers: each computes its own leaves, and all make the same update of their sum."""

import functools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from cnnkit.backends.leaf_tree import Node, TreeSum
from cnnkit.backends.protocol import Array, Step
from cnnkit.contracts import dtype_name
from cnnkit.optimizers import Scalars
from cnnkit.training import pieces
from cnnkit.training.sharing import Sharing
from cnnkit.training.step import WAITING, StepReport, StepWork, TrainState
from cnnkit.tree import Tree, flatten, leaves, rebuild, unflatten


class NodeSums(NamedTuple):
    """Sums over the leaves of a node: loss and correct 0-d, the gradients as one flat array; state after the last."""

    loss: Array
    correct: Array
    grads: Array
    state: Tree


class WorkerStep:
    """step(variables, x, targets, scalars, weights, samples=N) -> (variables, report), as of `make_step`.

    x, targets, weights: those of this worker's samples in an update of N; None where it has none. The report's loss and
    correct are dictionaries {node: share} of the nodes of the tree of leaves that this worker has added up.
    """

    def __init__(self, work: StepWork, sharing: Sharing) -> None:
        self._work, self._sharing = work, sharing
        self._group, self._backend = sharing.group, work.backend
        self._passes: dict[int, Step] = {}  # by the samples of an update, which say what the leaves are
        self._update = self._backend.compile(self._apply, work.impurity)

    @property
    def reason(self) -> str | None:
        """Why it is not captured, None while nothing has prevented it."""
        reasons = (getattr(part, "reason", None) for part in (*self._passes.values(), self._update))
        return next((reason for reason in reasons if reason is not None), None)

    def __call__(
        self, variables: TrainState, x: Any, targets: Any, scalars: Scalars, weights: Array | None = None, *,
        samples: int,
    ) -> tuple[TrainState, StepReport]:  # fmt: skip
        """Make the step, together with all other workers."""
        sharing = self._sharing
        params, state = self._work.take_apart(variables)
        nodes: dict[Node, NodeSums] = {}
        if sharing.list_own(samples):
            weighted = () if weights is None else (weights,)
            shares = self._find_shares(params, targets, samples)
            _, nodes = self._pass(samples)(variables, x, targets, scalars, shares, *weighted)
            state = nodes[max(nodes)].state
        grads = self._reduce({node: sums.grads for node, sums in nodes.items()}, params, samples)
        if state and sharing.leaves_out(samples):
            state = self._take_from_first(state)
        moved, finite = self._update(variables, grads, state, scalars)
        loss, correct = ({node: getattr(sums, name) for node, sums in nodes.items()} for name in ("loss", "correct"))
        return moved, StepReport(loss, correct, finite)

    # ---- the passes of this worker's leaves

    def _pass(self, samples: int) -> Step:
        if samples not in self._passes:
            impure = self._work.impurity or (WAITING if self._sharing.joined else None)
            self._passes[samples] = self._backend.compile(self._make_pass(samples), impure)
        return self._passes[samples]

    def _make_pass(self, samples: int) -> Step:
        work, parts = self._work, self._sharing.list_own(samples)

        def run_leaves(
            variables: TrainState,
            x: Any,
            targets: Any,
            scalars: Scalars,
            shares: Sequence[Any],
            weights: Array | None = None,
        ) -> tuple[TrainState, dict[Node, NodeSums]]:
            params, state = work.take_apart(variables)
            columns = [split_samples(values, [leaf.size for leaf in parts]) for values in (x, targets, weights)]
            own = [
                pieces.BatchPiece(leaf.number, leaf.start, own_x, own_targets, own_weights, share)
                for leaf, own_x, own_targets, own_weights, share in zip(
                    parts, *columns, shares or [None] * len(parts), strict=True
                )
            ]
            return variables, self._add_up(own, work.passes(params, scalars), params, state, samples)

        return run_leaves

    def _add_up(
        self, own: list[pieces.BatchPiece], run: pieces.Run, params: Tree, state: Tree, samples: int
    ) -> dict[Node, NodeSums]:
        """Return the sums of the nodes that this worker's leaves fill."""
        sharing = self._sharing
        total = TreeSum(sharing.count_leaves(samples), pieces.Passed.plus)
        if sharing.joined is None:
            pieces.add_up(total, own, run, state)
        else:
            exchanges = functools.partial(sharing.gather_leaves, samples=samples)
            pieces.add_up_together(total, own, run, state, sharing.joined, samples, exchanges)
        return {node: self._pack(passed, params) for node, passed in total.nodes.items()}

    def _reduce(self, own: dict[Node, Array], params: Tree, samples: int) -> Array:
        """Return the gradients of the update, flat, of which `own` are this worker's nodes."""
        return self._group.reduce_leaves(own, self._sharing.list_ranges(samples), self._make_like(own, params))

    def _find_shares(self, params: Tree, targets: Any, samples: int) -> list[Any]:
        """Return the share of each of this worker's leaves in the mean over the update."""
        sizes = [leaf.size for leaf in self._sharing.list_own(samples)]
        parts = list(zip(sizes, split_samples(targets, sizes), strict=True))
        gather = functools.partial(self._sharing.gather_leaves, samples=samples)
        return pieces.find_shares(self._backend, self._work.loss, parts, dtype_of(params), samples, gather)

    def _pack(self, passed: pieces.Passed, params: Tree) -> NodeSums:
        """Return the sums with the gradients in the order of the parameters, whatever order layers name them in."""
        grads = flatten(passed.grads)
        flat = self._backend.pack([grads[path] for path in flatten(params)])
        return NodeSums(passed.loss, passed.correct, flat, passed.state)

    # ---- the update, which all workers make

    def _apply(self, variables: TrainState, grads: Array, state: Tree, scalars: Scalars) -> tuple[TrainState, Any]:
        shapes = {path: tuple(p.shape) for path, p in flatten(self._work.take_apart(variables)[0]).items()}
        sizes = [math.prod(shape) for shape in shapes.values()]
        parts = zip(shapes.items(), split_samples(grads, sizes), strict=True)
        tree = unflatten({path: part.reshape(shape) for (path, shape), part in parts})
        return self._work.update(variables, tree, state, scalars)

    def _make_like(self, own: dict[Node, Array], params: Tree, dtype: str | None = None) -> Array:
        """Return an array as the gradients of a leaf are, by default of the dtype of the parameters."""
        if own:
            return next(iter(own.values()))
        values = sum(math.prod(array.shape) for array in flatten(params).values())
        return self._backend.zeros((values,), dtype or dtype_of(params))

    def _take_from_first(self, state: Tree) -> Tree:
        """Return the state as rank 0 has it: workers without a leaf have not seen the statistics of its batch."""
        arrays, structure = leaves(state)
        received = self._group.broadcast(self._backend.pack(arrays))
        parts = split_samples(received, [math.prod(array.shape) for array in arrays])
        shaped = [part.reshape(tuple(array.shape)) for part, array in zip(parts, arrays, strict=True)]
        taken: Tree = rebuild(structure, shaped)
        return taken


def split_samples(values: Any, sizes: Sequence[int]) -> list[Any]:
    """Return parts of these sizes of an array, of a tuple of arrays, or of None, one after the other."""
    starts = [sum(sizes[:k]) for k in range(len(sizes))]
    return [pieces.slice_samples(values, start, start + size) for start, size in zip(starts, sizes, strict=True)]


def dtype_of(params: Tree) -> str:
    """Return the dtype of the parameters."""
    return dtype_name(leaves(params)[0][0])
