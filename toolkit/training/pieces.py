"""The gradient of one update, added up over leaves of its samples by the one tree of `cnnkit.backends.leaf_tree`.

What a leaf adds is its share of the mean over the whole update: by its samples, or by its labels that are not ignored.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from cnnkit.backends.leaf_tree import TreeSum, add_in_pairs
from cnnkit.backends.protocol import Array, Backend, Parts
from cnnkit.contracts import dtype_name
from cnnkit.layers import Layer
from cnnkit.losses import Loss, external_loss
from cnnkit.losses.several_losses import SeveralLosses
from cnnkit.options import Options
from cnnkit.training.joined_leaves import run_together
from cnnkit.tree import Tree, leaves, map_leaves


class Passed(NamedTuple):
    """What the passes of a step give before its update."""

    loss: Array
    correct: Array
    grads: Tree
    state: Tree  # after the passes

    def plus(self, later: "Passed") -> "Passed":
        """Return the sums over the leaves of both, with the state after the later ones."""
        grads = map_leaves(lambda one, other: one + other, self.grads, later.grads)
        return Passed(self.loss + later.loss, self.correct + later.correct, grads, later.state)


class BatchPiece(NamedTuple):
    """A leaf of an update, the one of this number: its samples from number `start` on.

    share: of the update's mean, a tuple for several losses; None of all.
    """

    number: int
    start: int
    x: Any
    targets: Any
    weights: Array | None
    share: Any

    @property
    def size(self) -> int:
        """How many samples it has."""
        return _count_samples(self.x)


Run = Callable[[BatchPiece, Tree, Parts | None], Passed]


def add_up(total: TreeSum[Passed], pieces: Iterable[BatchPiece], run: Run, state: Tree) -> None:
    """Add run(piece, state, None) of each leaf to the total; each takes the layers' state from the one before."""
    for piece in pieces:
        passed = run(piece, state, None)
        total.add((piece.number, piece.number + 1), passed)
        state = passed.state


def add_up_together(
    total: TreeSum[Passed], pieces: Sequence[BatchPiece], run: Run, state: Tree, size: int, samples: int,
    gather: Callable[..., list[Array]] | None = None,
) -> None:  # fmt: skip
    """Add up leaves whose layers see batches of `size` samples: run(piece, state, the parts of its batch).

    samples: of the whole update. gather: returns an array of each leaf of a `batch`, by its number, for those of these
    leaves; None where there are no others.
    """
    for number, batch in _list_batches(pieces, size).items():
        exchange = None if gather is None else functools.partial(gather, batch=number)

        def work(parts: Parts, piece: BatchPiece, state: Tree = state) -> Passed:
            return run(piece, state, parts)

        works = [functools.partial(work, piece=piece) for piece in batch]
        results = run_together(works, min(size, samples - number * size), exchange, batch[0].number)
        for piece, passed in zip(batch, results, strict=True):
            total.add((piece.number, piece.number + 1), passed)
        state = results[-1].state


def _list_batches(pieces: Sequence[BatchPiece], size: int) -> dict[int, list[BatchPiece]]:
    batches: dict[int, list[BatchPiece]] = {}
    for piece in pieces:
        batches.setdefault(piece.start // size, []).append(piece)
    return batches


def cut(
    backend: Backend, loss: Loss, params: Tree, x: Any, targets: Any, weights: Array | None, size: int | None
) -> list[BatchPiece]:
    """Return the samples of an update in leaves of `size`, the last one smaller; None: all at once."""
    count = _count_samples(x)
    if size is None or count <= size:
        return [BatchPiece(0, 0, x, targets, weights, None)]
    pieces = []
    for number, start in enumerate(range(0, count, size)):
        inputs, wanted, weighing = (slice_samples(values, start, start + size) for values in (x, targets, weights))
        pieces.append(BatchPiece(number, start, inputs, wanted, weighing, None))
    dtype = dtype_name(leaves(params)[0][0])
    shares = find_shares(backend, loss, [(piece.size, piece.targets) for piece in pieces], dtype, count)
    return [piece._replace(share=share) for piece, share in zip(pieces, shares, strict=True)]


def value_and_gradient(loss: Loss, backend: Backend, outputs: Any, piece: BatchPiece) -> tuple[Array, Any]:
    """Return (loss, dy) of a piece's outputs, times the piece's share."""
    weighted = () if piece.weights is None else (piece.weights,)
    if isinstance(loss, SeveralLosses) and piece.share is not None:
        weights = tuple(weight * share for weight, share in zip(loss.weights, piece.share, strict=True))
        loss = dataclasses.replace(loss, weights=weights)
    value, dy = external_loss.value_and_gradient(loss, backend, outputs, piece.targets, *weighted)
    if piece.share is None or isinstance(loss, SeveralLosses):
        return value, dy
    return value * piece.share, dy * piece.share


def tell_coupling(network: Layer, loss: Loss, options: Options) -> str | None:
    """Return the line that says what of an update in pieces is not as with all samples at once; None for nothing."""
    told = []
    if network.couples_samples and options.accumulate > 1:
        told.append(f"layers that couple samples, such as BatchNorm, see one batch of {options.batch_size} at a time")
    if loss.couples_samples and options.piece_size != options.update_size:
        told.append(f"a loss that couples samples sees {options.piece_size} at a time")
    return f"{options.update_size} samples an update: {' and '.join(told)}" if told else None


def slice_samples(values: Any, start: int, stop: int) -> Any:
    """Return samples start, ..., stop - 1 of an array, of a tuple of arrays, or None of None."""
    if isinstance(values, tuple):
        return tuple(part[start:stop] for part in values)
    return None if values is None else values[start:stop]


def find_shares(
    backend: Backend, loss: Loss, parts: list[tuple[int, Any]], dtype: str, samples: int,
    gather: Callable[[list[Array]], list[Array]] | None = None, batches: Sequence[int] | None = None,
) -> list[Any]:  # fmt: skip
    """Return the share of each part (number of samples, targets) in the mean of each loss over so many samples.

    gather: returns an array of each leaf of the update for those of these parts; None where there are no others.
    batches: of which array the share is taken for each part, where `gather` returns one of each batch.
    """
    if isinstance(loss, SeveralLosses):
        columns = [
            find_shares(
                backend, one, [(size, _pick(targets, i)) for size, targets in parts], dtype, samples, gather, batches
            )
            for i, one in enumerate(loss.losses)
        ]
        return list(zip(*columns, strict=True))
    counted = [loss.count(backend, targets, dtype) for _, targets in parts]
    numbers = [number for number in counted if number is not None]
    if not numbers:
        return [size / samples for size, _ in parts]
    counts = numbers if gather is None else gather(numbers)
    whole = backend.maximum(add_in_pairs(counts), 1.0)
    return [number / whole for number in (numbers if batches is None else [counts[batch] for batch in batches])]


def _pick(targets: Any, output: int) -> Any:
    return targets[output] if isinstance(targets, tuple) else targets


def _count_samples(x: Any) -> int:
    return int((x[0] if isinstance(x, tuple) else x).shape[0])
